"""How the pipeline is doing, as far as ClickHouse knows: positions, rows by hour, what was set aside."""

from __future__ import annotations

from typing import Any

from livewarden.times import HOUR_MS
from sinks.store.reader import Reader


async def judged_until(reader: Reader) -> int | None:
    """The furthest saved watermark of the detect stage, ms; None before the first."""
    rows = await reader.select("SELECT max(watermark) AS at, count() AS n FROM manifest WHERE stage = 'detect'")
    return int(rows[0]["at"]) if rows[0]["n"] else None


async def topics(reader: Reader) -> list[str]:
    """The topics that were ingested so far, as they are called on this cluster, a prefix included."""
    rows = await reader.select("SELECT DISTINCT topic FROM manifest WHERE stage = 'ingest' ORDER BY topic")
    return [row["topic"] for row in rows]


async def by_hour(reader: Reader, until_ms: int, *, hours: int = 48) -> list[dict[str, Any]]:
    """Events by hour of event time, newest hour first, over `hours` hours up to `until_ms`;
    hours without any are left out.
    """
    return await reader.select(
        "SELECT toInt64(toUnixTimestamp(toStartOfHour(event_time))) * 1000 AS hour, countIf(duplicate = 0) AS events,"
        " sumIf(weight, duplicate = 0) AS happenings,"
        " countIf(late = 1) AS late, countIf(duplicate = 1 AND conflict = 0) AS repeated,"
        " countIf(conflict = 1) AS conflicts FROM events FINAL"
        " PREWHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') GROUP BY hour ORDER BY hour DESC",
        {"from": until_ms - hours * HOUR_MS, "to": until_ms + HOUR_MS},
    )


async def by_topic(reader: Reader, until_ms: int, *, hours: int = 48) -> list[dict[str, Any]]:
    """The same by topic, with the newest event of each."""
    return await reader.select(
        "SELECT topic, countIf(duplicate = 0) AS events, countIf(late = 1) AS late,"
        " countIf(duplicate = 1 AND conflict = 0) AS repeated,"
        " countIf(conflict = 1) AS conflicts,"
        " max(event_time) AS newest FROM events FINAL"
        " PREWHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') GROUP BY topic ORDER BY topic",
        {"from": until_ms - hours * HOUR_MS, "to": until_ms + HOUR_MS},
    )


async def unknown_fields(reader: Reader, *, limit: int = 50) -> list[dict[str, Any]]:
    """Fields that no contract knew when they came, the newest first:
    of which type, in how many events, first and last when.
    """
    return await reader.select(
        "SELECT type, arrayJoin(unknown_fields) AS field, count() AS events, min(event_time) AS first,"
        " max(event_time) AS last"
        " FROM events WHERE notEmpty(unknown_fields) GROUP BY type, field ORDER BY last DESC, type,"
        " field LIMIT {limit:UInt32}",
        {"limit": limit},
    )


async def newest_rows(reader: Reader) -> list[dict[str, Any]]:
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
    return await reader.select(
        " UNION ALL ".join(
            (
                f"SELECT '{name}' AS table, count() AS rows, toInt64(toUnixTimestamp(max(stored_at))) * 1000 AS"
                " stored_at"
                f" FROM {name}"
            )
            for name in names
        )
    )


async def failed_models(reader: Reader, until_ms: int, *, hours: int = 48) -> list[dict[str, Any]]:
    """Monitors with a model that is not asked any more: why, for how many series, and since when,
    over `hours` hours.
    """
    return await reader.select(
        "SELECT monitor, substring(state, 9) AS why, toInt64(uniqExact(series)) AS series, min(window_start) AS since"
        " FROM judgements FINAL PREWHERE window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " WHERE startsWith(state, 'failed: ') AND run = 'live' GROUP BY monitor, why ORDER BY monitor, why LIMIT 50",
        {"from": until_ms - hours * HOUR_MS},
    )
