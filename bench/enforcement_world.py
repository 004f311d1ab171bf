"""A simulated fortnight of enforcement counts whose truth is known: what `bench.enforcement` measures on.

Twenty markets of a hundred policies each, one series a pair, 14 days of one-minute buckets. The count of a minute is
negative binomial around a rate, the product of
- a mean of .01 to 50 a minute (log-uniform);
- the shape of the day (two harmonics in the log) and of the week (the weekend): the market's, with the deviation of the
  series on top; `shapes="own"` draws every series a shape of its own, unrelated to its market's, as the hard case for
  whoever borrows;
- slow drifts: an Ornstein–Uhlenbeck process in the log, part the market's, part the series' own, reverting within days;
- for one series in ten a ramp up or down by ×2 to ×4 over two to eight days, and no spike: it must stay silent;
- for the others, from day 4 on, one spike a stretch of three days: ×2 to ×20 (uniform) for 5 to 120 minutes (short ones
  oftener).

All free choices were made once, on seed 1, so that the earlier detector and the oracle score what they scored on the
simulation that the targets were written for; see docs/benchmarks/enforcement.md. A simulation: it shows what counts
would be found if they behaved so.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livewarden.times import MINUTE_MS

Shapes = Literal["market", "own"]
START_MS = 1_772_409_600_000
"""Monday, 2026-03-02T00:00:00Z."""
MARKETS = 20
DAY = 1440
FIRST_SPIKE_DAY = 4
STRETCH_DAYS = 3
DISPERSION = (0.05, 1.0)
"""1/r of the negative binomial of a minute, log-uniform."""
AMPLITUDES = (0.35, 0.8)
"""First harmonic of the day, in the log: ×2 to ×5 between the quietest and the busiest hour."""
DEVIATION = 0.12
"""Standard deviation of a series' own harmonics and weekend, in the log."""
MARKET_DRIFT, OWN_DRIFT = 0.08, 0.10
"""Standard deviation of the two drifts, in the log."""
REVERTING_DAYS = 3.0
DRIFTING = 0.1
"""Share of the series that get a ramp instead of spikes."""


class Spike(NamedTuple):
    """One injected spike: minutes from `start` up to and without `end`, and the rate's factor."""

    series: int
    start: int
    end: int
    factor: float


class World(NamedTuple):
    """Counts and truth; minutes are rows, series are columns, so that a minute is one piece of memory."""

    counts: NDArray[np.uint16]
    rates: NDArray[np.float32]
    """The true mean of every bucket, without the spikes."""
    dispersion: NDArray[np.float64]
    market: NDArray[np.intp]
    spikes: list[Spike]
    drifting: NDArray[np.bool_]
    """Series with a ramp and no spike."""

    def excess(self, spike: Spike) -> float:
        """Events of the spike beyond the true mean."""
        span = slice(spike.start, spike.end)
        return float(self.counts[span, spike.series].sum() - self.rates[span, spike.series].sum())


def simulate(seed: int, series: int = 2000, days: int = 14, shapes: Shapes = "market") -> World:
    """One fortnight. Equal arguments, equal world.

    >>> world = simulate(seed=3, series=40, days=7)
    >>> world.counts.shape, int(world.market.max()), len(world.spikes) > 10
    ((10080, 40), 19, True)
    """
    minutes = days * DAY
    counts = np.empty((minutes, series), np.uint16)
    rates = np.empty((minutes, series), np.float32)
    dispersion = np.empty(series)
    market = np.arange(series) * MARKETS // series
    drifting = np.zeros(series, dtype=bool)
    spikes: list[Spike] = []
    for number in range(MARKETS):
        rng = np.random.default_rng([seed, number])
        members = np.flatnonzero(market == number)
        log_rate = _log_rate(rng, len(members), days, shapes)
        drifting[members] = rng.random(len(members)) < DRIFTING
        log_rate += drifting[members] * _ramps(rng, len(members), days)
        rate = np.exp(log_rate)
        dispersion[members] = np.exp(rng.uniform(*np.log(DISPERSION), len(members)))
        risen = rate.copy()
        for place, member in enumerate(members):
            for spike in _spikes(rng, int(member), days):
                if not drifting[member]:
                    risen[spike.start : spike.end, place] *= spike.factor
                    spikes.append(spike)
        noise = rng.standard_gamma(np.broadcast_to(1.0 / dispersion[members], risen.shape)) * dispersion[members]
        counts[:, members] = np.minimum(rng.poisson(risen * noise), 65_535)
        rates[:, members] = rate
    return World(counts, rates, dispersion, market, spikes, drifting)


