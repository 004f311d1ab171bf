"""The outbox: what is to be sent, who tries it, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from livewarden.ids import stable_id
from livewarden.times import MINUTE_MS, SECOND_MS
from models.response.response_event import Claim, Delivery

LEASE_MS = MINUTE_MS
"""A try that nobody seen for so long is taken for dead, and another one may begin."""
FIRST_WAIT_MS = 5 * SECOND_MS
LONGEST_WAIT_MS = 5 * MINUTE_MS
DOWN_AFTER = 3
"""Failed tries in a row after which a channel is reported."""

State = Literal["pending", "claimed", "sent", "given_up"]


@dataclass(slots=True)
class Notification:
    """One message to one channel. Its id is its content: the same notification of the same incident is one
    notification.
    """

    notification_id: str
    incident_id: str
    number: int
    cause: str
    route: str
    channel: str
    severity: str
    title: str
    body: str
    link: str
    created_ms: int
    due_ms: int
    version: int = 1
    state: State = "pending"
    attempts: int = 0
    claimed_by: str = ""
    lease_ms: int = 0
    error: str = ""
    sent_ms: int | None = None


@dataclass(slots=True)
class ChannelState:
    """Whether a channel takes what it is sent."""

    channel: str
    state: Literal["up", "down"] = "up"
    since_ms: int = 0
    failures: int = 0
    error: str = ""
    reported: bool = False
    version: int = 0


def notification_id_of(about: str, number: int, cause: str, channel: str) -> str:
    """The id of a notification."""
    return stable_id("notification", about, number, cause, channel)


class Outbox:
    """Notifications that are not done, by id, and the channels. What is done is forgotten here; its row stays.

    At least once: a try whose worker died is made again after `LEASE_MS`. Not twice: only the worker whose claim stands
    first in the log tries, and none after a delivery. What remains is a worker that dies, or is cut off, between the
    channel's yes and the log's: the receiver then gets the same notification id twice.
    """

    def __init__(self, give_up_ms: int) -> None:
        self._give_up_ms = give_up_ms
        self.waiting: dict[str, Notification] = {}
        self.channels: dict[str, ChannelState] = {}

    def add(self, notification: Notification) -> bool:
        """Put one in; False where it is there."""
        if notification.notification_id in self.waiting:
            return False
        self.waiting[notification.notification_id] = notification
        return True

    def due(self, now_ms: int) -> list[Notification]:
        """What may be tried now, oldest first; of a channel that failed last time only the oldest,
        to see whether it is back.
        """
        found: list[Notification] = []
        down: set[str] = set()
        for each in sorted(self.waiting.values(), key=lambda each: (each.created_ms, each.notification_id)):
            channel = self.channels.get(each.channel)
            if channel is not None and channel.failures:
                if each.channel in down:
                    continue
                down.add(each.channel)
            if self._free(each, now_ms):
                found.append(each)
        return found

    def claim(self, claim: Claim, now_ms: int) -> Notification | None:
        """Give a try to who asked first; None where it is taken, done or not due."""
        found = self.waiting.get(claim.notification_id)
        if found is None or claim.attempt != found.attempts + 1 or not self._free(found, now_ms):
            return None
        found.attempts += 1
        found.state, found.claimed_by, found.lease_ms = "claimed", claim.worker, now_ms + LEASE_MS
        found.version += 1
        return found

    def delivered(self, delivery: Delivery, now_ms: int) -> tuple[Notification, ChannelState] | None:
        """What came of a try; None where it is known or was somebody else's."""
        found = self.waiting.get(delivery.notification_id)
        if found is None or delivery.attempt > found.attempts:
            return None
        if delivery.error and delivery.attempt != found.attempts:
            return None  # an old try that failed says nothing of the one under way
        channel = self.channels.setdefault(found.channel, ChannelState(found.channel, since_ms=now_ms))
        channel.version += 1
        found.version += 1
        if not delivery.error:
            found.state, found.sent_ms, found.error = "sent", now_ms, ""
            if channel.state == "down":
                channel.since_ms = now_ms
            channel.state, channel.failures, channel.error, channel.reported = "up", 0, "", False
            for each in self.waiting.values():
                if each.channel == found.channel and each.state == "pending":
                    each.due_ms = min(each.due_ms, now_ms)
            del self.waiting[found.notification_id]
            return found, channel
        channel.failures += 1
        channel.error = found.error = delivery.error
        if channel.state == "up":
            channel.state, channel.since_ms = "down", now_ms
        found.state, found.due_ms = "pending", now_ms + wait_ms(found.attempts)
        if now_ms - found.created_ms >= self._give_up_ms:
            found.state = "given_up"
            del self.waiting[found.notification_id]
        return found, channel

    def sooner(self, since_ms: int, by_ms: int) -> list[Notification]:
        """A clock was ahead: what waits for `since_ms` or later waits so much less. Gives what has changed."""
        changed = []
        for each in self.waiting.values():
            names = [name for name in ("created_ms", "due_ms", "lease_ms") if getattr(each, name) >= since_ms]
            for name in names:
                setattr(each, name, getattr(each, name) - by_ms)
            if names:
                each.version += 1
                changed.append(each)
        return changed

    def _free(self, each: Notification, now_ms: int) -> bool:
        if each.state == "claimed":
            return each.lease_ms <= now_ms
        return each.state == "pending" and each.due_ms <= now_ms

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "waiting": [asdict(each) for each in self.waiting.values()],
            "channels": [asdict(each) for each in self.channels.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        self.waiting = {each["notification_id"]: Notification(**each) for each in state["waiting"]}
        self.channels = {each["channel"]: ChannelState(**each) for each in state["channels"]}


def wait_ms(attempts: int) -> int:
    """How long to wait after so many failed tries: twice as long each time, five minutes at most.

    >>> [wait_ms(number) // 1000 for number in (1, 2, 3, 20)]
    [5, 10, 20, 300]
    """
    return int(min(FIRST_WAIT_MS * 2.0 ** (attempts - 1), LONGEST_WAIT_MS))
