"""The Faust transport: one message per fetched run of records, and a commit only of what was declared durable.

Faust spends about 100 µs on every message, aiokafka 4, so a message here is not a record but a *run*: the records of
one partition that one fetch brought, in offset order (`message.value` is a list of `Fetched`). Agents
stay Faust agents: `async for run in stream.noack()`.

Positions are ours. Faust's acks commit what was handed out, even when the agent raised, so nothing here acks. A worker
makes rows and state durable, then declares the next offset with `commit`, and says with `go_on_from` where its state
stands after a rebalance: what is committed is for others to see. A run can begin below what the worker has already
seen, never above it, except where the log itself has a hole (compaction, retention, transaction markers).

Subclasses private parts of faust-streaming 0.15.3 and aiokafka 0.14.0; both are pinned exactly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import faust
import faust.streams
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service

from livewarden.errors import SetupError
from streams.kafka_access import DENIED, denied
from streams.stages.marker import Passed
from streams.static_member import StaticMember
from streams.unpacking import READ_COMMITTED_ONLY, Fetched, install

Run = list[Fetched]

ANSWER_WITHIN_S = 5.0
FETCH_WAIT_MS = 250
WATCH_EVERY_S = 0.5
LEAVE_WITHIN_S = 2.0
PARKED_POLL_S = 0.1


async def commit(app: faust.App, durable: Mapping[TP, int]) -> dict[TP, int]:
    """Commit `durable` (partition: next offset to read) to Kafka; return what was committed.

    Call it after rows and state below these offsets are safe. Left out, and harmless: a partition that is no longer
    assigned to this worker, and an offset that is not ahead of the committed one. While the broker is away it waits,
    so bound it with `asyncio.timeout` where waiting is wrong.
    """
    committed: dict[TP, int] = await app.consumer.commit_durable(durable)
    return committed


def go_on_from(app: faust.App, positions: Mapping[TP, int]) -> None:
    """Where to read on after the rebalance under way, whatever Kafka has committed; to be called in `on_assigned`.

    What is saved is the truth: a store that was restored from a backup knows less than the group has committed, and
    then the difference is read again.
    """
    app.consumer.go_on_from(positions)


async def end_offsets(app: faust.App, partitions: Collection[TP]) -> dict[TP, int]:
    """The offset that the next record of each partition will get, asked of the broker now.

    Raises KafkaError where no broker answers within `ANSWER_WITHIN_S` seconds: silence is no evidence that a partition
    is quiet.
    """
    ends: dict[TP, int] = await app.consumer.ends(partitions)
    return ends


async def caught_up(app: faust.App, done: Mapping[TP, int]) -> frozenset[TP]:
    """Those partitions of `done` (partition: next offset the worker will process) that hold nothing unprocessed.

    True of a partition when, at some moment during the call, everything in its log had been fetched and every run that
    was handed out lies below `done`. A partition that is not assigned here is never caught up. Raises as `end_offsets`.
    """
    mine = {tp: offset for tp, offset in done.items() if tp in app.consumer.assignment()}
    if not mine:
        return frozenset()
    ends = await end_offsets(app, mine)
    return frozenset(tp for tp in await app.consumer.reached(ends) if mine[tp] >= app.consumer.handed_until(tp))


async def partition_count(app: faust.App, topic: str) -> int:
    """How many partitions the topic has by the newest metadata, a few seconds old at most;
    0 where that is not known.
    """
    count: int = await app.consumer.partition_count(topic)
    return count


def require_c_extension() -> None:
    """Raise SetupError without Faust's C extension: the Python path acknowledges messages that it skipped."""
    if faust.streams._CStreamIterator is None:
        raise SetupError("Faust runs without its C extension: unset NO_CYTHON, or install faust-streaming from a wheel")


class RunConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns the aiokafka consumer. Everything here runs in its loop, beside aiokafka's own tasks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_until: dict[TP, int] = {}
        self._member: StaticMember | None = None
        self._minded: KafkaError | None = None

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch_coordinator(self) -> None:
        # aiokafka parks a group error until somebody calls check_errors(). Its own getmany() does, Faust never: the
        # worker would live on without partitions, silent for ever.
        while not self.should_stop:
            await self.sleep(WATCH_EVERY_S)
            if self._consumer is None or self._consumer._coordinator is None:
                continue
            coordinator = self._consumer._coordinator
            if self._member is not None:
                self._member.check()
            kept_out = self._consumer._client.cluster.unauthorized_topics
            if kept_out:  # no leader assigns a topic of which it knows nothing
                raise denied(TopicAuthorizationFailedError(set(kept_out)))
            if coordinator._coordination_task.done() and not (self.should_stop or coordinator._closing.done()):
                raise ConsumerStoppedError("the task that keeps the place in the consumer group has ended")
            if coordinator._pending_exception is not None:
                await self._ask_for_metadata()  # what the leader could not assign, it may not have known
            try:
                coordinator.check_errors()
            except DENIED as error:
                raise denied(error, self.app.conf.id) from error
            except KafkaError as error:
                self._minded = error
                self.log.warning("group coordinator: %r, joining again", error)

    async def on_start(self) -> None:
        """Start the consumer; under a stable name it minds whose that is."""
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator
        if coordinator._group_instance_id:
            self._member = StaticMember(coordinator)

    async def _ask_for_metadata(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._ensure_consumer()._client.force_metadata_update()
        except TimeoutError:
            self.log.warning("no broker says which topics there are")

    def _create_worker_consumer(self, transport: Any) -> Any:
        install()
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = READ_COMMITTED_ONLY
        # One fetch per broker is under way at a time, for the partitions that had nothing buffered when it was sent. A
        # record of another partition, and a question for end offsets, wait behind it: for up to 1.5 s as Faust sets it.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._auto_offset_reset = "none"  # a position that the log does not have is ours to account for
        return consumer

    async def on_thread_stop(self) -> None:
        """Leave the group, in bounded time: a broker that is away must not keep a worker from ending."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await super().on_thread_stop()
        except (TimeoutError, asyncio.CancelledError):  # aiokafka lets the cancellation of its own fetch escape
            self.log.warning("left without a good-bye, Kafka does not answer; the group notices by session timeout")
            if self._consumer is not None:
                await self._consumer._client.close()

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,
    ) -> dict[TP, tuple[int, Run]]:
        """Runs by partition, each with the generation of the group in which it was fetched."""
        try:
            fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except KafkaError as error:
            if self._member is not None:
                self._member.check()
            group_errors = (consumer._coordinator._pending_exception, self._minded)
            if any(repr(error) == repr(other) for other in group_errors):  # aiokafka hands out copies
                return {}  # a group error that woke this fetch; the watchdog handles it
            if isinstance(error, DENIED):
                raise denied(error, self.app.conf.id) from error
            if isinstance(error, NoOffsetForPartitionError):
                return {}  # fetched before the seek to the beginning
            if not isinstance(error, OffsetOutOfRangeError):
                raise
            fetched = await self._back_into_range(error.args[0])
        self._pass_over(consumer, active_partitions, fetched)
        if not self.consumer.flow_active:
            # The fetch waited across the start of a rebalance. Its records will not be handed over, and Faust's seek
            # to the committed offset may already be done, so take the position back here and now.
            for partition, run in fetched.items():
                first = run[0]
                lost_from = first.lost_from if isinstance(first, Passed) else -1
                consumer.seek(partition, lost_from if lost_from >= 0 else first.offset)
            return {}
        generation = self.app.consumer_generation_id
        return {TP(*partition): (generation, run) for partition, run in fetched.items()}

    def _pass_over(self, consumer: Any, partitions: set[TP], fetched: dict[Any, Any]) -> None:
        """Say in the runs which offsets were passed that hold no record: the position is then the worker's too."""
        assignment = consumer._subscription.subscription and consumer._subscription.subscription.assignment
        for tp in partitions if assignment else ():
            partition = TopicPartition(*tp)
            state = assignment.state_value(partition)
            if state is None or not state.has_valid_position:
                continue
            run = fetched.get(partition)
            until = run[-1].offset + 1 if run else self._read_until.get(tp, state.position)
            if state.position > until:
                fetched[partition] = [*(run or ()), Passed(tp.topic, tp.partition, state.position - 1)]
            self._read_until[tp] = state.position

    async def _back_into_range(self, positions: Mapping[TopicPartition, int]) -> dict[Any, Any]:
        """Where a log no longer has what comes next: go to its beginning, and hand out what was lost."""
        fetched = {}
        consumer = self._ensure_consumer()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                begins = await consumer.beginning_offsets(list(positions))
                ends = await consumer.end_offsets(list(positions))
        except (KafkaError, TimeoutError) as error:
            self.log.warning("where the log begins is asked again: %r", error)
            return {}
        for partition, at in positions.items():
            if at > ends[partition]:
                raise SetupError(
                    f"{partition.topic}/{partition.partition} ends at {ends[partition]}, "
                    f"below the position {at} of this"
                    " group: the topic was made again or cut off. Give it another name with LIVEWARDEN_TOPIC_PREFIX, or"
                    " start a new group and database"
                )
            begin = begins[partition]
            consumer.seek(partition, begin)
            if begin > at:
                fetched[partition] = [Passed(partition.topic, partition.partition, begin - 1, lost_from=at)]
        return fetched

    async def commit_assigned(self, offsets: Mapping[TP, int]) -> dict[TP, int]:
        """Commit those of `offsets` whose partition is assigned; return what the broker took."""
        consumer = self._ensure_consumer()
        mine = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not mine:
            return {}
        try:
            await consumer.commit({TopicPartition(*tp): OffsetAndMetadata(at, "") for tp, at in mine.items()})
        except DENIED as error:
            raise denied(error, self.app.conf.id) from error
        except (CommitFailedError, IllegalStateError) as error:
            self.log.info("not committed, the group has moved on: %s", error)
            return {}
        return mine

    async def seek_to(self, positions: Mapping[TP, int], committed: Mapping[TP, int]) -> None:
        """Seek each partition to its position; what else is assigned goes on where it was committed."""
        # An offset may be gone from the log; `_back_into_range` then goes to the earliest one.
        self._read_until = dict(committed) | dict(positions)
        for tp, offset in positions.items():
            self._ensure_consumer().seek(TopicPartition(*tp), offset)

    async def ends(self, partitions: Collection[TP]) -> dict[TP, int]:
        """See `end_offsets`."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                ends = await self._ensure_consumer().end_offsets([TopicPartition(*tp) for tp in partitions])
        except TimeoutError as error:
            raise KafkaTimeoutError(f"no end offsets within {ANSWER_WITHIN_S:.0f} s") from error
        return {TP(*tp): offset for tp, offset in ends.items()}

    async def partition_count(self, topic: str) -> int:
        """See `partition_count`."""
        return len(self._ensure_consumer().partitions_for_topic(topic) or ())

    async def reached(self, ends: Mapping[TP, int]) -> set[TP]:
        """Partitions whose fetch position is at or beyond `ends`."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        states = {} if assignment is None else {tp: assignment.state_value(TopicPartition(*tp)) for tp in ends}
        return {tp for tp, state in states.items() if state and state.has_valid_position and state.position >= ends[tp]}


class RunConsumer(driver.Consumer):  # type: ignore[misc]
    """Hands out runs, and commits only what `commit_durable` is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unparked = asyncio.Event()
        self._committing = asyncio.Lock()
        self._durable: dict[TP, int] = {}
        self._handed: dict[TP, int] = {}
        self._saved: dict[TP, int] = {}

    def _new_consumer_thread(self) -> RunConsumerThread:
        return RunConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        """Fetch once, waiting at most `timeout` seconds for records, and yield one message per partition."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = self._get_active_partitions()
        if not active:  # nothing assigned, or every buffer full
            self._unparked.clear()
            await self.wait_first(self._unparked.wait(), timeout=timeout)
            return
        # A parked partition comes back to the next fetch only, so do not wait long in this one.
        fetched = await self._getmany(active, PARKED_POLL_S if self._buffered_partitions else timeout)
        for tp, (generation, run) in fetched.items():
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return  # fetched before a rebalance; whoever owns the partition now reads it from the committed offset
            self._handed[tp] = run[-1].offset + 1
            message = self._to_message(tp, run[-1])
            message.value, message.generation_id = run, generation
            yield tp, message

    async def _drain_messages(self, fetcher: Any) -> None:
        # Faust's own loop also keeps acks and gaps of offsets, which runs would only confuse: here aiokafka's position
        # is the position.
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                async for _, message in self.getmany(timeout=1.0):
                    await self.wait_first(self.callback(message), self.suspend_flow.wait())
        except (*self.consumer_stopped_errors, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    def go_on_from(self, positions: Mapping[TP, int]) -> None:
        """See the function `go_on_from`."""
        self._saved = dict(positions)

    async def perform_seek(self) -> None:
        """After a rebalance, before the flow resumes: every partition to what is saved, else to its committed offset,
        else to its beginning.
        """
        await super().perform_seek()
        self._handed.clear()
        committed = {TP(*tp): offset for tp, offset in self._committed_offset.items() if offset}
        mine = self.assignment()
        saved = {tp: offset for tp, offset in self._saved.items() if tp in mine}
        for tp, offset in sorted(saved.items()):
            if offset < committed.get(tp, 0):
                self.log.warning(
                    (
                        "%s, partition %s: the state stands at offset %s, Kafka has committed %s; "
                        "what lies between is read again"
                    ),
                    *(tp.topic, tp.partition, offset, committed[tp]),
                )
        self._durable = {tp: min(offset, saved.get(tp, offset)) for tp, offset in committed.items()}
        # Faust leaves a partition without a committed offset where a fetch has put it, and drops what that fetch got.
        fresh = dict.fromkeys((tp for tp in mine if tp not in committed), 0)
        await self._thread.call_thread(self._thread.seek_to, fresh | saved, committed)

    def on_buffer_drop(self, tp: TP) -> None:
        """A buffer has room again: let a waiting fetch know."""
        super().on_buffer_drop(tp)
        self._unparked.set()

    def handed_until(self, tp: TP) -> int:
        """The offset after the last run handed out since the rebalance; 0 before the first."""
        return self._handed.get(tp, 0)

    async def ends(self, partitions: Collection[TP]) -> dict[TP, int]:
        """See `end_offsets`."""
        ends: dict[TP, int] = await self._thread.call_thread(self._thread.ends, partitions)
        return ends

    async def reached(self, ends: Mapping[TP, int]) -> set[TP]:
        """Partitions whose fetch position is at or beyond `ends`."""
        found: set[TP] = await self._thread.call_thread(self._thread.reached, ends)
        return found

    async def partition_count(self, topic: str) -> int:
        """See `partition_count`."""
        count: int = await self._thread.call_thread(self._thread.partition_count, topic)
        return count

    async def commit_durable(self, offsets: Mapping[TP, int]) -> dict[TP, int]:
        """See `commit`."""
        async with self._committing:
            ahead = {TP(*tp): offset for tp, offset in offsets.items() if offset > self._durable.get(TP(*tp), 0)}
            if not ahead:
                return {}
            committed: dict[TP, int] = await self._thread.call_thread(self._thread.commit_assigned, ahead)
            self._durable.update(committed)
            self.app.monitor.on_tp_commit(committed)
            return committed


class RunTransport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with `RunConsumer`."""

    Consumer = RunConsumer
