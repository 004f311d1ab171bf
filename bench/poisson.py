"""A 95 % interval for the mean of a Poisson count (Wilson and Hilferty's approximation)."""

from __future__ import annotations

from math import sqrt


def low(count: int) -> float:
    """The lower end.

    >>> low(0), round(low(10), 1)
    (0.0, 4.8)
    """
    return count * (1 - 1 / (9 * count) - 1.96 / (3 * sqrt(count))) ** 3 if count else 0.0


def high(count: int) -> float:
    """The upper end.

    >>> round(high(0), 1), round(high(10), 1)
    (3.7, 18.4)
    """
    return (count + 1) * (1 - 1 / (9 * (count + 1)) + 1.96 / (3 * sqrt(count + 1))) ** 3
