"""The change ledger as people look it up: what the platform did to itself, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sinks.store.reader import Reader
from sinks.store.records import Moment, Number, TableRow

_TEXTS = ("change_id", "kind", "phase", "target", "from_version", "to_version", "owner_team")
_LISTED = (
    ", ".join(f"JSONExtractString(data, '{name}') AS {name}" for name in _TEXTS)
    + ", JSONExtract(data, 'scope', 'markets', 'Array(String)') AS markets"
    + ", JSONExtract(data, 'scope', 'action_types', 'Array(String)') AS action_types"
    + ", JSONExtract(data, 'scope', 'percent', 'Nullable(Float64)') AS percent"
    + ", event_time AS at, topic, partition, offset"
)
_CHANGE = "type = 'platform.change'"
"""Before FINAL, as are times and topics: two copies of an event have them in common."""


class ChangeRecord(TableRow):
    """A change of the platform; a text that was not given is empty."""

    TABLE = "events"
    change_id: str
    kind: str
    phase: str
    target: str
    from_version: str
    to_version: str
    owner_team: str
    markets: list[str]
    action_types: list[str]
    percent: Number
    at: Moment
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class ChangeFilter:
    """Which changes: an empty text, or None, leaves nothing out. `text` occurs in the event's data, in whatever case.

    `topics`: where changes are known to come in, which spares reading the rest; empty looks everywhere.
    """

    kind: str = ""
    text: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    topics: Sequence[str] = ()

    def where(self) -> str:
        """The PREWHERE and WHERE clauses; their values are `asdict(self)`."""
        parts, wanted = [_CHANGE, *_inside(self.topics)], ["duplicate = 0"]
        if self.kind:
            wanted.append("JSONExtractString(data, 'kind') = {kind:String}")
        if self.text:
            wanted.append("positionCaseInsensitiveUTF8(data, {text:String}) > 0")
        if self.from_ms is not None:
            parts.append("event_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("event_time < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return f"PREWHERE {' AND '.join(parts)} WHERE {' AND '.join(wanted)}"


async def find(reader: Reader, wanted: ChangeFilter, *, limit: int = 100, offset: int = 0) -> list[ChangeRecord]:
    """A page of changes, newest first; a text that is not given is empty."""
    return await reader.find(
        ChangeRecord,
        f"SELECT {_LISTED} FROM events FINAL {wanted.where()} ORDER BY event_time DESC, topic, partition, offset DESC"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def count(reader: Reader, wanted: ChangeFilter) -> int:
    """How many `find` finds."""
    rows = await reader.select(f"SELECT count() AS n FROM events FINAL {wanted.where()}", asdict(wanted))
    return int(rows[0]["n"])


async def around(
    reader: Reader, at_ms: int, before_ms: int, after_ms: int, *, topics: Sequence[str] = (), limit: int = 40
) -> list[ChangeRecord]:
    """The changes from `before_ms` before an instant until `after_ms` after it, those nearest to it,
    in order of time.
    """
    return await reader.find(
        ChangeRecord,
        f"SELECT * FROM (SELECT {_LISTED} FROM events FINAL PREWHERE {' AND '.join((_CHANGE, *_inside(topics)))}"
        " AND event_time >= fromUnixTimestamp64Milli({at:Int64} - {before:Int64}, 'UTC')"
        " AND event_time < fromUnixTimestamp64Milli({at:Int64} + {after:Int64}, 'UTC') WHERE duplicate = 0"
        " ORDER BY abs(toUnixTimestamp64Milli(event_time) - {at:Int64}), topic, partition, offset LIMIT {limit:UInt32})"
        " ORDER BY at, topic, partition, offset",
        {"at": at_ms, "before": before_ms, "after": after_ms, "topics": list(topics), "limit": limit},
    )


def _inside(topics: Sequence[str]) -> list[str]:
    return ["topic IN {topics:Array(String)}"] if topics else []
