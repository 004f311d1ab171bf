"""Of the weekly update: the cases that are open, and closed ones that are like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.shelf import StoredLibrary
from sinks.report.page import Section, Table

if TYPE_CHECKING:
    from sinks.store.reader import Reader

MOST_OPEN: Final = 10
MOST_ALIKE: Final = 5
_COLUMNS: Final = ("open case", "closed case like it", "the same", "it ended", "playbook")


async def like_open(reader: Reader) -> list[Section]:
    """A section with at most five closed cases that are like each of the ten most urgent open ones; none at all where
    the library is empty.
    """
    from sinks.queries import cases

    library = StoredLibrary(reader)
    if not (await library.shelf()).entries:
        return []
    rows = []
    for case in await cases.worked(reader, limit=MOST_OPEN):
        for each in (await library.like_case(case.case_id))[:MOST_ALIKE]:
            same = ", ".join(each.matched[:4])
            rows.append([case.title, each.entry.title, same, each.ended, ", ".join(each.entry.playbooks)])
    nothing = "No case in the library is like one that is open."
    return [Section("Open cases, and closed ones like them", table=Table(_COLUMNS, rows), nothing=nothing)]
