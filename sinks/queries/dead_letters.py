"""Dead letters as people look them up: why, how many, and one of them whole."""

from __future__ import annotations

from collections.abc import Sequence

from sinks.store.reader import Reader
from sinks.store.records import Moment, Stored, TableRow

_LISTED = "topic, partition, offset, reason, detail, key, recorded_at, length(value) AS size"


class DeadLetterRecord(TableRow):
    """A record that was set aside, without its bytes, of which it had `size`."""

    TABLE = "dead_letters"
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: str
    recorded_at: Moment
    size: int

    @property
    def place(self) -> str:
        """Where it stood, as topic/partition/offset."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class WholeDeadLetter(DeadLetterRecord):
    """The same with its headers as JSON, and its bytes."""

    headers: Stored
    value: bytes


class ReasonCount(TableRow):
    """How many records of a topic were set aside for a reason; the oldest and the newest of them."""

    TABLE = "dead_letters"
    topic: str
    reason: str
    records: int
    oldest: Moment
    newest: Moment


async def reasons(reader: Reader) -> list[ReasonCount]:
    """By topic and reason: how many, the oldest and the newest; most first."""
    return await reader.find(
        ReasonCount,
        "SELECT topic, reason, count() AS records, min(recorded_at) AS oldest, max(recorded_at) AS newest"
        " FROM dead_letters FINAL GROUP BY topic, reason ORDER BY records DESC, topic, reason",
    )


async def find(
    reader: Reader, *, reason: str = "", topic: str = "", limit: int = 50, offset: int = 0
) -> list[DeadLetterRecord]:
    """A page of dead letters without their bytes, newest first; an empty text leaves nothing out."""
    return await reader.find(
        DeadLetterRecord,
        f"SELECT {_LISTED} FROM dead_letters FINAL WHERE ({{reason:String}} = '' OR reason = {{reason:String}})"
        " AND ({topic:String} = '' OR topic = {topic:String})"
        " ORDER BY recorded_at DESC, topic, partition, offset DESC LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        {"reason": reason, "topic": topic, "limit": limit, "offset": offset},
    )


async def get(reader: Reader, topic: str, partition: int, offset: int) -> WholeDeadLetter | None:
    """One dead letter with its headers as JSON text and its `value` as bytes; None where there is none there."""
    rows = await reader.find(
        WholeDeadLetter,
        f"SELECT {_LISTED}, headers, value FROM dead_letters FINAL"
        " WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset = {offset:UInt64}",
        {"topic": topic, "partition": partition, "offset": offset},
    )
    return rows[0] if rows else None


async def after(
    reader: Reader, place: tuple[str, int, int], *, reason: str = "", topic: str = "", limit: int = 500
) -> list[WholeDeadLetter]:
    """Whole dead letters behind a place, in the order of topic, partition and offset:
    page by page through all of them.
    """
    return await reader.find(
        WholeDeadLetter,
        f"SELECT {_LISTED}, headers, value FROM dead_letters FINAL WHERE (topic, partition, offset) >"
        " ({after_topic:String}, {partition:UInt32}, {offset:UInt64})"
        " AND ({reason:String} = '' OR reason = {reason:String}) AND ({topic:String} = '' OR topic = {topic:String})"
        " ORDER BY topic, partition, offset LIMIT {limit:UInt32}",
        dict(zip(("after_topic", "partition", "offset"), place, strict=True))
        | {"reason": reason, "topic": topic, "limit": limit},
    )


async def events(reader: Reader, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Of events by topic and id: where one of them stands, as topic/partition/offset, the first that was counted."""
    rows = await reader.select(
        "SELECT topic, event_id, argMin(concat(topic, '/', toString(partition), '/', toString(offset)), (duplicate,"
        " offset)) AS place"
        " FROM events FINAL PREWHERE topic IN {topics:Array(String)} AND event_id IN {ids:Array(String)} GROUP BY"
        " topic, event_id",
        {"topics": sorted({topic for topic, _ in wanted}), "ids": sorted({event for _, event in wanted})},
    )
    found = {(row["topic"], row["event_id"]): row["place"] for row in rows}
    return {each: found[each] for each in wanted if each in found}


async def sent_again(reader: Reader, header: str, origin: str) -> list[DeadLetterRecord]:
    """Dead letters whose `header` names `origin`: what it became when it was sent again and was still not right."""
    return await reader.find(
        DeadLetterRecord,
        f"SELECT {_LISTED} FROM dead_letters FINAL WHERE JSONExtractString(headers,"
        f" {{header:String}}) = {{origin:String}}"
        " ORDER BY topic, partition, offset LIMIT 20",
        {"header": header, "origin": origin},
    )
