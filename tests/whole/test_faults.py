"""What goes wrong around a worker, and what it must cost: bad records, busy and broken neighbours, lost partitions."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from livewarden.clock import ManualClock, SystemClock
from livewarden.contracts import TOPICS, RoomLifecycle, TrafficSample
from livewarden.errors import RetryLater, SetupError
from livewarden.event import Event
from livewarden.settings import Settings
from livewarden.times import DAY_MS, MINUTE_MS, format_ms
from models.monitors.plan import Plan
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address, open_client
from sinks.store.memory import MemoryStore
from sinks.store.reader import Reader
from sources.codec import LIMIT_BYTES, encode, event_of, to_line
from streams.stages import Ingest
from tests.core_fixtures import T0, action, beat, moment, monitor
from tests.kafka_fixtures import Broker
from tests.live import (
    FlakyStore,
    Local,
    assert_commits_follow_saves,
    assert_equal,
    committed,
    delivered,
    deployed,
    disturbed,
    evening,
    feed,
    feeding,
    memory_rows,
    outcome,
    plan,
    processes,
    recorded,
    replayed,
    settled,
    until,
    working,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

BUSY: Final = RetryLater("ClickHouse at http://store is busy")


# --- bad records -----------------------------------------------------------------------------------------------------

Headers = list[tuple[str, bytes | None]]
SAMPLE: Final = {"room_id": "r1", "market": "DE", "window_start": format_ms(T0), "window_s": 10, "ccu": 5}


@dataclass(frozen=True)
class Bad:
    """A record that breaks a rule, and the reason that must stand in the dead letters."""

    name: str
    reason: str
    value: bytes | None
    headers: Headers
    key: bytes | None = b"r1"


def headers(**fields: bytes | None) -> Headers:
    usual: dict[str, bytes | None] = {
        "specversion": b"1.0",
        "id": b"bad",
        "source": b"/test",
        "type": b"eu.liveshop.traffic.sample.v1",
        "time": format_ms(T0).encode(),
    }
    return [(f"ce_{name}", value) for name, value in (usual | fields).items()]


def body(**fields: Any) -> bytes:
    return orjson.dumps(SAMPLE | fields)


def structured(**fields: Any) -> bytes:
    usual = {"specversion": "1.0", "id": "bad", "source": "/test", "type": "eu.liveshop.traffic.sample.v1"}
    return orjson.dumps(usual | {"time": format_ms(T0), "data": SAMPLE} | fields)


BAD: Final = (
    Bad("unknown type", "unknown_type", body(), headers(type=b"eu.liveshop.traffic.smell.v1")),
    Bad("unknown type, structured", "unknown_type", structured(type="com.example"), []),
    Bad("wrong schema version", "wrong_version", body(), headers(type=b"eu.liveshop.traffic.sample.v7")),
    Bad("broken JSON", "broken_json", b'{"room_id": "r1", ', headers()),
    Bad("broken JSON, structured", "broken_json", b'{"specversion": "1.0", ', []),
    Bad("empty value", "broken_json", b"", headers()),
    Bad("not UTF-8", "broken_json", b'{"room_id": "\xff\xfe"}', headers()),
    Bad("half a surrogate pair", "broken_json", body().replace(b'"r1"', b'"\\ud800"'), headers()),
    Bad("nested without end", "broken_json", b"[" * 200_000, headers()),
    Bad("nested without end, structured", "broken_json", b'{"specversion":' * 10_000, []),
    Bad("NaN", "contract", body().replace(b"5}", b"NaN}"), headers()),
    Bad("Infinity, structured", "broken_json", structured().replace(b'"ccu":5', b'"ccu":Infinity'), []),
    Bad("number too large for any float", "contract", body().replace(b"5}", b"1e999}"), headers()),
    Bad("number too large for 64 bits", "contract", body().replace(b"5}", b"9" * 40 + b"}"), headers()),
    Bad("missing field", "contract", orjson.dumps({"room_id": "r1", "market": "DE"}), headers()),
    Bad("negative count", "contract", body(ccu=-1), headers()),
    Bad("text for a number", "contract", body(ccu="5"), headers()),
    Bad("digits for an instant", "contract", body(window_start="1772409600"), headers()),
    Bad("no object", "contract", b"[1, 2]", headers()),
    Bad("null value", "null_value", None, headers()),
    Bad("null value, no headers", "null_value", None, []),
    Bad("oversized", "oversized", body(room_id="r" * LIMIT_BYTES), headers()),
    Bad(
        "wrong topic",
        "wrong_topic",
        encode(event_of(RoomLifecycle(room_id="r1", state="ENDED"), id="x", source="/t", time_ms=T0))[1],
        headers(type=b"eu.liveshop.room.lifecycle.v1"),
    ),
    Bad("header value not UTF-8", "not_cloudevent", body(), headers(id=b"\xff\xfe")),
    Bad("header without a value", "not_cloudevent", body(), headers(type=None)),
    Bad(
        "foreign header without a value",
        "unknown_type",
        body(),
        [*headers(type=b"x"), ("trace", None), ("content-type", None)],
    ),
    Bad("key not UTF-8", "not_cloudevent", b"[]", [], key=b"\xff\xfe"),
    Bad("no envelope", "not_cloudevent", body(), []),
    Bad("another CloudEvents version", "not_cloudevent", body(), headers(specversion=b"0.3")),
    Bad("no time", "bad_time", body(), headers(time=b"")),
    Bad("time without offset", "bad_time", body(), headers(time=b"2026-03-04T18:00:00")),
    Bad("time in another century", "bad_time", body(), headers(time=b"2126-03-04T18:00:00Z")),
)


def anomalous() -> list[tuple[Event, bytes, Headers]]:
    """Valid, though nobody would send it: events, and their records' values and headers."""
    text = "\u0000\u202e\U0001f6d2" + "x" * 190
    events = [
        event_of(
            TrafficSample.model_validate(
                SAMPLE | {"room_id": "r2", "shop_id": "\U0001f6d2", "window_start": moment(T0)}
            ),
            id=text,
            source=text,
            time_ms=T0,
        ),
        event_of(
            TrafficSample.model_validate(SAMPLE | {"room_id": "r3", "ccu": 2**40, "window_start": moment(T0)}),
            id="large",
            source="/test",
            time_ms=T0,
        ),
        event_of(
            TrafficSample.model_validate(SAMPLE | {"room_id": "r4", "window_start": moment(T0)}),
            id="both",
            source="/test",
            time_ms=T0,
        ),
    ]
    records: list[tuple[Event, bytes, Headers]] = []
    for event in events:
        _, value, plain = encode(event)
        records.append((event, value, [*plain, ("trace", None)]))
    # Structured mode, with the attributes in headers as well: the value is what counts.
    mode = ("content-type", b"application/cloudevents+json; charset=utf-8")
    records[-1] = (events[-1], to_line(events[-1]).encode(), [*records[-1][2], mode])
    return records


