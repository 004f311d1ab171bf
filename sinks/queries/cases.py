"""Cases as people look them up: those that are worked on, and candidates that nothing is known of but that they came
up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sinks.queries.alerts import SLICE
from sinks.sql import CASE_CLOSED, SEVERITY_RANK
from sinks.store.reader import Reader
from sinks.store.records import CaseRecord, HistoryRecord, Moment, Stored, TableRow

_SHARED = "case_id, version, title, kind, severity, length(alert_ids) AS alert_count, monitors, started_at, ended_at"
_WORKED = (
    f"{_SHARED}, state, owner, escalated_to, due_at, overdue, resolution, merged_into, reopened, firing_count, "
    "open_tasks,"
    " created_at, resolved_at, closed_at, 1 AS worked"
)
_UNWORKED = (
    f"{_SHARED}, status AS state, CAST(NULL AS Nullable(String)) AS owner, CAST(NULL AS Nullable(String)) AS"
    " escalated_to,"
    " CAST(NULL AS Nullable(DateTime64(3, 'UTC'))) AS due_at, toUInt8(0) AS overdue, '' AS resolution,"
    " CAST(NULL AS Nullable(String)) AS merged_into, toUInt32(0) AS reopened, toUInt32(0) AS firing_count,"
    " toUInt32(0) AS open_tasks, started_at AS created_at, CAST(NULL AS Nullable(DateTime64(3, 'UTC'))) AS resolved_at,"
    " CAST(NULL AS Nullable(DateTime64(3, 'UTC'))) AS closed_at, 0 AS worked"
)
_CASES = (
    f"(SELECT c.*, s.series AS series FROM (SELECT {_WORKED} FROM cases FINAL) AS c LEFT JOIN (SELECT case_id, series"
    " FROM case_candidates FINAL WHERE run = {run:String}) AS s ON c.case_id = s.case_id"
    f" UNION ALL SELECT {_UNWORKED}, series FROM case_candidates FINAL WHERE run = {{run:String}}"
    " AND case_id NOT IN (SELECT case_id FROM cases))"
)
_LISTED = "* EXCEPT (series), arraySlice(series, 1, 4) AS slices, length(series) AS slice_count"
_URGENCY = f"{CASE_CLOSED}, overdue DESC, ended_at IS NULL DESC, {SEVERITY_RANK} DESC, started_at DESC, case_id"


@dataclass(frozen=True)
class CaseFilter:
    """Which cases: an empty text, or None, leaves nothing out.

    `state` is one of a case, or `ongoing` (an alert of it still fires) or `ended`. `slice` occurs in a `name=value` of
    a series or in the title; `owner` is who works on it. `overdue` leaves only those whose next step is late.
    """

    run: str = "live"
    monitor: str = ""
    slice: str = ""
    severity: str = ""
    state: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    owner: str = ""
    overdue: bool = False

    def where(self) -> str:
        """The condition; its values are `asdict(self)`."""
        parts = ["1"]
        if self.monitor:
            parts.append("has(monitors, {monitor:String})")
        if self.slice:
            inside = SLICE % ("m", "m")
            parts.append(
                f"(arrayExists(m -> {inside}, series) OR positionCaseInsensitiveUTF8(title, {{slice:String}}) > 0)"
            )
        if self.severity:
            parts.append("severity = {severity:String}")
        if self.state in ("ongoing", "ended"):
            parts.append("ended_at IS NULL" if self.state == "ongoing" else "ended_at IS NOT NULL")
        elif self.state:
            parts.append("state = {state:String}")
        if self.owner:
            parts.append("owner = {owner:String}")
        if self.overdue:
            parts.append("overdue = 1")
        if self.from_ms is not None:
            parts.append("started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return " AND ".join(parts)


class ListedCase(TableRow):
    """A case in a list; `worked`: 0 of a candidate of which nothing is known but that it came up.

    `slices` are the first four of its `slice_count` series.
    """

    TABLE = "cases"
    case_id: str
    version: int
    title: str
    kind: str
    severity: str
    alert_count: int
    monitors: list[str]
    started_at: Moment
    ended_at: Moment | None
    state: str
    owner: str | None
    escalated_to: str | None
    due_at: Moment | None
    overdue: int
    resolution: str
    merged_into: str | None
    reopened: int
    firing_count: int
    open_tasks: int
    created_at: Moment
    resolved_at: Moment | None
    closed_at: Moment | None
    worked: int
    slices: list[Mapping[str, str]]
    slice_count: int


class WholeCase(ListedCase):
    """A case with all that is stored of it.

    `tasks`, `links` and `packages` (of evidence) are JSON; `evidence` is what the candidate brought, empty where the
    case was opened by hand. `stored_at`: in whole seconds.
    """

    series: list[Mapping[str, str]]
    alert_ids: list[str]
    reason: str = ""
    opened_at: Moment | None = None
    tasks: Stored = "[]"
    links: Stored = "[]"
    packages: Stored = "[]"
    clock: Stored = ""
    template: str = ""
    grouping: str = ""
    evidence: Stored = ""
    stored_at: Moment


@dataclass(frozen=True)
class CaseCounts:
    """How many cases, and how many of them are ongoing, overdue (`late`) and over."""

    all: int
    ongoing: int
    late: int
    over: int


def listed(stored: str) -> list[dict[str, Any]]:
    """Tasks, links or packages of a case out of their JSON; what is no list of things is none.

    >>> listed('[{"id": "t1"}, 3]'), listed("rubbish"), listed("")
    ([{'id': 't1'}], [], [])
    """
    try:
        found = json.loads(stored or "[]")
    except (ValueError, RecursionError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


async def find(reader: Reader, wanted: CaseFilter, *, limit: int = 50, offset: int = 0) -> list[ListedCase]:
    """A page of cases without their evidence: those that are over last, overdue ones first, then ongoing, severe,
    new ones.
    """
    return await reader.find(
        ListedCase,
        f"SELECT {_LISTED} FROM {_CASES} WHERE {wanted.where()} ORDER BY {_URGENCY}"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def board(reader: Reader, wanted: CaseFilter, *, each: int = 12) -> list[ListedCase]:
    """The first `each` cases of every state in which there is something to do, in the order of `find`."""
    return await reader.find(
        ListedCase,
        f"SELECT {_LISTED} FROM {_CASES} WHERE NOT {CASE_CLOSED} AND {wanted.where()} ORDER BY {_URGENCY}"
        " LIMIT {each:UInt32} BY state",
        asdict(wanted) | {"each": each},
    )


async def count(reader: Reader, wanted: CaseFilter) -> CaseCounts:
    """How many `find` finds."""
    found = await reader.find(
        CaseCounts,
        "SELECT count() AS all, countIf(ended_at IS NULL) AS ongoing, countIf(overdue = 1) AS late,"
        f" countIf({CASE_CLOSED}) AS over"
        f" FROM {_CASES} WHERE {wanted.where()}",
        asdict(wanted),
    )
    return found[0]


async def states(reader: Reader, wanted: CaseFilter) -> dict[str, int]:
    """How many cases `find` finds in each state."""
    rows = await reader.select(
        f"SELECT state, count() AS n FROM {_CASES} WHERE {wanted.where()} GROUP BY state", asdict(wanted)
    )
    return {row["state"]: row["n"] for row in rows}


async def get(reader: Reader, case_id: str, run: str = "live") -> WholeCase | None:
    """One case in its newest version; None where there is none of that id."""
    values = {"run": run, "id": case_id}
    found = await reader.select(
        "SELECT *, arraySlice(series, 1, 4) AS slices, length(series) AS slice_count"
        f" FROM {_CASES} WHERE case_id = {{id:String}}",
        values,
    )
    if not found:
        return None
    worked = await reader.select(
        "SELECT alert_ids, reason, opened_at, tasks, links, evidence AS packages, clock, template,"
        " toUnixTimestamp(stored_at) * 1000 AS stored_at"
        " FROM cases FINAL WHERE case_id = {id:String}",
        values,
    )
    candidate = await reader.select(
        "SELECT alert_ids, grouping, evidence, toUnixTimestamp(stored_at) * 1000 AS stored_at FROM case_candidates"
        " FINAL"
        " WHERE run = {run:String} AND case_id = {id:String}",
        values,
    )
    row: dict[str, Any] = {}
    for part in (found, candidate, worked):
        row |= part[0] if part else {}
    return WholeCase(**row)


async def worked(
    reader: Reader, *, over: bool = False, state: str = "", owner: str = "", overdue: bool = False, limit: int = 50
) -> list[CaseRecord]:
    """Cases that people work on, or with `over` all: overdue first, by severity, then the newest."""
    return await reader.find(
        CaseRecord,
        f"SELECT {CaseRecord.columns()} FROM cases FINAL WHERE ({{over:Bool}} OR {{state:String}} != ''"
        f" OR NOT {CASE_CLOSED}) AND {{state:String}} IN ('', state)"
        " AND {owner:String} IN ('', ifNull(owner, '')) AND (NOT {overdue:Bool} OR overdue = 1)"
        f" ORDER BY overdue DESC, {SEVERITY_RANK} DESC, created_at DESC, case_id LIMIT {{limit:UInt32}}",
        {"over": over, "state": state, "owner": owner, "overdue": overdue, "limit": limit},
    )


async def record(reader: Reader, case_id: str) -> CaseRecord | None:
    """One case that people work on; None where there is none of that id."""
    rows = await reader.find(
        CaseRecord,
        f"SELECT {CaseRecord.columns()} FROM cases FINAL WHERE case_id = {{id:String}}",
        {"id": case_id},
    )
    return rows[0] if rows else None


async def by_ids(reader: Reader, ids: Sequence[str], run: str = "live", *, limit: int = 50) -> list[ListedCase]:
    """Those cases without their evidence, in the order of `find`, at most `limit`."""
    return await reader.find(
        ListedCase,
        (
            f"SELECT {_LISTED} FROM {_CASES} WHERE case_id IN {{ids:Array(String)}} ORDER BY {_URGENCY} LIMIT"
            f" {{limit:UInt32}}"
        ),
        {"run": run, "ids": list(ids), "limit": limit},
    )


async def history(reader: Reader, case_id: str, *, limit: int = 200) -> list[HistoryRecord]:
    """What happened to a case, the newest `limit` of it, in order."""
    rows = await reader.find(
        HistoryRecord,
        f"SELECT {HistoryRecord.columns()} FROM case_history FINAL"
        " WHERE case_id = {id:String} ORDER BY number DESC LIMIT {limit:UInt32}",
        {"id": case_id, "limit": limit},
    )
    return rows[::-1]
