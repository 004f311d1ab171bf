"""What traffic was judged by at first: a rival in `bench.aiops` now."""

from __future__ import annotations

import base64
import math
from typing import Any

from river import stats
from river.base import AnomalyDetector

from livewarden.times import DAY_MS
from models.detect.judgement import Direction, Judgement

FADING = 0.1
"""Weight of the newest bucket in the running mean: larger follows faster and forgives more."""
WARM_UP = 50
"""Buckets before the first judgement."""
CLIP = 3.0
"""How many typical extremes away a value may be and still be learned in full."""


class TrafficResidual(AnomalyDetector):  # type: ignore[misc]
    """Distance to a running mean, in units of its own 99 % quantile.

    With m the exponentially weighted mean and r = |x − m|, ρ = r / (Q₉₉(r) + 10⁻³·|m| + 10⁻⁹). Where `season` asks for
    it and the hour is known, the same against the mean of this hour on earlier days gives a second ratio, and the
    smaller of both counts: odd is only what is odd for the moment *and* for the hour. Taking an exponential tail beyond
    the 99 % quantile, the score is 2ρ: −log₁₀ of the tail probability. Judges from the 50th bucket on.

    Bad at slow drifts (they are followed), at series whose every value is an extreme, and at rooms that live for less
    than 50 buckets. Costs two River statistics a bucket; state below 1 kB without season.

    >>> model = TrafficResidual()
    >>> for minute in range(200):
    ...     model.learn_one({"value": 100.0 + minute % 5, "time_ms": minute * 60_000})
    >>> model.score_one({"value": 103.0, "time_ms": 200 * 60_000}) < 2
    True
    >>> model.score_one({"value": 20.0, "time_ms": 200 * 60_000}) > 20
    True
    """

    def __init__(self, season: str = "none") -> None:
        self.season = season
        self._seen = 0
        self._mean = stats.EWMean(FADING)
        self._fresh = True
        self._extreme = stats.Quantile(0.99)
        self._hours: dict[int, tuple[float, int]] = {}
        self._hour_extreme = stats.Quantile(0.99)
        self._hour_seen = 0

    def score_one(self, x: dict[str, float]) -> float:
        """The score of `judge_one`."""
        return self.judge_one(x).score

    def judge_one(self, x: dict[str, float]) -> Judgement:
        """Judge a bucket; not ready in the first 50, and never for a value that is not finite."""
        value = x["value"]
        if self._seen < WARM_UP or not math.isfinite(value):
            return Judgement(0.0, "UP", 0.0 if self._fresh else self._mean.get(), False)
        mean = self._mean.get()
        ratio = abs(value - mean) / self._unit(self._extreme, mean)
        expected = mean
        if (usual := self._usual(x)) is not None and self._hour_seen >= WARM_UP:
            by_hour = abs(value - usual) / self._unit(self._hour_extreme, usual)
            if by_hour < ratio:
                ratio, expected = by_hour, usual
        direction: Direction = "UP" if value >= expected else "DOWN"
        return Judgement(2.0 * ratio, direction, expected, True, 1, value, expected)

    def learn_one(self, x: dict[str, float]) -> None:
        """Learn a bucket, clipped to three typical extremes around the mean; a value that is not finite is left out."""
        value = x["value"]
        if not math.isfinite(value):
            return
        if not self._fresh:
            mean = self._mean.get()
            residual = abs(value - mean)
            if self._seen >= WARM_UP:
                reach = CLIP * self._unit(self._extreme, mean)
                value = min(max(value, mean - reach), mean + reach)
                residual = min(residual, reach)
            self._extreme.update(residual)
        if self.season != "none":
            self._learn_hour(x, value)
        self._mean.update(value)
        self._fresh = False
        self._seen += 1

    def learn_quiet(self, buckets: int) -> None:
        """A traffic series begins with its first value: nothing is learned."""

    def forget_recent(self) -> None:
        """Start the running mean again at the next value, which has no distance to what was before."""
        self._mean = stats.EWMean(FADING)
        self._fresh = True
        self._seen = min(self._seen, WARM_UP - 5)

    def reanchor(self) -> None:
        """Start the running mean again at the next value: it held still while the level was odd.

        The hours are learned anew.
        """
        self.forget_recent()
        self._hours.clear()
        self._hour_seen = 0

    def widen(self) -> None:
        """A change was declared: the running mean follows fast anyhow."""

    def _hour(self, x: dict[str, float]) -> int:
        day, rest = divmod(int(x["time_ms"]), DAY_MS)
        hour = rest * 24 // DAY_MS
        return hour if self.season == "day" else (day % 7) * 24 + hour

    def _usual(self, x: dict[str, float]) -> float | None:
        if self.season == "none":
            return None
        known = self._hours.get(self._hour(x))
        return known[0] if known and known[1] >= 30 else None

    def _learn_hour(self, x: dict[str, float], value: float) -> None:
        hour = self._hour(x)
        usual, count = self._hours.get(hour, (0.0, 0))
        if count >= 30:
            self._hour_extreme.update(abs(value - usual))
            self._hour_seen += 1
        gain = max(1.0 / (count + 1), 0.01)
        self._hours[hour] = (usual + gain * (value - usual), count + 1)

    @staticmethod
    def _unit(extreme: stats.Quantile, mean: float) -> float:
        return float(extreme.get() or 0.0) + 1e-3 * abs(mean) + 1e-9

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values; the quantile sketches as base64 of their own bytes."""
        return {
            "seen": self._seen,
            "mean": None if self._fresh else self._mean.get(),
            "extreme": _quantile_text(self._extreme),
            "hour_extreme": _quantile_text(self._hour_extreme),
            "hour_seen": self._hour_seen,
            "hours": [[hour, *known] for hour, known in self._hours.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`: the first value of a fresh mean is that mean."""
        self._seen = state["seen"]
        self._fresh = state["mean"] is None
        self._mean = stats.EWMean(FADING)
        if not self._fresh:
            self._mean.update(state["mean"])
        self._extreme = _quantile(state["extreme"])
        self._hour_extreme = _quantile(state["hour_extreme"])
        self._hour_seen = state["hour_seen"]
        self._hours = {hour: (usual, count) for hour, usual, count in state["hours"]}


def _quantile_text(quantile: stats.Quantile) -> str:
    return base64.b64encode(quantile._quantile.__getstate__()).decode()


def _quantile(text: str) -> stats.Quantile:
    quantile = stats.Quantile(0.99)
    quantile._quantile.__setstate__(base64.b64decode(text))
    quantile._is_updated = True
    return quantile
