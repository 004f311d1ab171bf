"""From the log of responses to a receiver, through a worker process that dies, and a receiver that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from cli.local_response import LocalRecord
from livewarden.settings import RESPONSE, Settings
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from models.response.policy_file import parse_policy
from models.response.response_event import ResponseEvent, alert_updated
from sinks.store.connection import Address
from sinks.store.memory import MemoryStore
from sinks.store.reader import Reader
from streams.actions import sending
from streams.stages import Respond, encode_message
from tests.http_receiver import Receiver, receiver
from tests.kafka_fixtures import Broker
from tests.live import Process, deployed, monitors_text, processes, until
from tests.response_fixtures import Desk, alert

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(240)]

POLICY = """
group_wait = "{wait}"
tick = "1s"
stale_after = "36500d"

[[channel]]
name = "hook"
url_from = "TEST_RECEIVER"

[[route]]
name = "all"
to = ["hook"]
"""


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(
        clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database
    ) as reader:
        yield reader


@pytest.fixture
async def hook(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    async with receiver() as end:
        monkeypatch.setenv("TEST_RECEIVER", f"json://127.0.0.1:{end.port}")
        yield end


async def responding(broker: Broker, folder: Path, wait: str) -> Settings:
    file = folder / "response.toml"
    file.write_text(POLICY.format(wait=wait))
    return await deployed(broker, response=file)


async def say(settings: Settings, news: Sequence[ResponseEvent]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all")
    await producer.start()
    try:
        for each in news:
            key, value = encode_message(each)
            await producer.send_and_wait(settings.topic_prefix + RESPONSE, value, key)
    finally:
        await producer.stop()


async def assert_replays(settings: Settings, reader: Reader) -> None:
    """The log alone, read from its beginning, says what is in the tables."""
    log: list[LocalRecord] = []
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka, group_id=None, enable_auto_commit=False) as consumer:
        place = TopicPartition(settings.topic_prefix + RESPONSE, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        while await consumer.position(place) < end:
            for record in (await consumer.getmany(place, timeout_ms=1_000)).get(place, ()):
                log.append(
                    LocalRecord(record.offset, record.key, record.value, record.timestamp, record.timestamp_type)
                )
    assert settings.response is not None
    plan = Plan(parse_monitors(monitors_text(), "monitors"))
    stage, store = Respond(plan, parse_policy(settings.response.read_text()), RESPONSE, 0), MemoryStore()
    stage.process(log)
    for table, rows in stage.output.rows.items():
        await store.write(table, rows)
        assert await reader.rows(table) == [dict(row) for row in store.rows(table)], table
    assert {"incidents", "dispositions", "notifications", "actions"} <= stage.output.rows.keys()


def stored(reader: Reader, table: str, **where: Any) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        rows = await reader.rows(table)
        return any(all(row[name] == value for name, value in where.items()) for row in rows)

    return there


async def _answers(process: Process) -> bool:
    return await process.owns("respond") == 1


async def test_a_worker_killed_between_alert_and_notification(
    broker: Broker, clickhouse: Address, reader: Reader, hook: Receiver, tmp_path: Path
) -> None:
    settings = await responding(broker, tmp_path, "3s")
    async with processes(settings, clickhouse, tmp_path) as (first,):
        await until(lambda: _answers(first), first)
        await say(settings, [alert_updated(alert())])
        await until(stored(reader, "incidents"), first)
        await first.kill()
    assert hook.taken == []
    async with processes(settings, clickhouse, tmp_path) as (second,):
        await until(stored(reader, "notifications", state="sent"), second)
        await say(settings, [alert_updated(alert())])  # as a detect stage does that went back to its last saved state
        async with sending(settings, reader) as submit:
            request = Desk().request("acknowledge", incident_id=(await reader.rows("incidents"))[0]["incident_id"])
            assert (await submit(request)).accepted
            assert (await submit(request)).accepted  # sent again: granted once
        assert await second.terminate() == 0, second.said()
    await assert_replays(settings, reader)
    (taken,) = hook.taken
    (row,) = await reader.rows("notifications")
    assert row["notification_id"] in str(taken)
    assert len(await reader.rows("actions")) == 1
    (incident,) = await reader.rows("incidents")
    assert (incident["status"], incident["acknowledged_by"], incident["notified"]) == ("acknowledged", "maria", 1)


async def test_a_receiver_that_is_away_gets_it_once_when_it_is_back(
    broker: Broker, clickhouse: Address, reader: Reader, hook: Receiver, tmp_path: Path
) -> None:
    settings = await responding(broker, tmp_path, "0s")
    await hook.stop_listening()
    async with processes(settings, clickhouse, tmp_path) as (worker,):
        await until(lambda: _answers(worker), worker)
        await say(settings, [alert_updated(alert())])
        await until(stored(reader, "channels", state="down"), worker)
        assert hook.taken == []
        await hook.listen()
        await until(stored(reader, "notifications", state="sent"), worker)
        await until(stored(reader, "channels", state="up"), worker)
        assert await worker.terminate() == 0, worker.said()
    assert len(hook.taken) == 1
