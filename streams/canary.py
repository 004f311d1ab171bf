"""The canary: a synthetic event that goes the whole way, from a topic of its own to a channel that only this reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from livewarden.clock import Clock
from livewarden.errors import RetryLater
from livewarden.settings import CANARY
from sinks.channels import Outgoing
from streams import telemetry
from streams.conditions import Condition
from streams.self_watch import Write

_log = logging.getLogger(__name__)

LATE_AFTER: Final = 3
"""Canaries in a row that must be missing before that is notified."""

Send = Callable[[int], Awaitable[None]]
"""Sends a canary of that moment; RetryLater where Kafka does not take it."""


class Canary:
    """Sends a canary every `every_s` seconds, and is the channel at which it arrives. It says when none does.

    A canary is read from Kafka by an agent, goes through the tasks of all stages with their rows, checkpoints and
    messages, and leaves through the notifications. So what it shows is the path, not each partition of it: of those the
    lag tells.

    `mine`: whether this worker is the one that sends notifications; it alone sends canaries, and waits for them.
    `now_ms` is Kafka's clock. One that arrives when the next ones should have says nothing good, and is not counted.
    """

    def __init__(
        self,
        every_s: float,
        clock: Clock,
        now_ms: Callable[[], int],
        mine: Callable[[], bool],
        send: Send,
        write: Write,
    ) -> None:
        self.name = CANARY
        self._every_ms = int(every_s * 1000)
        self._clock = clock
        self._now_ms = now_ms
        self._mine = mine
        self._send = send
        self._write = write
        self._since_ms: int | None = None
        self._sent_ms: int | None = None
        self._arrived_ms = 0

    async def run(self) -> None:
        """Send until cancelled. A canary that Kafka does not take is missing like any other."""
        while True:
            await asyncio.sleep(min(1.0, self._every_ms / 4000))
            await self.turn()

    async def turn(self) -> None:
        """Send one where it is time for it."""
        elapsed_ms = self._clock.elapsed_ms()
        if not self._mine():
            self._since_ms = None
            return
        if self._since_ms is None:
            self._since_ms = elapsed_ms
        if self._sent_ms is not None and elapsed_ms - self._sent_ms < self._every_ms:
            return
        self._sent_ms = elapsed_ms
        try:
            await self._send(self._now_ms())
        except RetryLater as error:
            _log.warning("no canary was sent: %s", error)

    async def send(self, outgoing: Outgoing) -> None:
        """Take a canary that has arrived. RetryLater where its row cannot be written."""
        sent_ms, now_ms = int(outgoing.body), self._now_ms()
        took_ms = now_ms - sent_ms
        await self._write("canaries", [{"sent_at": sent_ms, "arrived_at": now_ms, "seconds": took_ms / 1000}])
        if took_ms < LATE_AFTER * self._every_ms:
            self._arrived_ms = self._clock.elapsed_ms()
        telemetry.gauge("livewarden_canary_seconds", value=took_ms / 1000)

    def late(self) -> Condition | None:
        """What to report where canaries are missing; None while they arrive, or where they are another worker's."""
        if self._since_ms is None:
            return None
        waited_ms = self._clock.elapsed_ms() - max(self._since_ms, self._arrived_ms)
        telemetry.gauge("livewarden_canary_missing_seconds", value=max(0, waited_ms - self._every_ms) / 1000)
        if waited_ms < LATE_AFTER * self._every_ms:
            return None
        return Condition(
            "canary_late",
            "canary",
            "The canary does not arrive",
            f"no canary has come through for {waited_ms // 1000} s, one is sent every {self._every_ms // 1000} s:"
            " somewhere between the topic livewarden.canary and the notifications nothing moves",
            over="The canary arrives again",
        )
