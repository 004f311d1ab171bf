"""Tells what livewarden has to say about itself: on the channels of `watch`, in the log, and in tables that the console
shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aiokafka.structs import TopicPartition

from livewarden.errors import LivewardenError
from sinks.channels import Channel, Outgoing
from sinks.store.tables import Row
from streams.conditions import Condition, Conditions, Held
from streams.liveness import Seen

_log = logging.getLogger(__name__)

TELL_WITHIN_S = 3.0
"""Longest wait for a channel or for ClickHouse: whoever watches must not be held up by what is watched."""
REPORT_EVERY_MS = 15_000

Write = Callable[[str, Sequence[Row]], Awaitable[None]]
"""Writes rows of a table, as `Store.write`."""


async def unwritten(table: str, rows: Sequence[Row]) -> None:
    """A `Write` of those who keep nothing."""


class SelfWatch:
    """Tells conditions on channels and writes what the console shows. What fails is a line in the log, and never an
    error.

    `worker` names this process, `now_ms` is Kafka's clock.
    """

    def __init__(
        self, channels: Sequence[Channel], worker: str, now_ms: Callable[[], int], write: Write = unwritten
    ) -> None:
        self._channels = channels
        self.worker = worker
        self._now_ms = now_ms
        self._write = write
        self._conditions = Conditions()
        self._reported_ms = -REPORT_EVERY_MS

    async def look(self, holding: Iterable[Condition]) -> None:
        """Take all that holds now; what is new, or over, is notified."""
        changes = self._conditions.look(self._now_ms(), holding)
        await asyncio.gather(*(self._tell(held) for held in changes.to_tell))
        await self._store("health_alerts", [_alert_row(held, self.worker) for held in changes.to_write])

    async def report(
        self, worker: Row, seen: Mapping[TopicPartition, Seen], unread_s: Mapping[TopicPartition, float]
    ) -> None:
        """Write how this worker is, and where the logs stand (`seen`: empty where another worker says so), now and
        then.

        Topics in `seen` are without a prefix.
        """
        now_ms = self._now_ms()
        if abs(now_ms - self._reported_ms) < REPORT_EVERY_MS:
            return
        self._reported_ms = now_ms
        await self._store("workers", [{"worker": self.worker, "seen_at": now_ms} | dict(worker)])
        rows = [
            {
                "topic": tp.topic,
                "partition": tp.partition,
                "log_end": each.end,
                "next_offset": each.position,
                "unread_seconds": unread_s.get(tp, 0.0),
                "seen_at": now_ms,
            }
            for tp, each in sorted(seen.items())
        ]
        await self._store("log_positions", rows)

    async def _tell(self, held: Held) -> None:
        condition = held.condition
        severity = "info" if held.over else condition.severity
        title = condition.over if held.over else condition.title
        body = f"over, since it was notified: {condition.body}" if held.over else condition.body
        _log.log(logging.WARNING if held.over else logging.ERROR, "%s: %s", title, body)
        notice = Outgoing(f"watch-{held.alert_id}", "", "watch", severity, f"livewarden: {title}", body, "")
        await asyncio.gather(*(_send(channel, notice) for channel in self._channels))

    async def _store(self, table: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        try:
            async with asyncio.timeout(TELL_WITHIN_S):
                await self._write(table, rows)
        except (LivewardenError, TimeoutError) as error:
            _log.warning("%s: not written now: %r", table, error)


async def _send(channel: Channel, notice: Outgoing) -> None:
    try:
        async with asyncio.timeout(TELL_WITHIN_S):
            await channel.send(notice)
    except (LivewardenError, TimeoutError) as error:
        _log.warning("channel %s does not take %r: %r", channel.name, notice.title, error)


def _alert_row(held: Held, worker: str) -> Row:
    condition = held.condition
    return {
        "alert_id": held.alert_id,
        "kind": condition.kind,
        "about": condition.about,
        "severity": condition.severity,
        "title": condition.title,
        "body": condition.body,
        "status": "over" if held.over else "firing",
        "since": held.since_ms,
        "seen_at": held.seen_ms,
        "worker": worker,
    }
