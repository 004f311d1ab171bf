"""The feeder: every event where a replay puts it, in order, and never further ahead than the broker can hold."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from livewarden.contracts import RoomLifecycle
from livewarden.event import Event
from livewarden.settings import PARTIALS, Settings
from sources.codec import Record, decode_record, event_of
from streams.embedded_kafka import MAX_PARTITION_BYTES
from streams.feed import CHUNK, MOST_UNREAD_BYTES, Feeder
from tests.core_fixtures import T0
from tests.kafka_fixtures import Broker
from tests.live import committed, delivered, deployed, disturbed, ends, evening, feeding

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

WITHIN_S = 30.0


class Reader:
    """A group that reads nothing by itself and commits what it is notified."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka, group_id=settings.group, enable_auto_commit=False
        )

    async def __aenter__(self) -> Reader:
        await self._consumer.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._consumer.stop()

    async def commit(self, offsets: dict[tuple[str, int], int]) -> None:
        prefix = self._settings.topic_prefix
        places = {TopicPartition(prefix + topic, partition): at for (topic, partition), at in offsets.items() if at}
        self._consumer.assign(list(places))
        await self._consumer.commit(places)


async def log(settings: Settings) -> dict[tuple[str, int], list[Event]]:
    """Everything on the source topics, by topic and partition."""
    found: dict[tuple[str, int], list[Event]] = {}
    source = {place: end for place, end in (await ends(settings)).items() if end and place[0] != PARTIALS}
    topics = {settings.topic_prefix + topic for topic, _ in source}
    first = {"bootstrap_servers": settings.kafka, "group_id": None, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(*topics, **first) as consumer:
        async with asyncio.timeout(WITHIN_S):
            while sum(map(len, found.values())) < sum(source.values()):
                record = await consumer.getone()
                topic = record.topic.removeprefix(settings.topic_prefix)
                plain = Record(topic, record.partition, record.offset, record.key, record.value, record.headers)
                found.setdefault((topic, record.partition), []).append(decode_record(plain))
    return found


@pytest.mark.parametrize("partitions", [1, 3])
async def test_everything_arrives_where_a_replay_has_it_and_in_that_order(broker: Broker, partitions: int) -> None:
    settings = await deployed(broker, partitions=partitions)
    events = disturbed(evening(1))
    counts = []
    async with feeding(settings) as feeder:
        async with asyncio.timeout(WITHIN_S):
            async for sent in feeder.send(events, settings.partitions_by_topic()):
                counts.append(sent)
    expected: dict[tuple[str, int], list[Event]] = {}
    for event in delivered(settings, events):
        expected.setdefault((event.topic, event.partition), []).append(event)
    assert await log(settings) == expected
    total = sum(map(len, expected.values()))
    assert counts == sorted(counts)
    assert counts[-1] == feeder.sent == total
    assert len(counts) >= total / CHUNK


async def test_drained_means_committed_on_both_sides(broker: Broker) -> None:
    """Not until the group has committed every source partition, and all that the stages said to each other."""
    settings = await deployed(broker)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    async with feeding(settings) as feeder, Reader(settings) as group, producer:
        assert await feeder.drained()  # nothing was sent
        async for _ in feeder.send(evening(1), settings.partitions_by_topic()):
            pass
        log_ends = {place: end for place, end in (await ends(settings)).items() if end}
        assert len(log_ends) > 6
        assert not await feeder.drained()
        for place, end in log_ends.items():
            await group.commit(log_ends | {place: end - 1})
            assert not await feeder.drained(), place
        await group.commit(log_ends)
        assert await feeder.drained()
        await producer.send_and_wait(settings.topic_prefix + PARTIALS, b"{}", partition=1)
        assert not await feeder.drained()
        await group.commit({(PARTIALS, 1): 1})
        assert await feeder.drained()


async def test_feeder_waits_for_a_group_that_does_not_read(broker: Broker) -> None:
    """8 MB for one partition: more than the embedded broker keeps before it drops the oldest."""
    settings = await deployed(broker, partitions=1)
    place = "live.rooms", 0
    async with feeding(settings) as feeder, Reader(settings) as group:
        waited = 0
        sending = asyncio.create_task(_all(feeder, settings))
        above = 0
        while not sending.done():
            unread = EVENT_BYTES * ((await ends(settings))[place] - (await committed(settings))[place])
            assert unread < 0.8 * MAX_PARTITION_BYTES
            above = above + 1 if unread >= MOST_UNREAD_BYTES else 0
            if above == 3:
                waited += 1
                await group.commit({place: (await ends(settings))[place]})
            await asyncio.wait({sending}, timeout=0.05)
        await sending
        await group.commit({place: (await ends(settings))[place]})
        assert await feeder.drained()
    assert (await ends(settings))[place] == LARGE + 1
    assert waited > 1


LARGE = 400
EVENT_BYTES = 20_000


async def _all(feeder: Feeder, settings: Settings) -> None:
    room = RoomLifecycle(room_id="r1", state="STARTED", products=[f"{n:0200}" for n in range(100)])
    events = (event_of(room, id=f"e{n}", source="/test", time_ms=T0 + n) for n in range(LARGE))
    async for _ in feeder.send(events, settings.partitions_by_topic()):
        pass
