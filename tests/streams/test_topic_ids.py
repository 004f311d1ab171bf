"""A topic that was made again under its old name, and is longer by now than what was read of the old one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from livewarden.errors import SetupError
from sinks.store.memory import MemoryStore
from streams.topic_ids import topic_ids
from streams.topics import ensure_topics
from tests.kafka_fixtures import Broker
from tests.live import delivered, deployed, evening, feed_only, plan, settled, until, working

pytestmark = [pytest.mark.timeout(120)]


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def made_again(bootstrap: str, topic: str, partitions: int) -> None:
    async with admin(bootstrap) as client:
        await client.delete_topics([topic])
        while topic in await client.list_topics():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await ensure_topics(bootstrap, {topic: partitions})


async def test_a_topic_has_an_id_and_what_is_not_there_has_none(broker: Broker) -> None:
    name = broker.unique("topic")
    await broker.create_topics({name: 1})
    async with admin(broker.bootstrap) as client:
        found = await topic_ids(client._client, [name, broker.unique("missing")])
        again = await topic_ids(client._client, [name])
    assert found == again
    assert set(found) == {name}


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_a_topic_that_was_made_again_while_the_workers_were_stopped_is_noticed(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=1)
    store = MemoryStore()
    events = [event for event in delivered(settings, evening()) if event.topic == "live.enforcement"]
    topic = settings.topic_prefix + "live.enforcement"
    async with working(settings, plan(), store) as worker:
        await feed_only(settings, events[:50])
        await until(lambda: settled(settings), worker)
    before = store.rows("events")
    await made_again(apache_kafka, topic, 1)
    await feed_only(settings, events[50:250])  # longer than the old position
    async with working(settings, plan(), store) as worker:
        with pytest.raises(SetupError, match=f"^{topic} was made again"):
            async with asyncio.timeout(40):
                await worker.task
    assert store.rows("events") == before


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_a_topic_that_is_made_again_under_a_worker_ends_it_with_one_line(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=1)
    topic = settings.topic_prefix + "live.rooms"
    store = MemoryStore()
    async with working(settings, plan(), store) as worker:
        await until(lambda: bool(worker.worker._topics._ids), worker)
        await made_again(apache_kafka, topic, 1)
        with pytest.raises(SetupError, match=f"^{topic} was made again"):
            async with asyncio.timeout(40):
                await worker.task
