"""How livewarden itself is doing, as its workers say: positions and lag, clocks, what was lost or set aside, the
canary.
"""

from __future__ import annotations

from typing import Any

from livewarden.times import DAY_MS, HOUR_MS
from sinks.store.reader import Reader


async def partitions(reader: Reader) -> list[dict[str, Any]]:
    """Every partition that a worker has reported or saved: lag, how long unread, watermark (0: none), and when that was
    said.

    `lag` and `seen_at` are None where no worker has reported; `watermark` is that of the newest saved position.
    """
    return await reader.select(
        "SELECT topic, partition, max(stage) AS stage, max(lag) AS lag, max(unread) AS unread_seconds,"
        " max(seen) AS seen_at, toInt64(max(mark)) AS watermark, max(next) AS next_offset FROM ("
        "SELECT topic, partition, '' AS stage, toNullable(toInt64(log_end) - toInt64(next_offset)) AS lag,"
        " unread_seconds AS unread, toNullable(toUnixTimestamp64Milli(seen_at)) AS seen, toInt64(0) AS mark,"
        " next_offset AS next FROM log_positions FINAL"
        " UNION ALL SELECT topic, partition, stage, NULL, 0, NULL, toUnixTimestamp64Milli(newest.2), newest.1 FROM"
        " (SELECT stage, topic, partition, max((next_offset, watermark)) AS newest FROM manifest"
        " GROUP BY stage, topic, partition))"
        " GROUP BY topic, partition ORDER BY topic, partition"
    )


async def workers(reader: Reader, since_ms: int) -> list[dict[str, Any]]:
    """The workers that have said something since then: whether they are of use, their clock, and what they own."""
    return await reader.select(
        "SELECT worker, seen_at, why_not_ready, clock_skew_seconds, ingest, detect, respond FROM workers FINAL"
        " WHERE seen_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') ORDER BY worker LIMIT 200",
        {"since": since_ms},
    )


async def alerts(reader: Reader, *, limit: int = 30) -> list[dict[str, Any]]:
    """What livewarden had to tell about itself: what lasts first, then the newest."""
    return await reader.select(
        "SELECT kind, about, severity, title, body, status, since, seen_at FROM health_alerts FINAL"
        " ORDER BY status = 'firing' DESC, seen_at DESC LIMIT {limit:UInt32}",
        {"limit": limit},
    )


async def set_aside(reader: Reader, now_ms: int) -> list[dict[str, Any]]:
    """Dead letters by topic and reason that were stored in the last hour and day."""
    return await reader.select(
        "SELECT topic, reason, countIf(at >= {hour:Int64}) AS hour, count() AS day FROM ("
        "SELECT topic, reason, 1000 * toInt64(toUnixTimestamp(stored_at)) AS at FROM dead_letters FINAL)"
        " WHERE at >= {day:Int64} GROUP BY topic, reason ORDER BY day DESC, topic, reason LIMIT 100",
        {"hour": now_ms - HOUR_MS, "day": now_ms - DAY_MS},
    )


async def gaps(reader: Reader, *, limit: int = 30) -> list[dict[str, Any]]:
    """Records that Kafka deleted before they were read: first and last offset, how many, when that was noticed."""
    return await reader.select(
        'SELECT topic, partition, "offset" AS first, lost, first + lost - 1 AS last, noticed_at FROM ('
        'SELECT topic, partition, toInt64("offset") AS "offset",'
        " toInt64OrZero(JSONExtractString(headers, 'livewarden_lost')) AS lost,"
        " 1000 * toInt64(toUnixTimestamp(stored_at)) AS noticed_at FROM dead_letters FINAL"
        " WHERE reason = 'lost_unread')"
        " ORDER BY noticed_at DESC, topic, partition LIMIT {limit:UInt32}",
        {"limit": limit},
    )


async def canary(reader: Reader) -> dict[str, Any] | None:
    """The newest canary that arrived: when it was sent and arrived, how long it took; None before the first."""
    rows = await reader.select("SELECT sent_at, arrived_at, seconds FROM canaries FINAL ORDER BY sent_at DESC LIMIT 1")
    return rows[0] if rows else None


async def detect_headers(reader: Reader) -> list[str]:
    """The newest saved header of each partition of the detect stage, as `streams.stages.saved` writes it."""
    rows = await reader.select(
        "SELECT partition, argMax(header, (next_offset, watermark)) AS header FROM manifest WHERE stage = 'detect'"
        " GROUP BY partition ORDER BY partition"
    )
    return [row["header"] for row in rows]
