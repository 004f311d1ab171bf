"""Brokers for tests: the embedded one and Apache Kafka, with the same face."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import pytest

from streams.embedded_kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.apache_kafka import ApacheKafka, has_java_and_maven


@dataclass(frozen=True)
class Broker:
    """A running broker. `embedded` is None for Apache Kafka."""

    bootstrap: str
    embedded: EmbeddedKafka | None = None

    def unique(self, word: str) -> str:
        """A topic or group name that no other test uses."""
        return f"{word}-{uuid.uuid4().hex[:12]}"

    async def create_topics(
        self, topics: Mapping[str, int], configs: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        if self.embedded is None:
            await ensure_topics(self.bootstrap, topics, configs=configs)
        else:
            for name, partitions in topics.items():
                self.embedded.create_topic(name, partitions)


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[str]:
    """Address of an Apache Kafka: the one in LIVEWARDEN_TEST_KAFKA, or one started here."""
    given = os.environ.get("LIVEWARDEN_TEST_KAFKA")
    if given:
        yield given
        return
    if not has_java_and_maven():
        unavailable("Apache Kafka needs java and mvn, or LIVEWARDEN_TEST_KAFKA=host:port")
    with ApacheKafka() as kafka:
        yield kafka.bootstrap


@pytest.fixture
def embedded_broker() -> Iterator[Broker]:
    with EmbeddedKafka() as kafka:
        yield Broker(kafka.bootstrap, kafka)


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.kafka),
        pytest.param("apache", marks=[pytest.mark.kafka, pytest.mark.real_kafka]),
    ]
)
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each kind of broker in turn."""
    if request.param == "apache":
        return Broker(request.getfixturevalue("apache_kafka"))
    embedded: Broker = request.getfixturevalue("embedded_broker")
    return embedded


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where `LIVEWARDEN_REQUIRE_SERVICES` is 1."""
    if os.environ.get("LIVEWARDEN_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
