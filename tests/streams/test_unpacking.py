"""Batches as producers send them: every codec, transactions that were taken back, and what nobody can unpack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.event import Event
from sinks.store.memory import MemoryStore
from sources.codec import encode
from streams import codecs
from streams.stages.marker import Unreadable
from streams.unpacking import Batches, Records, install
from tests.kafka_fixtures import Broker
from tests.live import deployed, evening, plan, until, working

CODECS: Final = (None, "gzip", "snappy", "lz4", "zstd")
PLACE: Final = TopicPartition("live.rooms", 0)


def batch(first: int, values: Sequence[bytes], codec: int = 0) -> bytes:
    """A batch as it lies in the log; `codec` is Kafka's number of it, 0 for none."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 21)
    for n, value in enumerate(values):
        assert builder.append(n, 1_700_000_000_000, None, value, [])
    data = bytearray(builder.build())
    data[:8] = first.to_bytes(8, "big")
    return bytes(data)


def bad_codec(data: bytearray) -> None:
    data[22] |= 7
    checked(data)


def bad_checksum(data: bytearray) -> None:
    data[-1] ^= 1


def cut_record(data: bytearray) -> None:
    data[61] = 0x7E  # the first record says that it is longer than the batch
    checked(data)


def no_gzip(data: bytearray) -> None:
    data[22] |= 1
    checked(data)


def checked(data: bytearray) -> None:
    from aiokafka.record._crc32c import crc

    data[17:21] = crc(bytes(data[21:])).to_bytes(4, "big")


def read(data: bytes, offset: int = 5) -> list[Any]:
    found = Records(PLACE, Batches(data), None, offset, None, None, True, 1)
    return list(found)


@pytest.mark.parametrize("spoil", [bad_codec, bad_checksum, cut_record, no_gzip])
def test_a_batch_that_cannot_be_unpacked_becomes_its_offsets(spoil: Callable[[bytearray], None]) -> None:
    broken = bytearray(batch(7, [b"c", b"d", b"e"]))
    spoil(broken)
    found = read(batch(5, [b"a", b"b"]) + bytes(broken) + batch(10, [b"f"]))
    assert [record.offset for record in found] == [5, 6, 7, 8, 9, 10]
    unreadable = [record for record in found if isinstance(record, Unreadable)]
    assert [record.offset for record in unreadable] == [7, 8, 9]
    assert [record.value for record in unreadable] == [bytes(broken), None, None]
    assert all("offsets 7–9 cannot be unpacked" in record.detail for record in unreadable)


@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_a_batch_that_unpacks_to_more_than_the_bound_becomes_its_offsets(
    codec: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "MOST_UNPACKED", 1 << 20)
    install()
    bomb = batch(7, [bytes(1 << 20)], codec)
    assert len(bomb) < 100_000
    found = read(batch(5, [b"a", b"b"], codec) + bomb + batch(8, [bytes(900_000)], codec))
    assert [record.offset for record in found] == [5, 6, 7, 8]
    assert [type(record) is Unreadable for record in found] == [False, False, True, False]
    assert "more than 1048576 bytes when unpacked" in found[2].detail
    assert found[2].value == bomb
    assert found[3].value == bytes(900_000)


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_bounded_codecs_give_what_the_clients_give(values: list[bytes], codec: int) -> None:
    install()
    assert [record.value for record in read(batch(5, values, codec))] == values


def test_a_batch_that_lies_about_its_length_is_passed_offset_by_offset() -> None:
    data = bytearray(batch(5, [b"a", b"b", b"c"]))
    data[23:27] = (2**30).to_bytes(4, "big")
    for offset in (5, 6):
        records = Records(PLACE, Batches(bytes(data)), None, offset, None, None, True, 1)
        assert [record.offset for record in records] == [offset]
        assert records.next_fetch_offset == offset + 1


def test_whole_batches_read_as_the_client_reads_them() -> None:
    data = batch(5, [b"a", b"b"]) + batch(9, [b"c"])  # compaction took 7 and 8
    assert [(record.offset, record.value) for record in read(data)] == [(5, b"a"), (6, b"b"), (9, b"c")]
    assert [record.offset for record in read(data, 6)] == [6, 9]
    assert MemoryRecords(data).size_in_bytes() == Batches(data).size_in_bytes()


def some(count: int) -> list[Event]:
    return [event for event in evening() if event.topic == "live.enforcement"][:count]


async def send(producer: AIOKafkaProducer, topic: str, events: Sequence[Event]) -> None:
    for event in events:
        key, value, headers = encode(event)
        await producer.send_and_wait(topic, value, key, partition=0, headers=headers)


@pytest.mark.kafka
async def test_every_codec_of_kafka_is_read(broker: Broker) -> None:
    settings = await deployed(broker, partitions=1, partials_partitions=1)
    store, events = MemoryStore(), some(5 * len(CODECS))
    topic = settings.topic_prefix + "live.enforcement"
    async with working(settings, plan(), store) as worker:
        for n, codec in enumerate(CODECS):
            async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, compression_type=codec) as producer:
                await send(producer, topic, events[5 * n : 5 * n + 5])
        await until(lambda: len(store.rows("events")) == len(events), worker)
    assert not store.rows("dead_letters")


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_what_a_producer_took_back_is_no_event(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    settings = await deployed(broker, partitions=1, partials_partitions=1)
    store, events = MemoryStore(), some(9)
    topic = settings.topic_prefix + "live.enforcement"
    async with (
        working(settings, plan(), store) as worker,
        AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=broker.unique("tx")) as producer,
    ):
        async with producer.transaction():
            await send(producer, topic, events[:3])
        await producer.begin_transaction()
        await send(producer, topic, events[3:6])
        await producer.abort_transaction()
        async with producer.transaction():
            await send(producer, topic, events[6:])
        await until(lambda: len(store.rows("events")) >= 6, worker)
    assert {row["event_id"] for row in store.rows("events")} == {event.id for event in (*events[:3], *events[6:])}
