"""The jump alert: whether the rate of a cell is higher than it used to be, before its appeals are in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from models.misjudgement.triangle import Counts, Floats, Triangle

CERTAINTY = 0.995
LEAST_FACTOR = 1.25
"""Lower bound over the mature rate from which a jump is one."""
WINDOWS = (4, 7, 14, 28)
"""Cohorts taken together where no change names a day."""
_PRIOR = 4.0


@dataclass(frozen=True)
class Jump:
    """The last `cohorts` cohorts together: `factor` over what they would show at the usual rate, its `low` bound
    (99.5 %).

    `per`: "measure" or "decided appeal". Appeals of a campaign raise the first and not the second.
    """

    per: str
    cohorts: int
    factor: float
    low: float

    @property
    def is_one(self) -> bool:
        """Whether the lower bound is over 1.25."""
        return self.low > LEAST_FACTOR


def judge_jump(per: str, cohorts: int, seen: float, expected: float, dispersion: float) -> Jump:
    """What the cohorts have `seen` against what was `expected` of them by now at the usual rate: a Gamma posterior.

    `dispersion`: variance over mean of the same count in quiet times (`dispersion_of`); counts are divided by it.

    >>> judge_jump("measure", 3, seen=110, expected=50.0, dispersion=1.8).is_one
    True
    """
    shape, weight = _PRIOR + float(seen) / dispersion, _PRIOR + float(expected) / dispersion
    return Jump(per, cohorts, shape / weight, float(special.gammaincinv(shape, 1 - CERTAINTY)) / weight)


def dispersion_of(seen: Floats | Counts, expected: Floats) -> float:
    """Variance over mean of what cohorts have seen, at least 0.7; 1 where fewer than 10 cohorts can tell."""
    known = expected > 0
    if known.sum() < 10:
        return 1.0
    chi = ((seen[known] - expected[known]) ** 2 / expected[known]).sum()
    return max(0.7, float(chi) / (int(known.sum()) - 1))


def share_by_age(reversed_: Triangle, decided: Triangle, youngest: int, oldest: int) -> Floats:
    """Of appeals decided by each age the share that was granted, over cohorts of `youngest` to `oldest` days.

    By age, since what is upheld is answered sooner: the share of a young cohort is low whatever its rate.
    """
    known = (decided.ages >= youngest) & (decided.ages <= oldest)
    granted = reversed_.reversals[known].sum(axis=0).cumsum().astype(float)
    all_ = decided.reversals[known].sum(axis=0).cumsum().astype(float)
    return np.asarray(np.divide(granted, all_, out=np.zeros_like(granted), where=all_ > 0))