def _log_rate(rng: np.random.Generator, members: int, days: int, shapes: Shapes) -> NDArray[np.float64]:
    """Mean, shape and slow drift of one market's series."""
    groups = 1 if shapes == "market" else members
    first = rng.uniform(*AMPLITUDES, groups) * np.exp(1j * rng.uniform(0, 2 * np.pi, groups))
    second = rng.uniform(0.0, 0.3, groups) * np.exp(1j * rng.uniform(0, 2 * np.pi, groups))
    weekend = rng.uniform(-0.5, 0.3, groups)

    def own() -> NDArray[np.complex128]:
        return DEVIATION * (rng.standard_normal(members) + 1j * rng.standard_normal(members)) / np.sqrt(2)

    first, second = first + own(), second + own()
    weekend = weekend + DEVIATION * rng.standard_normal(members)
    angle = 2 * np.pi * np.arange(DAY) / DAY
    shape = np.real(np.exp(1j * angle)[:, None] * first) + np.real(np.exp(2j * angle)[:, None] * second)
    shape -= np.log(np.exp(shape).mean(axis=0))
    log_rate = np.tile(shape, (days, 1)) + rng.uniform(np.log(0.01), np.log(50.0), members)
    is_weekend = np.repeat(np.arange(days) % 7 >= 5, DAY)
    log_rate[is_weekend] += weekend
    shared = MARKET_DRIFT * _reverting(rng, 1, days)
    return log_rate + shared + OWN_DRIFT * _reverting(rng, members, days)


def _reverting(rng: np.random.Generator, members: int, days: int) -> NDArray[np.float64]:
    """Ornstein–Uhlenbeck paths of variance 1: drawn every ten minutes, straight lines between."""
    steps = days * DAY // 10 + 1
    keep = np.exp(-10.0 / (REVERTING_DAYS * DAY))
    path = rng.standard_normal((steps, members))
    path[1:] *= np.sqrt(1.0 - keep * keep)
    for step in range(1, steps):
        path[step] += keep * path[step - 1]
    at = np.arange(days * DAY)
    before, share = at // 10, (at % 10)[:, None] / 10.0
    return path[before] * (1.0 - share) + path[before + 1] * share


def _ramps(rng: np.random.Generator, members: int, days: int) -> NDArray[np.float64]:
    """Straight lines in the log, from 0 to ±log 2…4, over two to eight days from day 4 on."""
    height = rng.uniform(np.log(2.0), np.log(4.0), members) * rng.choice([-1.0, 1.0], members)
    length = rng.uniform(2.0, 8.0, members) * DAY
    begin = FIRST_SPIKE_DAY * DAY + rng.random(members) * np.maximum(0.0, (days - FIRST_SPIKE_DAY) * DAY - length)
    return height * np.clip((np.arange(days * DAY)[:, None] - begin) / length, 0.0, 1.0)


def _spikes(rng: np.random.Generator, member: int, days: int) -> list[Spike]:
    """One spike in each full stretch of days, a day or more apart."""
    spikes = []
    for day in range(FIRST_SPIKE_DAY, days - STRETCH_DAYS + 1, STRETCH_DAYS):
        start = int((day + rng.uniform(0.0, STRETCH_DAYS - 1.0)) * DAY)
        end = start + int(5.0 + 116.0 * rng.random() ** 1.5)
        spikes.append(Spike(member, start, end, float(rng.uniform(2.0, 20.0))))
    return spikes


def start_of(minute: int) -> int:
    """When a minute of the world starts, in milliseconds since the epoch.

    >>> start_of(1) - start_of(0)
    60000
    """
    return START_MS + minute * MINUTE_MS
