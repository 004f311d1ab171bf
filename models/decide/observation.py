"""One judged bucket of one series, as a decision looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from models.detect.judgement import Judgement
from models.monitors.monitor import Monitor

THIN = 5.0
"""Fewer events in a bucket than this say little by themselves: no effect is asked of them."""


class Observation(NamedTuple):
    """What was observed of a series in the bucket that starts at `start_ms`, and what its model says of it.

    `subjects`: how many different ones are concerned, where the monitor counts them. `calls`: the score from which on
    it alerts, where that is not the threshold of the monitor.
    """

    monitor: Monitor
    series: Mapping[str, str]
    start_ms: int
    observed: float
    judgement: Judgement
    subjects: int | None = None
    calls: float | None = None

    @property
    def ratio(self) -> bool:
        """Whether it is a ratio, which has no volume."""
        return self.monitor.measured[0] == "ratio"

    @property
    def threshold(self) -> float:
        """The score from which on it alerts."""
        return self.monitor.threshold if self.calls is None else self.calls

    @property
    def anomalous(self) -> bool:
        """Whether the score reaches the threshold, in a direction that the monitor asks about."""
        monitor, judgement = self.monitor, self.judgement
        return judgement.score >= self.threshold and (
            monitor.direction == "both" or monitor.direction.upper() == judgement.direction
        )

    @property
    def passes_floors(self) -> bool:
        """Whether volume, effect and subjects are what the monitor wants at least, over the window that was found."""
        monitor, judgement = self.monitor, self.judgement
        high = max(judgement.scan_observed, judgement.scan_expected)
        low = min(judgement.scan_observed, judgement.scan_expected)
        if high < monitor.min_volume and not self.ratio:
            return False
        if high < monitor.min_effect * low:
            return False
        return not (judgement.direction == "UP" and self.subjects is not None and self.subjects < monitor.min_subjects)

    @property
    def by_itself(self) -> bool:
        """Whether the bucket is anomalous by itself, not only through the window before it; a thin one needs to be on
        that side.

        What has shrunk to less than half of what would be notified at all is over.
        """
        monitor, judgement = self.monitor, self.judgement
        if not self.ratio and max(judgement.scan_observed, judgement.scan_expected) < monitor.min_volume / 2:
            return False
        high, low = self.observed, judgement.expected
        if judgement.direction == "DOWN":
            high, low = low, high
        if max(high, low) < THIN and not self.ratio:
            return high > low
        return high >= monitor.min_effect * low

    @property
    def settled(self) -> bool:
        """Whether the level is one that a new normal can be said of."""
        return self.ratio or max(self.observed, self.judgement.expected) >= self.monitor.min_volume
