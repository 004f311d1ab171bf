"""What goes into a stage and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from livewarden.errors import InvalidEvent
from livewarden.settings import PARTIALS, RESPONSE
from models.partial import Message, to_dict
from models.response import news

Row = dict[str, Any]

MOST_DETAIL = 500
"""Characters of what is wrong with a record."""
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
    problem = getattr(record, "problem", "")
    if problem:
        raise InvalidEvent("unreadable", " ".join(problem.split())[:MOST_DETAIL])


Said = Message | news.News
"""What a stage says to the next one."""


class Output:
    """What a stage wants done since it was last asked: rows by table, and messages for the next stage."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.messages: list[Said] = []

    def row(self, table: str, row: Row) -> None:
        """Add one row."""
        self.rows.setdefault(table, []).append(row)

    def __bool__(self) -> bool:
        return bool(self.rows or self.messages)


def encode_message(message: Said) -> tuple[bytes, bytes]:
    """Key and value of what is said, on the wire. The key of a partial is its group: a group is judged in one place."""
    if isinstance(message, news.News):
        return news.key_of(message).encode(), orjson.dumps(news.to_dict(message))
    return message.group.encode(), orjson.dumps(to_dict(message))


def topic_of(message: Said) -> str:
    """Where it is said."""
    return RESPONSE if isinstance(message, news.News) else PARTIALS
