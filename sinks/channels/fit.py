"""Text that is too long for a service, made to fit: the link is kept, the longest lines are cut first."""

from __future__ import annotations

SHORTEST_LINE = 80
"""Characters to which lines are cut before any is dropped."""


def fit(text: str, link: str, room: int) -> str:
    """The text in at most `room` characters, its link whole at the end, wherever it stood; as it is, where it fits.

    The longest lines are cut first, to `SHORTEST_LINE`; then the last lines go. Where there is room for the link alone,
    the link is what is left; where there is no link, the beginning.

    >>> link = "https://wall.example/i1"
    >>> print(fit("Since 20:00\\nRemark: " + "very " * 40 + "long\\n" + link, link, 130))
    Since 20:00
    Remark: very very very very very very very very very very very very very very very very ver…
    https://wall.example/i1
    """
    if len(text) <= room:
        return text
    rest = text.replace(link, "") if link else text
    lines = [line for line in rest.split("\n") if line.strip()]
    left = room - (len(link) + 1 if link else 0)
    longest = max(map(len, lines), default=0)
    while longest > SHORTEST_LINE and _length(lines, longest) > left:
        longest = max(SHORTEST_LINE, longest - 20)
    lines = [_cut(line, longest) for line in lines]
    while len(lines) > 1 and _length(lines, longest) > left:
        lines.pop()
    kept = _cut("\n".join(lines), max(left, 0))
    return f"{kept}\n{link}".strip() if link else kept


def _length(lines: list[str], most: int) -> int:
    return sum(min(len(line), most) + 1 for line in lines)


def _cut(text: str, most: int) -> str:
    """The beginning of a text, with a dot for the rest; never half of what Markdown escapes."""
    if len(text) <= most:
        return text
    kept = text[: max(most - 1, 0)]
    trailing = len(kept) - len(kept.rstrip("\\"))
    return (kept[:-1] if trailing % 2 else kept) + "…" * (most > 0)