@pytest.fixture
async def store(clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
    store = await ClickHouseStore.connect(clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database)
    yield store
    await store.close()


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    reader = await Reader.connect(clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database)
    async with reader:
        yield reader


@pytest.mark.clickhouse
async def test_bad_records_are_set_aside_with_their_bytes_and_the_rest_is_unharmed(
    broker: Broker, store: ClickHouseStore, reader: Reader
) -> None:
    settings = await deployed(broker)
    good = delivered(settings, (*recorded()[:2_000], *evening(1)))
    strange = anomalous()
    sent: dict[tuple[int, int], Bad] = {}
    kept: list[Event] = []
    prefix = settings.topic_prefix
    async with (
        working(settings, plan(), store) as worker,
        AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, enable_idempotence=True, max_request_size=2**20
        ) as producer,
    ):
        bad, after = iter(BAD * 2), len(good) // (len(BAD) * 2 + len(strange) + 1)
        for number, event in enumerate(good):
            key, value, heads = encode(event)
            await producer.send(prefix + event.topic, value, key, event.partition, headers=heads)
            kept.append(event)
            if number % after == 0 and (letter := next(bad, None)) is not None:
                partition = number % settings.partitions
                done = await producer.send_and_wait(
                    f"{prefix}live.traffic", letter.value, letter.key, partition, headers=letter.headers
                )
                sent[partition, done.offset] = letter
            elif number % after == 0 and strange:
                event, value, added = strange.pop()
                await producer.send(f"{prefix}live.traffic", value, b"anomalous", 0, headers=added)
                kept.append(Event(event.id, event.source, event.time_ms, event.data, event.topic, 0))
        assert next(bad, None) is None
        assert not strange
        await producer.flush()
        await until(lambda: settled(settings), worker)
        assert await worker.stop() == 0

    letters = {(row["partition"], row["offset"]): row for row in await reader.dead_letters(limit=1000)}
    assert letters.keys() == sent.keys()
    for place, letter in sent.items():
        row = letters[place]
        assert (row["topic"], row["reason"]) == ("live.traffic", letter.reason), letter.name
        assert row["value"] == (letter.value or b""), letter.name
        assert row["key"] == (letter.key or b"").decode(errors="replace"), letter.name
        found = {name: (value or b"").decode(errors="replace") for name, value in letter.headers}
        assert orjson.loads(row["headers"]) == found, letter.name
        assert row["detail"], letter.name
        assert "hunter2" not in row["detail"]
    rows = {name: await reader.rows(name) for name in ("events", "alerts", "case_candidates", "judgements")}
    assert len(rows["events"]) == len(kept)
    assert_equal(outcome(rows), replayed(plan(), settings, kept))
    [both] = [row for row in rows["events"] if row["event_id"] == "both"]
    assert orjson.loads(both["data"])["room_id"] == "r4"


