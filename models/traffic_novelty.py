"""Was anything this large seen of late? A score for traffic that keeps pace: sums, rates and ratios of any unit."""

from __future__ import annotations

import math
from typing import Any

from river.base import AnomalyDetector

from livewarden.times import DAY_MS
from models.judgement import Judgement

SPANS = (0.02, 0.1, 1.0)
"""Weights of the newest bucket in the running means: some 50 buckets, some 10, and the bucket before alone."""
EXTREME = 0.98
"""The extreme of a span is this quantile of its distances."""
PACE = 0.03
"""How fast an extreme follows: a distance beyond it lifts it by about this share, any other lowers it 49 times less."""
RISE, FALL = 1.0 + PACE * EXTREME, 1.0 - PACE * (1.0 - EXTREME)
TYPICAL = 4.0
"""How many mean distances count beside the extreme: keeps few, coarse or mostly idle values from looking odd."""
MEMORY = 1_000
"""Changes of the value over which the mean distance is taken."""
WARM_UP = 20
"""Buckets before the first judgement, and changes of the value before anything is clipped."""
CLIP = 2.0
"""How many units away a value may be and still be learned in full."""
HOURS = 24
"""Parts of the day for which it is remembered how odd they usually get."""
HOUR_GAIN = 0.2
"""Weight of the newest day in that memory: an hour must be odd for days to count as odd by habit."""
HABIT = 0.3
"""An hour whose oddest bucket is usually below this has no such habit."""
SCALE = 5.0
"""Score per unit; with it 3 was one false alert in 1,000 buckets on the KPIs that it was fitted to."""
HUGE = 1e300
"""Values beyond it, of which a difference would be infinite, are no measurements."""
MOST = 100.0
"""No score is larger: what comes after a lifetime of one value has no scale to be measured by."""


