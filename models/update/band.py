"""The band in which a week's count lies when nothing has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

FEWEST_WEEKS: Final = 4
"""With fewer weeks before there is no band."""


@dataclass(frozen=True, slots=True)
class Band:
    """From `low` to `high`, both included; `away`: how far the week is from the middle, in standard errors."""

    low: int
    high: int
    away: float


def band(before: Sequence[int], now: int, *, outside: float) -> Band | None:
    """The band of a count by the weeks before, and where the week lies; None where these are fewer than four.

    `outside`: the share of weeks with no change that lie outside, in (0, 1); divide it by how many counts are
    looked at.
    Prediction interval of Student's t over the Anscombe transform 2√(n + 3/8) (Anscombe 1948, Biometrika 35), of
    standard deviation at least 1, that of a Poisson count. It does badly on counts that grow from week to week, and
    where a holiday comes once a year: both come out as changes.

    >>> found = band([100, 104, 96, 99, 110, 95], 103, outside=0.1)
    >>> (found.low, found.high) if found else None
    (80, 124)
    """
    if len(before) < FEWEST_WEEKS:
        return None
    from scipy import special

    scaled = [2 * sqrt(count + 0.375) for count in before]
    size = len(scaled)
    mean = sum(scaled) / size
    spread = max(1.0, sqrt(sum((each - mean) ** 2 for each in scaled) / (size - 1)))
    error = spread * sqrt(1 + 1 / size)
    wide = float(special.stdtrit(size - 1, 1 - outside / 2)) * error
    low, high = (max(0.0, mean - wide) / 2) ** 2 - 0.375, ((mean + wide) / 2) ** 2 - 0.375
    return Band(max(0, round(low)), round(high), (2 * sqrt(now + 0.375) - mean) / error)
