"""What the enforcement detector is measured beside: the earlier scan, the same scan with the true rate, stock
detectors.

Every rival takes the world's counts minute by minute, all series at once, and returns a score for each count, made
before it is learned: larger is stranger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import anomaly
from scipy.special import gammaln

from bench.enforcement_world import DAY, World

Floats = NDArray[np.float64]
Scores = NDArray[np.float32]
WINDOWS = (1, 5, 15, 60)
WARM_UP = 720


def tail(count: Floats, mean: Floats, inflation: Floats) -> Floats:
    """−log₁₀ P(X ≥ count) for negative binomials, by the geometric bound on neighbouring terms."""
    mean = np.maximum(mean, 1e-9)
    size = 1.0 / np.maximum(inflation, 1e-6)
    log_p = gammaln(count + size) - gammaln(size) - gammaln(count + 1.0)
    log_p += size * np.log(size / (size + mean)) + count * np.log(mean / (size + mean))
    ratio = (count + size) * mean / ((count + 1.0) * (size + mean))
    log_p -= np.where(ratio < 1.0, np.log(np.maximum(1.0 - ratio, 1e-12)), 0.0)
    return np.maximum(0.0, -log_p / np.log(10.0))


class _Windows:
    """Running sums over the last 1, 5, 15 and 60 minutes of counts and means."""

    def __init__(self, series: int) -> None:
        self.counts = np.zeros((64, series))
        self.means = np.zeros((64, series))
        self.sums = np.zeros((2, len(WINDOWS), series))

    def slide(self, minute: int, counts: Floats, means: Floats) -> Floats:
        for at, window in enumerate(WINDOWS):
            old = (minute - window) % 64
            self.sums[0, at] += counts - (self.counts[old] if minute >= window else 0.0)
            self.sums[1, at] += means - (self.means[old] if minute >= window else 0.0)
        self.counts[minute % 64], self.means[minute % 64] = counts, means
        return self.sums

    def score(self, dispersion: Floats, shared: Floats) -> Floats:
        best = np.zeros(self.sums.shape[2])
        for at, window in enumerate(WINDOWS):
            held, meant = self.sums[:, at]
            inflation = dispersion / window + shared
            excess = held - meant
            rows = np.flatnonzero((excess > 1.0) & (excess * excess > 2.0 * (meant + inflation * meant * meant)))
            if len(rows):
                best[rows] = np.maximum(best[rows], tail(held[rows], meant[rows], inflation[rows]))
        return best


def oracle_scan(world: World) -> Scores:
    """The scan of `earlier_scan` with the true rate and dispersion of every bucket:
    what no baseline can beat by that scan.
    """
    scores = np.zeros(world.counts.shape, np.float32)
    windows = _Windows(world.counts.shape[1])
    for minute in range(len(scores)):
        windows.slide(minute, world.counts[minute].astype(float), world.rates[minute].astype(float))
        if minute >= WARM_UP:
            scores[minute] = windows.score(world.dispersion, np.zeros(1))
    return scores


def earlier_scan(world: World) -> Scores:
    """The detector that the targets were written against: discounted Gamma–Poisson, 24 hour factors, four windows,
    no parent.
    """
    minutes, series = world.counts.shape
    scores = np.zeros(world.counts.shape, np.float32)
    windows = _Windows(series)
    a, b = np.full(series, 0.5), np.full(series, 5.0)
    factors = np.ones((24, series))
    seen, expected = np.zeros(series), np.zeros(series)
    excess, square = np.zeros(series), np.full(series, 1e-6)
    keep = 1.0 - 1.0 / 2880.0
    for minute in range(minutes):
        hour = minute // 60 % 24
        count = world.counts[minute].astype(float)
        level, factor = a / b, factors[hour].copy()
        mean = np.maximum(level * factor, 1e-6)
        dispersion = np.clip(excess / square, 0.0, 2.0) if minute > 240 else np.ones(series)
        windows.slide(minute, count, mean)
        if minute >= WARM_UP:
            scores[minute] = windows.score(dispersion, 1.0 / (a + 0.5) + 0.03)
        known = count
        if minute >= 240:
            known = np.minimum(count, mean + 3.0 * np.sqrt(mean + (dispersion + 1.0 / (a + 0.5)) * mean * mean) + 1.0)
        a, b = keep * a + known, keep * b + factor
        gain = max(1.0 / (minute + 1.0), 2.5e-4)
        off = known - mean
        excess += gain * (off * off - mean - excess)
        square = np.maximum(square + gain * (mean * mean - square), 1e-6)
        seen, expected = seen + known, expected + level
        if minute % 60 == 59:
            weight = expected / (expected + 6.0)
            step = (0.2 if minute > DAY else 0.8) * weight * ((6.0 + seen) / (6.0 + expected) - factor)
            factors[hour] = np.clip(factor + step, 0.1, 6.0)
            seen, expected = np.zeros(series), np.zeros(series)
            if hour == 23:
                centre = factors.mean(axis=0)
                factors /= centre
                a *= centre
    return scores


def ew_z(world: World) -> Scores:
    """Sum of 15 minutes against an exponentially weighted mean and variance of such sums, of a day's memory."""
    minutes, series = world.counts.shape
    scores = np.zeros(world.counts.shape, np.float32)
    ring, total = np.zeros((15, series)), np.zeros(series)
    mean, variance = np.zeros(series), np.zeros(series)
    for minute in range(minutes):
        count = world.counts[minute].astype(float)
        total += count - ring[minute % 15]
        ring[minute % 15] = count
        if minute >= WARM_UP:
            scores[minute] = (total - mean) / np.sqrt(variance + 1.0)
        gain = max(1.0 / (minute + 1.0), 1.0 / DAY)
        off = total - mean
        mean += gain * off
        variance += gain * ((1.0 - gain) * off * off - variance)
    return scores


def stock(new: Callable[[], Any], series: int) -> Callable[[World], Scores]:
    """A River detector of anomalous targets, one object a series, on the first `series` of every twenty only:
    they are slow.
    """

    def scores_of(world: World) -> Scores:
        scores = np.full(world.counts.shape, np.nan, np.float32)
        step = max(1, world.counts.shape[1] // series)
        for place in range(0, world.counts.shape[1], step):
            model, column = new(), []
            for minute, count in enumerate(world.counts[:, place].tolist()):
                column.append(float(model.score_one(None, count)) if minute >= WARM_UP else 0.0)
                model.learn_one(None, count)
            scores[:, place] = column
        return scores

    return scores_of


RIVALS: dict[str, Callable[[World], Scores]] = {
    "oracle-scan": oracle_scan,
    "earlier-scan": earlier_scan,
    "ew-z-15": ew_z,
    "StandardAbsoluteDeviation": stock(anomaly.StandardAbsoluteDeviation, 200),
    "GaussianScorer": stock(anomaly.GaussianScorer, 40),
}
