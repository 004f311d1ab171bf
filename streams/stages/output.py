"""What goes into a stage and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from livewarden.errors import InvalidEvent
from livewarden.event import Event
from livewarden.settings import PARTIALS, RESPONSE
from models.aggregate.canary import Canary, canary_dict
from models.aggregate.partial import Message, to_dict
from models.response import response_event as news
from sinks.store.columns import RowColumns
from sinks.store.tables import TABLES
from sources.codec import decode
from streams.stages.marker import Unreadable

Row = dict[str, Any]

MOST_DETAIL = 500
"""Characters of what is wrong with a record."""
LOG_APPEND_TIME = 1
"""In Kafka's answers and records: the broker's clock has stamped the record."""
FULL_EVERY = 50
"""Every so many checkpoints one is whole, and what it supersedes can go."""


class WireRecord(Protocol):
    """What a stage reads of a Kafka record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


def readable(record: WireRecord) -> None:
    """Raise InvalidEvent of a record that stands for an offset which the client could not unpack."""
    if isinstance(record, Unreadable):
        raise InvalidEvent("unreadable", " ".join(record.detail.split())[:MOST_DETAIL])


def event_in(record: WireRecord, topic: str) -> Event:
    """The event in a record of Kafka, `topic` without the deployment's prefix; InvalidEvent where it is none."""
    readable(record)
    return decode(topic, record.partition, record.offset, record.key, record.value, record.headers, record.timestamp)


BY_COLUMN = frozenset({"events"})
"""Tables whose rows come by the run, and are kept by column."""

Said = Message | Canary | news.ResponseEvent
"""What a stage says to the next one."""


class Output:
    """What a stage wants done since it was last asked: rows by table, and messages for the next stage.

    `lost`: how many records it found deleted before it read them. `ahead`: source, partition and offset of what is
    `future`.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row] | RowColumns] = {}
        self.messages: list[Said] = []
        self.lost = 0
        self.ahead: list[tuple[str, int, int]] = []

    def row(self, table: str, row: Row) -> None:
        """Add one row."""
        self._table(table).append(row)

    def columns(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows by column, to a table that is kept so."""
        kept = self._table(table)
        assert isinstance(kept, RowColumns)
        kept.extend(columns)

    def _table(self, table: str) -> list[Row] | RowColumns:
        rows = self.rows.get(table)
        if rows is None:
            rows = self.rows[table] = RowColumns(TABLES[table]) if table in BY_COLUMN else []
        return rows

    def __bool__(self) -> bool:
        return bool(self.rows or self.messages)


def encode_message(message: Said) -> tuple[bytes, bytes]:
    """Key and value of what is said, on the wire. The key of a partial is its group: a group is judged in one place."""
    if isinstance(message, news.ResponseEvent):
        return news.key_of(message).encode(), orjson.dumps(news.to_dict(message))
    plain = canary_dict(message) if isinstance(message, Canary) else to_dict(message)
    return message.group.encode(), orjson.dumps(plain)


def topic_of(message: Said) -> str:
    """Where it is said."""
    return RESPONSE if isinstance(message, news.ResponseEvent) else PARTIALS
