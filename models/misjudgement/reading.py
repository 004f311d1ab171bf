"""What the radar says of one cell: how mature, how wrong, how sure, whether delays moved, whether the rate jumped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.misjudgement.delay import Delay, adjusted, delay_of
from models.misjudgement.delay_shift import DelayShift, find_shift, timing_dispersion
from models.misjudgement.jump import WINDOWS, Jump, dispersion_of, judge_jump, share_by_age
from models.misjudgement.nowcast import Nowcast, mature_rate, nowcast, scale_by_age
from models.misjudgement.triangle import Counts, Floats, Triangle

ENOUGH = 30
"""Expected reversals of all cohorts below which a cell says nothing of its own."""
LEAST_HISTORY = 60
"""Days of cohorts below which the delay of a cell is not known."""
PACE_WEIGHT = 100.0
"""How many reversals the pace of a shift counts for beside what its cohorts show at an age."""


@dataclass(frozen=True)
class Appeals:
    """The decided appeals of a cell: `granted` and `decided` (granted and upheld) by the age of the decision."""

    granted: Triangle
    decided: Triangle


@dataclass(frozen=True)
class Reading:
    """One cell at the end of a day: measures and nowcast of each cohort, the usual rate, a shift of the delay, the
    jumps judged."""

    measures: Counts
    nowcast: Nowcast
    usual: float
    shift: DelayShift | None
    jumps: tuple[Jump, ...]

    @property
    def jump(self) -> Jump | None:
        """The jump that is surest; None where there is none."""
        found = [each for each in self.jumps if each.is_one]
        return max(found, key=lambda each: each.low) if found else None


def read_cell(triangle: Triangle, appeals: Appeals | None = None, since_change: Sequence[int] = ()) -> Reading | None:
    """Read one cell. `since_change`: for each platform change that names the cell, how many of its cohorts came after
    it.

    None where the cell is too small or too young to be read by itself: see its parent. Where a change names the cell,
    its own days are judged; where none does, the last 4, 7, 14 and 28 are. Where the delay moved, or
    may have, a jump is judged by the pace that speaks least for one.
    """
    delay = delay_of(triangle) if len(triangle.measures) >= LEAST_HISTORY else None
    if delay is None or float(triangle.seen.sum()) < ENOUGH:
        return None
    suspected = _shift(triangle, delay, appeals)
    shift = suspected if suspected is not None and suspected.is_one else None
    maturity = _maturity(triangle, delay, shift)
    usual = mature_rate(triangle, delay)
    if not usual > 0:
        return None
    scales = scale_by_age(triangle, delay, usual)
    scale = scales[np.minimum(triangle.ages, len(scales) - 1)]
    found = nowcast(triangle, maturity, usual, scale)
    if shift is not None:
        found = _widened(triangle, found, usual, scale, shift)
    sooner = maturity
    if suspected is not None:
        sooner = np.maximum(delay.share(triangle.ages), _maturity(triangle, delay, suspected, suspected.fast))
    jumps = [
        jump
        for cohorts in since_change or WINDOWS
        if 0 < cohorts < len(triangle.measures) - LEAST_HISTORY // 2
        for jump in _jumps(triangle, delay, sooner, appeals, cohorts)
    ]
    return Reading(triangle.measures, found, usual, shift, tuple(jumps))


def _shift(triangle: Triangle, delay: Delay, appeals: Appeals | None) -> DelayShift | None:
    """Where all decided appeals are known, they show a shift sooner than the granted ones among them do."""
    if appeals is not None and (decided := delay_of(appeals.decided)) is not None:
        found = find_shift(appeals.decided, timing_dispersion(appeals.decided, decided))
        if found is not None and (before := delay_of(triangle, skip=found.cohorts)) is not None:
            return replace(found, before=before)
    return find_shift(triangle, timing_dispersion(triangle, delay))


def _maturity(triangle: Triangle, delay: Delay, shift: DelayShift | None, pace: float | None = None) -> Floats:
    ages = triangle.ages
    if shift is None:
        return delay.share(ages)
    maturity = shift.before.share(ages)
    recent = ages < shift.cohorts
    moved = adjusted(shift.before, triangle, shift.cohorts, pace or shift.pace, PACE_WEIGHT)
    maturity[recent] = moved.share(ages[recent])
    return maturity


def _widened(triangle: Triangle, middle: Nowcast, usual: float, scale: Floats, shift: DelayShift) -> Nowcast:
    """The same nowcast with an interval that holds for the slowest and the fastest pace that the data allow."""
    ends = [
        nowcast(triangle, _maturity(triangle, shift.before, shift, pace), usual, scale)
        for pace in (shift.slow, shift.fast)
    ]
    low = np.minimum.reduce([middle.low, *(each.low for each in ends)])
    high = np.maximum.reduce([middle.high, *(each.high for each in ends)])
    return Nowcast(middle.estimate, low, high, middle.maturity)


def _jumps(triangle: Triangle, delay: Delay, maturity: Floats, appeals: Appeals | None, cohorts: int) -> Iterator[Jump]:
    """The last cohorts judged per measure and per decided appeal, each against the cohorts before."""
    youngest = max(14, cohorts)
    usual = mature_rate(triangle, delay, youngest, youngest + 90)
    older = (triangle.ages > youngest) & (triangle.ages <= youngest + 90)
    if usual > 0:
        seen, expected = triangle.seen, maturity * triangle.measures * usual
        dispersion = max(1.0, dispersion_of(seen[older], expected[older]))
        yield judge_jump("measure", cohorts, seen[-cohorts:].sum(), expected[-cohorts:].sum(), dispersion)
    if appeals is not None:
        shares = share_by_age(appeals.granted, appeals.decided, youngest, youngest + 90)
        granted = appeals.granted.seen
        expected = appeals.decided.seen * shares[np.minimum(triangle.ages, len(shares) - 1)]
        dispersion = dispersion_of(granted[older], expected[older])
        if expected[-cohorts:].sum() > 0:
            yield judge_jump("decided appeal", cohorts, granted[-cohorts:].sum(), expected[-cohorts:].sum(), dispersion)
