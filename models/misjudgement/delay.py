"""How late reversals come: the share that is seen by an age, from development factors (the chain ladder)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.misjudgement.triangle import Counts, Floats, Triangle


@dataclass(frozen=True)
class Delay:
    """`seen_by[a]`: share of all reversals that is seen at age `a`, of those that come within the ages it covers; 1
    at the last.

    `reversals`: how many it was learnt from. Bad at: ages that no cohort has reached; what comes later is not in it.
    """

    seen_by: Floats
    reversals: int

    def share(self, ages: Floats | Counts | int, pace: Floats | float = 1.0) -> Floats:
        """The share seen at `ages` where reversals come `pace` times as fast (2: in half the time).

        Between whole days it is interpolated over the logarithm of time, and below the first day it is proportional
        to time.

        >>> Delay(np.array([0.2, 0.5, 1.0]), 90).share(np.array([0, 1, 7])).tolist()
        [0.2, 0.5, 1.0]
        """
        elapsed = np.maximum(pace * (np.asarray(ages, dtype=float) + 1.0), 1e-9)
        days = np.arange(1, len(self.seen_by) + 1)
        found = np.interp(np.log(elapsed), np.log(days), self.seen_by)
        return np.where(elapsed < 1.0, self.seen_by[0] * elapsed, found)


def factors(triangle: Triangle, skip: int = 0) -> Floats:
    """Development factors: what cohorts have seen by age `a` over what they had seen by `a - 1`, for a = 1, 2, …

    Each over all cohorts that have age `a`, weighted by volume (Mack 1993, ASTIN Bulletin 23, formula 3); the last
    `skip` cohorts left out. NaN where nothing had been seen.

    >>> half = Triangle(0, np.array([9, 9, 9]), np.array([[4, 3, 1], [6, 2, 0], [5, 0, 0]]))
    >>> factors(half).tolist()  # (7 + 8) / (4 + 6), 8 / 7
    [1.5, 1.1428571428571428]
    """
    days, width = triangle.reversals.shape
    ages = np.arange(1, width)
    last = np.minimum(days - ages, days - skip) - 1
    now, earlier = triangle.sums[last, ages].astype(float), triangle.sums[last, ages - 1].astype(float)
    return np.asarray(np.divide(now, earlier, out=np.full(width - 1, np.nan), where=earlier > 0))


def delay_of(triangle: Triangle, skip: int = 0) -> Delay | None:
    """The delay that a triangle shows without its last `skip` cohorts; None where no reversal is known.

    Before the first age at which anything was seen the share is 0; where no cohort of an age had seen anything,
    nothing is taken to follow.
    """
    total = int(triangle.seen[: len(triangle.measures) - skip].sum())
    return _chained(factors(triangle, skip), total) if total else None


def adjusted(delay: Delay, triangle: Triangle, recent: int, pace: float, weight: float) -> Delay:
    """The delay of the last `recent` cohorts: `delay` at another pace, corrected by the factors that these cohorts
    show.

    `weight`: how many reversals the pace counts for beside them at each age. Ages that none of them has come to rest
    on the pace alone.
    """
    days, width = triangle.reversals.shape
    moved = delay.share(np.arange(len(delay.seen_by)), pace)
    model = np.divide(moved[1:], moved[:-1], out=np.ones(len(moved) - 1), where=moved[:-1] > 0)
    steps = model.copy()
    ages = np.arange(1, min(recent, width))
    start = days - recent
    base = triangle.sums[start - 1] if start else np.zeros(width, np.int64)
    last = days - ages - 1
    now = (triangle.sums[last, ages] - base[ages]).astype(float)
    earlier = (triangle.sums[last, ages - 1] - base[ages - 1]).astype(float)
    steps[ages - 1] = (now + weight * model[ages - 1]) / (earlier + weight)
    return _chained(steps, int(triangle.seen[start:].sum()))


def _chained(steps: Floats, reversals: int) -> Delay:
    begun = np.maximum.accumulate(np.isfinite(steps))
    shares = np.concatenate([1.0 / np.cumprod(np.nan_to_num(steps, nan=1.0)[::-1])[::-1], [1.0]])
    shares[:-1][~begun] = 0.0
    return Delay(shares, reversals)
