"""Does a budget cost what it says? `python -m bench.calibration [--seeds 1,2] [--json]`.

Six worlds in which nothing happens, none of them the project's simulator: 200 series in ten families, a fortnight from
a Monday on, buckets of five minutes. Counts: Poisson and negative binomial with shapes of the day and of the week, a
level that wanders (a random walk in the log, 10 % a day), and thin ones (.01 to .3 a bucket). Values of traffic: a
Gaussian autoregression, and noise with heavy tails (Student's t, 3 degrees of freedom). Every alert from the third day
on is false; the threshold is the monitors' formula at a budget of 2 a day, with an episode's end and cooldown as
monitors have them, without floors. `calibration.WORLD` is what it cost over the budget: 1 is calibrated, the goal .5
to 2. Seed 1 was looked at; 11 and 12 were not. The intervals are of a Poisson count.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.command import parser_of, show
from bench.enforcement_world import START_MS
from bench.poisson import high, low
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.detect.bank import Bank
from models.detect.enforcement import EnforcementBank
from models.detect.traffic.bank import TrafficBank

Floats = NDArray[np.float64]
SERIES, FAMILIES, DAYS = 200, 10, 14
BUCKET_MS: Final = 5 * MINUTE_MS
A_DAY: Final = DAY_MS // BUCKET_MS
FIRST_DAY = 2
BUDGET = 2.0
THRESHOLD: Final = math.log10(SERIES * A_DAY / BUDGET)
CALM = 15
SEEDS = (11, 12)
WEEKEND = 0.6
"""What a Saturday or Sunday holds of a working day."""


def _shape(rng: np.random.Generator) -> Floats:
    """The shape of the day, one a family with something of its own, and of the week: a row a bucket."""
    at = np.arange(DAYS * A_DAY)
    phase = np.repeat(rng.uniform(0, 2 * np.pi, FAMILIES), SERIES // FAMILIES) + rng.normal(0.0, 0.1, SERIES)
    day = np.exp(0.8 * np.sin(2 * np.pi * at[:, None] / A_DAY + phase))
    found: Floats = day * np.where(at // A_DAY % 7 >= 5, WEEKEND, 1.0)[:, None]
    return found


def _rates(rng: np.random.Generator, least: float = 0.3, most: float = 300.0) -> Floats:
    return _shape(rng) * np.exp(rng.uniform(math.log(least), math.log(most), SERIES))


def poisson(rng: np.random.Generator) -> Floats:
    """Counts by chance alone."""
    return rng.poisson(_rates(rng)).astype(float)


def negative_binomial(rng: np.random.Generator) -> Floats:
    """Counts with a dispersion of .02 to .5, each series its own."""
    spread = np.exp(rng.uniform(math.log(0.02), math.log(0.5), SERIES))
    rates = _rates(rng)
    return rng.poisson(rates * rng.gamma(1 / spread, spread, rates.shape)).astype(float)


def drifting(rng: np.random.Generator) -> Floats:
    """Counts whose level wanders by 10 % a day."""
    rates = _rates(rng)
    walk = np.cumsum(rng.normal(0.0, 0.1 / math.sqrt(A_DAY), rates.shape), axis=0)
    return rng.poisson(rates * np.exp(walk)).astype(float)


def thin(rng: np.random.Generator) -> Floats:
    """One event in a few buckets, or in a hundred."""
    return rng.poisson(_rates(rng, 0.01, 0.3)).astype(float)


def autoregressive(rng: np.random.Generator) -> Floats:
    """Values that remember the last one by .8."""
    return 100.0 + 5.0 * _remembering(rng.normal(0.0, 1.0, (DAYS * A_DAY, SERIES)))


def heavy_tailed(rng: np.random.Generator) -> Floats:
    """Values with noise of three degrees of freedom."""
    return 100.0 + 5.0 * rng.standard_t(3, (DAYS * A_DAY, SERIES))


def _remembering(shocks: Floats, keep: float = 0.8) -> Floats:
    found = shocks.copy()
    for row in range(1, len(found)):
        found[row] = keep * found[row - 1] + math.sqrt(1 - keep * keep) * shocks[row]
    return found


WORLDS: Final[dict[str, Callable[[np.random.Generator], Floats]]] = {
    "poisson": poisson,
    "negative_binomial": negative_binomial,
    "drifting": drifting,
    "thin": thin,
    "autoregressive": autoregressive,
    "heavy_tailed": heavy_tailed,
}
VALUES: Final = ("autoregressive", "heavy_tailed")
"""Worlds that are judged as traffic."""


def scores(name: str, seed: int) -> Floats:
    """The scores of a world's rises and falls: a row a bucket."""
    values = WORLDS[name](np.random.default_rng([seed, sorted(WORLDS).index(name)]))
    bank: Bank = TrafficBank("none", BUCKET_MS) if name in VALUES else EnforcementBank(BUCKET_MS)
    family = np.repeat(np.arange(FAMILIES), SERIES // FAMILIES)
    parents = bank.add(np.full(FAMILIES, -1, dtype=np.intp))
    rows = bank.add(parents[family])
    found = np.zeros(values.shape)
    for row, value in enumerate(values):
        at = START_MS + row * BUCKET_MS
        judged = bank.judge(rows, value, at)
        found[row] = np.where(judged.ready, judged.score, 0.0)
        bank.learn(rows, value, at)
        bank.learn(parents, np.bincount(family, weights=value), at)
    return found


def alerts(column: Floats, threshold: float, silent: int) -> int:
    """How many episodes of one series somebody would be notified of, from the third day on.

    >>> quiet = np.zeros(1000)
    >>> quiet[[600, 610, 700, 900]] = 9.0
    >>> alerts(quiet, 7.0, 144), alerts(quiet, 7.0, 12)
    (2, 3)
    """
    notified, free = 0, FIRST_DAY * A_DAY
    for row in np.flatnonzero(column >= threshold).tolist():
        if row < free:
            continue
        notified += 1
        hot = np.flatnonzero(column[row:] >= threshold / 2)
        end = row + int(hot[np.flatnonzero(np.diff(np.append(hot, len(column) + CALM)) > CALM)[0]])
        free = end + CALM + silent
    return notified


def run(seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """`calibration.WORLD`: false alerts over the budget, and its interval."""
    figures: dict[str, Any] = {}
    budget = BUDGET * (DAYS - FIRST_DAY) * len(seeds)
    for name in WORLDS:
        silent = (HOUR_MS if name in VALUES else 12 * HOUR_MS) // BUCKET_MS
        notified = sum(alerts(column, THRESHOLD, silent) for seed in seeds for column in scores(name, seed).T)
        figures[f"calibration.{name}"] = notified / budget
        figures[f"calibration.{name}_95"] = [low(notified) / budget, high(notified) / budget]
    return figures


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = ["false alerts over the budget (goal: .5 to 2)"]
    for name in WORLDS:
        least, most = figures[f"calibration.{name}_95"]
        lines.append(f"  {name:20}{figures[f'calibration.{name}']:6.2f} ({least:.2f}–{most:.2f})")
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    options = parser_of("calibration", "What a budget costs.", SEEDS, "which worlds").parse_args(args)
    return show(run(options.seeds), table, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
