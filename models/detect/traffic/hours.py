"""The shape of the day (of the week) as the traffic bank learns it, and how far it is believed."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from livewarden.times import HOUR_MS
from models.detect.bank import Floats, Rows
from models.detect.traffic.state import Mask, State, TrafficSeries

HABIT, HABIT_GAIN = 0.4, 0.2
"""An hour whose oddest bucket is usually below this has no such habit; and the weight of the newest day in it."""
HABIT_MOST: Final = 1.0
"""How anomalous the most anomalous bucket of an hour counts at most: a real incident must not excuse the next."""
SHAPE_HOURS: Final = 48
"""Hours after which the shape of the day is used."""
SHAPE_GAIN, LEVEL_HOURS = 0.2, 168
"""Weight of the newest day (or week) in the shape, and the hours over which its level is taken."""
TRUST_GAIN, TRUST_RIDGE = 0.0005, 0.05
"""How fast it is learned whether the shape predicts the values, and how much a weak shape is shrunk."""


class DayShape(NamedTuple):
    """What the hour says of the value, up to a constant (NaN: not known), and how far it is believed, from 0 to 1."""

    value: Floats
    trust: Floats


def shape(
    series: TrafficSeries, rows: Rows, state: State, level: Floats, time_ms: int, bucket_ms: int
) -> DayShape | None:
    """The shape of each series at that time; None as long as it is known of no series."""
    source, size = rows, state.size
    young = state.hours < SHAPE_HOURS
    if np.count_nonzero(young):
        lender = series.parents(rows)
        borrows = young & (lender >= 0)
        if not np.count_nonzero(borrows) and np.count_nonzero(young) == len(rows):
            return None
        source = np.where(borrows, lender, rows)
        state = series.state(source)
        size = np.where(borrows, np.abs(level), size)
        size[state.hours < SHAPE_HOURS] = np.nan
    table = series["shape"]
    if bucket_ms >= HOUR_MS:
        value = table[source, time_ms // HOUR_MS % series.slots].astype(float)
    else:
        hour, rest = divmod(time_ms + bucket_ms // 2 - HOUR_MS // 2, HOUR_MS)
        value = table[source, hour % series.slots].astype(float)
        value += rest / HOUR_MS * (table[source, (hour + 1) % series.slots] - value)
    tied = state.tied
    ridge = tied[:, 1] + TRUST_RIDGE * tied[:, 2] + 1e-300
    return DayShape(size * value, np.minimum(np.maximum(tied[:, 0] / ridge, 0.0), 1.0))


def learn_trust(state: State, lag: Floats, trust: Floats, off: Floats) -> None:
    """Learn whether the shape predicts what the slow mean alone misses; nothing while it says nothing."""
    missed = off + trust * lag
    products = np.empty((len(lag), 3))
    products[:, 0], products[:, 1], products[:, 2] = missed * lag, lag * lag, missed * missed
    tied = state.tied
    tied += (TRUST_GAIN * (lag != 0.0))[:, None] * (products - tied)


def usually(series: TrafficSeries, rows: Rows, time_ms: int) -> Floats:
    """How much more than nothing the most anomalous bucket usually is, in this hour of the day and its neighbours."""
    hour, habit = time_ms // HOUR_MS % 24, series["habit"]
    usual = np.maximum(np.maximum(habit[rows, hour - 1], habit[rows, hour]), habit[rows, (hour + 1) % 24])
    more: Floats = np.maximum(usual.astype(float) - HABIT, 0.0)
    return more


def learn_oddness(series: TrafficSeries, rows: Rows, state: State, oddness: Floats, warm: Mask, time_ms: int) -> None:
    """Learn the oddest bucket of an hour, and the hour's mean, when the next one begins. `warm`: who has seen enough to
    be called anomalous.
    """
    slot = time_ms // HOUR_MS % series.slots
    over = state.slot != slot
    if np.count_nonzero(over):
        done = over & (state.slot >= 0.0)
        ended = state.of(done)
        _end_hour(series, rows[done], ended, warm[done])
        state.block[done] = ended.block
        state.slot[over] = slot
        state.peak[over] = state.hour_sum[over] = state.hour_count[over] = 0.0
    state.peak = np.maximum(state.peak, np.minimum(oddness, HABIT_MOST) * warm)


def _end_hour(series: TrafficSeries, rows: Rows, ended: State, warm: Mask) -> None:
    habit, shapes = series["habit"], series["shape"]
    slot = ended.slot.astype(np.intp)
    known = habit[rows, slot % 24].astype(float)
    grown = known + HABIT_GAIN * (ended.peak - known)
    habit[rows, slot % 24] = np.where(warm, grown, known)
    mean = ended.hour_sum / np.maximum(ended.hour_count, 1.0)
    gain = np.maximum(1.0 / LEVEL_HOURS, 1.0 / (ended.hours + 1.0))
    ended.level += gain * (mean - ended.level)
    ended.size += gain * (np.abs(mean) - ended.size)
    relative = np.clip((mean - ended.level) / (ended.size + 1e-300), -1e4, 1e4)
    was = shapes[rows, slot].astype(float)
    shapes[rows, slot] = np.where(np.isnan(was), relative, was + SHAPE_GAIN * (relative - was))
    ended.hours += 1.0
    own = rows[ended.hours == SHAPE_HOURS]
    if len(own):
        series["lags"][own] = np.nan
