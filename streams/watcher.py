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

from livewarden.errors import LivewardenError, Stalled
from livewarden.settings import Settings
from sinks.channels import Channel, Outgoing
from streams import telemetry
from streams.kafka_access import access_of
from streams.liveness import TOLD_AFTER_S, Liveness, Seen, Verdict

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
ANSWER_WITHIN_S = 8.0
TELL_AGAIN_S = 900.0
TELL_WITHIN_S = 3.0

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
    """One worker's look at its group: metrics, readiness, the channels of `watch`, and the end of a worker that is no
    use.

    `mine` and `joining` say what the worker knows of itself; `really_unread` which of some partitions its consumer,
    too, holds to be unread. `told_here`: whether it is this worker who tells, so that the others need not.
    """

    def __init__(
        self,
        settings: Settings,
        channels: Sequence[Channel],
        mine: Mine,
        joining: Callable[[], bool],
        really_unread: Callable[[Collection[TopicPartition]], Awaitable[frozenset[TopicPartition]]],
        told_here: Callable[[], bool],
        told_after_s: float = TOLD_AFTER_S,
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._mine = mine
        self._joining = joining
        self._really_unread = really_unread
        self._told_here = told_here
        self._liveness = Liveness(settings.stalled_after_s, told_after_s)
        self._told_at: float | None = None

    async def run(self) -> None:
        """Look until cancelled; raises Stalled when this worker should be started again."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with Group(self._settings) as group:
                    while True:
                        verdict = await self._look(group, loop.time())
                        await self._judge(verdict, loop.time())
                        await asyncio.sleep(LOOK_EVERY_S)
            except (KafkaError, TimeoutError, OSError) as error:
                self._liveness.silence()
                telemetry.ready("Kafka does not answer")
                _log.warning("Kafka does not say how far the group is: %r", error)
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
            name = topic.removeprefix(self._settings.topic_prefix)
            lag = sum(max(0, seen[tp].end - seen[tp].position) for tp in places)
            telemetry.gauge("livewarden_lag_records", name, value=lag)
            oldest = max(verdict.unread_s.get(tp, 0.0) for tp in places)
            telemetry.gauge("livewarden_unread_seconds", name, value=oldest)
        if verdict.standing:
            telemetry.ready(_unread(verdict.standing, verdict))
        else:
            telemetry.ready("joining the consumer group" if joining else "")
        return verdict

    async def _judge(self, verdict: Verdict, now_s: float) -> None:
        stalled = frozenset(verdict.stalled)
        if stalled and not self._joining():
            stalled = await self._really_unread(stalled)
        if stalled and self._settings.stalled_after_s:
            line = (
                f"{', '.join(_name(tp) for tp in sorted(stalled)[:5])}: unread for"
                f" {self._settings.stalled_after_s:.0f} s though Kafka answers and nothing holds this worker up;"
                " it ends, for its supervisor to start it again"
            )
            await self._notify("A worker had stalled and ends", line)
            raise Stalled(line)
        if verdict.standing and self._told_here():
            if self._told_at is None or now_s - self._told_at >= TELL_AGAIN_S:
                self._told_at = now_s
                await self._notify("Events are not read", _unread(verdict.standing, verdict))
        elif not verdict.standing and self._told_at is not None:
            self._told_at = None
            await self._notify("Events are read again", "No partition stands still any more.", "info")

    async def _notify(self, title: str, body: str, severity: str = "critical") -> None:
        _log.error("%s: %s", title, body)
        notice = Outgoing(f"watch-{title}", "", "watch", severity, f"livewarden: {title}", body, "")
        await asyncio.gather(*(_send(channel, notice) for channel in self._channels))


async def _send(channel: Channel, notice: Outgoing) -> None:
    try:
        async with asyncio.timeout(TELL_WITHIN_S):
            await channel.send(notice)
    except (LivewardenError, TimeoutError) as error:
        _log.warning("channel %s does not take %r: %r", channel.name, notice.title, error)


def _unread(standing: Sequence[TopicPartition], verdict: Verdict) -> str:
    longest = max(verdict.unread_s[tp] for tp in standing)
    more = f" and {len(standing) - 5} more" if len(standing) > 5 else ""
    return f"no progress for {longest:.0f} s on {', '.join(map(_name, standing[:5]))}{more}"


def _name(tp: TopicPartition) -> str:
    return f"{tp.topic} {tp.partition}"
