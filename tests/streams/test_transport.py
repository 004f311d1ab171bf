"""The record-batch transport on every broker: order, commits, rebalances, stopping."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaError
from faust.types import TP

from livewarden.errors import SetupError, Unreachable
from streams.faust_app import build_app, raw_topic, serve
from streams.membership import REFUSALS
from streams.stages.marker import Passed
from streams.transport import caught_up, commit, end_offsets, require_c_extension
from tests.kafka_fixtures import Broker

pytestmark = pytest.mark.kafka

SYNC_GROUP, OFFSET_FETCH = 14, 9
COORDINATOR_LOADING = 14
UNKNOWN_SERVER_ERROR = -1
JOIN_GROUP = 11
GROUP_AUTHORIZATION_FAILED = 30
WITHIN_S = 45  # less than the minute after which Faust gives up waiting for a thread


class Worker:
    """Keeps the runs it is handed; commits only when notified."""

    def __init__(self, broker: Broker, group: str, topic: str, **settings: Any) -> None:
        self.runs: list[list[ConsumerRecord]] = []
        self.assigned: frozenset[TP] = frozenset()
        self.revoked: list[frozenset[TP]] = []
        self.assigned_before_runs: list[int] = []
        self.durable: dict[TP, int] = {}
        self.open = asyncio.Event()
        self.open.set()
        self._changed = asyncio.Condition()
        self.app: faust.App = build_app(
            name=group,
            kafka=broker.bootstrap,
            session_timeout_s=6.0,
            embedded=broker.embedded is not None,
            on_assigned=self._on_assigned,
            on_revoked=self._on_revoked,
            **settings,
        )
        self.app.agent(raw_topic(self.app, topic))(self._take)

    async def _take(self, stream: Any) -> None:
        async for run in stream.noack():
            await self.open.wait()
            self.runs.append(run)
            await self._notify()

    async def _on_assigned(self, partitions: frozenset[TP]) -> None:
        self.assigned = partitions
        self.assigned_before_runs.append(len(self.runs))
        await self._notify()

    async def _on_revoked(self, partitions: frozenset[TP]) -> None:
        await commit(self.app, self.durable)
        self.assigned -= partitions
        self.revoked.append(partitions)
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S), self._changed:
            await self._changed.wait_for(true)

    async def until_records(self, count: int) -> None:
        await self.until(lambda: len(self.records()) >= count)

    def offsets(self, partition: int) -> list[int]:
        return [record.offset for record in self.records() if record.partition == partition]

    def values(self) -> set[bytes]:
        return {record.value for record in self.records()}

    def records(self) -> list[ConsumerRecord]:
        return [record for run in self.runs for record in run if not isinstance(record, Passed)]

    def passed(self) -> list[Passed]:
        return [record for run in self.runs for record in run if isinstance(record, Passed)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Worker]:
        self.app.finalize()
        await self.app.start()
        try:
            yield self
        finally:
            self.open.set()
            _, late = await asyncio.wait({asyncio.ensure_future(self.app.stop())}, timeout=WITHIN_S)
            assert not late, "the worker does not stop"


async def fill(broker: Broker, topic: str, partitions: int, per_partition: int, start: int = 0) -> None:
    """Write values `<partition>:<n>` with offset n."""
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=5) as producer:
        sent = [
            await producer.send(topic, f"{partition}:{n}".encode(), partition=partition)
            for n in range(start, start + per_partition)
            for partition in range(partitions)
        ]
        await asyncio.gather(*sent)


async def committed(broker: Broker, group: str, tp: TP) -> int | None:
    async with AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=group) as consumer:
        position: int | None = await consumer.committed(tp)
        return position


@pytest.fixture
async def topic(broker: Broker) -> str:
    name = broker.unique("topic")
    await broker.create_topics({name: 2})
    return name


async def test_records_arrive_in_runs_and_in_order(broker: Broker, topic: str) -> None:
    await fill(broker, topic, 2, 2_000)
    async with Worker(broker, broker.unique("group"), topic).running() as worker:
        await worker.until_records(4_000)
    assert worker.offsets(0) == list(range(2_000))
    assert worker.offsets(1) == list(range(2_000))
    assert len(worker.runs) < 400
    assert all(len({record.partition for record in run}) == 1 for run in worker.runs)
    assert worker.assigned_before_runs[0] == 0


async def test_nothing_is_committed_unless_declared(broker: Broker, topic: str) -> None:
    group = broker.unique("group")
    await fill(broker, topic, 2, 100)
    for _ in range(2):  # the second worker gets everything again
        async with Worker(broker, group, topic).running() as worker:
            await worker.until_records(200)
        assert worker.offsets(0) == worker.offsets(1) == list(range(100))
    assert await committed(broker, group, TP(topic, 0)) is None


async def test_a_restart_goes_on_at_the_committed_offset(broker: Broker, topic: str) -> None:
    group = broker.unique("group")
    await fill(broker, topic, 2, 100)
    async with Worker(broker, group, topic).running() as worker:
        await worker.until_records(200)
        assert await commit(worker.app, {TP(topic, 0): 40}) == {TP(topic, 0): 40}
    async with Worker(broker, group, topic).running() as worker:
        await worker.until_records(160)
    assert worker.offsets(0) == list(range(40, 100))
    assert worker.offsets(1) == list(range(100))


async def test_a_commit_never_moves_back_and_skips_what_is_not_ours(broker: Broker, topic: str) -> None:
    group = broker.unique("group")
    tp, foreign = TP(topic, 0), TP("somebody-elses", 0)
    await fill(broker, topic, 2, 50)
    async with Worker(broker, group, topic).running() as worker:
        await worker.until(lambda: len(worker.assigned) == 2 and len(worker.runs) >= 1)
        assert await commit(worker.app, {tp: 30, foreign: 7}) == {tp: 30}
        assert await commit(worker.app, {tp: 20}) == {}
    async with Worker(broker, group, topic).running() as worker:
        await worker.until(lambda: bool(worker.offsets(0)))
        assert await commit(worker.app, {tp: 20}) == {}
        assert await commit(worker.app, {tp: 45}) == {tp: 45}
    assert await committed(broker, group, tp) == 45


async def test_two_workers_share_and_the_survivor_takes_over(broker: Broker, topic: str) -> None:
    group = broker.unique("group")
    first, second = Worker(broker, group, topic), Worker(broker, group, topic)
    everything = {TP(topic, 0), TP(topic, 1)}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(first.running())
        await first.until(lambda: first.assigned == everything)
        async with second.running():
            await second.until(lambda: len(second.assigned) == 1)
            await first.until(lambda: len(first.assigned) == 1)
            assert first.assigned | second.assigned == everything
            await fill(broker, topic, 2, 500)
            await second.until_records(500)
            (theirs,) = second.assigned
            assert await commit(second.app, {theirs: 300}) == {theirs: 300}
        await first.until(lambda: first.assigned == everything)
        await fill(broker, topic, 2, 100, start=500)
        await first.until(lambda: {f"{p}:{n}".encode() for p in (0, 1) for n in range(500, 600)} <= first.values())
    assert first.revoked
    assert first.values() | second.values() == {f"{p}:{n}".encode() for p in (0, 1) for n in range(600)}
    assert min(first.offsets(theirs.partition)) == 300  # what the other had declared is not read again


@pytest.mark.real_kafka  # the embedded broker refuses commits while a group rebalances
async def test_what_is_committed_while_giving_away_is_where_the_next_owner_starts(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    group, topic = broker.unique("group"), broker.unique("topic")
    await broker.create_topics({topic: 2})
    first, second = Worker(broker, group, topic), Worker(broker, group, topic)
    await fill(broker, topic, 2, 100)
    async with first.running():
        await first.until_records(200)
        first.durable = {TP(topic, 0): 100, TP(topic, 1): 100}
        async with second.running():
            await second.until(lambda: len(second.assigned) == 1)
            await fill(broker, topic, 2, 10, start=100)
            await second.until_records(10)
            await first.until_records(210)
            (theirs,) = second.assigned
    assert second.offsets(theirs.partition) == list(range(100, 110))
    assert first.offsets(1 - theirs.partition) == list(range(110))


async def test_a_slow_worker_parks_partitions_and_loses_nothing(broker: Broker, topic: str) -> None:
    await fill(broker, topic, 2, 3_000)
    worker = Worker(broker, broker.unique("group"), topic, buffer_runs=4, broker_max_poll_records=50)
    worker.open.clear()
    async with worker.running():
        await worker.until(lambda: len(worker.assigned) == 2)
        async with asyncio.timeout(WITHIN_S):
            while not worker.app.consumer._buffered_partitions:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        worker.open.set()
        await worker.until_records(6_000)
    assert worker.offsets(0) == worker.offsets(1) == list(range(3_000))


async def test_caught_up_means_read_to_the_end_and_processed(broker: Broker, topic: str) -> None:
    tp, empty = TP(topic, 0), TP(topic, 1)
    await fill(broker, topic, 1, 10)
    async with Worker(broker, broker.unique("group"), topic).running() as worker:
        await worker.until(lambda: len(worker.offsets(0)) == 10)
        assert await end_offsets(worker.app, [tp, empty]) == {tp: 10, empty: 0}
        assert await caught_up(worker.app, {tp: 9, TP("not-ours", 0): 10}) == frozenset()
        async with asyncio.timeout(WITHIN_S):
            while await caught_up(worker.app, {tp: 10, empty: 0}) != {tp, empty}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        worker.open.clear()
        await fill(broker, topic, 1, 1, start=10)
        assert tp not in await caught_up(worker.app, {tp: 10})


async def test_a_run_fetched_before_a_rebalance_is_not_handed_over_after_it(broker: Broker, topic: str) -> None:
    group = broker.unique("group")
    first, second = Worker(broker, group, topic), Worker(broker, group, topic)
    async with first.running():
        await first.until(lambda: len(first.assigned) == 2)
        consumer, fetching, filled, fetched, go_on = first.app.consumer, *(asyncio.Event() for _ in range(4))
        fetch = consumer._getmany

        async def fetch_both_and_wait(*arguments: Any) -> Any:
            fetching.set()
            await filled.wait()
            runs: dict[TP, Any] = {}
            while len(runs) < 2 and not fetched.is_set():
                runs |= await fetch(*arguments)
            fetched.set()
            await go_on.wait()
            return runs or await fetch(*arguments)

        consumer._getmany = fetch_both_and_wait
        await asyncio.wait_for(fetching.wait(), WITHIN_S)
        await fill(broker, topic, 2, 100)
        filled.set()
        await asyncio.wait_for(fetched.wait(), WITHIN_S)
        async with second.running():
            await second.until(lambda: len(second.assigned) == 1)
            await first.until(lambda: len(first.assigned) == 1)
            go_on.set()
            await first.until_records(100)
            await second.until_records(100)
            (mine,), (theirs,) = first.assigned, second.assigned
    assert first.offsets(mine.partition) == second.offsets(theirs.partition) == list(range(100))
    assert first.offsets(theirs.partition) == []


async def test_records_that_come_while_the_flow_is_stopped_are_not_lost(broker: Broker, topic: str) -> None:
    async with Worker(broker, broker.unique("group"), topic).running() as worker:
        await worker.until(lambda: len(worker.assigned) == 2)
        await fill(broker, topic, 2, 10)
        await worker.until_records(20)
        consumer, fetching, returned = worker.app.consumer, asyncio.Event(), asyncio.Event()
        fetch = consumer._getmany

        async def tell_and_fetch(*arguments: Any) -> Any:
            fetching.set()
            runs = await fetch(*arguments)
            returned.set()
            return runs

        consumer._getmany = tell_and_fetch
        await asyncio.wait_for(fetching.wait(), WITHIN_S)
        async with asyncio.timeout(WITHIN_S):
            while not consumer._thread._consumer._fetcher._fetch_waiters:  # noqa: ASYNC110
                await asyncio.sleep(0)
        consumer.stop_flow()
        await fill(broker, topic, 2, 10, start=10)
        await asyncio.wait_for(returned.wait(), WITHIN_S)
        consumer.resume_flow()
        await worker.until_records(40)
    assert worker.offsets(0) == worker.offsets(1) == list(range(20))


async def test_what_was_never_committed_comes_again_from_the_beginning(broker: Broker, topic: str) -> None:
    await fill(broker, topic, 2, 10)
    async with Worker(broker, broker.unique("group"), topic).running() as worker:
        await worker.until_records(20)
        await commit(worker.app, {TP(topic, 1): 7})
        await worker.app.consumer.perform_seek()
        await worker.until(lambda: len(worker.offsets(0)) >= 20 and len(worker.offsets(1)) >= 13)
    assert worker.offsets(0) == [*range(10), *range(10)]
    assert worker.offsets(1) == [*range(10), 7, 8, 9]


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_a_log_that_has_lost_its_beginning_is_read_from_where_it_begins(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    topic = broker.unique("topic")
    await broker.create_topics({topic: 1})
    await fill(broker, topic, 1, 100)
    await delete_until(apache_kafka, topic, 60)
    async with Worker(broker, broker.unique("group"), topic).running() as worker:
        await worker.until_records(40)
    assert worker.offsets(0) == list(range(60, 100))


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_what_was_deleted_before_it_was_read_is_handed_out_as_a_gap(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    topic, group = broker.unique("topic"), broker.unique("group")
    await broker.create_topics({topic: 1})
    await fill(broker, topic, 1, 100)
    async with Worker(broker, group, topic).running() as worker:
        await worker.until_records(100)
        await commit(worker.app, {TP(topic, 0): 40})
    await delete_until(apache_kafka, topic, 60)
    async with Worker(broker, group, topic).running() as worker:
        await worker.until_records(40)
    assert worker.offsets(0) == list(range(60, 100))
    (gap,) = worker.passed()
    assert (gap.lost_from, gap.offset, gap.lost(40), gap.lost(55), gap.lost(0)) == (40, 59, 20, 5, 0)


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_a_position_beyond_the_end_of_a_log_ends_the_worker_in_one_line(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    topic, group = broker.unique("topic"), broker.unique("group")
    await broker.create_topics({topic: 1})
    await fill(broker, topic, 1, 10)
    async with AIOKafkaConsumer(bootstrap_servers=apache_kafka, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.commit({TopicPartition(topic, 0): 30})
    worker = Worker(broker, group, topic)
    with pytest.raises(SetupError, match=rf"^{topic}/0 ends at 10, below the position 30 .* was made again"):
        await asyncio.wait_for(serve(worker.app), WITHIN_S)


@pytest.mark.kafka
@pytest.mark.real_kafka
async def test_what_a_producer_took_back_is_not_read_and_its_marker_is_not_lag(apache_kafka: str) -> None:
    broker = Broker(apache_kafka)
    topic, group = broker.unique("topic"), broker.unique("group")
    tp = TP(topic, 0)
    await broker.create_topics({topic: 1})
    async with AIOKafkaProducer(bootstrap_servers=apache_kafka, transactional_id=broker.unique("tx")) as producer:
        for values, keep in ((range(5), True), (range(100, 107), False), (range(5, 8), True), (range(200, 203), False)):
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait(topic, str(value).encode(), partition=0)
            await (producer.commit_transaction() if keep else producer.abort_transaction())
    end = 5 + 1 + 7 + 1 + 3 + 1 + 3 + 1
    async with Worker(broker, group, topic).running() as worker:
        await worker.until_records(8)
        async with asyncio.timeout(WITHIN_S):
            while worker.runs[-1][-1].offset + 1 < end or tp not in await caught_up(worker.app, {tp: end}):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert worker.values() == {str(n).encode() for n in range(8)}
        assert await commit(worker.app, {tp: end}) == {tp: end}
    assert await committed(broker, group, tp) == end


async def delete_until(bootstrap: str, topic: str, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def test_the_watchdog_joins_again_after_a_group_error(embedded_broker: Broker) -> None:
    topic = embedded_broker.unique("topic")
    await embedded_broker.create_topics({topic: 2})
    await fill(embedded_broker, topic, 2, 10)
    assert embedded_broker.embedded is not None
    embedded_broker.embedded.fail_next(SYNC_GROUP, UNKNOWN_SERVER_ERROR, times=2)
    async with Worker(embedded_broker, "group", topic).running() as worker:
        await worker.until_records(20)


async def test_a_seek_that_takes_longer_than_a_request_may_does_not_leave_the_worker_deaf(
    embedded_broker: Broker,
) -> None:
    """Offsets of a group are loading for a while after a broker came back."""
    topic = embedded_broker.unique("topic")
    await embedded_broker.create_topics({topic: 2})
    await fill(embedded_broker, topic, 2, 10)
    assert embedded_broker.embedded is not None
    embedded_broker.embedded.fail_next(OFFSET_FETCH, COORDINATOR_LOADING, times=60)
    quick = {"broker_session_timeout": 2.0, "broker_heartbeat_interval": 0.4, "broker_request_timeout": 2.0}
    async with Worker(embedded_broker, "group", topic, **quick).running() as worker:
        await worker.until_records(20)


async def test_a_leader_that_does_not_know_a_topic_asks_again_before_it_assigns(embedded_broker: Broker) -> None:
    group, topic, later = "group", embedded_broker.unique("topic"), embedded_broker.unique("later")
    await embedded_broker.create_topics({topic: 2})
    worker = Worker(embedded_broker, group, topic)
    seen = {topic: {0, 1}}
    cluster = ClusterMetadata()
    cluster.partitions_for_topic = lambda name: seen.get(name)
    assignor = worker.app.assignor
    members = {"a": assignor.metadata({topic, later})}
    for _ in range(REFUSALS):
        with pytest.raises(KafkaError, match=f"does not know {later} yet"):
            assignor.assign(cluster, members)
    [rest] = assignor.assign(cluster, members).values()  # a topic that does not come back takes no other with it
    assert {name for name, _ in rest.assignment} == {topic}
    seen[later] = {0, 1}
    [whole] = assignor.assign(cluster, members).values()
    assert {name for name, _ in whole.assignment} == {topic, later}


async def test_a_denied_group_is_one_line(embedded_broker: Broker) -> None:
    topic = embedded_broker.unique("topic")
    await embedded_broker.create_topics({topic: 2})
    assert embedded_broker.embedded is not None
    embedded_broker.embedded.fail_next(JOIN_GROUP, GROUP_AUTHORIZATION_FAILED, times=20)
    with pytest.raises(SetupError, match=r"^Kafka denies livewarden the group group: allow its user to read"):
        await asyncio.wait_for(serve(Worker(embedded_broker, "group", topic).app), WITHIN_S)


async def test_a_broker_that_comes_back_finds_its_worker(embedded_broker: Broker) -> None:
    topic = embedded_broker.unique("topic")
    await embedded_broker.create_topics({topic: 2})
    assert embedded_broker.embedded is not None
    async with Worker(embedded_broker, "group", topic).running() as worker:
        await fill(embedded_broker, topic, 2, 10)
        await worker.until_records(20)
        embedded_broker.embedded.down()
        waiting = asyncio.ensure_future(commit(worker.app, {TP(topic, 0): 10}))
        embedded_broker.embedded.up()
        await fill(embedded_broker, topic, 2, 10, start=10)
        await worker.until(lambda: {19} <= set(worker.offsets(0)) & set(worker.offsets(1)))
        await asyncio.wait_for(waiting, WITHIN_S)


async def test_a_worker_stops_while_the_broker_is_away(embedded_broker: Broker) -> None:
    topic = embedded_broker.unique("topic")
    await embedded_broker.create_topics({topic: 2})
    assert embedded_broker.embedded is not None
    worker = Worker(embedded_broker, "group", topic)
    async with worker.running():
        await worker.until(lambda: len(worker.assigned) == 2)
        embedded_broker.embedded.down()
        with pytest.raises(KafkaError):
            await end_offsets(worker.app, [TP(topic, 0)])


async def test_a_process_without_kafka_says_so_in_one_line() -> None:
    with pytest.raises(Unreachable, match=r"^Kafka at 127\.0\.0\.1:1 does not answer: .*LIVEWARDEN_KAFKA$"):
        await serve(build_app(name="group", kafka="127.0.0.1:1"))


PROGRAM = """
import logging, sys
from streams.faust_app import build_app, raw_topic, run

