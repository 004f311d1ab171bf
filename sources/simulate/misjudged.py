"""A declared simulation of months of measures in one cell, their appeals and reversals: counts, not events.

For measuring the misjudgement radar and for showing it. Rates are those that platforms filed for H1 2026: 5 % of
measures are complained about, and about half of the complaints are granted. Nothing here knows how the radar works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sources.simulate.noise import generator, log_drift

Ints = NDArray[np.int64]
_SHOPS = 5_000
_WEEK = np.array([0.95, 1.0, 1.05, 1.05, 1.1, 1.0, 0.85])
_P90_OVER_MEDIAN_Z = np.log(10.0) / 1.2815515655


@dataclass(frozen=True, slots=True, kw_only=True)
class MisjudgedWorld:
    """What is simulated.

    `per_day` measures on average; `appealed`: share complained about; `granted`: share of complaints granted. From
    `release_day` on (a bad model release) `granted_after` of them are. From `button_day` on (a new appeal button)
    appeals come after `delay_after_d` days in the median instead of `delay_d` (its 90th percentile is ten times the
    median). `together`: how often a shop appeals against all its measures of a day in one sitting and is judged
    alike; campaigns raise the appeals of a few days by half. 0 and `clustered=False` make appeals independent.
    """

    seed: int
    days: int = 240
    per_day: float = 2_000.0
    appealed: float = 0.05
    granted: float = 0.48
    release_day: int | None = None
    granted_after: float = 0.60
    button_day: int | None = None
    delay_d: float = 2.0
    delay_after_d: float = 1.0
    together: float = 0.3
    clustered: bool = True


@dataclass(frozen=True, slots=True)
class MisjudgedDays:
    """One array entry a measure, in order of its day: `day`, `shop`, and `appeal_d`, `decided_d`: days (with
    fractions) from the measure to its appeal and to the decision on it, infinite where there is none; `granted`."""

    day: Ints
    second: Ints
    shop: Ints
    appeal_d: NDArray[np.float64]
    decided_d: NDArray[np.float64]
    granted: NDArray[np.bool_]


def misjudged_days(world: MisjudgedWorld) -> MisjudgedDays:
    """Draw the world; the same world gives the same measures.

    >>> drawn = misjudged_days(MisjudgedWorld(seed=1, days=30, per_day=100))
    >>> bool(0.03 < np.isfinite(drawn.appeal_d).mean() < 0.12)
    True
    """
    rng = generator(world.seed, "misjudged", str(world.per_day))
    rate = world.per_day * _WEEK[np.arange(world.days) % 7] * log_drift(rng, world.days, 20, 0.1)
    day = np.repeat(np.arange(world.days), rng.poisson(rate))
    size = day.size
    mass = np.cumsum(np.arange(11, _SHOPS + 11, dtype=float) ** -1.05)
    shop = np.searchsorted(mass, rng.random(size) * mass[-1])
    second = rng.integers(0, 86_400, size)
    leaning = world.appealed * _campaigns(rng, world) * np.ones(world.days)
    chance = leaning[day] * (rng.gamma(4.0, 0.25, _SHOPS)[shop] if world.clustered else 1.0)
    luck, verdict = rng.random(size), rng.random(size)
    wait, review = rng.normal(size=size), rng.normal(size=size)
    if world.clustered:
        luck, verdict, wait, review = _together(rng, world, day, shop, luck, verdict, wait, review)
    granted = verdict < np.where(day >= _or_never(world.release_day), world.granted_after, world.granted)
    median = np.where(day >= _or_never(world.button_day), world.delay_after_d, world.delay_d)
    appeal = np.where(luck < chance, median * np.exp(_P90_OVER_MEDIAN_Z * wait), np.inf)
    appeal[appeal > 180] = np.inf
    decided = appeal + np.where(granted, 0.8, 0.1) * np.exp(0.8 * review)
    return MisjudgedDays(day, second, shop, appeal, decided, granted & np.isfinite(appeal))


def triangle_counts(
    drawn: MisjudgedDays, days: int, *, granted: bool = True, horizon_d: int = 180
) -> tuple[Ints, Ints]:
    """Measures by day, and granted (or upheld) appeals by day and age in whole calendar days, whenever they come."""
    measures = np.bincount(drawn.day, minlength=days)
    at = drawn.granted if granted else np.isfinite(drawn.appeal_d) & ~drawn.granted
    age = np.floor(drawn.second[at] / 86_400 + drawn.decided_d[at]).astype(np.int64)
    counts = np.zeros((days, horizon_d + 1), np.int64)
    inside = age <= horizon_d
    np.add.at(counts, (drawn.day[at][inside], age[inside]), 1)
    return measures, counts


def _or_never(day: int | None) -> float:
    return np.inf if day is None else day


def _campaigns(rng: np.random.Generator, world: MisjudgedWorld) -> NDArray[np.float64]:
    """Days of a campaign, about three in thirty, on which half as many again complain."""
    factor = np.ones(world.days)
    starts = np.flatnonzero(rng.random(world.days) < 1 / 30)
    for start in starts if world.clustered else ():
        factor[start : start + 3] = 1.5
    return factor


def _together(
    rng: np.random.Generator, world: MisjudgedWorld, day: Ints, shop: Ints, *draws: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """The draws, those of a shop's day made one where it acts in one sitting."""
    _, first, batch = np.unique(day * _SHOPS + shop, return_index=True, return_inverse=True)
    one = (rng.random(first.size) < world.together)[batch]
    return tuple(np.where(one, draw[first][batch], draw) for draw in draws)
