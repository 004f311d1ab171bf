"""The in-process broker: topics, going down and up, closing."""

from __future__ import annotations

import importlib.util

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from livewarden.errors import SetupError
from streams.embedded_kafka import EmbeddedKafka

pytestmark = pytest.mark.kafka


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await consumer.getone()).value for _ in range(count)]


async def test_what_is_written_is_read_also_after_the_broker_was_down() -> None:
    with EmbeddedKafka() as kafka:
        kafka.create_topic("events", 3)
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            assert await producer.partitions_for("events") == {0, 1, 2}
            await producer.send_and_wait("events", b"one", partition=0)
        kafka.down()
        refused = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        with pytest.raises(KafkaConnectionError):
            await refused.start()
        await refused.stop()
        kafka.up()
        assert await read(kafka.bootstrap, "events", 1) == [b"one"]


def test_a_topic_is_created_once() -> None:
    with EmbeddedKafka() as kafka:
        kafka.create_topic("events", 3)
        with pytest.raises(SetupError, match="'events'"):
            kafka.create_topic("events", 4)


def test_closing_twice_is_fine_and_a_closed_broker_says_so() -> None:
    kafka = EmbeddedKafka()
    kafka.close()
    kafka.close()
    with pytest.raises(SetupError, match="closed"):
        kafka.create_topic("events", 1)


def test_two_brokers_are_strangers() -> None:
    with EmbeddedKafka() as one, EmbeddedKafka() as other:
        assert one.bootstrap != other.bootstrap


def test_without_the_wheel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams import embedded_kafka as module

    module._librdkafka.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="pip install"):
        EmbeddedKafka()
