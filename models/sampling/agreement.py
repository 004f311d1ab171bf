"""How far reviewers agree: raw agreement, Krippendorff's alpha and Gwet's AC1, side by side.

Never one alone: where nearly everything is right, alpha may be near 0 though reviewers hardly ever differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `items` with two reviews or more. `raw` in [0, 1]; `kappa` (two reviewers only), `alpha` and `ac1` at most
    1, 0 is chance.

    NaN where it is not defined: kappa of other than two reviewers, alpha where everybody always says the same.
    """

    items: int
    raw: float
    kappa: float
    alpha: float
    ac1: float


def agreement(reviews: Mapping[str, Mapping[str, str]]) -> Agreement | None:
    """Agreement of verdicts by item and reviewer; items with one review tell nothing. None without any that has two.

    alpha: Krippendorff 2004, nominal, missing reviews allowed. AC1: Gwet 2008. kappa: Cohen 1960.

    >>> table = [("ok", "ok")] * 90 + [("ok", "bad")] * 5 + [("bad", "ok")] * 5
    >>> found = agreement({str(n): dict(zip("ab", pair)) for n, pair in enumerate(table)})
    >>> [round(each, 2) for each in (found.raw, found.kappa, found.alpha, found.ac1)]
    [0.9, -0.05, -0.05, 0.89]
    """
    items = [dict(each) for each in reviews.values() if len(each) >= 2]
    if not items:
        return None
    names = sorted({verdict for each in items for verdict in each.values()})
    counts = [Counter(each.values()) for each in items]
    raw = sum(_pairs(each) for each in counts) / len(items)
    return Agreement(len(items), raw, _kappa(items, names, raw), _alpha(counts, names), _ac1(counts, names, raw))


def _pairs(counts: Counter[str]) -> float:
    """Share of the pairs of reviews of one item that agree."""
    of = counts.total()
    return sum(count * (count - 1) for count in counts.values()) / (of * (of - 1))


def _kappa(items: list[dict[str, str]], names: list[str], raw: float) -> float:
    reviewers = sorted({name for each in items for name in each})
    if len(reviewers) != 2 or any(len(each) != 2 for each in items):
        return float("nan")
    shares = [Counter(each[reviewer] for each in items) for reviewer in reviewers]
    chance = sum(shares[0][name] * shares[1][name] for name in names) / len(items) ** 2
    return (raw - chance) / (1 - chance) if chance < 1 else float("nan")


def _alpha(counts: list[Counter[str]], names: list[str]) -> float:
    total = sum(each.total() for each in counts)
    values = {name: sum(each[name] for each in counts) for name in names}
    observed = sum(each.total() * (1 - _pairs(each)) for each in counts) / total
    expected = 1 - sum(count * (count - 1) for count in values.values()) / (total * (total - 1))
    return 1 - observed / expected if expected > 0 else float("nan")


def _ac1(counts: list[Counter[str]], names: list[str], raw: float) -> float:
    if len(names) < 2:
        return 1.0
    shares = [sum(each[name] / each.total() for each in counts) / len(counts) for name in names]
    chance = sum(share * (1 - share) for share in shares) / (len(names) - 1)
    return (raw - chance) / (1 - chance)
