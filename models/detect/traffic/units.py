"""What a distance to a running mean is measured in: what was extreme and usual for it, on its side, of late."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.detect.bank import Floats, Rows
from models.detect.traffic.state import MEANS, SIDES, Mask, State, TrafficSeries

EXTREME: Final = 0.94
"""The extreme of a distance is this quantile of it, on each side of the mean for itself."""
RISE, FALL = 1.0 + 0.03 * EXTREME, 1.0 - 0.03 * (1.0 - EXTREME)
"""How an extreme follows: a distance beyond it lifts it by 3 %, any other lowers it 16 times less."""
TYPICAL: Final = 4.0
"""How many mean distances count beside the extreme: keeps few, coarse or mostly idle values from looking anomalous."""
OWN_SIDE: Final = 0.7
"""How far each side is measured by its own distances: traffic leaps up more often than it falls."""
MEMORY: Final = 1_000
"""Changes of the value over which the mean distance is taken."""
RESTLESS: Final = np.array([0.03, 0.0005])
"""Weights of the newest distance in the noise of late, and in the noise of days."""
RESTFUL, WILD = 0.2**0.5, 8.0**0.5
"""Bounds of the root of their ratio, which says how restless a series is now."""
YOUNG: Final = 3.0
"""Own buckets that count as much as the parent's units."""
IS_RISE: Final = np.array([[False], [True]])
"""Of the two halves of what is kept for two sides: whether it is of rises."""


def units(series: TrafficSeries, rows: Rows, state: State, means: Floats, up: Mask) -> Floats:
    """Units as they count: wider after an announced change, and near those of the parent while a series is young."""
    unit = series.reach(rows, up)
    loose = state.loose
    if np.count_nonzero(loose):
        unit = unit * (1.0 + 5.0 * loose[:, None])
    young = state.moved < 4.0 * YOUNG
    if np.count_nonzero(young):
        young &= series.parent_knows(rows)
        parents = series.parents(rows)
        level = np.abs(series["means"][parents][:, :1])
        own = np.maximum(np.abs(means[:, :1]), 1e-12)
        thinner = np.clip(np.sqrt(np.sqrt(level / own)), 1.0, 4.0)
        lent = series.reach(parents, up) * (own / np.maximum(level, 1e-12) * thinner)
        moved = state.moved[:, None]
        weight = moved / (moved + YOUNG)
        unit = np.where(young[:, None], weight * unit + (1.0 - weight) * lent, unit)
    return unit


def learn_units(
    series: TrafficSeries, rows: Rows, state: State, mean: Floats, distance: Floats, up: Mask, moved: Mask
) -> None:
    """Learn extremes and mean distances, each on its side, relative to how restless the series is; then the units they
    make.
    """
    extremes = series["extremes"][rows].reshape(-1, SIDES, MEANS)
    usual = series["usual"][rows].reshape(-1, SIDES, MEANS)
    side = (up[:, None, :] == IS_RISE) & moved[:, None, None]
    far = (distance / state.calm)[:, None, :]
    if np.count_nonzero(extremes) < extremes.size:
        nothing = extremes == 0.0
        both = (nothing[:, :1] & nothing[:, 1:]) & moved[:, None, None]
        extremes = np.where(both | (nothing & side), far, extremes)
        usual = np.where(both, far, usual)
    extremes = extremes * (1.0 + side * (FALL - 1.0 + (RISE - FALL) * (far > extremes)))
    changes = np.maximum(state.moved, 1.0)
    usual = usual + side * (far - usual) / np.minimum(changes, MEMORY)[:, None, None]
    series["extremes"][rows] = extremes.reshape(-1, SIDES * MEANS)
    series["usual"][rows] = usual.reshape(-1, SIDES * MEANS)
    calm = _calm(state, distance[:, 1:2], np.maximum(RESTLESS, (1.0 / changes)[:, None]) * moved[:, None])
    sides = extremes + TYPICAL * usual
    sides = OWN_SIDE * sides + (0.5 * (1.0 - OWN_SIDE)) * (sides[:, :1] + sides[:, 1:])
    made = sides * calm[:, None, :]
    floor = 1e-3 * np.abs(mean) + 1e-12
    series["units"][rows] = made.reshape(-1, SIDES * MEANS) + floor[:, None]


def _calm(state: State, distance: Floats, pace: Floats) -> Floats:
    """Learn the noise of late and of days, and what their ratio says of the two slow means."""
    noise = state.noise
    noise += pace * (distance - noise)
    some = np.maximum(noise, 1e-300)
    root = np.sqrt(some[:, 0] / some[:, 1])
    calm = state.calm
    calm[:, 0] = calm[:, 1] = np.minimum(np.maximum(root, RESTFUL), WILD)
    return calm
