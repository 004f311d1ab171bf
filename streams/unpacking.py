"""What a batch of the log holds; and where the client cannot unpack one, a record for each of its offsets that says so.

aiokafka raises where it does not know a codec, where a checksum is wrong or a record is cut short, and would raise at
that place for ever: one broken batch of one producer would silence every topic of the worker. Here the offsets of such
a batch become records of their own kind, which the stages set aside as dead letters, and the next batch is read.

Replaces two names inside aiokafka 0.14.0, which is pinned exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import aiokafka.consumer.fetcher as client
import msgspec
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.codecs import bound
from streams.stages.marker import Unreadable

READ_COMMITTED_ONLY = "read_committed"
"""What a producer took back in a transaction is none of the platform's events."""
_HEAD = 61
"""Bytes of a batch before its records, as the second version of Kafka's format has them."""
MOST_OFFSETS = 200_000
"""Of one batch; a broken head that says more is not believed."""


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """A record as the client's own ConsumerRecord has it, made in a fifth of the time."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    headers: Sequence[tuple[str, bytes]]


class Batches:
    """The batches of one fetch of a partition, one at a time, and the bytes of the one that was given last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._inner = MemoryRecords(data)
        self._from = self._until = 0

    def size_in_bytes(self) -> int:
        """Of all of them."""
        return int(self._inner.size_in_bytes())

    def has_next(self) -> bool:
        """Whether there is another whole batch."""
        return bool(self._inner.has_next())

    def next_batch(self) -> Any:
        """The next one; what is in it is not unpacked yet."""
        self._from = self._until
        self._until += 12 + int.from_bytes(self._data[self._from + 8 : self._from + 12], "big")
        return self._inner.next_batch()

    @property
    def raw(self) -> bytes:
        """The batch that was given last."""
        return bytes(self._data[self._from : self._until])


class Records(PartitionRecords):  # type: ignore[misc]
    """The records of one fetch of a partition, as aiokafka gives them, save that nothing in a batch stops it."""

    def _unpack_records(self) -> Iterator[Any]:
        batches = self._records
        while batches.has_next():
            batch = batches.next_batch()
            if self._control(batch):
                self.next_fetch_offset = batch.next_offset
                continue
            try:
                self._check(batch)
                for record in batch:
                    offset = record.offset
                    if offset < self.next_fetch_offset:
                        continue
                    found = self._consumer_record(self._tp, record)
                    self.next_fetch_offset = offset + 1
                    yield found
            except (GeneratorExit, KeyboardInterrupt):
                raise
            except Exception as error:  # noqa: BLE001 - whatever the client, a codec or a decoder raises of these bytes
                yield from self._unreadable(batches.raw, error)
                continue
            self.next_fetch_offset = batch.next_offset

    def __iter__(self) -> Iterator[Any]:
        """The generator itself, so that who reads all of it pays no call of Python for each record."""
        return iter(self._records_iterator or ())

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        if self._key_deserializer or self._value_deserializer:
            return super()._consumer_record(tp, record)
        key, value = record.key, record.value
        return Fetched(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            key,
            value,
            record.checksum,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            record.headers,
        )

    def _control(self, batch: Any) -> bool:
        """Whether a batch holds no events: a marker of a transaction, or what a transaction took back."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return bool(batch.is_control_batch)

    def _check(self, batch: Any) -> None:
        if self._check_crcs and not batch.validate_crc():
            raise ValueError("the checksum of the batch is wrong")

    def _unreadable(self, raw: bytes, error: Exception) -> Iterator[Unreadable]:
        first, last = offsets_of(raw)
        first = max(first, self.next_fetch_offset)
        last = max(
            last, first
        )  # a batch that lies about its length is passed offset by offset, and never skips another
        problem = f"offsets {first}–{last} cannot be unpacked: {type(error).__name__}: {error}"
        at_ms = int.from_bytes(raw[35:43], "big", signed=True)
        for offset in range(first, last + 1):
            value = raw if offset == first else None
            self.next_fetch_offset = offset + 1
            place = (self._tp.topic, self._tp.partition, offset, at_ms, 0, None, value)
            yield Unreadable(*place, None, -1, len(raw) if value else -1, (), problem)


def offsets_of(raw: bytes) -> tuple[int, int]:
    """First and last offset of a batch, from its head alone.

    >>> offsets_of((7).to_bytes(8, "big") + bytes(15) + (2).to_bytes(4, "big") + bytes(34))
    (7, 9)
    """
    first = int.from_bytes(raw[:8], "big")
    more = int.from_bytes(raw[23:27], "big", signed=True) if len(raw) >= _HEAD else 0
    return first, first + (more if 0 <= more <= MOST_OFFSETS else 0)


def install() -> None:
    """Let every consumer of this process unpack with `Records`, and no more than a bound. Idempotent."""
    bound()
    client.PartitionRecords = Records
    client.MemoryRecords = Batches
