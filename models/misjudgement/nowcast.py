"""The nowcast: how many of the measures of each day will turn out wrong, from what is known today."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.misjudgement.delay import Delay
from models.misjudgement.spread import count_quantile
from models.misjudgement.triangle import Floats, Triangle

PRIOR = 14.0
"""How many expected reversals the mature rate counts for beside a cohort's own."""
LEVEL = 0.90
"""Probability of the interval."""
MATURE = 0.90
"""Share seen from which a cohort counts as known, to learn from."""
_LEAST_SCALE, _MOST_SCALE = 0.4, 25.0
_WITHIN = 1.645
"""Standard deviations within which 90 % of a normal error lies."""


@dataclass(frozen=True)
class Nowcast:
    """For each cohort, the oldest first: `estimate`, `low`, `high` of its reversals in the end; `maturity` = share
    seen."""

    estimate: Floats
    low: Floats
    high: Floats
    maturity: Floats


def mature_rate(triangle: Triangle, delay: Delay, youngest: int = 14, oldest: int = 104) -> float:
    """Reversals a measure in the end, over cohorts of `youngest` to `oldest` days; NaN without any.

    Sums, not the mean of rates: a small cohort counts for little.
    """
    ages = triangle.ages
    known = (ages >= youngest) & (ages <= oldest)
    exposure = float((triangle.measures * delay.share(ages))[known].sum())
    return float(triangle.seen[known].sum()) / exposure if exposure > 0 else float("nan")


def nowcast(triangle: Triangle, maturity: Floats, rate: float, scale: Floats | float = 1.0) -> Nowcast:
    """Gamma-Poisson: the rate of a cohort is Gamma(K, K / rate) before anything is seen, what is seen is Poisson.

    `rate`: reversals a measure in the end, of mature cohorts. `scale` multiplies the variance of what is still to
    come (`scale_by_age`). Between the naive share (all credit to what is seen) and Bornhuetter-Ferguson (none): K =
    14 expected reversals. Bad at: a cohort of the first days after a jump, of which little is seen: it stays near
    `rate`.

    >>> one = Triangle(0, np.array([2000]), np.array([[12]]))
    >>> found = nowcast(one, np.array([0.5]), rate=0.018)
    >>> round(float(found.estimate[0]), 1), float(found.low[0]), float(found.high[0])
    (26.6, 20.0, 36.0)
    """
    seen, exposure = triangle.seen.astype(float), triangle.measures.astype(float)
    weight = PRIOR / rate + maturity * exposure
    shape = PRIOR + seen
    rest = (1 - maturity) * exposure * shape / weight
    variance = rest + ((1 - maturity) * exposure / weight) ** 2 * shape
    variance = variance * scale
    tail = (1 - LEVEL) / 2
    return Nowcast(
        seen + rest,
        seen + count_quantile(rest, variance, tail),
        seen + count_quantile(rest, variance, 1 - tail),
        maturity,
    )


def scale_by_age(triangle: Triangle, delay: Delay, rate: float, oldest: int = 60) -> Floats:
    """What the variance of a nowcast must be multiplied by, at ages 0 to `oldest`, as past nowcasts erred.

    Each cohort that is mature by now is nowcast again as it stood at each age, up to what is known of it today, and the
    error that 90 % of them kept to is set against the deviation that was claimed. Appeals cluster by shop and by
    campaign, so it is mostly above 1. Neighbouring ages are taken together; 1 where fewer than 20 cohorts can tell.
    """
    ages = triangle.ages
    known = (delay.share(ages) >= MATURE) & (triangle.measures > 0)
    scale = np.ones(oldest + 1)
    if known.sum() < 20:
        return scale
    reached = triangle.reversals[known].cumsum(axis=1).astype(float)
    exposure = triangle.measures[known].astype(float)[:, None]
    span = np.arange(min(oldest + 1, reached.shape[1]))
    maturity = delay.share(span)[None, :]
    weight = PRIOR / rate + maturity * exposure
    shape = PRIOR + reached[:, span]
    coming = (delay.share(ages[known])[:, None] - maturity) * exposure
    rest = coming * shape / weight
    variance = rest + (coming / weight) ** 2 * shape
    usable = (ages[known][:, None] > span[None, :] + 7) & (variance > 0)
    off = np.abs(reached[:, -1:] - reached[:, span] - rest) / np.sqrt(np.where(usable, variance, 1.0))
    for age in span:
        near = slice(max(0, age - 2), age + 3)
        known_off = off[:, near][usable[:, near]]
        if len(known_off) >= 40:
            scale[age] = np.clip((np.quantile(known_off, LEVEL) / _WITHIN) ** 2, _LEAST_SCALE, _MOST_SCALE)
    return scale
