"""What time it is by the log: a machine whose clock is wrong must not seal what is still to come."""

from __future__ import annotations

import logging

from livewarden.clock import Clock
from streams import telemetry

_log = logging.getLogger(__name__)

WRONG_MS = 60_000
"""A clock that is off by more is notified."""


class LogClock:
    """The machine's clock, held back by what Kafka says.

    The broker's own answers (of topics with LogAppendTime) are exact. Without them, no record can be from later than
    now: the newest timestamp that was read, and what has passed since then. Before anything was read the machine's
    clock stands alone.

    >>> from livewarden.clock import ManualClock
    >>> clock = LogClock(ManualClock(3_600_000))
    >>> clock.read(1_000)
    >>> clock.now_ms()
    1000
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._broker: int | None = None
        self._records: int | None = None
        self._notified = False

    def now_ms(self) -> int:
        """Now, no later than the machine's clock and the log allow."""
        ahead = self._broker if self._broker is not None else self._records
        now_ms = self._clock.now_ms()
        return now_ms if ahead is None else min(now_ms, ahead + self._clock.elapsed_ms())

    def kafka_ms(self) -> int:
        """Now by Kafka's clock; by the machine's, as long as Kafka has not said."""
        return self._clock.now_ms() if self._broker is None else self._broker + self._clock.elapsed_ms()

    @property
    def skew_ms(self) -> int | None:
        """How far the machine's clock is ahead of Kafka's; None where Kafka has not said."""
        return None if self._broker is None else self._clock.now_ms() - self.kafka_ms()

    def read(self, timestamp_ms: int) -> None:
        """A record with that timestamp was read."""
        since = timestamp_ms - self._clock.elapsed_ms()
        if timestamp_ms >= 0 and (self._records is None or since > self._records):
            self._records = since

    def answered(self, timestamp_ms: int) -> None:
        """The broker has stamped a record now. Tells a clock that is wrong:
        a metric, and a line when it begins and ends.
        """
        self._broker = timestamp_ms - self._clock.elapsed_ms()
        skew_ms = self._clock.now_ms() - timestamp_ms
        telemetry.gauge("livewarden_clock_skew_seconds", value=skew_ms / 1000)
        wrong = abs(skew_ms) > WRONG_MS
        if wrong and not self._notified:
            way = "ahead of" if skew_ms > 0 else "behind"
            _log.error(
                "this machine's clock is %.0f s %s Kafka's: set it by NTP; until then Kafka's holds",
                abs(skew_ms) / 1000,
                way,
            )
        if self._notified and not wrong:
            _log.warning("this machine's clock agrees with Kafka's again")
        self._notified = wrong
