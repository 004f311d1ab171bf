"""Dead letters as people look them up: why, how many, and one of them whole."""

from __future__ import annotations

from typing import Any

from sinks.reader import Reader

_LISTED = "topic, partition, offset, reason, detail, key, recorded_at, length(value) AS size"


async def reasons(reader: Reader) -> list[dict[str, Any]]:
    """By topic and reason: how many, the oldest and the newest; most first."""
    return await reader.select(
        "SELECT topic, reason, count() AS records, min(recorded_at) AS oldest, max(recorded_at) AS newest"
        " FROM dead_letters FINAL GROUP BY topic, reason ORDER BY records DESC, topic, reason"
    )


async def find(
    reader: Reader, *, reason: str = "", topic: str = "", limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """A page of dead letters without their bytes, newest first; an empty text leaves nothing out."""
    return await reader.select(
        f"SELECT {_LISTED} FROM dead_letters FINAL WHERE ({{reason:String}} = '' OR reason = {{reason:String}})"
        " AND ({topic:String} = '' OR topic = {topic:String})"
        " ORDER BY recorded_at DESC, topic, partition, offset DESC LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        {"reason": reason, "topic": topic, "limit": limit, "offset": offset},
    )


async def get(reader: Reader, topic: str, partition: int, offset: int) -> dict[str, Any] | None:
    """One dead letter with its headers as JSON text and its `value` as bytes; None where there is none there."""
    rows = await reader.select(
        f"SELECT {_LISTED}, headers, value FROM dead_letters FINAL"
        " WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset = {offset:UInt64}",
        {"topic": topic, "partition": partition, "offset": offset},
    )
    return rows[0] if rows else None