# --- a store in trouble ----------------------------------------------------------------------------------------------


async def test_an_outage_of_the_store_is_waited_for(broker: Broker) -> None:
    """Longer than the session timeout: the partitions stay, nothing is committed, nothing is lost."""
    settings = await deployed(broker)
    events = disturbed(evening(1))
    third = len(events) // 3
    store = FlakyStore()
    async with working(settings, plan(), store) as worker, feeding(settings) as feeder:
        async for _ in feeder.send(events[:third], settings.partitions_by_topic()):
            pass
        await until(feeder.drained, worker)
        before, generation = await committed(settings), worker.generation
        store.trouble = BUSY
        async for _ in feeder.send(events[third:], settings.partitions_by_topic()):
            pass
        refused = sum(store.refused.values())
        await _pass(1.5 * settings.session_timeout_s)
        await until(lambda: sum(store.refused.values()) > refused, worker)
        assert await committed(settings) == before
        assert worker.generation == generation
        store.trouble = None
        await until(feeder.drained, worker)
        assert worker.generation == generation
    sent = [*delivered(settings, events[:third]), *delivered(settings, events[third:])]
    assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, sent))
    await assert_commits_follow_saves(settings, store)


async def _pass(seconds: float) -> None:
    """Let real time pass: the broker's session timeout knows no other."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await until(lambda: loop.time() >= end)


async def test_an_outage_while_partitions_are_assigned_is_waited_for(embedded_broker: Broker) -> None:
    settings = await deployed(embedded_broker)
    events = evening(1)
    store = FlakyStore()
    store.trouble = BUSY
    async with working(settings, plan(), store) as worker:
        await until(lambda: store.refused["load"] > 3 * len(settings.topics()) * 2, worker)
        store.trouble = None
        await feed(settings, events, worker)
    assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, delivered(settings, events)))


async def test_told_to_stop_during_an_outage_it_stops_and_nothing_is_lost(embedded_broker: Broker) -> None:
    settings = await deployed(embedded_broker)
    events = evening(1)
    store = FlakyStore()
    async with feeding(settings) as feeder:
        async with working(settings, plan(), store) as worker:
            async for _ in feeder.send(events[: len(events) // 2], settings.partitions_by_topic()):
                pass
            await until(lambda: len(store.rows("events")) > 0, worker)
            store.trouble = BUSY
            async for _ in feeder.send(events[len(events) // 2 :], settings.partitions_by_topic()):
                pass
            await until(lambda: store.refused.total() > 0, worker)  # which lane feels it first is chance
            assert await worker.stop(within_s=10.0) == 0
        store.trouble = None
        await assert_commits_follow_saves(settings, store)
        async with working(settings, plan(), store) as worker:
            await until(feeder.drained, worker)
    half = len(events) // 2
    sent = [*delivered(settings, events[:half]), *delivered(settings, events[half:])]
    assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, sent))


async def test_a_broken_store_ends_the_worker_with_one_clear_line(
    embedded_broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    settings = await deployed(embedded_broker)
    store = FlakyStore()
    advice = "ClickHouse lacks tables of this version: run `livewarden migrate`"
    caplog.set_level(logging.WARNING)
    async with feeding(settings) as feeder:
        worker = Local(settings, plan(), store, ManualClock())
        async for _ in feeder.send(evening(1), settings.partitions_by_topic()):
            store.trouble = SetupError(advice)
        with pytest.raises(SetupError, match="livewarden migrate"):
            async with asyncio.timeout(30):
                await worker.task
    assert [record.message for record in caplog.records if record.exc_info or advice in record.message] == []
    assert await committed(settings) == dict.fromkeys(await committed(settings), 0)


@pytest.mark.clickhouse
async def test_a_table_that_goes_away_ends_the_process_with_exit_code_2(
    embedded_broker: Broker, clickhouse: Address, tmp_path: Path
) -> None:
    settings = await deployed(embedded_broker)
    async with processes(settings, clickhouse, tmp_path) as (process,):
        await until(lambda: _owns_some(process), process)
        client = await open_client(clickhouse)
        await client.command("DROP TABLE events")
        await client.close()
        async with feeding(settings) as feeder:
            async for _ in feeder.send(evening(1), settings.partitions_by_topic()):
                pass
        await until(lambda: process.code is not None)
        assert process.code == 2, process.said()
        lines = process.said().strip().splitlines()
        assert len(lines) == 1, process.said()
        assert "run `livewarden migrate`" in lines[0]


async def _owns_some(process: Any) -> bool:
    owned: int = await process.owns()
    return owned > 0


# --- a broker in trouble ---------------------------------------------------------------------------------------------


async def test_a_broker_that_goes_away_is_waited_for(embedded_broker: Broker) -> None:
    """Also by the task that asks it where quiet partitions end."""
    assert embedded_broker.embedded is not None
    settings = await deployed(embedded_broker, idle_after_s=0.1, session_timeout_s=12.0)
    events = evening(1)
    half = len(events) // 2
    store = MemoryStore()
    async with working(settings, plan(), store, ManualClock(T0 - 30 * 86_400_000)) as worker:
        await feed(settings, events[:half], worker)
        embedded_broker.embedded.down()
        await _pass(6.0)  # an unanswered question ends after five
        embedded_broker.embedded.up()
        await feed(settings, events[half:], worker)
    sent = [*delivered(settings, events[:half]), *delivered(settings, events[half:])]
    assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, sent))


async def test_told_to_stop_while_the_broker_is_away_it_stops(embedded_broker: Broker) -> None:
    """With messages for the next stage that nobody takes: they are said again by the next owner."""
    assert embedded_broker.embedded is not None
    settings = await deployed(embedded_broker, flush_s=60.0, ingest_checkpoint_s=600.0)
    store = MemoryStore()
    events = evening(1)
    async with feeding(settings) as feeder:
        async with working(settings, plan(), store) as worker:
            async for _ in feeder.send(events, settings.partitions_by_topic()):
                pass
            await until(lambda: worker.taken == feeder.sent, worker)
            embedded_broker.embedded.down()
            assert await worker.stop(within_s=12.0) == 0
        assert store.rows("events")
        embedded_broker.embedded.up()
        await assert_commits_follow_saves(settings, store)
        settings = settings.model_copy(update={"flush_s": 0.1, "ingest_checkpoint_s": 0.4})
        async with working(settings, plan(), store) as worker:
            await until(feeder.drained, worker)
    assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, delivered(settings, events)))


# --- partitions that change hands ------------------------------------------------------------------------------------


class SlowStore(MemoryStore):
    """A store whose `load` waits until it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.asked = 0

    async def load(self, stage: str, topic: str, partition: int) -> Any:
        self.asked += 1
        found = await super().load(stage, topic, partition)
        await self.open.wait()
        return found


