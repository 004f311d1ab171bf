"""Which counts of a week are news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.update.band import FEWEST_WEEKS, Band, band

OUTSIDE: Final = 0.10
"""Share of weeks without a change in which anything at all is said."""
SMALLEST: Final = 5
"""A count that neither is nor was as large is not looked at."""


@dataclass(frozen=True, slots=True)
class WeekSeries:
    """One count by week: of `key`, or of all where that is empty; the week itself last, as `now`."""

    name: str
    key: str
    before: tuple[int, ...]
    now: int

    @property
    def looked_at(self) -> bool:
        """Whether it is large enough and known for long enough."""
        return len(self.before) >= FEWEST_WEEKS and max(self.now, *self.before) >= SMALLEST


@dataclass(frozen=True, slots=True)
class WeekChange:
    """A count with its band; `notable` where it is outside, and no part of it says the same more exactly."""

    series: WeekSeries
    band: Band
    notable: bool = False


def changes(series: Sequence[WeekSeries], outside: float = OUTSIDE) -> list[WeekChange]:
    """Every count that is looked at, the farthest from its middle first.

    The bands are simultaneous: where nothing changed, all of them hold in nine weeks of ten. A total is not said where
    a part of it went the same way out of its band.

    >>> [each.notable for each in changes([WeekSeries("alerts", "", (40, 44, 38, 41, 39), 90)])]
    [True]
    """
    found = [each for each in series if each.looked_at]
    made = []
    for each in found:
        its = band(each.before, each.now, outside=outside / len(found))
        assert its is not None
        made.append(WeekChange(each, its))
    out = {(each.series.name, each.series.key): each.band.away > 0 for each in made if _outside(each)}
    judged = [
        WeekChange(each.series, each.band, _outside(each) and not _said_by_a_part(each, out))
        for each in sorted(made, key=lambda each: (-abs(each.band.away), each.series.name, each.series.key))
    ]
    return sorted(judged, key=lambda each: not each.notable)


def _outside(change: WeekChange) -> bool:
    return not change.band.low <= change.series.now <= change.band.high


def _said_by_a_part(change: WeekChange, out: dict[tuple[str, str], bool]) -> bool:
    return not change.series.key and any(
        name == change.series.name and key and up == (change.band.away > 0) for (name, key), up in out.items()
    )
