"""Dead letters on their way back: judged by the contract as it is now, and sent again to where they came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson
from aiokafka.errors import KafkaError

from livewarden.contracts import TOPICS
from livewarden.errors import InvalidEvent, RetryLater, SetupError
from livewarden.event import Event
from sinks.queries.dead_letters import WholeDeadLetter
from sources.codec import Record, decode_record
from streams.kafka_access import Access
from streams.producer import producing

FROM_HEADER: Final = "livewarden_requeued_from"
"""Header of a record that was sent again: the place of the dead letter, topic/partition/offset."""
_LOST: Final = "�"


class Place(NamedTuple):
    """Where a record stood in Kafka; the topic without the deployment's prefix."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def place_of(text: str) -> Place:
    """The place that a text names; SetupError where it names none.

    >>> place_of("live.rooms/0/9")
    Place(topic='live.rooms', partition=0, offset=9)
    """
    topic, partition, offset = (["", *text.rsplit("/", 2)])[-3:] if text.count("/") >= 2 else ("", "", "")
    if not (topic and _whole(partition) and _whole(offset)) or int(partition) >= 2**32 or int(offset) >= 2**63:
        raise SetupError(f"{text!r} is no place such as live.rooms/0/9: topic, partition and offset")
    return Place(topic, int(partition), int(offset))


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def record_of(
    letter: WholeDeadLetter, *, value: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Record:
    """The record that a row of `dead_letters` keeps, with another body or other headers where given.

    A header given as an empty text is left out. A row keeps an empty key as none, and bytes of a key or a header that
    are no UTF-8 as U+FFFD, so such a record cannot be had back as it was: `lost` names what of it.
    """
    named: dict[str, str] = orjson.loads(letter.headers or "{}")
    named |= headers or {}
    kept = letter.value if letter.reason != "null_value" else None
    return Record(
        letter.topic,
        letter.partition,
        letter.offset,
        letter.key.encode() or None,
        kept if value is None else value,
        tuple((name, text.encode()) for name, text in named.items() if text or not headers or name not in headers),
    )


def lost(record: Record) -> list[str]:
    """The names of what was no UTF-8 and is not kept as it came."""
    parts = [("its key", record.key or b""), *((f"header {name}", value) for name, value in record.headers)]
    return [name for name, value in parts if _LOST.encode() in value]


@dataclass(frozen=True)
class Ruling:
    """What the contract says of a record now: an event, or a reason with a sentence;
    `own` is for livewarden's own topics.
    """

    event: Event | None = None
    reason: str = ""
    detail: str = ""

    @property
    def words(self) -> str:
        """In one line."""
        if self.event is not None:
            return f"valid: {self.event.data.ce_type()}"
        return f"{self.reason}: {self.detail}"


def judge(record: Record) -> Ruling:
    """Whether the ingest stage would take the record.

    `own_record`: it stood on a topic that livewarden writes itself. Such a record has its meaning at its place in the
    log alone.
    """
    if record.topic not in TOPICS:
        return Ruling(None, "own_record", f"{record.topic} is livewarden's own log, its records are not sent again")
    if missing := lost(record):
        return Ruling(None, "not_kept", f"{', '.join(missing)} was no UTF-8 and is not kept as it came")
    try:
        return Ruling(decode_record(record))
    except InvalidEvent as error:
        return Ruling(None, error.reason, error.detail)


Send = Callable[[Record], Awaitable[Place]]


@asynccontextmanager
async def sender(access: Access, prefix: str = "") -> AsyncIterator[Send]:
    """What sends a record again to its topic and partition, in the order of the calls, and says where it stands now.

    The record gets the header `FROM_HEADER`. Unreachable where Kafka does not answer, SetupError where topic or
    partition is gone, RetryLater where it does not take the record: it may have taken it all the same, and an event
    taken twice counts once.
    """
    async with producing(access) as producer:

        async def send(record: Record) -> Place:
            topic = prefix + record.topic
            origin = str(Place(record.topic, record.partition, record.offset)).encode()
            headers = [*((name, value) for name, value in record.headers if name != FROM_HEADER), (FROM_HEADER, origin)]
            try:
                if record.partition not in await producer.partitions_for(topic):
                    raise SetupError(f"{topic} has no partition {record.partition} any more")
                done = await producer.send_and_wait(topic, record.value, record.key, record.partition, headers=headers)
            except KafkaError as error:
                raise RetryLater(f"Kafka does not take {origin.decode()}: {error!r}") from error
            return Place(record.topic, done.partition, done.offset)

        yield send
