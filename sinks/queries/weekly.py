"""A week in numbers: alerts, incidents and cases by what became of them and by monitor, each beside the week before.

Every row has `now` (the span asked for) and `before` (the same length before it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sinks.sql import CASE_CLOSED
from sinks.store.reader import Reader
from sinks.store.records import Moment, TableRow

R = TypeVar("R")
_CUT = (
    "%(time)s >= fromUnixTimestamp64Milli({before:Int64}, 'UTC') AND %(time)s < "
    "fromUnixTimestamp64Milli({to:Int64}, 'UTC')"
)
_NOW = "%(time)s >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"


class WeekCount(TableRow):
    """How many of one name in the week, and in the week before; of alerts and incidents also a part of those now."""

    TABLE = "alerts"
    name: str
    now: int
    before: int
    passed_now: int | None = None
    notified_now: int | None = None


class WeekFeedback(TableRow):
    """What people said of a monitor's alerts in the week, and in the week before."""

    TABLE = "feedback"
    name: str
    judged: int
    true_alerts: int
    expected_alerts: int
    false_alerts: int
    before: int
    true_before: int


class SlowIncident(TableRow):
    """How long an incident waited to be acknowledged, in ms; None where nobody did."""

    TABLE = "incidents"
    incident_id: str
    title: str
    severity: str
    status: str
    opened_at: Moment
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    waited: int | None


class Waits(TableRow):
    """Of incidents that somebody was notified of, how many were acknowledged; half of these within `half` ms."""

    TABLE = "incidents"
    notified: int
    acknowledged: int
    half: int | None


class OverdueCase(TableRow):
    """A case whose next step is late; one of `all`."""

    TABLE = "cases"
    case_id: str
    title: str
    state: str
    severity: str
    owner: str | None
    due_at: Moment | None
    overdue: int
    all: int


async def alerts(reader: Reader, from_ms: int, to_ms: int, by: str) -> list[WeekCount]:
    """Live alerts by when their window began, by `monitor` or `severity`;
    `passed_now` are those that detection did not keep back.
    """
    return await _counted(
        WeekCount,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS now, countIf(NOT {now}) AS before,"
        " countIf({now} AND suppressed_by IS NULL)"
        " AS passed_now FROM alerts FINAL WHERE run = 'live' AND {cut}",
        "window_start",
        {"monitor": "monitor", "severity": "severity"}[by],
        from_ms,
        to_ms,
    )


async def incidents(reader: Reader, from_ms: int, to_ms: int, by: str) -> list[WeekCount]:
    """Incidents by when they were opened, by `status`, `severity` or `monitor`;
    one of several monitors counts for each.
    """
    return await _counted(
        WeekCount,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS now, countIf(NOT {now}) AS before,"
        " countIf({now} AND notified > 0) AS notified_now"
        " FROM incidents FINAL WHERE {cut}",
        "opened_at",
        {"status": "status", "severity": "severity", "monitor": "arrayJoin(monitors)"}[by],
        from_ms,
        to_ms,
    )


async def cases(reader: Reader, from_ms: int, to_ms: int, by: str) -> list[WeekCount]:
    """Cases by when they came up, by `state` or `monitor`; one of several monitors counts for each."""
    return await _counted(
        WeekCount,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS now, countIf(NOT {now}) AS before FROM cases FINAL WHERE {cut}",
        "created_at",
        {"state": "state", "monitor": "arrayJoin(monitors)"}[by],
        from_ms,
        to_ms,
    )


async def ended(reader: Reader, from_ms: int, to_ms: int) -> list[WeekCount]:
    """Cases by when they were last resolved or dismissed, by resolution."""
    return await _counted(
        WeekCount,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS now, countIf(NOT {now}) AS before FROM cases FINAL"
        " WHERE resolution != '' AND {cut}",
        "resolved_at",
        "resolution",
        from_ms,
        to_ms,
    )


async def kept_back(reader: Reader, from_ms: int, to_ms: int) -> list[WeekCount]:
    """Alerts of which nobody was notified by themselves, by when that was decided, by outcome;
    of detection's own, by its reason.
    """
    return await _counted(
        WeekCount,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS now, countIf(NOT {now}) AS before FROM dispositions FINAL"
        " WHERE outcome != 'notified' AND {cut}",
        "at",
        "if(outcome = 'suppressed', concat('suppressed: ', reason), outcome)",
        from_ms,
        to_ms,
    )


