"""Whether reversals come faster or slower than they used to: the enemy of every nowcast.

A new appeal button halves the delay, and a nowcast that does not know it takes the faster reversals for more of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.misjudgement.delay import Delay, delay_of
from models.misjudgement.triangle import Floats, Triangle

WINDOWS = (3, 4, 5, 6, 7, 10, 14, 21, 28)
"""How many of the last cohorts are set against those before them."""
_KNOTS = np.array([0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 28, 36, 46, 60, 77, 100, 130, 180])
"""Ages between which the delay is made smooth: the tail of a small cell has days on which nothing ever came."""
_EARLIER = range(35, 121, 5)
_CHI_MEDIAN = 0.455
_PACES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 81))
LEAST_RATIO = 10.0
"""Twice the log likelihood ratio, over the dispersion, from which a shift is one."""
SUSPECT = 4.0
"""The same from which a shift is not notified, but reckoned with before a jump is."""
LEAST_SEEN = 40
"""Reversals in a window below which it is not judged."""
LEAST_PACE = 1.15
"""A pace nearer to 1 than this changes no nowcast by more than its interval."""


@dataclass(frozen=True)
class DelayShift:
    """The last `cohorts` cohorts come `pace` times as fast (below 1: slower), between `slow` and `fast` (90 %).

    `ratio`: twice the log likelihood ratio against no shift, over the dispersion. `before`: the delay without these
    cohorts.
    """

    cohorts: int
    pace: float
    slow: float
    fast: float
    ratio: float
    before: Delay

    @property
    def is_one(self) -> bool:
        """Whether it is sure enough to be notified; else it is a suspicion."""
        return self.ratio >= LEAST_RATIO


def find_shift(triangle: Triangle, dispersion: float) -> DelayShift | None:
    """The shift of the delay that the last cohorts show or let suspect (`is_one`), None where they show none.

    The likelihood is that of the ages of what was seen, given how much was seen (right-truncated multinomial), so a
    higher or lower rate alone is no shift. `dispersion`: from `timing_dispersion`. Bad at: fewer than about 100
    reversals in the window, and a shift that is no change of pace, which it follows only on average.
    """
    best: DelayShift | None = None
    for cohorts in WINDOWS:
        if cohorts + 30 > len(triangle.measures):
            break
        found = fit_pace(triangle, cohorts, dispersion)
        if found is None:
            continue
        if best is None or found.ratio > best.ratio:
            best = found
    if best is None or best.ratio < SUSPECT or max(best.pace, 1 / best.pace) < LEAST_PACE:
        return None
    return best


def fit_pace(triangle: Triangle, cohorts: int, dispersion: float) -> DelayShift | None:
    """The pace of the last `cohorts` cohorts against those before; None where too little is known of either.

    The same is asked of windows of 35 to 120 days ago, as they stood then: where they, too, seem to have moved, the
    dispersion is larger than `dispersion`, and is taken from them.
    """
    before = delay_of(triangle, skip=cohorts)
    if before is None or triangle.reversals[-cohorts:, :cohorts].sum() < LEAST_SEEN:
        return None
    shares = np.maximum(smooth(before).share(np.arange(cohorts)[None, :], _PACES[:, None]), 1e-9)
    days = len(triangle.measures)
    then = [_ratio(_likelihood(triangle, days - back, shares)) for back in _EARLIER if days - back - cohorts >= 30]
    usual = float(np.median(then)) / _CHI_MEDIAN if len(then) >= 8 else 1.0
    fit = _likelihood(triangle, days, shares) / max(dispersion, usual, 1.0)
    top = int(np.argmax(fit))
    inside = np.flatnonzero(2 * (fit[top] - fit) <= 2.706)
    slow, fast = float(_PACES[inside[0]]), float(_PACES[inside[-1]])
    return DelayShift(cohorts, float(_PACES[top]), slow, fast, _ratio(fit), before)


def _likelihood(triangle: Triangle, end: int, shares: Floats) -> Floats:
    """Log likelihood of each pace for the cohorts that were the last ones at `end`, from what was seen by then."""
    cohorts = shares.shape[1]
    young = np.arange(cohorts)
    recent = triangle.reversals[end - cohorts : end, :cohorts] * (young[None, :] <= young[::-1][:, None])
    parts = np.maximum(np.diff(shares, axis=1, prepend=0.0), 1e-9)
    seen = recent.sum(axis=1).astype(float)
    return np.asarray(np.log(parts) @ recent.sum(axis=0).astype(float) - np.log(shares[:, young[::-1]]) @ seen)


def _ratio(fit: Floats) -> float:
    """Twice the log likelihood ratio of the best pace against pace 1."""
    return float(2 * (fit.max() - np.interp(0.0, np.log(_PACES), fit)))


def smooth(delay: Delay) -> Delay:
    """The same delay, straight between a few ages (over the logarithm of time)."""
    days = np.arange(1, len(delay.seen_by) + 1)
    knots = np.append(_KNOTS[len(days) - 1 > _KNOTS], len(days) - 1)
    return Delay(np.interp(np.log(days), np.log(knots + 1), delay.seen_by[knots]), delay.reversals)


def timing_dispersion(triangle: Triangle, delay: Delay, youngest: int = 14) -> float:
    """How much more the ages of reversals vary than independent ones would, at least 1.

    Pearson's chi-square of the triangle against its own margins, over the degrees of freedom; ages of small
    expectation are taken together. A shop that appeals against ten measures in one sitting makes it larger.
    """
    ages = triangle.ages
    rows = ages >= youngest
    if rows.sum() < 10:
        return 1.0
    parts = np.diff(delay.seen_by[: youngest + 1], prepend=0.0) / delay.seen_by[youngest]
    counts = triangle.reversals[rows, : youngest + 1].astype(float)
    expected = counts.sum(axis=1)[:, None] * parts[None, :]
    return max(1.0, _pearson(counts, expected))


def _pearson(counts: Floats, expected: Floats) -> float:
    """Chi-square over degrees of freedom, with neighbouring ages added up until each has an expectation of 2 a
    cohort."""
    edges, sum_ = [0], 0.0
    mean = expected.mean(axis=0)
    for age, value in enumerate(mean):
        sum_ += value
        if sum_ >= 2.0 and age + 1 < len(mean):
            edges.append(age + 1)
            sum_ = 0.0
    if len(edges) < 2:
        return 1.0
    observed = np.add.reduceat(counts, edges, axis=1)
    wanted = np.add.reduceat(expected, edges, axis=1)
    usable = wanted > 0
    chi = float((((observed - wanted) ** 2)[usable] / wanted[usable]).sum())
    return chi / max(1, int(usable.sum()) - int(usable.any(axis=1).sum()) - len(edges) + 1)