logging.basicConfig(level=logging.WARNING)
bootstrap, group, topic, fail = sys.argv[1:]
app = build_app(name=group, kafka=bootstrap)

@app.agent(raw_topic(app, topic))
async def take(stream):
    async for records in stream.noack():
        if fail == "fail":
            raise ValueError("the worker broke")
        print(len(records), flush=True)

sys.exit(run(app))
"""


async def start_process(broker: Broker, group: str, topic: str, fail: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, broker.bootstrap, group, topic, fail),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_stops_when_told(broker: Broker, topic: str, number: signal.Signals) -> None:
    await fill(broker, topic, 2, 10)
    process = await start_process(broker, broker.unique("group"), topic, "work")
    async with asyncio.timeout(WITHIN_S):
        assert process.stdout is not None
        assert await process.stdout.readline()
        process.send_signal(number)
        await process.communicate()
    assert process.returncode == 0


async def test_a_crash_ends_the_process_with_1_and_commits_nothing(broker: Broker, topic: str) -> None:
    group = broker.unique("group")
    await fill(broker, topic, 2, 10)
    process = await start_process(broker, group, topic, "fail")
    async with asyncio.timeout(WITHIN_S):
        _, log = await process.communicate()
    assert process.returncode == 1
    assert b"the worker broke" in log
    assert await committed(broker, group, TP(topic, 0)) is None


def test_the_c_extension_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    require_c_extension()
    monkeypatch.setattr("faust.streams._CStreamIterator", None)
    with pytest.raises(SetupError, match="NO_CYTHON"):
        require_c_extension()
