"""The outbox: what is to be sent, who tries it, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
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
REFUSED_AFTER = 3
"""Tries of a notification that a service refused after which it is reported, and others are notified instead."""

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
    refusals: int = 0
    reported: bool = False
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
    retry_ms: int = 0
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
        self._took: dict[str, list[str]] = {}

    def add(self, notification: Notification) -> bool:
        """Put one in; False where it is there, and for the end of what a channel never took the beginning of."""
        if notification.notification_id in self.waiting:
            return False
        if notification.cause == "resolved" and not self._begun(notification):
            return False
        self.waiting[notification.notification_id] = notification
        return True

    def due(self, now_ms: int) -> list[Notification]:
        """What may be tried now, oldest first.

        Of one incident a channel gets one after the other, and its end last. Of a channel that failed last time one at
        a time is tried, to see whether it is back: what was never tried at once, else what was tried least, when the
        channel's own wait is over. So neither an outage is answered with a storm of tries, nor does one message that a
        service refuses hold back others.
        """
        found: list[Notification] = []
        probes: dict[str, list[Notification]] = {}
        for each in self._in_turn():
            channel = self.channels.get(each.channel)
            if channel is not None and channel.failures and not each.refusals:
                probes.setdefault(each.channel, []).append(each)
            elif self._free(each, now_ms):
                found.append(each)
        for name, waiting in probes.items():
            if any(each.state == "claimed" and each.lease_ms > now_ms for each in waiting):
                continue
            probe = min(waiting, key=lambda each: each.attempts)
            if not probe.attempts or self.channels[name].retry_ms <= now_ms:
                found.append(probe)
        return found

    def _in_turn(self) -> Iterator[Notification]:
        """What need not wait for another one of its incident and channel; what was refused holds back the end alone."""
        before: dict[tuple[str, str], list[Notification]] = {}
        for each in sorted(
            self.waiting.values(), key=lambda each: (each.created_ms, each.number, each.notification_id)
        ):
            earlier = before.setdefault((each.incident_id, each.channel), [])
            ends = each.cause == "resolved"
            if not each.incident_id or not any(ends or not other.refusals for other in earlier):
                yield each
            earlier.append(each)

    def claim(self, claim: Claim, now_ms: int) -> Notification | None:
        """Give a try to who asked first; None where it is taken, done or not due."""
        found = self.waiting.get(claim.notification_id)
        if found is None or claim.attempt != found.attempts + 1 or not self._free(found, now_ms):
            return None
        found.attempts += 1
        found.state, found.claimed_by, found.lease_ms = "claimed", claim.worker, now_ms + LEASE_MS
        found.version += 1
        return found

    def delivered(self, delivery: Delivery, now_ms: int) -> tuple[list[Notification], ChannelState] | None:
        """What came of a try: the notification, and ends that lost their beginning with it; None where it is known or
        was somebody else's.
        """
        found = self.waiting.get(delivery.notification_id)
        if found is None or delivery.attempt > found.attempts:
            return None
        if delivery.error and delivery.attempt != found.attempts:
            return None  # an old try that failed says nothing of the one under way
        channel = self.channels.setdefault(found.channel, ChannelState(found.channel, since_ms=now_ms))
        channel.version += 1
        found.version += 1
        if not delivery.error:
            self._taken(found, channel, now_ms)
            return [found], channel
        found.error = delivery.error
        found.state, found.due_ms = "pending", now_ms + wait_ms(found.attempts)
        if delivery.refused or (found.attempts > 1 and not channel.failures):  # the channel took another one since
            found.refusals += 1
        else:
            channel.failures += 1
            channel.error, channel.retry_ms = delivery.error, now_ms + wait_ms(channel.failures)
            if channel.state == "up":
                channel.state, channel.since_ms = "down", now_ms
        if now_ms - found.created_ms >= self._give_up_ms:
            return self._give_up(found), channel
        return [found], channel

    def _taken(self, found: Notification, channel: ChannelState, now_ms: int) -> None:
        found.state, found.sent_ms, found.error = "sent", now_ms, ""
        if channel.state == "down":
            channel.since_ms = now_ms
        channel.state, channel.failures, channel.error, channel.reported = "up", 0, "", False
        for each in self.waiting.values():
            if each.channel == found.channel and each.state == "pending" and not each.refusals:
                each.due_ms = min(each.due_ms, now_ms)
        del self.waiting[found.notification_id]
        took = self._took.setdefault(found.incident_id, []) if found.incident_id else []
        if found.channel not in took:
            took.append(found.channel)

    def _give_up(self, found: Notification) -> list[Notification]:
        found.state = "given_up"
        del self.waiting[found.notification_id]
        gone = [found]
        for each in [*self.waiting.values()]:
            same = (each.incident_id, each.channel) == (found.incident_id, found.channel)
            if same and each.cause == "resolved" and not self._begun(each):
                each.state, each.error = "given_up", "the channel never took its beginning"
                each.version += 1
                del self.waiting[each.notification_id]
                gone.append(each)
        return gone

    def _begun(self, end: Notification) -> bool:
        """Whether the channel took something of the incident, or is to."""
        return end.channel in self._took.get(end.incident_id, ()) or any(
            (each.incident_id, each.channel) == (end.incident_id, end.channel) and each.cause != "resolved"
            for each in self.waiting.values()
        )

    def forget(self, incident_id: str) -> None:
        """Nothing more comes of that incident."""
        self._took.pop(incident_id, None)

    def sooner(self, since_ms: int, by_ms: int) -> list[Notification]:
        """A clock was ahead: what waits for `since_ms` or later waits so much less. Gives what has changed."""
        changed = []
        for channel in self.channels.values():
            channel.retry_ms -= by_ms if channel.retry_ms >= since_ms else 0
        for each in self.waiting.values():
            names = [name for name in ("created_ms", "due_ms", "lease_ms") if getattr(each, name) >= since_ms]
            for name in names:
                setattr(each, name, getattr(each, name) - by_ms)
            if names:
                each.version += 1
                changed.append(each)
        return changed

    @staticmethod
    def _free(each: Notification, now_ms: int) -> bool:
        if each.state == "claimed":
            return each.lease_ms <= now_ms
        return each.state == "pending" and each.due_ms <= now_ms

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "waiting": [asdict(each) for each in self.waiting.values()],
            "channels": [asdict(each) for each in self.channels.values()],
            "took": self._took,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        self.waiting = {each["notification_id"]: Notification(**each) for each in state["waiting"]}
        self.channels = {each["channel"]: ChannelState(**each) for each in state["channels"]}
        self._took = {name: list(channels) for name, channels in state["took"].items()}


def wait_ms(attempts: int) -> int:
    """How long to wait after so many failed tries: twice as long each time, five minutes at most.

    >>> [wait_ms(number) // 1000 for number in (1, 2, 3, 20)]
    [5, 10, 20, 300]
    """
    return int(min(FIRST_WAIT_MS * 2.0 ** (attempts - 1), LONGEST_WAIT_MS))
