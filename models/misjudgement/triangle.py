"""The triangle of a cell: measures by day, and reversals by day and age, as far as they can be known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.misjudgement.cohorts import MEASURES, CohortRow
from models.misjudgement.reversal import NOWCAST

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

HORIZON_DAYS = 180
"""Reversals later than this are not awaited: complaints are open six months (DSA Art. 20(1))."""


@dataclass(frozen=True)
class Triangle:
    """Cohorts of consecutive days, the oldest first, the last one of age 0.

    `measures[t]`; `reversals[t, a]`, known where `a <= ages[t]`, else 0. Days are complete days.
    """

    first_day: int
    measures: Counts
    reversals: Counts

    @classmethod
    def of(cls, rows: Iterable[CohortRow], last_day: int, outcomes: Sequence[str] = NOWCAST) -> Self:
        """The triangle of one cell at the end of `last_day`; what happened later is left out.

        >>> from models.misjudgement.cell import WHOLE
        >>> rows = [CohortRow(WHOLE, 10, 0, "measures", 50), CohortRow(WHOLE, 10, 1, "appeal_granted", 2)]
        >>> Triangle.of(rows, last_day=12).seen.tolist()
        [2, 0, 0]
        """
        known = [row for row in rows if row.day + row.age <= last_day and row.age <= HORIZON_DAYS]
        first_day = min((row.day for row in known if row.outcome == MEASURES), default=last_day)
        days = last_day - first_day + 1
        measures = np.zeros(days, np.int64)
        reversals = np.zeros((days, min(days, HORIZON_DAYS + 1)), np.int64)
        for row in known:
            if row.outcome == MEASURES:
                measures[row.day - first_day] += row.number
            elif row.outcome in outcomes and row.day >= first_day:
                reversals[row.day - first_day, row.age] += row.number
        return cls(first_day, measures, reversals)

    @property
    def ages(self) -> Counts:
        """The age of each cohort: whole days since its day, 0 for the last."""
        return np.arange(len(self.measures) - 1, -1, -1)

    @property
    def seen(self) -> Counts:
        """What each cohort has seen so far."""
        return np.asarray(self.reversals.sum(axis=1), dtype=np.int64)

    @cached_property
    def sums(self) -> Counts:
        """`sums[t, a]`: what all cohorts up to `t` had seen by age `a`."""
        return self.reversals.cumsum(axis=1).cumsum(axis=0)
