"""Are there suddenly more (or fewer) decisions than usual? A count score for enforcement series."""

from __future__ import annotations

import base64
import math
import statistics
from array import array
from typing import Any

from river.base import AnomalyDetector

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.judgement import Direction, Judgement

A0, B0 = 0.5, 5.0
"""The prior: half an event in five buckets."""
CLIP = 3.0
"""How many standard deviations above its mean a bucket is learned in full."""
SHARED_ERROR = 0.03
"""Squared relative error of any baseline: larger keeps thick series calmer."""
HIGHEST = 50.0
"""Scores end here: no model of counts is believed further out."""
LOG10 = math.log(10.0)


def tail_above(count: float, mean: float, inflation: float) -> float:
    """−log₁₀ P(X ≥ count) for a negative binomial with that mean and variance mean + inflation·mean².

    Bounded by a geometric series on the ratio of neighbouring terms: exact enough far out, which is where alerts are.
    0.0 at or below the mean. `inflation` near 0 is the Poisson distribution.

    >>> round(tail_above(20, 4.0, 0.0), 1), tail_above(3, 4.0, 0.0)
    (8.0, 0.0)
    """
    if count <= mean or count <= 0:
        return 0.0
    mean = max(mean, 1e-9)
    log_p, size = _log_term(count, mean, inflation)
    ratio = mean / (count + 1.0) if size is None else (count + size) * mean / ((count + 1.0) * (size + mean))
    if ratio < 1.0:
        log_p -= math.log(1.0 - ratio)
    return max(0.0, -log_p / LOG10)


def tail_below(count: float, mean: float, inflation: float) -> float:
    """−log₁₀ P(X ≤ count) for the same distribution; 0.0 at or above the mean.

    >>> round(tail_below(2, 20.0, 0.0), 1)
    6.3
    """
    if count >= mean:
        return 0.0
    log_p, size = _log_term(count, mean, inflation)
    ratio = count / mean if size is None else count * (size + mean) / ((count - 1.0 + size) * mean) if count else 0.0
    if 0.0 < ratio < 1.0:
        log_p -= math.log(1.0 - ratio)
    return max(0.0, -log_p / LOG10)


def _log_term(count: float, mean: float, inflation: float) -> tuple[float, float | None]:
    if inflation < 1e-6:
        return count * math.log(mean) - mean - math.lgamma(count + 1.0), None
    size = 1.0 / inflation
    log_p = math.lgamma(count + size) - math.lgamma(size) - math.lgamma(count + 1.0)
    log_p += size * math.log(size / (size + mean)) + count * math.log(mean / (size + mean))
    return log_p, size