async def judged(reader: Reader, from_ms: int, to_ms: int) -> list[WeekFeedback]:
    """What people said in the span, by monitor: `judged`, `true_alerts`, `expected_alerts`, `false_alerts`,
    and `before` (judged).
    """
    return await _counted(
        WeekFeedback,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS judged, countIf({now} AND verdict = 'true') AS true_alerts,"
        " countIf({now} AND verdict = 'expected') AS expected_alerts, countIf({now} AND verdict = 'false') AS"
        " false_alerts,"
        " countIf(NOT {now}) AS before, countIf(NOT {now} AND verdict = 'true') AS true_before FROM feedback FINAL"
        " WHERE {cut}",
        "at",
        "monitor",
        from_ms,
        to_ms,
        order="judged",
    )


async def slowest(reader: Reader, from_ms: int, to_ms: int, *, limit: int = 5) -> list[SlowIncident]:
    """Incidents opened in the span that somebody was notified of and that waited longest to be acknowledged, and all
    those never were first.

    `waited` in ms, NULL where nobody acknowledged it.
    """
    return await reader.find(
        SlowIncident,
        "SELECT incident_id, title, severity, status, opened_at, acknowledged_at, acknowledged_by,"
        " toUnixTimestamp64Milli(acknowledged_at) - toUnixTimestamp64Milli(opened_at) AS waited FROM incidents FINAL"
        " WHERE notified > 0 AND opened_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND opened_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')"
        " ORDER BY waited DESC NULLS FIRST, opened_at, incident_id LIMIT {limit:UInt32}",
        {"from": from_ms, "to": to_ms, "limit": limit},
    )


async def waits(reader: Reader, from_ms: int, to_ms: int) -> Waits:
    """Of incidents opened in the span: `notified`, `acknowledged` of these, and `half`,
    the middle one of their waits in ms, NULL without any.
    """
    rows = await reader.find(
        Waits,
        "SELECT count() AS notified, countIf(acknowledged_at IS NOT NULL) AS acknowledged,"
        " quantileExactLow(0.5)(toUnixTimestamp64Milli(acknowledged_at) - toUnixTimestamp64Milli(opened_at)) AS half"
        " FROM incidents AS t FINAL WHERE t.notified > 0 AND opened_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND opened_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')",
        {"from": from_ms, "to": to_ms},
    )
    return rows[0]


async def overdue(reader: Reader, *, limit: int = 20) -> list[OverdueCase]:
    """Cases whose next step is late, the longest late first, with how many there are (`all`)."""
    return await reader.find(
        OverdueCase,
        "SELECT case_id, title, state, severity, owner, due_at, overdue, count() OVER () AS all FROM cases FINAL"
        f" WHERE overdue = 1 AND NOT {CASE_CLOSED}"
        " ORDER BY due_at, case_id LIMIT {limit:UInt32}",
        {"limit": limit},
    )


async def given_up(reader: Reader, from_ms: int, to_ms: int) -> list[WeekCount]:
    """Notifications that no channel took, by when they were decided on, by channel."""
    return await _counted(
        WeekCount,
        reader,
        "SELECT %(by)s AS name, countIf({now}) AS now, countIf(NOT {now}) AS before FROM notifications FINAL"
        " WHERE state = 'given_up' AND {cut}",
        "created_at",
        "channel",
        from_ms,
        to_ms,
    )


async def known_from(reader: Reader) -> tuple[int | None, int | None]:
    """Since when anything is known, by the time of events, and by the clock; None where nothing is."""
    event = (
        "SELECT min(event_time) AS at FROM events HAVING count() > 0"
        " UNION ALL SELECT min(window_start) AS at FROM alerts WHERE run = 'live' HAVING count() > 0"
    )
    clock = (
        "SELECT toDateTime64(min(stored_at), 3, 'UTC') AS at FROM events HAVING count() > 0"
        " UNION ALL SELECT toDateTime64(min(stored_at), 3, 'UTC') AS at FROM alerts HAVING count() > 0"
        " UNION ALL SELECT min(opened_at) AS at FROM incidents HAVING count() > 0"
    )
    found = [(await reader.select(f"SELECT min(at) AS at, count() AS n FROM ({sql})"))[0] for sql in (event, clock)]
    first, since = (int(row["at"]) if row["n"] else None for row in found)
    return first, since


async def _counted(
    make: Callable[..., R],
    reader: Reader,
    sql: str,
    time: str,
    by: str,
    from_ms: int,
    to_ms: int,
    *,
    order: str = "now",
) -> list[R]:
    parts = {"now": f"({_NOW % {'time': time}})", "cut": _CUT % {"time": time}}
    text = sql.replace("%(by)s", by).replace("{now}", parts["now"]).replace("{cut}", parts["cut"])
    return await reader.find(
        make,
        f"{text} GROUP BY name ORDER BY {order} DESC, before DESC, name LIMIT 200",
        {"before": 2 * from_ms - to_ms, "from": from_ms, "to": to_ms},
    )
