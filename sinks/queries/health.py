"""How the pipeline is doing, as far as ClickHouse knows: positions, rows by hour, what was set aside."""

from __future__ import annotations

from livewarden.times import HOUR_MS
from sinks.store.reader import Reader
from sinks.store.records import Moment, TableRow


class HourCount(TableRow):
    """Events of an hour of event time."""

    TABLE = "events"
    hour: Moment
    events: int
    happenings: int
    late: int
    repeated: int
    conflicts: int


class TopicCount(TableRow):
    """Events of a topic."""

    TABLE = "events"
    topic: str
    events: int
    late: int
    repeated: int
    conflicts: int
    newest: Moment


class UnknownField(TableRow):
    """A field that no contract knew when it came."""

    TABLE = "events"
    type: str
    field: str
    events: int
    first: Moment
    last: Moment


class TableSize(TableRow):
    """How many rows a table holds, and when one was last written."""

    TABLE = "events"
    table: str
    rows: int
    stored_at: Moment


class FailedModel(TableRow):
    """A monitor with a model that is not asked any more."""

    TABLE = "judgements"
    monitor: str
    why: str
    series: int
    since: Moment


async def judged_until(reader: Reader) -> int | None:
    """The furthest saved watermark of the detect stage, ms; None before the first."""
    rows = await reader.select("SELECT max(watermark) AS at, count() AS n FROM manifest WHERE stage = 'detect'")
    return int(rows[0]["at"]) if rows[0]["n"] else None


async def topics(reader: Reader) -> list[str]:
    """The topics that were ingested so far, as they are called on this cluster, a prefix included."""
    rows = await reader.select("SELECT DISTINCT topic FROM manifest WHERE stage = 'ingest' ORDER BY topic")
    return [row["topic"] for row in rows]


async def by_hour(reader: Reader, until_ms: int, *, hours: int = 48) -> list[HourCount]:
    """Events by hour of event time, newest hour first, over `hours` hours up to `until_ms`;
    hours without any are left out.
    """
    return await reader.find(
        HourCount,
        "SELECT toInt64(toUnixTimestamp(toStartOfHour(event_time))) * 1000 AS hour, countIf(duplicate = 0) AS events,"
        " sumIf(weight, duplicate = 0) AS happenings,"
        " countIf(late = 1) AS late, countIf(duplicate = 1 AND conflict = 0) AS repeated,"
        " countIf(conflict = 1) AS conflicts FROM events FINAL"
        " PREWHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') GROUP BY hour ORDER BY hour DESC",
        {"from": until_ms - hours * HOUR_MS, "to": until_ms + HOUR_MS},
    )


async def by_topic(reader: Reader, until_ms: int, *, hours: int = 48) -> list[TopicCount]:
    """The same by topic, with the newest event of each."""
    return await reader.find(
        TopicCount,
        "SELECT topic, countIf(duplicate = 0) AS events, countIf(late = 1) AS late,"
        " countIf(duplicate = 1 AND conflict = 0) AS repeated,"
        " countIf(conflict = 1) AS conflicts,"
        " max(event_time) AS newest FROM events FINAL"
        " PREWHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') GROUP BY topic ORDER BY topic",
        {"from": until_ms - hours * HOUR_MS, "to": until_ms + HOUR_MS},
    )


async def unknown_fields(reader: Reader, *, limit: int = 50) -> list[UnknownField]:
    """Fields that no contract knew when they came, the newest first:
    of which type, in how many events, first and last when.
    """
    return await reader.find(
        UnknownField,
        "SELECT type, arrayJoin(unknown_fields) AS field, count() AS events, min(event_time) AS first,"
        " max(event_time) AS last"
        " FROM events WHERE notEmpty(unknown_fields) GROUP BY type, field ORDER BY last DESC, type,"
        " field LIMIT {limit:UInt32}",
        {"limit": limit},
    )


async def newest_rows(reader: Reader) -> list[TableSize]:
    """For each table that grows: how many rows it holds, and when one was last written (whole seconds, as ms)."""
    names = (
        "events",
        "judgements",
        "alerts",
        "case_candidates",
        "dead_letters",
        "incidents",
        "notifications",
        "cases",
        "actions",
    )
    return await reader.find(
        TableSize,
        " UNION ALL ".join(
            (
                f"SELECT '{name}' AS table, count() AS rows, toInt64(toUnixTimestamp(max(stored_at))) * 1000 AS"
                " stored_at"
                f" FROM {name}"
            )
            for name in names
        ),
    )


async def failed_models(reader: Reader, until_ms: int, *, hours: int = 48) -> list[FailedModel]:
    """Monitors with a model that is not asked any more: why, for how many series, and since when,
    over `hours` hours.
    """
    return await reader.find(
        FailedModel,
        "SELECT monitor, substring(state, 9) AS why, toInt64(uniqExact(series)) AS series, min(window_start) AS since"
        " FROM judgements FINAL PREWHERE window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " WHERE startsWith(state, 'failed: ') AND run = 'live' GROUP BY monitor, why ORDER BY monitor, why LIMIT 50",
        {"from": until_ms - hours * HOUR_MS},
    )
