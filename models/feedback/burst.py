"""Bursts: a theme that far more shops write about than usual, for how much is enforced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Final

from livewarden.times import DAY_MS, HOUR_MS

WINDOW_MS: Final = 6 * HOUR_MS
BEFORE_MS: Final = 28 * DAY_MS
"""What is usual comes from so long before, the last day left out."""
FEWEST_SHOPS: Final = 6
RAREST: Final = 1e-6
"""Chance of as many shops in a window with nothing new."""


@dataclass(frozen=True, slots=True)
class Voice:
    """That a shop wrote about a theme."""

    at_ms: int
    shop: str
    theme: str
    market: str


@dataclass(frozen=True, slots=True)
class Burst:
    """Shops that wrote about a theme in six hours up to `at_ms`, where `expected` are usual; market empty: in all."""

    theme: str
    market: str
    at_ms: int
    shops: int
    expected: float
    chance: float


def bursts(voices: Iterable[Voice], at_ms: int, measures: Mapping[tuple[str, int], int] | None = None) -> list[Burst]:
    """What bursts at an instant, the rarest first.

    A shop counts once in a window, however often it writes. `measures`: how many were taken, by market and window of
    six hours (from the epoch); tickets follow enforcement, so what is expected grows with them. Shops per window are
    negative binomial, as wide as the weeks before were. It does badly in the first week, when nothing is usual yet: it
    then expects half a shop a window.

    >>> new = [Voice(n, f"s{n}", "live-cut", "DE") for n in range(9)]
    >>> [(each.market, each.shops) for each in bursts(new, HOUR_MS)]
    [('', 9), ('DE', 9)]
    """
    shops: dict[tuple[str, str], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    first_ms = at_ms
    for each in voices:
        if not at_ms - BEFORE_MS - DAY_MS < each.at_ms <= at_ms:
            continue
        first_ms = min(first_ms, each.at_ms)
        for market in {each.market, ""}:
            shops[each.theme, market][(at_ms - each.at_ms) // WINDOW_MS].add(each.shop)
    skipped = DAY_MS // WINDOW_MS
    windows = max(0, (at_ms - first_ms) // WINDOW_MS + 1 - skipped)
    found = []
    for (theme, market), by_window in shops.items():
        now = len(by_window.get(0, ()))
        if now < FEWEST_SHOPS:
            continue
        counts = [len(by_window.get(skipped + n, ())) for n in range(windows)]
        expected = (sum(counts) + 0.5) / (len(counts) + 1) * _more(measures, market, at_ms, windows, skipped)
        chance = _at_least(now, expected, _spread(counts))
        if chance < RAREST:
            found.append(Burst(theme, market, at_ms, now, expected, chance))
    return sorted(found, key=lambda each: (each.chance, each.theme, each.market))


def _more(measures: Mapping[tuple[str, int], int] | None, market: str, at_ms: int, windows: int, skipped: int) -> float:
    """How many times as much was enforced in this window as in one before; 1 where that is not known or is less."""
    if not measures or not windows:
        return 1.0
    by_window = defaultdict[int, int](int)
    for (name, start_ms), count in measures.items():
        if market in ("", name) and start_ms <= at_ms:
            by_window[(at_ms - start_ms) // WINDOW_MS] += count
    before = sum(by_window.get(skipped + n, 0) for n in range(windows)) / windows
    return max(1.0, max(by_window.get(0, 0), by_window.get(1, 0)) / before) if before else 1.0


def _spread(counts: list[int]) -> float:
    """Variance over mean, at least 1."""
    if len(counts) < 2 or not sum(counts):
        return 1.0
    mean = sum(counts) / len(counts)
    return max(1.0, sum((each - mean) ** 2 for each in counts) / (len(counts) - 1) / mean)


def _at_least(count: int, mean: float, spread: float) -> float:
    """Chance of so many or more: negative binomial, Poisson where nothing is wider."""
    from scipy import special

    if spread <= 1.001:
        return float(special.gammainc(count, mean))
    size = mean / (spread - 1)
    chance = float(special.betainc(count, size, 1 - 1 / spread))
    return 1.0 if isnan(chance) else chance
