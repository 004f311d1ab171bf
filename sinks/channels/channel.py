"""What the outbox needs of a channel, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One notification as a channel gets it, all of it plain text: what looks like markup is none.

    `notification_id` is the same on every try, so that who receives can drop a repeated one. `incident_id` is empty
    where it is about no incident, `link` where there is no console to point to. `severity` is info, warning or
    critical; `cause` is what the column `notifications.cause` says.
    """

    notification_id: str
    incident_id: str
    cause: str
    severity: str
    title: str
    body: str
    link: str


class Channel(Protocol):
    """Takes notifications."""

    @property
    def name(self) -> str:
        """What routes call it."""
        ...

    async def send(self, outgoing: Outgoing) -> None:
        """Hand one over; returns when it was taken.

        `RetryLater` where it was not, or where nobody knows: send the same again later, and it may then arrive twice.
        Its message is one line without the channel's address, or any part of it.
        """
        ...


class Target(Protocol):
    """Where a channel leads, as the policy has it: exactly one of `url_from` and `file` is set."""

    @property
    def name(self) -> str:
        """What routes call it."""
        ...

    @property
    def url_from(self) -> str:
        """Environment variable that holds an Apprise URL."""
        ...

    @property
    def file(self) -> str:
        """Path of a file for lines of JSON."""
        ...
