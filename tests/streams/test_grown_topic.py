"""A topic that gets more partitions while a worker runs."""

from __future__ import annotations

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from sinks.store.memory import MemoryStore
from streams.telemetry import REGISTRY
from tests.kafka_fixtures import Broker
from tests.live import deployed, plan, until, working


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
    assert unexpected(other) == 0
    (notified,) = [text for text in caplog.messages if "this worker was set up for" in text]
    assert notified.startswith(f"{grown} has 2 partitions, this worker was set up for 1")
