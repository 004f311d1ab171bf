"""Whether the group still reads: when that is notified, and when a worker is started again for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka.structs import TopicPartition

from livewarden.clock import SystemClock
from livewarden.errors import Stalled
from sinks.channels import MemoryChannel
from sinks.store.memory import MemoryStore
from streams import telemetry
from streams.liveness import Liveness, Seen
from streams.self_watch import SelfWatch
from streams.watcher import Watcher
from tests.kafka_fixtures import Broker
from tests.live import Local, delivered, deployed, evening, feed_only, plan, settled, until, working

MINE, OTHER = TopicPartition("live.traffic", 0), TopicPartition("live.traffic", 1)
PATIENCE_S, TOLD_S = 40.0, 60.0


@pytest.fixture
def liveness() -> Liveness:
    return Liveness(PATIENCE_S, TOLD_S)


@pytest.fixture(autouse=True)
def not_ready_yet() -> Iterator[None]:
    telemetry.ready("starting")
    yield
    telemetry.ready("")


def test_a_worker_that_waits_for_a_store_is_not_stalled_and_its_records_are_told_about(liveness: Liveness) -> None:
    for second in range(0, 200, 5):
        verdict = liveness.look(second, {MINE: Seen(9, 4, mine=True, idle=False)}, joining=False)
        assert verdict.stalled == ()
        assert verdict.standing == ((MINE,) if second >= TOLD_S else ())
    freed = [
        liveness.look(second, {MINE: Seen(9, 4, mine=True, idle=True)}, joining=False) for second in (200, 239, 240)
    ]
    assert [verdict.stalled for verdict in freed] == [(), (), (MINE,)]


def test_progress_begins_the_wait_anew(liveness: Liveness) -> None:
    for second in range(0, 400, 5):
        seen = {MINE: Seen(1_000, second // 35, mine=True, idle=True)}
        assert liveness.look(second, seen, joining=False).stalled == ()


def test_a_broker_that_does_not_answer_begins_the_wait_anew(liveness: Liveness) -> None:
    seen = {MINE: Seen(9, 4, mine=True, idle=True)}
    liveness.look(0, seen, joining=False)
    liveness.silence()
    assert liveness.look(100, seen, joining=False).stalled == ()
    assert liveness.look(140, seen, joining=False).stalled == (MINE,)


def test_a_rebalance_without_end_is_stalled_only_where_something_stands_unread(liveness: Liveness) -> None:
    read, unread = {OTHER: Seen(9, 9)}, {OTHER: Seen(9, 4)}
    for second in range(0, 100, 5):
        assert liveness.look(second, read, joining=True).stalled == ()
    assert liveness.look(100, unread, joining=True).stalled == ()
    assert liveness.look(140, unread, joining=True).stalled == (OTHER,)
    assert liveness.look(145, unread, joining=False).stalled == ()


def test_what_is_left_of_a_transaction_is_no_lag_and_what_grows_is(liveness: Liveness) -> None:
    marker = [liveness.look(second, {OTHER: Seen(10, 9)}, joining=False) for second in (0, 100, 1_000)]
    assert [verdict.standing for verdict in marker] == [(), (), ()]
    assert liveness.look(1_001, {OTHER: Seen(12, 9)}, joining=False).standing == (OTHER,)
    assert liveness.look(1_002, {OTHER: Seen(12, 12)}, joining=False).standing == ()


@pytest.mark.kafka
@pytest.mark.timeout(180)
async def test_a_worker_that_went_deaf_ends_with_one_line_and_the_next_one_goes_on(embedded_broker: Broker) -> None:
    settings = await deployed(embedded_broker, stalled_after_s=4.0)
    store = MemoryStore()
    deaf = Local(settings, plan(), store, SystemClock())
    app = deaf.worker.app
    await until(lambda: bool(deaf.worker._tasks) and not app.rebalancing, deaf)
    app.consumer.stop_flow()  # as after a rebalance whose end never came
    await feed_only(settings, evening(1)[:200])
    with pytest.raises(Stalled, match=r"live\.\w+ \d: unread for 4 s though Kafka answers"):
        async with asyncio.timeout(60):
            await deaf.task
    async with working(settings, plan(), store) as worker:
        await until(lambda: settled(settings), worker)
    assert len(store.rows("events")) == len(delivered(settings, evening(1)[:200]))


@pytest.mark.kafka
@pytest.mark.timeout(120)
async def test_records_that_nobody_reads_are_told_on_the_watch_channel_and_make_the_process_unready(
    embedded_broker: Broker,
) -> None:
    settings = await deployed(embedded_broker)
    channel = MemoryChannel("ourselves")

    async def all_of_them(partitions: object) -> frozenset[TopicPartition]:
        raise AssertionError("nothing is this worker's")

    self_watch = SelfWatch([channel], "w", SystemClock().now_ms)
    watcher = Watcher(settings, self_watch, dict, lambda: False, all_of_them, lambda: True, told_after_s=1.0)
    watching = asyncio.create_task(watcher.run())
    try:
        await until(lambda: telemetry.why_not_ready() == "")
        for part in range(6):
            await feed_only(settings, evening(1)[part * 50 : part * 50 + 50])
        more = asyncio.create_task(_keep_feeding(settings))
        await until(lambda: len(channel.sent) == 1, within_s=60)
        more.cancel()
        assert channel.sent[0].title == "livewarden: Events are not read"
        assert "no progress for" in channel.sent[0].body
        assert "no progress for" in telemetry.why_not_ready()
        async with working(settings, plan(), MemoryStore()) as worker:
            await until(lambda: len(channel.sent) == 2, worker)
        assert channel.sent[1].title == "livewarden: Events are read again"
    finally:
        watching.cancel()


async def _keep_feeding(settings: object) -> None:
    while True:
        await feed_only(settings, evening(1)[300:350])  # type: ignore[arg-type]
        await asyncio.sleep(0.5)
