"""A case as a workbook has it: what people may edit in it, and the baseline that an edit is measured against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from livewarden.case_state import MOVES
from livewarden.ids import content_token
from livewarden.times import format_ms

SheetCell = str | int | float | bool | date | datetime | None
"""What a cell of a sheet holds once it is read: sheets turn texts into numbers and times."""

STATE_COLUMNS = ("state", "resolution", "escalated_to")
"""Columns that are one decision: a state, and what it is given with."""
EDITABLE = (*STATE_COLUMNS, "owner", "due_at", "note")
"""Columns that people may edit; `note` is empty in every export."""
ENDED = ("resolved", "dismissed")
"""States that are given with a resolution."""
STATES = tuple(sorted({state for states in MOVES.values() for state in states}))
"""States that a case may be given."""


Decided = tuple[str, str, str]
"""A state, its resolution, and to whom the case is escalated."""


def decision(state: str, resolution: str, to_whom: str) -> Decided:
    """A state with what it needs: a resolution only where it says how a case ended, a name only where it is escalated.

    >>> decision("open", "FIXED", "board"), decision("resolved", "FIXED", "board")
    (('open', '', ''), ('resolved', 'FIXED', ''))
    """
    return state, resolution if state in ENDED else "", to_whom if state == "escalated" else ""


@dataclass(frozen=True, slots=True)
class TrackerRow:
    """One case in one version. Empty texts stand for none; `due_ms` is by the clock, UTC."""

    case_id: str
    version: int
    state: str
    resolution: str = ""
    escalated_to: str = ""
    owner: str = ""
    due_ms: int | None = None

    @property
    def written(self) -> Decided:
        """The state, the resolution and to whom it is escalated, as they stand in the case."""
        return self.state, self.resolution, self.escalated_to

    @property
    def decided(self) -> Decided:
        """The same without what its state does not need."""
        return decision(*self.written)

    @property
    def due(self) -> str:
        """The due date as RFC 3339, empty without one.

        >>> TrackerRow("c1", 1, "open", due_ms=0).due
        '1970-01-01T00:00:00Z'
        """
        return "" if self.due_ms is None else format_ms(self.due_ms)

    def digest(self) -> str:
        """SHA-256 of all of it."""
        parts = [self.case_id, self.version, *self.written, self.owner, self.due_ms]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def digest_of(rows: Iterable[TrackerRow]) -> str:
    """SHA-256 of a baseline, whatever the order of its rows.

    >>> one, other = TrackerRow("c1", 1, "open"), TrackerRow("c2", 1, "open")
    >>> digest_of([one, other]) == digest_of([other, one])
    True
    """
    return content_token(sorted(each.digest() for each in rows))


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as it came back: its number in the sheet, from 1, and its cells by the name of their column.

    A column that is not there has no cell.
    """

    number: int
    cells: Mapping[str, SheetCell]


@dataclass(frozen=True, slots=True)
class TrackerExport:
    """What is remembered of an export: the digest of its baseline proves that a workbook is that one."""

    export_id: str
    at_ms: int
    who: str
    rows: int
    digest: str
