"""The worker: Faust agents over the stages. Plumbing only; what it decides is decided in `models`."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import faust
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import TopicPartition
from faust.types import TP

from livewarden.checkpoint import Checkpoint
from livewarden.clock import Clock
from livewarden.contracts import TOPICS
from livewarden.errors import RetryLater, SetupError, Stalled
from livewarden.settings import CANARY, PARTIALS, RESPONSE, Settings
from models.aggregate.canary import Canary as CanaryMessage
from models.aggregate.canary import canary_dict
from models.aggregate.idle import Positions, seal_until
from models.monitors.plan import Plan
from models.response.policy import Policy
from sinks.channels import Channel
from sinks.store.store import Store
from sinks.store.tables import Row
from streams import telemetry
from streams.canary import Canary
from streams.clocks import clock_skew, watermark_ahead
from streams.conditions import Condition
from streams.faust_app import build_app, raw_topic, serve
from streams.kafka_access import DENIED, access_of, denied, start
from streams.log_clock import LogClock
from streams.notifier import Notifier
from streams.partition_task import PartitionTask, retrying
from streams.radar import Connect, Radar
from streams.self_watch import SelfWatch
from streams.set_aside import SetAside
from streams.stages import Detect, Ingest, Respond, Said, encode_message, topic_of
from streams.stages.canary import CanaryStage
from streams.stages.output import LOG_APPEND_TIME
from streams.topic_watch import TopicWatch, made_again
from streams.transport import Run, caught_up, commit, go_on_from, partition_count
from streams.watcher import Watcher

_log = logging.getLogger(__name__)

CANARY_WITHIN_S = 10.0
TICK_S = 0.1
SAVE_WITHIN_S = 2.5
GOODBYE_WITHIN_S = 1.0
IDLE_EVERY_S = 5.0
NOTIFY_EVERY_S = 0.2


class Worker:
    """One process of the consumer group: ingest tasks for its source partitions, detect tasks for its partials
    partitions.

    A task is restored from the newest checkpoint when its partition is assigned, reads on from there whatever Kafka has
    committed, and is saved before it is given away where time allows.
    """

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        store: Store,
        clock: Clock,
        policy: Policy | None = None,
        channels: Mapping[str, Channel] | None = None,
        reader: Connect | None = None,
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._policy = policy or Policy()
        self._name = name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._courier = Notifier(channels or {}, self._say, name, self._policy.tick)
        self._store = store
        self._clock = clock
        self._log_clock = LogClock(clock)
        self._set_aside = SetAside(self._log_clock.kafka_ms)
        self._canary = Canary(
            settings.canary_s,
            clock,
            self._log_clock.kafka_ms,
            self._notifies,
            self._send_canary,
            store.write,
        )
        self._tasks: dict[TP, PartitionTask] = {}
        self._rebalances = 0
        self._producer: AIOKafkaProducer | None = None
        self._lateness_ms = settings.lateness_ms()
        self._idle_ms = settings.idle_ms()
        self._access = access_of(settings)
        self.app: faust.App = build_app(
            name=settings.group,
            kafka=self._access,
            session_timeout_s=settings.session_timeout_s,
            member=settings.member,
            embedded=settings.embedded_kafka,
            on_assigned=self._assigned,
            on_revoked=self._revoked,
        )
        for topic in (*TOPICS, PARTIALS, RESPONSE, *([CANARY] if settings.canary_s else [])):
            stage = {PARTIALS: "detect", RESPONSE: "respond", CANARY: "canary"}.get(topic, "ingest")
            self.app.agent(raw_topic(self.app, settings.topic_prefix + topic), name=f"{stage}-{topic}")(self._consume)
        self._topics = TopicWatch(settings.topics(), self._client, self._partition_count)
        self._loading = 0
        self._watcher = Watcher(
            settings,
            SelfWatch(
                [channels[name] for name in self._policy.watch] if channels else [],
                name,
                self._log_clock.kafka_ms,
                store.write,
            ),
            self._mine,
            lambda: self.app.rebalancing and not self._loading,
            self._unread,
            lambda: self._response_lane() is not None or not self._tasks,
            holding=self._holding,
            report=self._report,
        )
        self._courier = Notifier({**(channels or {}), CANARY: self._canary}, self._say, name, self._policy.tick)
        self.app.task(self._watch)
        self.app.task(self._tick)
        self.app.task(self._notify)
        self.app.task(self._watch_topics)
        if settings.idle_after_s:
            self.app.task(self._seal_idle)
        if settings.canary_s:
            self.app.task(self._canary.run)
        if settings.radar_s and reader is not None:
            self.app.task(Radar(settings.radar_s, reader, self._notifies, self._say, store.write).run)

    async def run(self) -> int:
        """Run until notified to stop (0) or a crash (1)."""
        self._producer = AIOKafkaProducer(**self._access.client(), enable_idempotence=True, acks="all", linger_ms=2)
        try:
            await start(self._producer, self._access)
            return await serve(self.app, before_stop=self.save)
        finally:
            await self._courier.finish(GOODBYE_WITHIN_S)
            try:
                async with asyncio.timeout(GOODBYE_WITHIN_S):
                    await self._producer.stop()
            except TimeoutError:
                _log.warning("Kafka does not take what is left; it will be said again")

    async def save(self) -> None:
        """Make every task durable, as far as it goes in a few seconds; what is not will be read again."""
        try:
            async with asyncio.timeout(SAVE_WITHIN_S):
                await asyncio.gather(*(task.save() for task in self._tasks.values()))
        except TimeoutError:
            _log.warning("not everything was saved within %s s; the rest will be read again", SAVE_WITHIN_S)

    async def _consume(self, stream: faust.StreamT[Run]) -> None:
        """Hand runs to the task of their partition."""
        async for run in stream.noack():
            task = self._tasks.get(TP(run[0].topic, run[0].partition))
            if task is not None:
                if isinstance(task.stage, Ingest):  # what workers say to each other may carry this clock's own mistake
                    self._log_clock.read(run[-1].timestamp)
                try:
                    await task.take(run)
                except SetupError as error:
                    await self.app.crash(error)

    async def _assigned(self, partitions: frozenset[TP]) -> None:
        self._rebalances += 1
        rebalance = self._rebalances
        new = sorted(partitions - self._tasks.keys())
        self._loading += 1
        try:
            ids = await self._topics.ids()
            tasks = await asyncio.gather(*(self._task(tp, ids.get(tp.topic, "")) for tp in new))
        except SetupError as error:
            await self.app.crash(error)
            return
        finally:
            self._loading -= 1
        if rebalance != self._rebalances:
            return  # the group moved on meanwhile: another worker may write what was just read
        self._tasks.update(zip(new, tasks, strict=True))
        go_on_from(self.app, {tp: task.stage.next_offset for tp, task in self._tasks.items()})
        self._gauge()

    async def _revoked(self, partitions: frozenset[TP]) -> None:
        self._rebalances += 1
        tasks = [self._tasks.pop(tp) for tp in sorted(partitions) if tp in self._tasks]
        try:
            async with asyncio.timeout(SAVE_WITHIN_S):
                await asyncio.gather(*(task.save() for task in tasks))
        except TimeoutError:
            _log.warning("revoked before everything was saved; the next owner reads the rest again")
        finally:
            for task in tasks:
                task.close()
        self._gauge()

    async def _task(self, tp: TP, topic_id: str) -> PartitionTask:
        settings = self._settings
        stage = self._stage(tp.topic.removeprefix(settings.topic_prefix), tp.partition)
        saved: Checkpoint | None = await retrying("clickhouse")(self._store.load, stage.name, stage.topic, tp.partition)
        if saved is not None:
            if topic_id and saved.topic_id not in ("", topic_id):
                raise made_again(tp.topic)
            topic_id = topic_id or saved.topic_id
            stage.restore(saved)
            if isinstance(stage, Ingest):
                stage.resume()
        every_s = settings.detect_checkpoint_s if isinstance(stage, Detect) else settings.ingest_checkpoint_s
        return PartitionTask(stage, self._store, self._send, self._commit, every_s, self._set_aside.take, topic_id)

    def _stage(self, topic: str, partition: int) -> Ingest | Detect | Respond | CanaryStage:
        if topic == PARTIALS:
            return Detect(self._plan, topic, partition)
        if topic == RESPONSE:
            return Respond(self._plan, self._policy, topic, partition)
        if topic == CANARY:
            return CanaryStage(topic, partition)
        settings = self._settings
        return Ingest(self._plan, topic, partition, settings.partitions, self._lateness_ms[topic], settings.ahead_ms())

    async def _send(self, messages: Sequence[Said]) -> None:
        assert self._producer is not None
        try:
            sent = []
            for message in messages:
                key, value = encode_message(message)
                topic = self._settings.topic_prefix + topic_of(message)
                now_ms = self._log_clock.kafka_ms()
                try:
                    sent.append(await self._producer.send(topic, value, key, timestamp_ms=now_ms))
                except MessageSizeTooLargeError:  # it would be too large at every try; what it says is in ClickHouse
                    telemetry.count("livewarden_messages_too_large", topic)
                    _log.error("not sent to %s, %d bytes are more than Kafka takes: %.200r", topic, len(value), message)
            for answer in await asyncio.gather(*sent):  # the embedded broker says that it stamps, and names no time
                if answer.timestamp_type == LOG_APPEND_TIME and not self._settings.embedded_kafka:
                    self._log_clock.answered(answer.timestamp)
        except DENIED as error:
            raise denied(error) from error
        except KafkaError as error:
            raise RetryLater(f"Kafka does not take what a stage says: {error!r}") from error

    async def _send_canary(self, sent_ms: int) -> None:
        assert self._producer is not None
        topic = self._settings.topic_prefix + CANARY
        try:
            async with asyncio.timeout(CANARY_WITHIN_S):
                await self._producer.send_and_wait(topic, orjson.dumps(canary_dict(CanaryMessage(sent_ms))))
        except DENIED as error:
            raise denied(error) from error
        except (KafkaError, TimeoutError) as error:
            raise RetryLater(f"Kafka does not take a canary: {error!r}") from error

    def _notifies(self) -> bool:
        return self._response_lane() is not None

    async def _say(self, messages: Sequence[Said]) -> None:
        await retrying("kafka")(self._send, messages)

    async def _commit(self, topic: str, partition: int, offset: int) -> None:
        await commit(self.app, {TP(self._settings.topic_prefix + topic, partition): offset})

    async def _tick(self) -> None:
        while not self.app.should_stop:
            await asyncio.sleep(TICK_S)
            await asyncio.gather(*(task.tick(self._settings.flush_s) for task in self._tasks.values()))

    async def _watch(self) -> None:
        """Look at the whole group, and end this worker when it is no use any more."""
        try:
            await self._watcher.run()
        except Stalled as stalled:
            await self.app.crash(stalled)

    def _mine(self) -> dict[TopicPartition, tuple[int, bool]]:
        """What is assigned here: the next offset, and whether nothing holds it up. Without a task nothing can go on."""
        places = {TopicPartition(*tp): (0, not self._loading) for tp in self.app.consumer.assignment()}
        return places | {TopicPartition(*tp): (task.stage.next_offset, task.idle) for tp, task in self._tasks.items()}

    async def _unread(self, partitions: Collection[TopicPartition]) -> frozenset[TopicPartition]:
        """Without those whose log holds nothing but the marks of transactions behind what was processed."""
        done = {TP(*tp): task.stage.next_offset for tp in partitions if (task := self._tasks.get(TP(*tp))) is not None}
        try:
            reached = await caught_up(self.app, done)
        except KafkaError:
            return frozenset(partitions)  # the broker answers others, and not this consumer
        return frozenset(partitions) - {TopicPartition(*tp) for tp in reached}

    def _holding(self) -> list[Condition]:
        """What is wrong with this worker, or with what it reads; the group's state is the watcher's."""
        now_ms, late = self._log_clock.kafka_ms(), self._canary.late()
        bound_ms = self._settings.ahead_ms()
        stages = [task.stage for task in self._tasks.values() if isinstance(task.stage, Ingest)]
        skew = clock_skew(self._name, self._log_clock.skew_ms)
        return [
            *self._set_aside.holding(),
            *self._topics.holding(),
            *(ahead for stage in stages if (ahead := watermark_ahead(stage, now_ms, bound_ms))),
            *([skew] if skew else ()),
            *([late] if late else ()),
        ]

    def _report(self) -> Row:
        """This worker's row of the table `workers`."""
        owned = Counter(task.stage.name for task in self._tasks.values())
        skew_ms = self._log_clock.skew_ms
        return {
            "why_not_ready": telemetry.why_not_ready(),
            "clock_skew_seconds": None if skew_ms is None else skew_ms / 1000,
            **{name: owned[name] for name in ("ingest", "detect", "respond")},
        }

    def _client(self) -> AIOKafkaClient:
        assert self._producer is not None
        return self._producer.client

    async def _partition_count(self, topic: str) -> int:
        return await partition_count(self.app, topic) if self._tasks else 0

    def _response_lane(self) -> PartitionTask | None:
        return self._tasks.get(TP(self._settings.topic_prefix + RESPONSE, 0))

    async def _notify(self) -> None:
        """Serve the outbox while the log of responses is this worker's.

        What is not read yet may say that something was sent; a claim stands behind that in the log, and is not granted.
        """
        while not self.app.should_stop:
            await asyncio.sleep(NOTIFY_EVERY_S)
            task = self._response_lane()
            if task is not None and isinstance(task.stage, Respond):
                await self._courier.turn(task.stage.responder, self._log_clock.kafka_ms())

    async def _seal_idle(self) -> None:
        """Seal partitions that are read to their end and have been quiet for a while,
        as far as `models.aggregate.idle` allows.
        """
        patience = self._settings.idle_after_s
        while not self.app.should_stop:
            await asyncio.sleep(min(IDLE_EVERY_S, patience))
            quiet = {
                tp: task.stage.next_offset
                for tp, task in self._tasks.items()
                if isinstance(task.stage, Ingest) and task.quiet_for() >= patience
            }
            if not quiet:
                continue
            try:
                positions = await self._positions()  # before the ends: what is followed was written by then
                reached = await caught_up(self.app, quiet)
            except (KafkaError, RetryLater) as error:
                _log.warning("no partition is sealed by the clock now: %s", error)
                continue
            for tp in sorted(reached):
                task = self._tasks.get(tp)
                if task is not None and isinstance(task.stage, Ingest):
                    await task.seal(lambda stage=task.stage, at=positions: self._seal(stage, at))  # type: ignore[misc]

    async def _positions(self) -> Positions:
        """Of all source partitions: what others have saved, and where ours are."""
        mine = {
            (task.stage.topic, task.stage.partition): (task.stage.next_offset, task.stage.watermark_ms)
            for task in self._tasks.values()
            if isinstance(task.stage, Ingest)
        }
        everywhere = sum(self._settings.partitions_by_topic().values())
        return mine if len(mine) == everywhere else await self._store.positions("ingest") | mine

    def _seal(self, stage: Ingest, positions: Positions) -> None:
        behind_ms = self._lateness_ms[stage.topic] + self._idle_ms[stage.topic]
        now_ms = self._log_clock.now_ms()
        stage.advance(seal_until(self._plan, stage.topic, stage.partition, stage.lag_ms, now_ms, behind_ms, positions))

    async def _watch_topics(self) -> None:
        """Say when a topic has grown, and end where one was made again."""
        try:
            await self._topics.run()
        except SetupError as error:
            await self.app.crash(error)

    def _gauge(self) -> None:
        for name in ("ingest", "detect", "respond"):
            owned = sum(task.stage.name == name for task in self._tasks.values())
            telemetry.gauge("livewarden_partitions", name, value=owned)
