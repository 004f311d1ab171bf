"""The feeder: sends a recording to Kafka, no faster than it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from livewarden.event import Event
from livewarden.settings import PARTIALS, RESPONSE
from sources.codec import encode
from sources.delivery import deliver
from streams.kafka_access import Access, start

CHUNK = 2_000
"""Events sent before the lag is looked at again, at most."""
CHUNK_BYTES = 1_000_000
"""The same in bytes, one event more or less."""
MOST_UNREAD_BYTES = 2_000_000
"""Bytes a source partition may hold unread; the embedded broker drops silently beyond 5 MiB."""
MOST_UNREAD_PARTIALS = 4_000
"""Records the partials topic may hold unread on a partition."""
LOOK_EVERY_S = 0.05

Encoded = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""Key, value and headers of a record."""


class Feeder:
    """Sends events to their topics and partitions, and waits while the consumer group is too far behind.

    Every event goes to the partition that `deliver` gives it, in order; so a replay of the same recording sees the
    same.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        admin: AIOKafkaAdminClient,
        ends: AIOKafkaConsumer,
        group: str,
        prefix: str = "",
    ) -> None:
        self._producer = producer
        self._admin = admin
        self._ends = ends
        self._group = group
        self._prefix = prefix
        self._sent: dict[TopicPartition, list[tuple[int, int]]] = {}
        self.sent = 0
        self._goal: dict[TopicPartition, int] | None = None

    async def send(self, events: Iterable[Event], partitions: Mapping[str, int]) -> AsyncIterator[int]:
        """Send all events; yields how many are sent so far after each chunk."""
        for chunk in _chunks(deliver(events, partitions)):
            futures = []
            for event, (key, value, headers) in chunk:
                futures.append(
                    (
                        await self._producer.send(
                            self._prefix + event.topic, value, key, event.partition, timestamp_ms=None, headers=headers
                        ),
                        len(value) + 200,
                    )
                )
            for future, size in futures:
                done = await future
                self._sent.setdefault(TopicPartition(done.topic, done.partition), []).append((done.offset, size))
            self.sent += len(chunk)
            while await self._behind():  # noqa: ASYNC110
                # The broker is asked; nothing in this process could tell.
                await asyncio.sleep(LOOK_EVERY_S)
            yield self.sent

    async def drained(self) -> bool:
        """Whether the group has committed everything that was sent, and everything the stages said to each other of it.

        The clock goes on writing into the log of responses, so of that the end counts that it had when the rest was
        done.
        """
        committed = await self._committed()
        if any(committed.get(place, 0) <= sizes[-1][0] for place, sizes in self._sent.items() if sizes):
            return False
        ends = await self._ends_of(PARTIALS)
        if any(committed.get(place, 0) < end for place, end in ends.items()):
            return False
        if self._goal is None:
            self._goal = await self._ends_of(RESPONSE)
        return all(committed.get(place, 0) >= end for place, end in self._goal.items())

    async def _behind(self) -> bool:
        committed = await self._committed()
        for place, sizes in self._sent.items():
            done = committed.get(place, 0)
            self._sent[place] = sizes = [entry for entry in sizes if entry[0] >= done] or sizes[-1:]
            if sum(size for offset, size in sizes if offset >= done) > MOST_UNREAD_BYTES:
                return True
        self._goal = None
        ends = await self._ends_of(PARTIALS) | await self._ends_of(RESPONSE)
        return any(end - committed.get(place, 0) > MOST_UNREAD_PARTIALS for place, end in ends.items())

    async def _committed(self) -> dict[TopicPartition, int]:
        places = [*self._sent, *self._places(PARTIALS), *self._places(RESPONSE)]
        while True:
            try:
                offsets = await self._admin.list_consumer_group_offsets(self._group, partitions=places)
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(LOOK_EVERY_S)  # a broker that has just started has no coordinator yet
            else:
                return {place: max(0, found.offset) for place, found in offsets.items()}

    async def _ends_of(self, topic: str) -> dict[TopicPartition, int]:
        places = self._places(topic)
        ends: dict[TopicPartition, int] = await self._ends.end_offsets(places) if places else {}
        return ends

    def _places(self, topic: str) -> list[TopicPartition]:
        partitions = self._ends.partitions_for_topic(self._prefix + topic) or set()
        return [TopicPartition(self._prefix + topic, partition) for partition in sorted(partitions)]


def _chunks(events: Iterable[Event]) -> Iterator[list[tuple[Event, Encoded]]]:
    chunk: list[tuple[Event, Encoded]] = []
    size = 0
    for event in events:
        encoded = encode(event)
        chunk.append((event, encoded))
        size += len(encoded[1])
        if len(chunk) == CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


@asynccontextmanager
async def feeder(access: Access, group: str, prefix: str = "") -> AsyncIterator[Feeder]:
    """A feeder that is connected; `group` is the consumer group whose lag it watches, `prefix` that of the topics."""
    producer = AIOKafkaProducer(**access.client(), enable_idempotence=True, acks="all", linger_ms=5)
    admin = AIOKafkaAdminClient(**access.client())
    ends = AIOKafkaConsumer(
        prefix + PARTIALS, prefix + RESPONSE, **access.client(), group_id=None, enable_auto_commit=False
    )
    started = []
    try:
        for client, stop in ((producer, producer.stop), (admin, admin.close), (ends, ends.stop)):
            started.append(stop)
            await start(client, access)
        yield Feeder(producer, admin, ends, group, prefix)
    finally:
        for stop in reversed(started):
            await stop()
