"""The finest grain of a table: one leaf for each combination of dimension values."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.aggregate.leaf import REST

Numbers = NDArray[np.float64]
Direction = Literal["UP", "DOWN"]

HEAVY: Final = 100
"""Values of one dimension that are looked at: those with the largest change of their own. The rest only counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one combination of dimension values did at one moment.

    `value` is a part of `count` or an amount for it (stalled of watching, actions of live-hours); neither is negative.
    """

    moment: Hashable
    values: tuple[str, ...]
    value: float
    count: float


@dataclass(frozen=True)
class Leaves:
    """Sums per leaf, before (0) and now (1), and what the calm moments before say about noise.

    `codes[i, d]` numbers the value of dimension d in leaf i, from 1; 0 is a value that is not looked at. `noise` is how
    the whole swings from moment to moment, as variance in units of a Poisson count's; at least 1.
    """

    names: list[tuple[str, ...]]
    codes: NDArray[np.int64]
    v0: Numbers
    c0: Numbers
    v1: Numbers
    c1: Numbers
    moments: int
    noise: float


def collect(before: Iterable[Row], now: Iterable[Row], direction: Direction | None = None) -> Leaves:
    """Sum both periods per leaf. Moments that already looked like now are not taken as usual (see `normal_spans`).

    `before` is read twice. Nothing before or now, or counts of zero, is a ValueError.
    """
    if iter(before) is before:
        before = list(before)
    totals: dict[Hashable, list[float]] = {}
    for row in before:
        total = totals.setdefault(row.moment, [0.0, 0.0])
        total[0] += row.value
        total[1] += row.count
    sums: dict[tuple[str, ...], list[float]] = {}
    value = count = 0.0
    for row in now:
        leaf = sums.setdefault(row.values, [0.0, 0.0, 0.0, 0.0])
        leaf[2] += row.value
        leaf[3] += row.count
        value += row.value
        count += row.count
    totals = {moment: total for moment, total in totals.items() if total[1] > 0}
    if not totals:
        raise ValueError("nothing is counted before")
    if count <= 0:
        raise ValueError("nothing is counted now")
    usual = normal_spans(totals, value / count, direction)
    for row in before:
        if row.moment in usual:
            leaf = sums.setdefault(row.values, [0.0, 0.0, 0.0, 0.0])
            leaf[0] += row.value
            leaf[1] += row.count
    names = sorted(sums)
    v0s, c0s, v1s, c1s = np.array([sums[name] for name in names]).T
    change = (v1s - c1s * v0s.sum() / c0s.sum()).sum()
    columns = (v0s, c0s, v1s, c1s)
    numbers = [_codes([name[d] for name in names], *columns, falls=change < 0) for d in range(len(names[0]))]
    grid = np.array(numbers, dtype=np.int64).reshape(len(numbers), len(names)).T
    # leaves that differ only in values that are not looked at become one
    codes, first, fold = np.unique(grid, axis=0, return_index=True, return_inverse=True)
    v0, c0, v1, c1 = (np.bincount(fold.ravel(), column).astype(np.float64) for column in columns)
    return Leaves([names[i] for i in first], codes, v0, c0, v1, c1, len(usual), _noise(usual))


def normal_spans(
    totals: Mapping[Hashable, list[float]], rate: float, direction: Direction | None = None
) -> dict[Hashable, list[float]]:
    """The moments (value, count) whose rate lies nearer to the usual one, the lower median, than to `rate`.

    An incident seldom starts at the moment that is asked about; its first minutes are no baseline for its peak.
    With a direction, moments from which `rate` is a move the other way count only where there is no other moment.

    >>> sorted(normal_spans({1: [2, 100], 2: [2, 100], 3: [2, 100], 4: [19, 100]}, rate=0.2))
    [1, 2, 3]
    """
    rates = {moment: value / count for moment, (value, count) in totals.items()}
    if direction is not None:
        below = {m: r for m, r in rates.items() if (r < rate if direction == "UP" else r > rate)}
        rates = below or rates
    usual = median_low(rates.values())
    return {m: totals[m] for m, r in rates.items() if r == usual or abs(r - usual) < abs(r - rate)}


def _codes(
    column: Sequence[str],
    v0: Numbers,
    c0: Numbers,
    v1: Numbers,
    c1: Numbers,
    falls: bool,
) -> NDArray[np.int64]:
    """Numbers for the values of a dimension: the heavy hitters from 1, all others 0."""
    values = sorted(set(column))
    number = {value: i for i, value in enumerate(values)}
    codes = np.array([number[value] for value in column], dtype=np.int64)
    rate = v0.sum() / c0.sum()
    s0, n0, s1, n1 = (np.bincount(codes, x) for x in (v0, c0, v1, c1))
    own = s1 - n1 * (s0 + 20 * rate) / (n0 + 20)
    order = (
        np.argsort(np.round(own if falls else -own, 9), kind="stable")
        if len(values) > HEAVY
        else np.arange(len(values))
    )
    chosen = [value for value in order if values[value] != REST][:HEAVY]
    renumber = np.zeros(len(values), dtype=np.int64)
    renumber[chosen] = np.arange(1, len(chosen) + 1)
    return renumber[codes]


def _noise(usual: Mapping[Hashable, list[float]]) -> float:
    rate = max(sum(value for value, _ in usual.values()), 0.5) / sum(count for _, count in usual.values())
    return max(1.0, fmean((value - rate * count) ** 2 / (rate * count) for value, count in usual.values()))