async def test_what_was_loaded_before_a_rebalance_is_not_used_after_it(embedded_broker: Broker) -> None:
    """The first worker loads slowly; meanwhile a second one joins, works on half of the partitions, and goes."""
    settings = await deployed(embedded_broker)
    events = evening(1)
    half = len(events) // 2
    slow = SlowStore()
    quick = MemoryStore()
    quick._rows, quick._checkpoints = slow._rows, slow._checkpoints  # one database, two connections
    first = Local(settings, plan(), slow, ManualClock())
    try:
        await until(lambda: slow.asked > 0, first)
        generation = first.generation
        second = Local(settings, plan(), quick, ManualClock())
        await until(lambda: first.generation > generation and second.generation == first.generation, first, second)
        slow.open.set()
        await feed(settings, events[:half], first, second)
        await second.vanish()
        await feed(settings, events[half:], first)
    finally:
        await first.vanish()
    sent = [*delivered(settings, events[:half]), *delivered(settings, events[half:])]
    assert_equal(outcome(memory_rows(quick)), replayed(plan(), settings, sent))


# --- seals by the clock ----------------------------------------------------------------------------------------------

COUNTED: Final = Plan([monitor(name="counts", series=1, min_volume=1)])


def on(partition: int, *events: Event) -> list[Event]:
    return [Event(e.id, e.source, e.time_ms, e.data, e.topic, partition) for e in events]


