"""Notifications on their way into the outbox, and messages about the channels themselves."""

from __future__ import annotations

from livewarden.settings import CANARY
from livewarden.times import format_ms
from models.response.change_set import ChangeSet
from models.response.outbox import DOWN_AFTER, REFUSED_AFTER, Notification, Outbox, notification_id_of
from models.response.policy import FALLBACK, Policy
from models.response.response_event import CanaryReached, Claim, Delivery


class NotificationQueue:
    """Puts notifications into the outbox and takes claims and deliveries;
    a channel that takes nothing is itself notified of.
    """

    def __init__(self, policy: Policy, changes: ChangeSet) -> None:
        self._policy = policy
        self._changes = changes
        self.outbox = Outbox(policy.give_up_after)

    def send(
        self, about: str, number: int, cause: str, route: str, channel: str, severity: str, title: str, body: str,
        link: str, *, incident_id: str = "",
    ) -> None:  # fmt: skip
        """One message to one channel; the same notification of the same thing is put in once."""
        now = self._changes.now_ms
        name = notification_id_of(about, number, cause, channel)
        message = Notification(name, incident_id, number, cause, route, channel, severity, title, body, link, now, now)
        if self.outbox.add(message):
            self._changes.notification(message)

    def aside(self, cause: str, about: str, title: str, severity: str, link: str, *, but: str = "") -> None:
        """Tell those who run livewarden, on the channels of `fallback`, except `but`."""
        for channel in self._policy.fallback:
            if channel != but:
                body = f"{title}\n{link}".strip()
                self.send(about, 1, cause, FALLBACK, channel, severity, f"[{cause}] {title}", body, link)

    def take(self, event: Claim | Delivery | CanaryReached) -> None:
        """Somebody wants to try a notification, or has tried it; or a canary is to go to its channel."""
        if isinstance(event, Claim):
            self._claimed(event)
        elif isinstance(event, Delivery):
            self._delivered(event)
        else:
            self._canary(event.sent_ms)

    def _canary(self, sent_ms: int) -> None:
        """It waits, is claimed and is delivered as what people get, and leaves no row."""
        now = self._changes.now_ms
        name = notification_id_of(f"{CANARY}/{sent_ms}", 1, "canary", CANARY)
        self.outbox.add(Notification(name, "", 1, "canary", "", CANARY, "info", "canary", str(sent_ms), "", now, now))

    def _claimed(self, claim: Claim) -> None:
        found = self.outbox.claim(claim, self._changes.now_ms)
        if found is not None and found.channel != CANARY:
            self._changes.notification(found)

    def _delivered(self, delivery: Delivery) -> None:
        known = self.outbox.delivered(delivery, self._changes.now_ms)
        if known is None or known[1].channel == CANARY:
            return
        notifications, channel = known
        for each in notifications:
            self._changes.notification(each)
        self._changes.channel(channel)
        if channel.failures >= DOWN_AFTER and not channel.reported:
            channel.reported = True
            title = f"channel {channel.channel} failing since {format_ms(channel.since_ms)}: {channel.error}"
            about = f"{channel.channel}/{channel.since_ms}"
            self.aside("channel_down", about, title, "critical", "", but=channel.channel)
        tried = notifications[0]
        if tried.refusals >= REFUSED_AFTER and not tried.reported and tried.cause != "undelivered":
            tried.reported = True
            self._undelivered(tried)

    def _undelivered(self, refused: Notification) -> None:
        """A service does not take a message: those who run livewarden get it instead."""
        body = f"Channel {refused.channel} does not take this message: {refused.error}\n{refused.body}"
        for channel in self._policy.fallback:
            if channel != refused.channel:
                self.send(
                    refused.notification_id, 1, "undelivered", FALLBACK, channel, refused.severity,
                    f"[undelivered] {refused.title}", body, refused.link,
                )  # fmt: skip
