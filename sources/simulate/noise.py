"""Random processes. Every stream of numbers has its own generator, named, so that one part never disturbs another."""

from __future__ import annotations

import hashlib
from itertools import accumulate

import numpy as np

from sources.simulate.market import Floats


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator for `names` under `seed`; equal arguments, equal numbers, whatever else was drawn.

    >>> bool(generator(1, "a").random() == generator(1, "a").random())
    True
    """
    digest = hashlib.sha256("\x00".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def log_drift(rng: np.random.Generator, steps: int, tau: float, sd: float) -> Floats:
    """Factors around 1 that wander: the exponential of a first-order autoregression.

    `tau` is its memory in steps (larger wanders slower), `sd` its stationary spread on the log scale. The mean is 1.
    """
    keep = float(np.exp(-1.0 / tau))
    shocks = rng.normal(0.0, sd * (1 - keep * keep) ** 0.5, steps)
    shocks[:1] = rng.normal(0.0, sd)
    walk = np.fromiter(accumulate(shocks.tolist(), lambda level, shock: keep * level + shock), float, steps)
    return np.exp(walk - sd * sd / 2)


def frailty(rng: np.random.Generator, steps: int, size: float, length: float) -> Floats:
    """Gamma factors of mean 1 and variance 1/`size`, constant over runs of about `length` steps.

    Multiplying a Poisson rate by them gives negative-binomial counts whose excess comes in bursts, as real decisions
    do.
    """
    edges = rng.random(steps) < 1.0 / length
    draws = rng.gamma(size, 1.0 / size, int(edges.sum()) + 1)
    return np.asarray(draws[np.cumsum(edges)], dtype=float)


def zipf_ranks(rng: np.random.Generator, count: int, items: int, exponent: float = 1.05) -> list[int]:
    """`count` ranks in [1, items], low ones far more often: repeat offenders.

    Flattened at the top (Zipf–Mandelbrot).
    """
    mass = np.cumsum(np.arange(11, items + 11, dtype=float) ** -exponent)
    return [int(rank) + 1 for rank in np.searchsorted(mass, rng.random(count) * mass[-1])]
