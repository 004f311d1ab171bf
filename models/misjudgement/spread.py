"""Quantiles of what is still to come: counts that vary more, or less, than a Poisson count of the same mean."""

from __future__ import annotations

import numpy as np
from scipy import special

from models.misjudgement.triangle import Floats


def count_quantile(mean: Floats, variance: Floats, level: float) -> Floats:
    """The smallest count whose mid-distribution value reaches `level`, for counts of these means and variances.

    Negative binomial, Poisson where the variance is no larger than the mean. The mid-distribution (half of the
    probability of the count itself) makes intervals of small counts hold what they say on average, where the plain
    one would hold more.

    >>> count_quantile(np.array([2.5, 100.0]), np.array([2.5, 100.0]), 0.95).tolist()
    [6.0, 117.0]
    """
    mean = np.maximum(np.asarray(mean, dtype=float), 0.0)
    variance = np.maximum(np.asarray(variance, dtype=float), mean * (1 + 1e-6) + 1e-12)
    size = np.maximum(mean * mean, 1e-18) / (variance - mean)
    low = np.full(mean.shape, -1.0)
    high = np.ceil(mean + 12 * np.sqrt(variance) + 12)
    for _ in range(64):
        middle = np.floor((low + high) / 2)
        reached = _mid(middle, size, mean) >= level
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle)
        if np.all(high - low <= 1):
            break
    return np.where(mean > 0, high, 0.0)


def _mid(count: Floats, size: Floats, mean: Floats) -> Floats:
    """P(fewer) + P(equal) / 2."""
    share = size / (size + mean)
    upto = special.betainc(size, np.maximum(count, 0) + 1, share) * (count >= 0)
    below = np.where(count >= 1, special.betainc(size, np.maximum(count, 1), share), 0.0)
    return np.asarray((upto + below) / 2, dtype=float)
