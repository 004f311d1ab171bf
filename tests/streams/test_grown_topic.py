"""A topic that gets more partitions while a worker runs."""

from __future__ import annotations

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from livewarden.errors import SetupError
from sinks.store.memory import MemoryStore
from streams.feed import feeder
from streams.kafka_access import access_of
from streams.telemetry import REGISTRY
from streams.topics import adopt_partitions, ensure_topics
from tests.kafka_fixtures import Broker
from tests.live import deployed, evening, feed, plan, settled, until, working


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_a_topic_that_grows_is_told_at_once(apache_kafka: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=1)
    grown, other = (settings.topic_prefix + name for name in ("live.enforcement", "live.rooms"))

    def unexpected(topic: str) -> float | None:
        return REGISTRY.get_sample_value("livewarden_partitions_unexpected", {"topic": topic})

    async with working(settings, plan(), MemoryStore()) as worker:
        await until(lambda: unexpected(grown) == 0, worker)
        admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka)
        await admin.start()
        await admin.create_partitions({grown: NewPartitions(2)})
        await admin.close()
        await until(lambda: unexpected(grown) == 1, worker)
        await until(lambda: "the workers were set up for" in caplog.text, worker)
    assert unexpected(other) == 0
    (notified,) = [text for text in caplog.messages if "the workers were set up for" in text]
    assert f"{grown} has 2 partitions, the workers were set up for 1" in notified


@pytest.mark.kafka
@pytest.mark.real_kafka
@pytest.mark.timeout(180)
async def test_a_topic_that_has_grown_is_adopted_and_nothing_of_it_is_lost(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=1, partials_partitions=1)
    store = MemoryStore()
    events = [event for event in evening() if event.topic == "live.enforcement"]
    grown = settings.topic_prefix + "live.enforcement"
    async with working(settings, plan(), store) as worker:
        await feed(settings, events[:200], worker)
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka)
    await admin.start()
    await admin.create_partitions({grown: NewPartitions(2)})
    await admin.close()
    wide = settings.model_copy(update={"partitions": 2})
    async with feeder(access_of(wide), wide.group, wide.topic_prefix) as feed_both:
        async for _ in feed_both.send(events[200:300], {"live.enforcement": 2}):
            pass
    adopted = await adopt_partitions(access_of(settings), settings)
    assert adopted.partitions == 2
    assert grown not in adopted.grown
    assert set(adopted.grown) == {f"{settings.topic_prefix}{topic}" for topic in settings.partitions_by_topic()} - {
        grown
    }
    before = {row["event_id"] for row in store.rows("events")}
    judged = {row["window_start"] for row in store.rows("judgements")}
    async with working(wide, plan(), store) as worker:
        await feed(wide, events[300:], worker)
        await until(lambda: settled(wide), worker)
    rows = store.rows("events")
    assert {row["partition"] for row in rows} == {0, 1}
    assert {row["event_id"] for row in rows} >= {event.id for event in events} | before
    assert max(row["window_start"] for row in store.rows("judgements")) > max(judged)  # and judging goes on
    with pytest.raises(SetupError, match="expected 1"):
        await ensure_topics(apache_kafka, settings.topics())


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_the_topic_between_the_stages_is_not_adopted(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=1, partials_partitions=2)
    fewer = settings.model_copy(update={"partials_partitions": 1})
    with pytest.raises(
        SetupError, match=r"livewarden\.partials has 2 partitions, expected 1: it is between the workers"
    ):
        await adopt_partitions(access_of(fewer), fewer)