class EnforcementScan(AnomalyDetector):  # type: ignore[misc]
    """A seasonal, discounted Gamma–Poisson baseline with a negative-binomial scan over several windows.

    The rate is Gamma(a, b), forgotten with a memory of two days (four weeks where a bucket is a day), times a factor for the
    hour of the day (the day of the week where a bucket is a day). A window of w buckets that was to hold M and held Y scores
    −log₁₀ P(NB(mean M, variance M + v·M²) ≥ Y) upwards, or ≤ Y downwards, with v = dispersion/w + 1/(a + ½) + 0.03; the
    best window counts, a longer one only when it is clearly better. What is odd is learned only up to three standard
    deviations, and counts in the windows of later buckets only as far. Source: conjugate Gamma–Poisson updating; discounting as in West & Harrison, Bayesian Forecasting (1997).

    Bad at series that are batched by nature (it learns their dispersion and then needs a larger burst), and blind to what is
    odd only as a share. State about 1.3 kB.

    >>> model = EnforcementScan(bucket_ms=60_000)
    >>> for minute in range(1500):
    ...     model.learn_one({"value": float(minute % 3), "time_ms": minute * 60_000})
    >>> model.score_one({"value": 2.0, "time_ms": 1500 * 60_000}) < 1
    True
    >>> model.score_one({"value": 25.0, "time_ms": 1500 * 60_000}) > 7
    True
    """

    def __init__(self, bucket_ms: int = MINUTE_MS) -> None:
        self.bucket_ms = bucket_ms
        daily = bucket_ms > HOUR_MS
        self._seasons = 7 if daily else 24
        self._season_ms = DAY_MS if daily else HOUR_MS
        self._windows = (1, 3, 7) if daily else (1, 5, 15, 60)
        self._warm_up = 14 if daily else max(24, min(720, 12 * HOUR_MS // bucket_ms))
        self._memory = 56.0 if daily else max(2.0 * DAY_MS / bucket_ms, 96.0)
        self._dispersion_gain = 1.0 / 90.0 if daily else 1.0 / 4000.0
        self._ring = self._windows[-1]
        self._seen = 0
        self._a, self._b = A0, B0
        self._factors = array("d", [1.0] * self._seasons)
        self._season = -1
        self._season_observed = self._season_expected = 0.0
        self._excess, self._square = 0.0, 1e-6
        self._values = array("d", [0.0] * self._ring)
        self._known = array("d", [0.0] * self._ring)
        self._means = array("f", [0.0] * self._ring)
        self._at = 0
        self._filled = 0
        self._sums = [[0.0, 0.0, 0.0] for _ in self._windows]

    def score_one(self, x: dict[str, float]) -> float:
        """The score of `judge_one`."""
        return self.judge_one(x).score

    def judge_one(self, x: dict[str, float]) -> Judgement:
        """Judge a bucket against the baseline; not ready in the first half day (fortnight where a bucket is a day)."""
        value = x["value"]
        mean = self._mean(self._season_of(x))
        if self._seen < self._warm_up or not math.isfinite(value):
            return Judgement(0.0, "UP", mean, False)
        shared = 1.0 / (self._a + 0.5) + SHARED_ERROR
        dispersion = self._dispersion()
        best = Judgement(0.0, "UP" if value >= mean else "DOWN", mean, True, 1, value, mean)
        for window, (held, known, meant) in zip(self._windows, self._sums, strict=True):
            held, known, meant = held + value, known + value, meant + mean
            inflation = dispersion / window + shared
            off = known - meant
            if off * off > 2.0 * (meant + inflation * meant * meant):
                up = off > 0
                score = min((tail_above if up else tail_below)(known, meant, inflation), HIGHEST)
                direction: Direction = "UP" if up else "DOWN"
                if score > best.score + (0.5 if best.score else 0.0):
                    best = Judgement(score, direction, mean, True, window, held, meant)
        return best

    def learn_one(self, x: dict[str, float]) -> None:
        """Learn a bucket, clipped; a value that is not finite is left out."""
        value = x["value"]
        if not math.isfinite(value):
            return
        season = self._season_of(x)
        if season != self._season:
            self._turn_season(season)
        mean = self._mean(season)
        limit = math.inf
        if self._seen >= self._warm_up // 3:
            spread = self._dispersion() + 1.0 / (self._a + 0.5)
            limit = mean + CLIP * math.sqrt(mean + spread * mean * mean) + 1.0
        known = min(value, limit)
        gain = max(1.0 / (self._seen + 1.0), self._dispersion_gain)
        off = known - mean
        self._excess += gain * (off * off - mean - self._excess)
        self._square = max(self._square + gain * (mean * mean - self._square), 1e-6)
        self._season_observed += known
        self._season_expected += self._a / self._b
        keep = 1.0 - 1.0 / self._memory
        self._a = keep * self._a + known
        self._b = keep * self._b + self._factors[season]
        self._slide(value, known, mean)
        self._values[self._at] = value
        self._known[self._at] = known
        self._means[self._at] = mean
        self._at = (self._at + 1) % self._ring
        self._filled = min(self._filled + 1, self._ring - 1)
        self._seen += 1

    def learn_quiet(self, buckets: int) -> None:
        """Learn that many empty buckets at once, in closed form; as if each had been judged and learned."""
        keep = (1.0 - 1.0 / self._memory) ** buckets
        self._a *= keep
        self._b = keep * self._b + (1.0 - keep) * self._memory
        self._seen += buckets

    def forget_recent(self) -> None:
        """After a gap: windows begin anew, so that what piled up is not added to what was before."""
        self._filled = 0
        self._sums = [[0.0, 0.0, 0.0] for _ in self._windows]
        self._season = -1
        self._season_observed = self._season_expected = 0.0

    def reanchor(self) -> None:
        """Take the median of the longest window as the rate, and trust it as far as that window reaches."""
        buckets = max(1, self._filled)
        recent = [self._values[self._at - back] for back in range(1, buckets + 1)]
        self._a, self._b = A0 + statistics.median(recent) * buckets, B0 / 10 + buckets
        for season in range(self._seasons):
            self._factors[season] = 1.0
        self._excess, self._square = 0.0, 1e-6
        self._season_observed = self._season_expected = 0.0

    def loosen(self) -> None:
        """A change was declared: keep a quarter of an hour's worth of what is known of the rate."""
        kept = min(self._b, 15.0)
        self._a, self._b = self._a * kept / self._b, kept

    def _slide(self, value: float, known: float, mean: float) -> None:
        """Move the windows on: each holds the sums of its buckets but the newest one, which is judged."""
        mean = array("f", [mean])[0]
        for window, sums in zip(self._windows, self._sums, strict=True):
            if window == 1:
                continue
            if self._filled >= window - 1:
                at = self._at - window + 1
                sums[0] -= self._values[at]
                sums[1] -= self._known[at]
                sums[2] -= self._means[at]
            sums[0] += value
            sums[1] += known
            sums[2] += mean

    def _season_of(self, x: dict[str, float]) -> int:
        return int(x["time_ms"]) // self._season_ms % self._seasons

    def _mean(self, season: int) -> float:
        return max(self._a / self._b * self._factors[season], 1e-6)

    def _dispersion(self) -> float:
        if self._seen < self._warm_up // 3:
            return 1.0
        return min(max(self._excess / self._square, 0.0), 2.0)

    def _turn_season(self, season: int) -> None:
        if self._season >= 0 and self._season_expected > 0:
            expected, factors = self._season_expected, self._factors
            ratio = (6.0 + self._season_observed) / (6.0 + expected)
            first_day = self._seen * self.bucket_ms <= DAY_MS
            gain = (0.8 if first_day else 0.2) * expected / (expected + 6.0)
            old = factors[self._season]
            factors[self._season] = min(max(old + gain * (ratio - old), 0.1), 6.0)
            if season < self._season:
                centre = sum(factors) / self._seasons
                for index in range(self._seasons):
                    factors[index] /= centre
                self._a *= centre
        self._season = season
        self._season_observed = self._season_expected = 0.0

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values; the rings as base64 of their bytes."""
        return {
            "seen": self._seen,
            "rate": [self._a, self._b],
            "factors": list(self._factors),
            "season": [self._season, self._season_observed, self._season_expected],
            "dispersion": [self._excess, self._square],
            "values": base64.b64encode(self._values.tobytes()).decode(),
            "known": base64.b64encode(self._known.tobytes()).decode(),
            "sums": self._sums,
            "means": base64.b64encode(self._means.tobytes()).decode(),
            "at": [self._at, self._filled],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        self._seen = state["seen"]
        self._a, self._b = state["rate"]
        self._factors = array("d", state["factors"])
        self._season, self._season_observed, self._season_expected = state["season"]
        self._excess, self._square = state["dispersion"]
        self._values = array("d")
        self._values.frombytes(base64.b64decode(state["values"]))
        self._known = array("d")
        self._known.frombytes(base64.b64decode(state["known"]))
        self._sums = [list(sums) for sums in state["sums"]]
        self._means = array("f")
        self._means.frombytes(base64.b64decode(state["means"]))
        self._at, self._filled = state["at"]