def windows(store: MemoryStore) -> set[int]:
    return {(row["window_start"] - T0) // MINUTE_MS for row in store.rows("judgements")}


async def test_a_partition_that_never_gets_an_event_follows_the_others(embedded_broker: Broker) -> None:
    settings = await deployed(embedded_broker, idle_after_s=0.2, lateness_s=5.0)
    clock, store = ManualClock(T0), MemoryStore()
    minutes = [action(f"e{n}", T0 + n * MINUTE_MS, weight=5) for n in range(4)]
    producer = AIOKafkaProducer(bootstrap_servers=embedded_broker.bootstrap)
    async with working(settings, COUNTED, store, clock) as worker, producer:
        await _produce(producer, settings, on(0, *minutes))
        await until(lambda: len(store.rows("events")) == 4, worker)
        await until(lambda: windows(store) == {0, 1}, worker)  # as far as the events themselves say
        clock.advance(minutes=3)
        await until(lambda: settled(settings), worker)
        assert windows(store) == {0, 1}  # 5 s of lateness and 0.2 s of patience are not over
        clock.advance(seconds=6)
        await until(lambda: windows(store) == {0, 1, 2}, worker)
        late = [action("late", T0 + 2 * MINUTE_MS), action("in time", T0 + 3 * MINUTE_MS, weight=3)]
        await _produce(producer, settings, on(1, *late))
        await until(lambda: len(store.rows("events")) == 6, worker)
        clock.advance(minutes=1)
        await until(lambda: windows(store) == {0, 1, 2, 3}, worker)
    lateness = {row["event_id"]: row["late"] for row in store.rows("events") if row["partition"] == 1}
    assert lateness == {"late": 1, "in time": 0}
    [last] = [row for row in store.rows("judgements") if row["window_start"] == T0 + 3 * MINUTE_MS]
    assert last["observed"] == 8


async def _produce(producer: AIOKafkaProducer, settings: Settings, events: Iterable[Event]) -> None:
    for event in events:
        key, value, heads = encode(event)
        await producer.send_and_wait(
            settings.topic_prefix + event.topic, value, key, event.partition, timestamp_ms=event.time_ms, headers=heads
        )


async def test_a_partition_with_unread_events_is_not_sealed(embedded_broker: Broker) -> None:
    """The store is away: nothing is processed for long enough to be called quiet, but it is not read to its end."""
    settings = await deployed(embedded_broker, idle_after_s=0.2, lateness_s=5.0)
    clock, store = ManualClock(T0 + 60 * MINUTE_MS), FlakyStore()
    events = [action(f"e{n}", T0 + n * MINUTE_MS, weight=5) for n in range(50)]
    producer = AIOKafkaProducer(bootstrap_servers=embedded_broker.bootstrap)
    async with producer:
        await _produce(producer, settings, [*on(0, *events), *on(1, *events)])
        async with working(settings, COUNTED, store, clock) as worker:
            store.trouble = BUSY
            await until(lambda: sum(store.refused.values()) > 20, worker)
            store.trouble = None
            await until(lambda: len(store.rows("events")) == 100, worker)
            clock.advance(minutes=2)
            await until(lambda: windows(store) == set(range(50)), worker)
    assert Counter(row["late"] for row in store.rows("events")) == {0: 100}


async def test_a_worker_whose_clock_is_an_hour_ahead_makes_nothing_late(embedded_broker: Broker) -> None:
    settings = await deployed(embedded_broker, idle_after_s=0.2, lateness_s=5.0)
    clock, store = ManualClock(T0 + 60 * MINUTE_MS), MemoryStore()
    events = [action(f"e{n}", T0 + n * MINUTE_MS, weight=5) for n in range(6)]
    producer = AIOKafkaProducer(bootstrap_servers=embedded_broker.bootstrap)
    async with working(settings, COUNTED, store, clock) as worker, producer:
        for number, event in enumerate(events):
            await _produce(producer, settings, on(number % 2, event))
            await until(lambda n=number: len(store.rows("events")) == n + 1, worker)  # type: ignore[misc]
            clock.advance(minutes=1)
            # by then the partition was sealed as far as the log allows
            await until(lambda n=number: windows(store) == set(range(n)), worker)  # type: ignore[misc]
    assert Counter(row["late"] for row in store.rows("events")) == {0: 6}


async def test_a_recording_of_long_ago_is_read_by_workers_that_were_idle(embedded_broker: Broker) -> None:
    """With seals by the clock on; and what is filed the day after, is not late either."""
    settings = await deployed(embedded_broker, idle_after_s=0.2)
    store = MemoryStore()
    now_ms = SystemClock().now_ms()
    yesterday = now_ms - now_ms % DAY_MS - DAY_MS
    daily = action("filed", yesterday, weight=500, time_precision="day").data
    filed = event_of(daily, id="filed", source="/test", time_ms=yesterday)
    producer = AIOKafkaProducer(bootstrap_servers=embedded_broker.bootstrap)
    async with working(settings, plan(), store) as worker, producer:
        await until(lambda: owned(worker) == 2 * len(TOPICS), worker)
        await asyncio.sleep(1.0)  # idle for several patiences
        await feed(settings, recorded(), worker)
        await _produce(producer, settings, on(0, filed))
        await until(lambda: settled(settings), worker)
    rows = store.rows("events")
    assert [row for row in rows if row["late"]] == []
    assert {row["event_id"] for row in rows} >= {"filed"}
    live = {row["alert_id"] for row in store.rows("alerts")}
    expected = replayed(plan(), settings, delivered(settings, recorded()))
    assert live >= {row["alert_id"] for row in expected.alerts.values()} != set()


def owned(worker: Local) -> int:
    return sum(task.stage.name == "ingest" for task in worker.worker._tasks.values())


async def test_a_seal_that_was_saved_but_not_sent_is_sent_by_the_next_owner(embedded_broker: Broker) -> None:
    """The first owner dies between the two; its buckets are complete, and no record will ever say so again."""
    settings = await deployed(embedded_broker, lateness_s=5.0)
    store = MemoryStore()
    events = [action(f"e{n}", T0 + n * MINUTE_MS, weight=5) for n in range(4)]
    producer = AIOKafkaProducer(bootstrap_servers=embedded_broker.bootstrap)
    async with producer:
        await _produce(producer, settings, [*on(0, *events), *on(1, *events, beat(T0, T0 + 4 * MINUTE_MS))])
    async with working(settings, COUNTED, store) as worker:
        await until(lambda: settled(settings), worker)
    assert windows(store) == {0, 1}  # partition 0 says nothing of minute 2 before an event of minute 3:05
    dying = Ingest(COUNTED, "live.enforcement", 0, 2, 5_000)
    saved = await store.load("ingest", "live.enforcement", 0)
    assert saved is not None
    dying.restore(saved)
    dying.advance(T0 + 6 * MINUTE_MS)
    assert dying.output.messages
    await store.save(dying.checkpoint())
    async with working(settings, COUNTED, store) as worker:
        await until(lambda: windows(store) == {0, 1, 2, 3}, worker)
    assert {row["observed"] for row in store.rows("judgements")} == {10}
