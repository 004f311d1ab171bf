"""The watcher: asks Kafka whether the group gets on, beside the consumer whose word would not count, and tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Self

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from livewarden.errors import Stalled
from livewarden.settings import Settings
from sinks.store.tables import Row
from streams import telemetry
from streams.conditions import Condition
from streams.kafka_access import access_of
from streams.liveness import TOLD_AFTER_S, Liveness, Seen, Verdict
from streams.self_watch import SelfWatch

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
ANSWER_WITHIN_S = 8.0

Mine = Callable[[], Mapping[TopicPartition, tuple[int, bool]]]
"""This worker's partitions: the next offset to process, and whether nothing holds it up."""


class Group:
    """Positions of the whole group, as the broker has them."""

    def __init__(self, settings: Settings) -> None:
        self._group = settings.group
        self._places = [TopicPartition(name, n) for name, count in settings.topics().items() for n in range(count)]
        access = access_of(settings)
        self._admin = AIOKafkaAdminClient(**access.client())
        self._consumer = AIOKafkaConsumer(**access.client(), group_id=None, enable_auto_commit=False)

    async def __aenter__(self) -> Self:
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def seen(self) -> dict[TopicPartition, Seen]:
        """Every partition with its end and what is committed; KafkaError or TimeoutError without an answer."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            ends = await self._consumer.end_offsets(self._places)
            committed = await self._admin.list_consumer_group_offsets(self._group, partitions=self._places)
        # A broker that has just started may not know all of them.
        return {tp: Seen(end, max(0, committed[tp].offset)) for tp, end in ends.items() if tp in committed}


class Watcher:
    """One worker's look at its group: metrics, readiness, what to report, and the end of a worker that is no use.

    `mine` and `joining` say what the worker knows of itself; `really_unread` which of some partitions its consumer,
    too, holds to be unread. `told_here`: whether it is this worker who tells of the whole group, so that the others
    need not. `holding`: what else is wrong, as the worker has it; `report`: its row of the table `workers`.
    """

    def __init__(
        self,
        settings: Settings,
        self_watch: SelfWatch,
        mine: Mine,
        joining: Callable[[], bool],
        really_unread: Callable[[Collection[TopicPartition]], Awaitable[frozenset[TopicPartition]]],
        told_here: Callable[[], bool],
        told_after_s: float = TOLD_AFTER_S,
        holding: Callable[[], Sequence[Condition]] = tuple,
        report: Callable[[], Row] = dict,
    ) -> None:
        self._settings = settings
        self._self_watch = self_watch
        self._mine = mine
        self._joining = joining
        self._really_unread = really_unread
        self._told_here = told_here
        self._holding = holding
        self._report = report
        self._liveness = Liveness(settings.stalled_after_s, told_after_s)
        self._standing: list[Condition] = []

    async def run(self) -> None:
        """Look until cancelled; raises Stalled when this worker should be started again."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with Group(self._settings) as group:
                    while True:
                        await self._judge(await self._look(group, loop.time()))
                        await asyncio.sleep(LOOK_EVERY_S)
            except (KafkaError, TimeoutError, OSError) as error:
                self._liveness.silence()
                telemetry.ready("Kafka does not answer")
                _log.warning("Kafka does not say how far the group is: %r", error)
                await self._self_watch.look([*self._standing, *self._holding()])
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, group: Group, now_s: float) -> Verdict:
        seen = await group.seen()
        for tp, (position, idle) in self._mine().items():
            if tp in seen:
                seen[tp] = replace(seen[tp], position=max(position, seen[tp].position), mine=True, idle=idle)
        by_topic: dict[str, list[TopicPartition]] = {}
        for tp in seen:
            by_topic.setdefault(tp.topic, []).append(tp)
        joining = self._joining()
        verdict = self._liveness.look(now_s, seen, joining=joining)
        for topic, places in by_topic.items():
            lag = sum(max(0, seen[tp].end - seen[tp].position) for tp in places)
            telemetry.gauge("livewarden_lag_records", self._plain(topic), value=lag)
            oldest = max(verdict.unread_s.get(tp, 0.0) for tp in places)
            telemetry.gauge("livewarden_unread_seconds", self._plain(topic), value=oldest)
        holding = self._holding()
        missing = next((each.body for each in holding if each.kind == "canary_late"), "")
        unread = _unread(verdict.standing, verdict) if verdict.standing else ""
        telemetry.ready(unread or ("joining the consumer group" if joining else missing))
        if verdict.standing and (self._told_here() or self._standing):
            self._standing = [
                Condition("events_unread", "", "Events are not read", unread, over="Events are read again")
            ]
        elif not verdict.standing:
            self._standing = []
        await self._self_watch.look([*self._standing, *holding])
        reported = {TopicPartition(self._plain(tp.topic), tp.partition): each for tp, each in seen.items()}
        unread_s = {TopicPartition(self._plain(tp.topic), tp.partition): s for tp, s in verdict.unread_s.items()}
        await self._self_watch.report(self._report(), reported if self._told_here() else {}, unread_s)
        return verdict

    async def _judge(self, verdict: Verdict) -> None:
        stalled = frozenset(verdict.stalled)
        if stalled and not self._joining():
            stalled = await self._really_unread(stalled)
        if stalled and self._settings.stalled_after_s:
            line = (
                f"{', '.join(_name(tp) for tp in sorted(stalled)[:5])}: unread for"
                f" {self._settings.stalled_after_s:.0f} s though Kafka answers and nothing holds this worker up;"
                " it ends, for its supervisor to start it again"
            )
            ends = Condition("worker_stalled", self._self_watch.worker, "A worker had stalled and ends", line)
            await self._self_watch.look([*self._standing, *self._holding(), ends])
            raise Stalled(line)

    def _plain(self, topic: str) -> str:
        return topic.removeprefix(self._settings.topic_prefix)


def _unread(standing: Sequence[TopicPartition], verdict: Verdict) -> str:
    longest = max(verdict.unread_s[tp] for tp in standing)
    more = f" and {len(standing) - 5} more" if len(standing) > 5 else ""
    return f"no progress for {longest:.0f} s on {', '.join(map(_name, standing[:5]))}{more}"


def _name(tp: TopicPartition) -> str:
    return f"{tp.topic} {tp.partition}"
