"""Topic creation and the one clear error when Kafka is not there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from livewarden.contracts import TOPICS
from livewarden.errors import SetupError, Unreachable
from livewarden.settings import Settings
from streams import topics
from streams.topics import ensure_topics
from tests.kafka_fixtures import Broker


def test_the_settings_name_every_topic() -> None:
    topics = Settings(partitions=8, partials_partitions=2, topic_prefix="eu.").topics()
    assert topics.pop("eu.livewarden.partials") == 2
    assert topics.pop("eu.livewarden.response") == 1  # one log, one order
    assert topics.pop("eu.livewarden.canary") == 1
    assert "livewarden.canary" not in Settings(canary_s=0).topics()
    assert topics == {f"eu.{name}": 8 for name in TOPICS}
    settings = Settings(topic_prefix="eu.")
    configs = settings.topic_configs()
    assert configs.keys() == settings.topics().keys()
    assert {each["message.timestamp.type"] for each in configs.values()} == {"LogAppendTime"}
    assert {name for name, each in configs.items() if "retention.ms" in each} == {"eu.livewarden.response"}


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_missing_topics_are_created_once(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    one, two = broker.unique("one"), broker.unique("two")
    assert await ensure_topics(apache_kafka, {one: 3}) == [one]
    assert await ensure_topics(apache_kafka, {one: 3, two: 1}, configs={two: {"retention.ms": "60000"}}) == [two]
    assert await ensure_topics(apache_kafka, {one: 3, two: 1}) == []


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_two_workers_may_create_at_the_same_moment(apache_kafka: str) -> None:
    wanted = {Broker(apache_kafka).unique("topic"): 2 for _ in range(5)}
    await asyncio.gather(*(ensure_topics(apache_kafka, wanted) for _ in range(3)))
    assert await ensure_topics(apache_kafka, wanted) == []


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_a_topic_that_kafka_refuses_is_a_setup_error(apache_kafka: str) -> None:
    name = Broker(apache_kafka).unique("topic")
    with pytest.raises(SetupError, match=name):
        await ensure_topics(apache_kafka, {name: 1}, replication=3)


async def test_another_partition_count_is_named(broker: Broker) -> None:
    name = broker.unique("topic")
    await broker.create_topics({name: 2})
    assert await ensure_topics(broker.bootstrap, {name: 2}) == []
    with pytest.raises(SetupError, match=f"{name} has 2 partitions, expected 3"):
        await ensure_topics(broker.bootstrap, {name: 3})


@pytest.fixture
def closed_port() -> Iterator[str]:
    with socket.socket() as bound:  # bound and not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def silent_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.kafka
@pytest.mark.parametrize("port", ["closed_port", "silent_port"])
async def test_no_broker_is_one_clear_line(
    port: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "ANSWER_WITHIN_S", 0.5)
    address = request.getfixturevalue(port)
    with pytest.raises(Unreachable) as caught:
        await ensure_topics(address, {"live.traffic": 1})
    assert str(caught.value) == f"Kafka at {address} does not answer: start it, or set LIVEWARDEN_KAFKA"
