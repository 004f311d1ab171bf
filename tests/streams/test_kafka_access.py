"""TLS, SASL and access lists on Apache Kafka: who is let in, and what is said to whom is not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr

from livewarden.errors import SetupError
from livewarden.settings import PARTIALS, Settings
from sinks.store.memory import MemoryStore
from streams.kafka_access import access_of
from streams.topics import ensure_topics
from tests.apache_kafka import PASSWORD, USER, ApacheKafka, has_java_and_maven
from tests.kafka_fixtures import Broker, unavailable
from tests.live import assert_commits_follow_saves, deployed, evening, feed, plan, working

pytestmark = [pytest.mark.kafka, pytest.mark.real_kafka, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def kafka() -> Iterator[ApacheKafka]:
    if not has_java_and_maven():
        unavailable("Apache Kafka needs java and mvn")
    with ApacheKafka(secured=True) as kafka:
        yield kafka


def login(kafka: ApacheKafka, **fields: Any) -> dict[str, Any]:
    user = {"kafka_user": USER, "kafka_password": SecretStr(PASSWORD)}
    return {"kafka": kafka.login, "kafka_security": "SASL_PLAINTEXT", **user, **fields}


def both(kafka: ApacheKafka, **fields: Any) -> dict[str, Any]:
    return login(kafka) | {"kafka": kafka.both, "kafka_security": "SASL_SSL", "kafka_ca_file": kafka.cert} | fields


def tls(kafka: ApacheKafka, **fields: Any) -> dict[str, Any]:
    ours = {"kafka_ca_file": kafka.cert, "kafka_cert_file": kafka.cert, "kafka_key_file": kafka.key}
    return {"kafka": kafka.tls, "kafka_security": "SSL"} | ours | fields


def command(*arguments: str, **fields: Any) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with these settings and no other."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
    texts = {name: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for name, v in fields.items()}
    environment = plain | {f"LIVEWARDEN_{name.upper()}": text for name, text in texts.items()}
    run = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_each_mechanism_lets_us_in(kafka: ApacheKafka, mechanism: str) -> None:
    topic = Broker(kafka.bootstrap).unique("topic")
    plain = Settings(**login(kafka, kafka_mechanism=mechanism))
    assert await ensure_topics(access_of(plain), {topic: 1}) == [topic]
    assert await ensure_topics(access_of(Settings(**both(kafka, kafka_mechanism=mechanism))), {topic: 1}) == []


@pytest.mark.parametrize("secured", [login, both, tls])
async def test_workers_and_feeders_go_the_whole_way(kafka: ApacheKafka, secured: Any) -> None:
    settings, store = await deployed(Broker(kafka.bootstrap), **secured(kafka)), MemoryStore()
    async with working(settings, plan(), store) as worker:
        await feed(settings, evening(1), worker)
    assert store.rows("events")
    await assert_commits_follow_saves(settings.model_copy(update={"kafka": kafka.bootstrap}), store)


WRONG = "another-secret-nobody-sees"
REFUSED = {
    "password": (login, {"kafka_password": WRONG}, "does not let watchkeeper in", "LIVEWARDEN_KAFKA_PASSWORD"),
    "plain": (login, {"kafka_password": WRONG, "kafka_mechanism": "PLAIN"}, "not let", "LIVEWARDEN_KAFKA_PASSWORD"),
    "user": (login, {"kafka_user": "nobody"}, "does not let nobody in", "LIVEWARDEN_KAFKA_USER"),
    "password with tls": (both, {"kafka_password": WRONG}, "does not let watchkeeper in", "LIVEWARDEN_KAFKA_PASSWORD"),
    "unknown authority": (both, {"kafka_ca_file": "/etc/ssl/certs/ca-certificates.crt"}, "no TLS", "CA_FILE"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_is_not_let_in_reads_one_line_that_names_the_settings(kafka: ApacheKafka, case: str) -> None:
    secured, wrong, said, setting = REFUSED[case]
    done = command("topics", **secured(kafka) | wrong)
    line = done.stderr.strip().splitlines()[-1]
    assert (done.returncode, done.stdout) == (2, "")
    assert said in line
    assert setting in line
    assert "Traceback" not in done.stderr
    assert WRONG not in done.stderr
    assert PASSWORD not in done.stderr


def test_no_login_where_one_is_wanted(kafka: ApacheKafka) -> None:
    done = command("topics", kafka=kafka.login)
    assert done.returncode == 2
    assert "LIVEWARDEN_KAFKA_SECURITY" in done.stderr.strip().splitlines()[-1]


ANY_HOST, ALL, ALLOW, LITERAL = "*", 2, 3, 3
TOPIC, GROUP = 2, 3
"""Kinds of things that an access list is of, in the protocol."""


async def close_to_us(kafka: ApacheKafka, kind: int, name: str) -> None:
    """From now on the topic or group is open to a user that nobody is."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        others = CreateAclsRequest(kind, name, LITERAL, "User:somebody-else", ANY_HOST, ALL, ALLOW)
        answer = await admin._send_request(others)
        assert [code for code, _ in answer.creation_responses] == [0]
    finally:
        await admin.close()


@pytest.mark.parametrize(
    ("kind", "name", "what", "running"),
    [
        (TOPIC, "live.traffic", "the topic", True),
        (TOPIC, PARTIALS, "the topic", True),
        (GROUP, "", "the group", True),
        (GROUP, "", "the group", False),
        (TOPIC, "live.traffic", "the topic", False),
        (TOPIC, PARTIALS, "the topic", False),
    ],
)
async def test_who_is_kept_out_reads_one_line(
    kafka: ApacheKafka, kind: int, name: str, what: str, running: bool
) -> None:
    settings = await deployed(Broker(kafka.bootstrap), **login(kafka))
    name = settings.topic_prefix + name if name else settings.group

    async def until_it_ends() -> None:
        async with working(settings, plan(), MemoryStore()) as worker:
            if running:
                await feed(settings, evening(1), worker)
                await close_to_us(kafka, kind, name)
            await worker.task

    if not running:
        await close_to_us(kafka, kind, name)
    with pytest.raises(SetupError, match=f"^Kafka denies livewarden {what} {name}: [^\n]*$"):
        async with asyncio.timeout(60):
            await until_it_ends()
