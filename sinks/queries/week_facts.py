"""What an update says of a week, as queries that give the same numbers again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from livewarden.case_state import CLOSED
from livewarden.fact import Fact
from livewarden.times import DAY_MS
from sinks.store.reader import Reader

WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS
"""1970-01-05, the first Monday."""
_EVENTS: Final = "events FINAL"
_HOUR_CLASS: Final = (
    "multiIf(toDayOfWeek(created_at, 0, 'UTC') >= 6, 'weekend',"
    " toHour(created_at, 'UTC') >= 22 OR toHour(created_at, 'UTC') < 6, 'night', 'day')"
)


@dataclass(frozen=True)
class Counted:
    """A count by week: what it is called, why it may grow later, and where it comes from, by `part`."""

    name: str
    words: str
    later: str
    part: str
    source: str
    time: str
    key: str
    where: str = "1"
    amount: str = "count()"


def _of_events(name: str, words: str, part: str, type_: str, key: str, where: str = "1") -> Counted:
    found = f"type = '{type_}' AND duplicate = 0 AND {where}"
    return Counted(
        name, words, "events that came later", part, _EVENTS, "event_time", key, found, "toInt64(sum(weight))"
    )


COUNTED: Final = (
    _of_events(
        "measures",
        "measures were taken",
        "policy",
        "enforcement.action",
        "JSONExtractString(data, 'policy_id')",
        "JSONExtractString(data, 'state') IN ('', 'ENFORCED')",
    ),
    _of_events(
        "appeals",
        "appeals came in",
        "kind of complaint",
        "appeal.lifecycle",
        "JSONExtractString(data, 'complaint_type')",
        "JSONExtractString(data, 'state') = 'SUBMITTED'",
    ),
    _of_events(
        "reversals",
        "measures were taken back",
        "reason",
        "enforcement.reversed",
        "JSONExtractString(data, 'reason')",
    ),
    _of_events(
        "tickets",
        "tickets of merchants came in",
        "category",
        "merchant.ticket",
        "JSONExtractString(data, 'category')",
        "JSONExtractString(data, 'state') = 'OPEN'",
    ),
    Counted(
        "feedback",
        "tickets were imported",
        "tickets that were imported later",
        "theme",
        "feedback_tickets FINAL",
        "opened_at",
        "theme_id",
    ),
    Counted(
        "alerts",
        "alerts were not kept back by detection",
        "buckets that were judged later",
        "monitor",
        "alerts FINAL",
        "window_start",
        "monitor",
        "run = 'live' AND suppressed_by IS NULL",
    ),
    Counted(
        "incidents", "incidents were opened", "a correction", "severity", "incidents FINAL", "opened_at", "severity"
    ),
    Counted(
        "notified",
        "notifications were sent",
        "notifications that a channel took later",
        "hour class (UTC)",
        "notifications FINAL",
        "created_at",
        _HOUR_CLASS,
        "state = 'sent'",
    ),
    Counted(
        "kept_back",
        "alerts called nobody by themselves",
        "what was decided on later",
        "what kept them back",
        "dispositions FINAL",
        "at",
        "outcome",
        "outcome != 'notified'",
    ),
    Counted("cases", "cases came up", "a correction", "kind", "cases FINAL", "created_at", "kind"),
    Counted(
        "ended",
        "cases were resolved or dismissed",
        "a correction",
        "resolution",
        "case_history FINAL",
        "at",
        "JSONExtractString(details, 'resolution')",
        "what = 'moved' AND to_state IN ('resolved', 'dismissed')",
    ),
)
"""In the order of an update; each by its parts and as a whole."""
BY_NAME: Final[Mapping[str, Counted]] = {each.name: each for each in COUNTED}
AGES: Final = ("under a day", "1 to 7 days", "7 to 28 days", "over 28 days")


async def by_week(reader: Reader, what: Counted, from_ms: int, to_ms: int) -> dict[tuple[int, str], int]:
    """The count of each part, and under the empty key of all, by the start of the week; a week of none is missing."""
    ms = f"toUnixTimestamp64Milli({what.time})"
    rows = await reader.select(
        f"SELECT toInt64({MONDAY_MS} + intDiv({ms} - {MONDAY_MS}, {WEEK_MS}) * {WEEK_MS}) AS week,"
        f" toString({what.key}) AS key, {what.amount} AS n FROM {what.source}"
        f" WHERE {ms} >= {{from:Int64}} AND {ms} < {{to:Int64}} AND {what.where} GROUP BY week, key",
        {"from": from_ms, "to": to_ms},
    )
    found = dict[tuple[int, str], int]()
    for row in rows:
        key = row["key"] or "none"
        found[row["week"], key] = found.get((row["week"], key), 0) + int(row["n"])
        found[row["week"], ""] = found.get((row["week"], ""), 0) + int(row["n"])
    return found


async def open_cases(reader: Reader, at_ms: int) -> dict[str, int]:
    """Cases that were open at an instant, by age, and `overdue` of these, by their history."""
    rows = await reader.select(
        "SELECT multiIf(age < 1, 0, age < 7, 1, age < 28, 2, 3) AS class, count() AS n, countIf(late) AS late FROM"
        " (SELECT case_id, (toUnixTimestamp64Milli(now) - toUnixTimestamp64Milli(min(at))) / 86400000 AS age,"
        " argMax(to_state, number) AS state,"
        " argMaxIf(what, number, what IN ('moved', 'assigned', 'overdue', 'reopened', 'recurred')) = 'overdue' AS late"
        " FROM (SELECT *, fromUnixTimestamp64Milli({at:Int64}, 'UTC') AS now FROM case_history FINAL) WHERE at < now"
        f" GROUP BY case_id, now) WHERE state NOT IN {CLOSED} GROUP BY class",
        {"at": at_ms},
    )
    found = dict.fromkeys((*AGES, "overdue"), 0)
    for row in rows:
        found[AGES[row["class"]]] += int(row["n"])
        found["overdue"] += int(row["late"])
    return found


async def cells(reader: Reader, from_ms: int, to_ms: int, *, limit: int = 5) -> list[Fact]:
    """Cells of policy and market with the most measures that turn out wrong, by the newest reading of the week."""
    rows = await reader.select(
        "SELECT cell, estimate, low, high FROM misjudgement_readings FINAL WHERE depth = 2 AND estimate IS NOT NULL"
        " AND day = (SELECT max(day) FROM misjudgement_readings WHERE toUnixTimestamp64Milli(day) >= {from:Int64}"
        " AND toUnixTimestamp64Milli(day) < {to:Int64}) ORDER BY estimate DESC, cell LIMIT {limit:UInt32}",
        {"from": from_ms, "to": to_ms, "limit": limit},
    )
    return [Fact("cell", each["cell"], from_ms, to_ms, each["estimate"], each["low"], each["high"]) for each in rows]


async def first_week(reader: Reader) -> int | None:
    """The first week of which all is known; None where nothing is."""
    rows = await reader.select(
        "SELECT toUnixTimestamp64Milli(min(at)) AS at, count() AS n FROM (SELECT min(event_time) AS at FROM events"
        " HAVING count() > 0 UNION ALL SELECT min(window_start) AS at FROM alerts WHERE run = 'live'"
        " HAVING count() > 0)"
    )
    if not rows[0]["n"]:
        return None
    return int(MONDAY_MS - (MONDAY_MS - int(rows[0]["at"])) // WEEK_MS * WEEK_MS)


_STORED: Final = "name, key, from_ms, to_ms, value, low, high, sentence"


async def last_said(reader: Reader, from_ms: int) -> tuple[str, list[Fact]]:
    """The newest update on the week that begins there: its id and its facts; an empty id where there is none."""
    rows = await reader.select(
        "SELECT report_id FROM update_facts FINAL WHERE week = fromUnixTimestamp64Milli({week:Int64}, 'UTC')"
        " ORDER BY made_at DESC, report_id LIMIT 1",
        {"week": from_ms},
    )
    return (rows[0]["report_id"], await of_report(reader, rows[0]["report_id"])) if rows else ("", [])


async def of_report(reader: Reader, report_id: str) -> list[Fact]:
    """The facts of an update; none where there is no such update."""
    rows = await reader.select(
        f"SELECT {_STORED} FROM update_facts FINAL WHERE report_id = {{id:String}} ORDER BY place", {"id": report_id}
    )
    return [Fact(**row) for row in rows]
