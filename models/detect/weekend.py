"""How weekends differ from working days: a factor of a series of counts, learned on weekends, lent by its parent."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from livewarden.times import DAY_MS
from models.detect.bank import Floats, Rows
from models.detect.columns import Columns, Field

MONDAY: Final = 3
"""The epoch began on a Thursday."""
SPREAD, OWN_SPREAD = 0.1, 0.02
"""How far the weekend of a series is from its working days, and from its parent's weekend: variances of the factor."""
KEEP: Final = 0.5
"""What of earlier weekends still counts when a new one begins."""
WORK_HOURS: Final = 24.0
"""Hours of working days that are seen before a weekend can differ from them."""

FIELDS: Final = {
    "work_hours": Field("f4"),
    "weekend": Field("f4"),
    "weekend_held": Field("f4"),
    "weekend_meant": Field("f4"),
}
"""Working hours seen; whether the last bucket was in a weekend; what weekends held, and would as working days."""


def is_weekend(time_ms: int) -> bool:
    """Whether a moment is on a Saturday or Sunday (UTC).

    >>> is_weekend(0), is_weekend(2 * DAY_MS), is_weekend(4 * DAY_MS)
    (False, True, False)
    """
    return (time_ms // DAY_MS + MONDAY) % 7 >= 5


def settled(columns: Columns, rows: Rows) -> NDArray[np.bool_]:
    """Which series have seen enough working hours."""
    enough: NDArray[np.bool_] = columns["work_hours"][rows] >= WORK_HOURS
    return enough


def factor(columns: Columns, rows: Rows, parents: Rows) -> tuple[Floats, Floats]:
    """How many times its working days a weekend of each series holds, and the variance of that.

    The mean of a Gamma posterior whose prior is the parent's factor, or 1 without one that has settled.
    """
    prior, weight = np.ones(len(rows)), np.full(len(rows), 1.0 / SPREAD)
    lent = np.flatnonzero(parents >= 0)
    lent = lent[settled(columns, parents[lent])]
    if len(lent):
        held, meant = (columns[name][parents[lent]].astype(float) for name in ("weekend_held", "weekend_meant"))
        prior[lent] = (held + 1.0 / SPREAD) / (meant + 1.0 / SPREAD)
        weight[lent] = 1.0 / (OWN_SPREAD + 1.0 / (held + 1.0 / SPREAD))
    held, meant = (columns[name][rows].astype(float) for name in ("weekend_held", "weekend_meant"))
    known = settled(columns, rows)
    times = np.where(known, (held + weight * prior) / (meant + weight), 1.0)
    return times, np.where(known, 1.0 / (held + weight), 0.0)


def learn(columns: Columns, rows: Rows, held: Floats, meant: Floats) -> None:
    """Learn a bucket of a weekend; `meant`: what it would hold on a working day."""
    new = columns["weekend"][rows] == 0.0
    keep = np.where(new, KEEP, 1.0)
    columns["weekend_held"][rows] = keep * columns["weekend_held"][rows] + held
    columns["weekend_meant"][rows] = keep * columns["weekend_meant"][rows] + meant
    columns["weekend"][rows] = 1.0


def learn_working_hours(columns: Columns, rows: Rows, hours: float) -> None:
    """Learn that a bucket was on a working day, and how long it was."""
    columns["work_hours"][rows] = np.minimum(columns["work_hours"][rows] + hours, 10.0 * WORK_HOURS)
    columns["weekend"][rows] = 0.0
