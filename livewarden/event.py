"""One event as every room sees it: the CloudEvents envelope, decoded once, and where it came from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Self

from livewarden.contracts.base import Contract
from livewarden.contracts.heartbeat import SourceHeartbeat
from livewarden.errors import InvalidEvent
from livewarden.times import format_ms, to_ms

AHEAD_MS = 300_000
"""How far ahead of the log an event may speak, where nothing else is set: five minutes."""


@dataclass(frozen=True, slots=True)
class Event:
    """A valid event.

    `time_ms` is event time (CloudEvents `time`), milliseconds since the epoch, UTC. `topic`, `partition`, `offset` say
    where it stands in the log; `partition` and `offset` are -1 for an event that has not been in Kafka yet. `logged_ms`
    is when the log took it, by the log's own timestamp; -1 where that is not known.
    """

    id: str
    source: str
    time_ms: int
    data: Contract
    topic: str
    partition: int = -1
    offset: int = -1
    logged_ms: int = -1

    @property
    def type_name(self) -> str:
        """`<domain>.<event>`."""
        return self.data.type_name

    def checked(self, bound_ms: int) -> Self:
        """The event itself; InvalidEvent `future` where it is ahead by more than `bound_ms`:
        it would make all others late.
        """
        if self.is_ahead(bound_ms):
            times = f"speaks of {format_ms(self.reach_ms)}, and was logged {format_ms(self.logged_ms)}"
            raise InvalidEvent("future", f"{times}: the clock of {self.source[:100]!r} is wrong", self.source[:100])
        return self

    @property
    def reach_ms(self) -> int:
        """The latest moment that it speaks of: of a heartbeat the end of its promise, else its time."""
        data = self.data
        return max(self.time_ms, to_ms(data.covers_until)) if isinstance(data, SourceHeartbeat) else self.time_ms

    def is_ahead(self, bound_ms: int) -> bool:
        """Whether it speaks of a moment more than `bound_ms` after the log took it: a clock was wrong."""
        return 0 <= self.logged_ms < self.reach_ms - bound_ms

    @property
    def digest(self) -> int:
        """What it says, in 32 bits: equal for the same type, time and body, however the body was written."""
        said = f"{self.data.ce_type()} {self.time_ms} {self.data.model_dump_json(exclude_none=True)}"
        return zlib.crc32(said.encode())
