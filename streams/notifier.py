"""The courier: carries notifications from the outbox to their channels, and tells the log what time it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from livewarden.errors import LivewardenError, MessageRefused
from models.response.outbox import LEASE_MS, Notification
from models.response.responder import Responder
from models.response.response_event import Claim, Delivery, Tick
from sinks.channels import Channel, Outgoing
from streams import telemetry
from streams.stages import Said

_log = logging.getLogger(__name__)

SEND_WITHIN_S = 30.0
"""Longest try, in seconds: well within a claim's lease, so that no second try begins while one is under way."""
MOST_AT_ONCE = 8
"""Tries under way at one time."""

Say = Callable[[Sequence[Said]], Awaitable[None]]


class Notifier:
    """Tries what is due, one claim in the log before each try.

    It reads the outbox of the stage that this process runs, and changes nothing there: it writes claims, deliveries and
    ticks into the log, and the stage reads them. A try is made once its own claim was read back, so of two workers that
    both believe to have the partition at most one tries. `worker` names this process, differently at every start.
    """

    def __init__(self, channels: Mapping[str, Channel], say: Say, worker: str, tick_ms: int) -> None:
        self._channels = channels
        self._say = say
        self._worker = worker
        self._tick_ms = tick_ms
        self._ticked_ms = 0
        self._claimed: dict[tuple[str, int], int] = {}
        self._tried: set[tuple[str, int]] = set()
        self._under_way: set[asyncio.Task[None]] = set()

    async def turn(self, responder: Responder, now_ms: int) -> None:
        """One look: claim what is due, try what is ours, tick where something waits.

        `now_ms`: Kafka's clock, which may go back once it is known.
        """
        waiting = responder.outbox.waiting
        ours = [each for each in waiting.values() if each.state == "claimed" and each.claimed_by == self._worker]
        for each in ours:
            if (each.notification_id, each.attempts) not in self._tried and len(self._under_way) < MOST_AT_ONCE:
                self._tried.add((each.notification_id, each.attempts))
                task = asyncio.create_task(self._try(each))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
        said: list[Said] = []
        for each in responder.outbox.due(now_ms)[: MOST_AT_ONCE - len(self._under_way)]:
            attempt = (each.notification_id, each.attempts + 1)
            if abs(now_ms - self._claimed.get(attempt, -LEASE_MS)) >= LEASE_MS:
                self._claimed[attempt] = now_ms
                said.append(Claim(*attempt, self._worker))
        if responder.waits and abs(now_ms - self._ticked_ms) >= self._tick_ms:
            self._ticked_ms = now_ms
            said.append(Tick())
        self._claimed = {attempt: at for attempt, at in self._claimed.items() if attempt[0] in waiting}
        self._tried = {attempt for attempt in self._tried if attempt[0] in waiting}
        if said:
            await self._say(said)

    async def finish(self, within_s: float) -> None:
        """Wait for the tries that are under way; what takes longer is tried again by the next owner."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=within_s)

    async def _try(self, each: Notification) -> None:
        error, refused = "", False
        attempt = each.attempts
        try:
            channel = self._channels.get(each.channel)
            if channel is None:
                error = f"this worker has no channel {each.channel}"
            else:
                async with asyncio.timeout(SEND_WITHIN_S):
                    await channel.send(outgoing(each))
        except TimeoutError:
            error = f"no answer within {SEND_WITHIN_S:.0f} s"
        except LivewardenError as failed:
            error, refused = str(failed), isinstance(failed, MessageRefused)
        telemetry.count("livewarden_notifications", each.channel, "failed" if error else "sent")
        if error:
            _log.warning("channel %s does not take %s: %s", each.channel, each.notification_id, error)
        await self._say([Delivery(each.notification_id, attempt, self._worker, error, refused)])


def outgoing(each: Notification) -> Outgoing:
    """A notification as a channel gets it."""
    return Outgoing(
        notification_id=each.notification_id,
        incident_id=each.incident_id,
        cause=each.cause,
        severity=each.severity,
        title=each.title,
        body=each.body,
        link=each.link,
    )
