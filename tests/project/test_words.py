"""The field's words, and none of our own: what everybody has a name for is called by it."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("livewarden", "models", "sinks", "sources", "console", "streams", "cli")
NAMES: Final = frozenset(
    """Wish Refused News AlertNews CaseNews Book Courier telling told tell_ms story Fate Filed least_gap Lane Watch
    Roster roster Question Lined Scene odd tide owed loosen hears unheard Deed Desk TOO_SMALL
    MISJUDGEMENT Post""".split()  # noqa: SIM905
)
"""As the name of anything in the code."""
WORDS: Final = (
    "told",
    "telling",
    "tellings",
    "least_gap",
    "TOO_SMALL",
    "MISJUDGEMENT",
    "wish",
    "wishes",
    "fate",
    "fates",
)
"""In what a person reads."""
PHRASES: Final = (
    "that is not over",
    "nobody has it",
    "takes nothing since",
    "taken down as",
    "it holds until",
    "a viewer only looks",
    "was usual",
)


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def pages() -> list[Path]:
    found = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "console" / "templates").glob("*.html"), *ROOT.glob("*.md")]
    return sorted(path for path in found if path.name != "CHANGELOG.md")


def test_no_name_of_our_own_stands_in_the_code() -> None:
    found = []
    for path in sources():
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.NAME and token.string in NAMES:
                found.append(f"{path.relative_to(ROOT)}:{token.start[0]}: {token.string}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("words", [WORDS, PHRASES], ids=["words", "sentences"])
def test_no_word_of_our_own_stands_in_what_a_person_reads(words: tuple[str, ...]) -> None:
    sought = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE if words is PHRASES else 0)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {hit[0]}"
        for path in [*pages(), *sources()]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (hit := sought.search(line))
    ]
    assert not found, "\n".join(found)
