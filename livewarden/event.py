"""One event as every room sees it: the CloudEvents envelope, decoded once, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from livewarden.contracts.base import Contract


@dataclass(frozen=True, slots=True)
class Event:
    """A valid event.

    `time_ms` is event time (CloudEvents `time`), milliseconds since the epoch, UTC. `topic`, `partition`, `offset` say
    where it stands in the log; `partition` and `offset` are -1 for an event that has not been in Kafka yet.
    """

    id: str
    source: str
    time_ms: int
    data: Contract
    topic: str
    partition: int = -1
    offset: int = -1

    @property
    def type_name(self) -> str:
        """`<domain>.<event>`."""
        return self.data.type_name
