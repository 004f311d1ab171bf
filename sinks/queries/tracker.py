"""Cases as a workbook has them, what was exported before, and what became of requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from livewarden.tracker import TrackerExport, TrackerRow
from sinks.sql import CASE_CLOSED, SEVERITY_RANK
from sinks.store.reader import Reader
from sinks.store.records import Moment, TableRow

SHOWN: Final = (
    "case_id",
    "title",
    "severity",
    "state",
    "resolution",
    "escalated_to",
    "owner",
    "due_at",
    "note",
    "overdue",
    "alerts",
    "open_tasks",
    "monitors",
    "created_at",
)
"""Columns of the sheet, in order."""
_IDS_AT_ONCE: Final = 5_000


class TrackedCase(TableRow):
    """A case as a row of the tracker."""

    TABLE = "cases"
    case_id: str
    version: int
    title: str
    severity: str
    state: str
    resolution: str
    escalated_to: str | None
    owner: str | None
    due_at: Moment | None
    overdue: int
    alerts: int
    open_tasks: int
    monitors: list[str]
    created_at: Moment

    @property
    def row(self) -> TrackerRow:
        """What may be edited of it."""
        whom, owner = self.escalated_to or "", self.owner or ""
        return TrackerRow(self.case_id, self.version, self.state, self.resolution, whom, owner, self.due_at)


_COLUMNS = (
    "case_id, version, title, severity, state, resolution, escalated_to, owner, due_at, overdue,"
    " length(alert_ids) AS alerts, open_tasks, monitors, created_at"
)


async def tracked(reader: Reader, *, over: bool, limit: int) -> list[TrackedCase]:
    """Cases that somebody works on or should, with `over` all: overdue first, by severity, then the newest."""
    return await reader.find(
        TrackedCase,
        f"SELECT {_COLUMNS} FROM cases FINAL WHERE {{over:Bool}} OR NOT {CASE_CLOSED}"
        f" ORDER BY overdue DESC, {SEVERITY_RANK} DESC, created_at DESC, case_id LIMIT {{limit:UInt32}}",
        {"over": over, "limit": limit},
    )


async def now(reader: Reader, ids: Sequence[str]) -> dict[str, TrackerRow]:
    """These cases as they are, by id; one that is not known is missing."""
    found = dict[str, TrackerRow]()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        rows = await reader.find(
            TrackedCase,
            f"SELECT {_COLUMNS} FROM cases FINAL WHERE case_id IN {{ids:Array(String)}}",
            {"ids": list(ids[start : start + _IDS_AT_ONCE])},
        )
        found |= {each.case_id: each.row for each in rows}
    return found


async def outcomes(reader: Reader, action_ids: Sequence[str]) -> dict[str, str]:
    """What became of requests, by their id: accepted or refused; one that was never read is missing."""
    found = dict[str, str]()
    for start in range(0, len(action_ids), _IDS_AT_ONCE):
        rows = await reader.select(
            "SELECT action_id, outcome FROM actions FINAL WHERE action_id IN {ids:Array(String)}",
            {"ids": list(action_ids[start : start + _IDS_AT_ONCE])},
        )
        found |= {row["action_id"]: row["outcome"] for row in rows}
    return found


async def touched_since(reader: Reader, case_id: str, action_id: str) -> bool:
    """Whether somebody else did something to a case after that request was granted."""
    rows = await reader.select(
        "SELECT count() AS n FROM case_history FINAL WHERE case_id = {case:String} AND who != 'livewarden' AND number >"
        " (SELECT max(number) FROM case_history WHERE case_id = {case:String} AND action_id = {action:String})",
        {"case": case_id, "action": action_id},
    )
    return bool(rows[0]["n"])


async def exported(reader: Reader, export_id: str) -> TrackerExport | None:
    """The export of that id; None where this database made none."""
    rows = await reader.select(
        "SELECT export_id, at AS at_ms, who, rows, digest FROM tracker_exports FINAL WHERE export_id = {id:String}",
        {"id": export_id},
    )
    return TrackerExport(**rows[0]) if rows else None