class TrafficNovelty(AnomalyDetector):  # type: ignore[misc]
    """Distance to three running means, each in units of what was extreme and usual for it of late; the largest counts.

    With m an exponentially weighted mean and r = |x − m|: z = r / (e + 4·r̄ + 10⁻³·|m|), e being the fading 98 % quantile of r
    (multiplied by 1.0294 when r exceeds it, else by 0.9994) and r̄ its mean over some 1,000 changes. A bucket that repeats the
    value before it teaches nothing about distances, so that a series that mostly stands still does not forget how it moves.

    Unless `season` is `none`, an hour of the day in which something odd is seen day after day counts for less: z is divided by
    1 + max(0, h − 0.3), h being the usual maximum of z, at most 1, in that hour and its neighbours. `week` is taken as `day`.

    The score is 5z, fitted to real traffic: 3 is reached anew by one or two ordinary buckets in 1,000, 4 by one in 2,000, 6 by one
    in 10,000; real tails are heavier than exponential. `expected` is the middle mean. Judges from the 20th bucket on.

    The slow mean finds shifts, the middle one incidents, the bucket before steps. Extremes follow the last few thousand buckets,
    so a bad start, a noisy week or a new level is forgotten. Bad at drifts slower than 50 buckets (they are followed), at what is
    wrong from the first bucket on, and at coarse buckets with a strong shape of the day, which make every morning extreme.

    >>> model = TrafficNovelty()
    >>> for minute in range(200):
    ...     model.learn_one({"value": 100.0 + minute % 5, "time_ms": minute * 60_000})
    >>> model.score_one({"value": 104.0, "time_ms": 200 * 60_000}) < 3
    True
    >>> model.score_one({"value": 20.0, "time_ms": 200 * 60_000}) > 20
    True
    """

    def __init__(self, season: str = "day") -> None:
        self.season = season
        self._seen = 0
        self._moved = 0
        self._last: float | None = None
        self._means = [0.0] * len(SPANS)
        self._extremes = [0.0] * len(SPANS)
        self._usual = [0.0] * len(SPANS)
        self._units = [1e-12] * len(SPANS)
        self._hours = [0.0] * (HOURS if season != "none" else 0)
        self._hour = -1
        self._peak = 0.0

    def score_one(self, x: dict[str, float]) -> float:
        """The score of `judge_one`."""
        return self.judge_one(x).score

    def judge_one(self, x: dict[str, float]) -> Judgement:
        """Judge a bucket; not ready in the first 20, at the first after a gap, and never for a value that is no number below 10³⁰⁰."""
        value = x["value"]
        expected = self._means[1]
        if self._seen < WARM_UP or self._last is None or not abs(value) < HUGE:
            return Judgement(0.0, "UP", expected, False)
        oddest = max([abs(value - mean) / unit for mean, unit in zip(self._means, self._units, strict=True)])
        if self._hours:
            hour = _hour(x)
            habit = max(self._hours[hour - 1], self._hours[hour], self._hours[(hour + 1) % HOURS])
            if habit > HABIT:
                oddest /= 1.0 + habit - HABIT
        score = min(SCALE * oddest, MOST)
        return Judgement(score, "UP" if value >= expected else "DOWN", expected, True, 1, value, expected)

    def learn_one(self, x: dict[str, float]) -> None:
        """Learn a bucket, clipped to two units around each mean; a value that is no number below 10³⁰⁰ is left out."""
        value = x["value"]
        if not abs(value) < HUGE:
            return
        if self._last is None:
            self._means = [value] * len(SPANS)
            self._measure()
        else:
            if self._hours and self._seen >= WARM_UP:
                self._learn_hour(x)
            self._learn_spans(value, value != self._last)
        self._last = value
        self._seen += 1

    def _learn_spans(self, value: float, moved: bool) -> None:
        means, extremes, usual, units = self._means, self._extremes, self._usual, self._units
        self._moved += moved
        gain = 1.0 / min(self._moved, MEMORY) if moved else 0.0
        for span, weight in enumerate(SPANS):
            off = value - means[span]
            distance, reach = abs(off), CLIP * units[span]
            if distance > reach and self._moved > WARM_UP:
                distance, off = reach, math.copysign(reach, off)
            extreme = extremes[span]
            if moved:
                extreme = distance if extreme == 0.0 else extreme * (RISE if distance > extreme else FALL)
                extremes[span] = extreme
                usual[span] += gain * (distance - usual[span])
            mean = means[span] = means[span] + weight * off
            units[span] = extreme + TYPICAL * usual[span] + 1e-3 * abs(mean) + 1e-12

    def _measure(self) -> None:
        """Take the units anew from what they are made of."""
        parts = zip(self._means, self._extremes, self._usual, strict=True)
        self._units = [extreme + TYPICAL * usual + 1e-3 * abs(mean) + 1e-12 for mean, extreme, usual in parts]

    def _learn_hour(self, x: dict[str, float]) -> None:
        hour, value = _hour(x), x["value"]
        if hour != self._hour:
            if self._hour >= 0:
                self._hours[self._hour] += HOUR_GAIN * (self._peak - self._hours[self._hour])
            self._hour, self._peak = hour, 0.0
        if self._peak < 1.0:
            oddest = max([abs(value - mean) / unit for mean, unit in zip(self._means, self._units, strict=True)])
            self._peak = max(self._peak, min(oddest, 1.0))

    def learn_quiet(self, buckets: int) -> None:
        """A traffic series begins with its first value: nothing is learned."""

    def forget_recent(self) -> None:
        """Start the running means again at the next value, which has no distance to what was before."""
        self._last = None

    def reanchor(self) -> None:
        """Start the running means again at the next value: they held still while the level was odd."""
        self.forget_recent()

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values."""
        return {
            "seen": self._seen,
            "moved": self._moved,
            "last": self._last,
            "means": list(self._means),
            "extremes": list(self._extremes),
            "usual": list(self._usual),
            "hours": list(self._hours),
            "hour": self._hour,
            "peak": self._peak,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot` as if never interrupted."""
        self._seen, self._moved, self._last = state["seen"], state["moved"], state["last"]
        self._means, self._extremes, self._usual = list(state["means"]), list(state["extremes"]), list(state["usual"])
        self._hours, self._hour, self._peak = list(state["hours"]), state["hour"], state["peak"]
        self._measure()


def _hour(x: dict[str, float]) -> int:
    return int(x["time_ms"]) % DAY_MS * HOURS // DAY_MS
