"""Whether a pattern comes oftener than it did: two quarters of 13 weeks, as Gamma-Poisson rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scipy import special

from livewarden.times import DAY_MS

WEEK_MS: Final = 7 * DAY_MS
QUARTER_MS: Final = 13 * WEEK_MS
LEAST_CASES: Final = 3
LEAST_WEEKS: Final = 3
"""Cases, and different weeks with one, below which nothing is said: three on one day are one event."""
SURE: Final = 0.9
"""From this probability on it is called recurring."""
PRIOR: Final = 0.5
"""Cases that either quarter is thought to have had before anything is known (Jeffreys)."""


def oftener(now: int, before: int, exposure: float = 1.0) -> float:
    """The probability that the rate behind `now` cases is higher than that behind `before`; `exposure`: what the first
    is out of, against the second (2: twice as many measures).

    Exact: both rates are Gamma, so the share of the earlier one is Beta.

    >>> round(oftener(6, 1), 3), round(oftener(3, 3), 3), round(oftener(6, 3, exposure=2.0), 3)
    (0.975, 0.5, 0.484)
    """
    return float(special.betainc(before + PRIOR, now + PRIOR, 1 / (1 + exposure)))


def recurrence(at_ms: Sequence[int], now_ms: int, exposure: float = 1.0) -> float | None:
    """The same of cases that began at these instants, for the 13 weeks up to `now_ms` against the 13 before; None with
    fewer than 3 cases in 3 different weeks of the last quarter.

    >>> recurrence([100 * WEEK_MS] * 5, 101 * WEEK_MS) is None
    True
    """
    ages = [now_ms - each for each in at_ms if each <= now_ms]
    now = [each for each in ages if each < QUARTER_MS]
    before = sum(QUARTER_MS <= each < 2 * QUARTER_MS for each in ages)
    if len(now) < LEAST_CASES or len({each // WEEK_MS for each in now}) < LEAST_WEEKS:
        return None
    return oftener(len(now), before, exposure)
