"""The only place that reads the wall clock. The core never does: time is an argument there."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in milliseconds since the epoch, UTC."""

    def now_ms(self) -> int:
        """Now, in milliseconds since 1970-01-01T00:00:00Z."""
        ...

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment in the past: nobody sets it, so it never jumps."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Now, in milliseconds since 1970-01-01T00:00:00Z."""
        return int(time.time() * 1000)

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment in the past; never jumps."""
        return int(time.monotonic() * 1000)


class ManualClock:
    """A clock that a test moves by hand.

    >>> clock = ManualClock(1_000)
    >>> clock.advance(minutes=1)
    >>> clock.now_ms()
    61000
    """

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        """The time it was last moved to."""
        return self._now_ms

    def elapsed_ms(self) -> int:
        """By how much it was moved."""
        return self._elapsed_ms

    def advance(self, *, seconds: float = 0.0, minutes: float = 0.0) -> None:
        """Move forward."""
        step_ms = int((seconds + 60 * minutes) * 1000)
        self._now_ms += step_ms
        self._elapsed_ms += step_ms
