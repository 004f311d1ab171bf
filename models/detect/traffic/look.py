"""A bucket of traffic, looked at: how far from its running means, and how anomalous that is on each side."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.detect.bank import Floats, Rows
from models.detect.traffic.hours import DayShape, shape
from models.detect.traffic.state import BUCKETS, Mask, Recent, State, TrafficSeries
from models.detect.traffic.units import units

WEIGHTS: Final = np.array([1.1, 1.0, 0.9])
"""How much a distance to each mean counts."""
ALONE, TOGETHER = 0.8, 1.5
"""Weight of one anomalous bucket, and of the mean of four."""
FULL, MOST, PART = 0.7, 1.5, 0.35
"""Up to here one of the four counts in full; from here to there by this part; what is beyond is not counted."""
AGAINST: Final = 0.25
"""What a bucket on the other side takes away from the mean of four, of its own."""
IN_SHIFT: Final = 0.45
"""From this oddness on a bucket counts as part of a shift."""
HUGE: Final = 1e150
"""Values beyond it, of which a square would be infinite, are no measurements."""


class Look(NamedTuple):
    """What judging and learning both need to know of a bucket. Columns of three: one a running mean."""

    value: Floats
    usable: Mask
    state: State
    means: Floats
    lags: Floats
    lag: Floats
    shape: DayShape | None
    expected: Floats
    away: Floats
    distance: Floats
    up: Mask
    unit: Floats
    balance_down: Floats
    balance_up: Floats
    recent: Recent
    oddness: Floats
    rises: Mask


def look_at(
    series: TrafficSeries, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None, bucket_ms: int
) -> Look:
    """Look at a bucket of some series; changes nothing."""
    value = values if exposure is None else _per(values, exposure)
    usable = np.abs(value) < HUGE
    state, means, lags = series.state(rows), series["means"][rows], series["lags"][rows]
    if np.count_nonzero(usable) < len(rows):
        value = np.where(usable, value, means[:, 0])
    seen = state.seen
    if np.count_nonzero(seen) < len(rows):
        means = np.where(seen[:, None] == 0.0, value[:, None], means)
    day = shape(series, rows, state, means[:, 0], time_ms, bucket_ms) if series.slots else None
    if day is None:
        lag, away, expected = lags, value[:, None] - means, means[:, 0].copy()
    else:
        lag = day.value[:, None] - lags
        lag[np.isnan(lag)] = 0.0
        ahead = means + lag * day.trust[:, None]
        away, expected = value[:, None] - ahead, ahead[:, 0]
    distance, up = np.abs(away), away > 0.0
    unit = units(series, rows, state, means, up)
    low, high = _sides(distance / unit * WEIGHTS, up)
    each_high = (1.0 - PART) * np.minimum(high, FULL) + PART * np.minimum(high, MOST)
    each_low = (1.0 - PART) * np.minimum(low, FULL) + PART * np.minimum(low, MOST)
    balance_down, balance_up = each_low - AGAINST * each_high, each_high - AGAINST * each_low
    recent = Recent(series["recent"][rows])
    balances = recent.balances
    before = balances[:, 0] + balances[:, 1] + balances[:, 2]
    low = np.maximum(ALONE * low, TOGETHER / BUCKETS * (before[:, 0] + balance_down))
    high = np.maximum(ALONE * high, TOGETHER / BUCKETS * (before[:, 1] + balance_up))
    return Look(
        *(value, usable, state, means, lags, lag, day, expected, away, distance, up, unit),
        *(balance_down, balance_up, recent, np.maximum(high, low), high >= low),
    )


def shift(look: Look) -> tuple[NDArray[np.int64], Floats, Floats]:
    """How many of the last four buckets were anomalous on the side of this one, it included; what they held, and were
    expected to.
    """
    anomalous = look.recent.balances > IN_SHIFT
    buckets = np.ones(len(anomalous), dtype=np.int64)
    if not np.count_nonzero(anomalous):
        return buckets, look.value, look.expected
    anomalous = np.where(look.rises[:, None], anomalous[:, :, 1], anomalous[:, :, 0])
    observed, expected = look.recent.value * anomalous, look.recent.expected * anomalous
    observed = look.value + (observed[:, 0] + observed[:, 1] + observed[:, 2])
    expected = look.expected + (expected[:, 0] + expected[:, 1] + expected[:, 2])
    return buckets + anomalous[:, 0] + anomalous[:, 1] + anomalous[:, 2], observed, expected


def _sides(anomalous: Floats, up: Mask) -> tuple[Floats, Floats]:
    """The largest of three distances among falls, and among rises."""
    rising = anomalous * up
    falling = anomalous - rising
    high = np.maximum(np.maximum(rising[:, 0], rising[:, 1]), rising[:, 2])
    low = np.maximum(np.maximum(falling[:, 0], falling[:, 1]), falling[:, 2])
    return low, high


def _per(values: Floats, exposure: Floats) -> Floats:
    """Infinite or no number, which is not judged, where there was no exposure."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return values / exposure
