"""Minutes of a meeting: what was decided and what is to be done, each about a case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from livewarden.ids import stable_id

MinuteKind = Literal["decision", "action"]
_HEADS: Final[dict[str, MinuteKind]] = {"decisions": "decision", "actions": "action"}
_LINE: Final = re.compile(
    r"[-*] (?:\[[ xX]?\] )?(?P<case>[^\s:]+): (?P<text>.+?)(?:\s+@(?P<owner>\S+))?(?:\s+(?P<due>\d{4}-\d{2}-\d{2}))?"
)


@dataclass(frozen=True, slots=True)
class Minute:
    """One line: the case that it is about, in as many characters as are unique, and for an action owner and day."""

    line: int
    kind: MinuteKind
    case: str
    text: str
    owner: str = ""
    due: str = ""

    def action_id(self, case_id: str) -> str:
        """The id of its request: the same line about the same case is asked for once."""
        return stable_id("meeting", self.kind, case_id, self.text)


def minutes(text: str) -> tuple[list[Minute], list[str]]:
    """What stands below the headings Decisions and Actions, and every line there that is neither empty nor of the form.

    >>> minutes("## Actions\\n- 27c4b1f0: undo the rollout @ben 2026-03-09")[0][0].owner
    'ben'
    """
    found, mistakes = list[Minute](), list[str]()
    for number, kind, line in _below(text):
        match = _LINE.fullmatch(line)
        if match is None:
            mistakes.append(f"line {number}: not of the form '- CASE: text', with '@owner 2026-03-09' behind an action")
        else:
            given = {name: value or "" for name, value in match.groupdict().items()}
            found.append(Minute(number, kind, given["case"], given["text"], given["owner"], given["due"]))
    return found, mistakes


def _below(text: str) -> Iterator[tuple[int, MinuteKind, str]]:
    kind: MinuteKind | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip().replace("\\", "")
        if line.startswith("#"):
            kind = _HEADS.get(line.lstrip("# ").lower())
        elif kind is not None and line and not line.startswith(("_", "None.")):
            yield number, kind, line
