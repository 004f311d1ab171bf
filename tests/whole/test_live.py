"""The live path: what Kafka, the worker and ClickHouse make of a stream is what a replay of it says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from livewarden.event import Event
from livewarden.settings import Settings
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.memory import MemoryStore
from sinks.store.reader import Reader
from sinks.store.tables import TABLES, Row
from tests.kafka_fixtures import Broker
from tests.live import (
    Process,
    assert_commits_follow_saves,
    assert_equal,
    committed,
    delivered,
    deployed,
    disturbed,
    ends,
    evening,
    feed,
    feeding,
    memory_rows,
    outcome,
    plan,
    processes,
    replayed,
    saved,
    stream,
    until,
    working,
)

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(240)]

STOPS_WITHIN_S = 5.0


@pytest.fixture
async def store(clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
    store = await ClickHouseStore.connect(clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database)
    yield store
    await store.close()


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(
        clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database
    ) as reader:
        yield reader


async def tables(reader: Reader) -> dict[str, list[Row]]:
    return {name: [*await reader.rows(name)] for name in TABLES}


async def assert_every_event_once(reader: Reader, sent: list[Event]) -> None:
    """Each topic's and partition's rows are contiguous, complete, and there once; so are the alerts and candidates."""
    _, rows = await reader.query(
        "SELECT topic, partition, toInt64(min(offset)), toInt64(max(offset)), toInt64(count()),"
        " toInt64(uniqExact(offset))"
        " FROM events FINAL GROUP BY topic, partition"
    )
    counts = Counter((event.topic, event.partition) for event in sent)
    found = {(topic, partition): tuple(map(int, numbers)) for topic, partition, *numbers in rows}
    assert found == {place: (0, count - 1, count, count) for place, count in counts.items()}
    for table, key in (("alerts", "alert_id"), ("case_candidates", "case_id")):
        _, ((ids, rows_found),) = await reader.query(f"SELECT uniqExact({key}), count() FROM {table} FINAL")
        assert int(ids) == int(rows_found) > 0


async def test_live_says_what_a_replay_says(broker: Broker, store: ClickHouseStore, reader: Reader) -> None:
    settings = await deployed(broker)
    sent = delivered(settings, stream())
    async with working(settings, plan(), store) as worker:
        await feed(settings, stream(), worker)
        assert await worker.stop() == 0
    rows = await tables(reader)
    live, replay = outcome(rows), replayed(plan(), settings, sent)
    assert_equal(live, replay)
    assert min(replay.dispositions[disposition] for disposition in ("counted", "late", "duplicate")) > 100
    assert len(replay.alerts) > 30
    assert any(alert["explanation"] for alert in replay.alerts.values())
    assert len(replay.cases) > 10
    assert rows["dead_letters"] == []
    await assert_every_event_once(reader, sent)
    assert await sum_of_measures(settings, store, rows) == weight_of_measures(rows)
    await assert_commits_follow_saves(settings, store)


def weight_of_measures(rows: dict[str, list[Row]]) -> int:
    return sum(
        int(row["weight"])
        for row in rows["events"]
        if row["topic"] == "live.enforcement" and row["type"] == "enforcement.action"
        if not row["late"] and not row["duplicate"]
    )


async def sum_of_measures(settings: Settings, store: ClickHouseStore, rows: dict[str, list[Row]]) -> int:
    """What the monitor that counts every measure has summed, and what still lies in its open buckets."""
    notified = sum(int(row["value"]) for row in rows["partials"] if row["monitor"] == "every-measure")
    waiting = 0
    for (topic, _), checkpoint in (await saved(settings, store)).items():
        if topic == "live.enforcement" and checkpoint is not None:
            for name, _, cells in orjson.loads(checkpoint.header)["state"]["aggregator"]["open"]:
                waiting += sum(value for _, value, *_ in cells) if name == "every-measure" else 0
    return notified + waiting


async def test_told_to_stop_it_saves_everything_and_goes_on_from_there(
    broker: Broker, clickhouse: Address, store: ClickHouseStore, reader: Reader, tmp_path: Path
) -> None:
    """With checkpoints so rare that only the stop itself saves."""
    settings = await deployed(broker, ingest_checkpoint_s=600.0, detect_checkpoint_s=600.0, flush_s=60.0)
    events = evening(1)
    half = len(events) // 2
    async with processes(settings, clickhouse, tmp_path) as (first,), feeding(settings) as feeder:
        await until(lambda: _owns_all(settings, first), first)
        async for _ in feeder.send(events[:half], settings.partitions_by_topic()):
            pass
        await until(lambda: _has_taken(first, feeder.sent), first)
        assert await first.terminate(STOPS_WITHIN_S) == 0, first.said()
    assert "Traceback" not in first.said()
    positions, log = await committed(settings), await ends(settings)
    source = {place: end for place, end in log.items() if place[0] in settings.partitions_by_topic()}
    assert {place: positions[place] for place in source} == source  # nothing will be read again
    counted = await reader.counts()
    assert counted["events"] == sum(source.values())

    settings = settings.model_copy(update={"ingest_checkpoint_s": 0.4, "detect_checkpoint_s": 0.6, "flush_s": 0.1})
    async with processes(settings, clickhouse, tmp_path) as (second,):
        await feed(settings, events[half:], second)
        taken = await second.metric("livewarden_records_total", "ingest")
        assert await second.terminate(STOPS_WITHIN_S) == 0, second.said()
    rows = await tables(reader)
    assert taken == len(rows["events"]) - counted["events"]  # it began where the first one stopped
    sent = [*delivered(settings, events[:half]), *delivered(settings, events[half:])]
    assert_equal(outcome(rows), replayed(plan(), settings, sent))
    await assert_commits_follow_saves(settings, store)


async def _owns_all(settings: Settings, process: Process) -> bool:
    return await process.owns() == sum(settings.partitions_by_topic().values())


async def _has_taken(process: Process, records: int) -> bool:
    return await process.metric("livewarden_records_total", "ingest") >= records


async def test_one_worker_killed_twice_loses_and_repeats_nothing(
    embedded_broker: Broker, clickhouse: Address, store: ClickHouseStore, reader: Reader, tmp_path: Path
) -> None:
    settings = await deployed(embedded_broker)
    events = disturbed(evening(2))
    sent = delivered(settings, events)
    async with feeding(settings) as feeder:
        sending = aiter(feeder.send(events, settings.partitions_by_topic()))
        for share in (1 / 3, 2 / 3):
            async with processes(settings, clickhouse, tmp_path) as (process,):
                while await anext(sending) < len(sent) * share:
                    assert process.code is None, process.said()
                already = await process.metric("livewarden_records_total")
                await until(lambda p=process, n=already: _has_taken(p, int(n) + 1), process)  # type: ignore[misc]
                await process.kill()
            await assert_commits_follow_saves(settings, store)
        async with processes(settings, clickhouse, tmp_path) as (last,):
            async for _ in sending:
                pass
            await until(feeder.drained, last)
            assert await last.terminate(STOPS_WITHIN_S) == 0, last.said()
    await assert_every_event_once(reader, sent)
    assert_equal(outcome(await tables(reader)), replayed(plan(), settings, sent))


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_two_workers_share_the_partitions_and_one_dies(
    apache_kafka: str, clickhouse: Address, store: ClickHouseStore, reader: Reader, tmp_path: Path
) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=4, partials_partitions=4)
    sent = delivered(settings, stream())
    async with processes(settings, clickhouse, tmp_path, count=2) as workers, feeding(settings) as feeder:
        doomed, survivor = workers
        await until(lambda: _share(settings, workers), *workers)
        sending = aiter(feeder.send(stream(), settings.partitions_by_topic()))
        while await anext(sending) < len(sent) // 3:
            pass
        assert await doomed.metric("livewarden_records_total", "ingest") > 0
        await doomed.kill()
        await assert_commits_follow_saves(settings, store)
        async for _ in sending:
            pass
        await until(feeder.drained, survivor)
        assert await _owns_all(settings, survivor)
        assert await survivor.terminate(STOPS_WITHIN_S) == 0, survivor.said()
    await assert_every_event_once(reader, sent)
    assert_equal(outcome(await tables(reader)), replayed(plan(), settings, sent))
    await assert_commits_follow_saves(settings, store)


async def _share(settings: Settings, workers: list[Process]) -> bool:
    owned = [await worker.owns() for worker in workers]
    judging = [await worker.owns("detect") for worker in workers]
    return (
        sum(owned) == sum(settings.partitions_by_topic().values())
        and sum(judging) == settings.partials_partitions
        and min(*owned, *judging) > 0
    )


@pytest.mark.kafka
async def test_partition_counts_and_order_of_topics_change_nothing(embedded_broker: Broker) -> None:
    """One partition or five, fed in one go or topic by topic: the same alerts as a replay of the same."""
    events = disturbed(evening(1))
    for partitions, by_topic in ((1, False), (5, True)):
        settings = await deployed(embedded_broker, partitions=partitions, partials_partitions=3)
        ordered = sorted(events, key=lambda event: event.topic) if by_topic else events
        store = MemoryStore()
        async with working(settings, plan(), store) as worker:
            await feed(settings, ordered, worker)
        assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, delivered(settings, events)))


async def test_nothing_in_nothing_out(embedded_broker: Broker) -> None:
    settings = await deployed(embedded_broker)
    store = MemoryStore()
    async with working(settings, plan(), store) as worker:
        async with feeding(settings) as feeder:
            await until(feeder.drained, worker)
        await asyncio.sleep(0)
        assert await worker.stop(STOPS_WITHIN_S) == 0
    assert not any(memory_rows(store).values())
