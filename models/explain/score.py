"""How well each slice explains a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.explain.slices import Slices

BASE: Final = 20.0
"""Imaginary counts at the overall rate in a slice's own baseline: larger trusts short histories less."""
RATE: Final = 5.0
"""Imaginary counts at the overall rate in the two rates of a risk ratio: larger mutes small slices."""
OUTSIDE: Final = 0.02
"""Part of all counts that is added to the outside at the rate of now: without it, whatever is nearly everything has a
tiny, clean outside and looks guilty."""
CONCISE: Final = 2.0
"""Power of the share: larger prefers wide slices that hold all of the change over sharp ones that hold a part."""
WEIGHTY: Final = 0.2
"""Power of how much likelier a slice makes what is seen: larger prefers what many counts speak for."""
SLACK: Final = 1.2
"""A single dimension's share above 1 is noise up to here. Beyond, other slices moved the other way and hide a part of
the change, and shares are scored as parts of what is hidden too."""
EFFECT: Final = 1.25
"""A cause's rate moved at least so much more than that of the others."""
CONCENTRATION: Final = 0.2
"""Part of the change that a cause has of its own, beyond what it would have if all slices had moved alike."""
CHANCE: Final = 3.0
"""How much likelier than "all alike" a cause makes what is seen (natural logarithm, beyond one try for each slice)."""
SWINGS: Final = 2.0
"""How much likelier than "as usual" (natural logarithm, per unit of noise): 2 is two standard deviations. The same is
asked of the whole; where that stayed within its usual swings, a slice must be beyond chance in units of them."""


@dataclass(frozen=True)
class Scores:
    """One number per slice (see `models.explain.Cause`); `stands`: whether it can be a cause at all.

    `plain` is share times log risk ratio and no more, a second opinion.
    """

    share: NDArray[np.float64]
    risk_ratio: NDArray[np.float64]
    score: NDArray[np.float64]
    without: NDArray[np.float64]
    stands: NDArray[np.bool_]
    plain: NDArray[np.float64]


def scores(
    slices: Slices,
    v0: NDArray[np.float64],
    c0: NDArray[np.float64],
    v1: NDArray[np.float64],
    c1: NDArray[np.float64],
    change: float,
    noise: float,
) -> Scores:
    """Judge every slice against the rest. Numbers are per leaf; `change` is what there is to explain in all.

    A slice has a score where it moved with the whole, further than the others, to a rate beyond theirs. It `stands`
    where the move is large, its own, and neither chance nor a usual swing.
    """
    before, counted, value, count = v0.sum(), c0.sum(), v1.sum(), c1.sum()
    usual = max(before, 0.5) / counted
    s0, n0, s1, n1 = (slices.sums(x) for x in (v0, c0, v1, c1))
    expected = n1 * (s0 + BASE * usual) / (n0 + BASE)
    others = (count - n1) * (before - s0 + BASE * usual) / (counted - n0 + BASE)
    share = (s1 - expected) / change
    without = 1 - (value - s1 - others) / change
    sign = np.sign(change)

    inside = (s1 + RATE * usual) / (n1 + RATE)
    outside = (value - s1 + RATE * usual + OUTSIDE * value) / (count - n1 + RATE + OUTSIDE * count)
    ratio = inside / outside
    moved = (s1 + RATE * usual) / (expected + RATE * usual)
    moved_outside = (value - s1 + RATE * usual) / (others + RATE * usual)
    effect = sign * np.log(moved / moved_outside)
    hidden = max(1.0, float(share[slices.depth == 1].max(initial=0)) / SLACK)
    left = value - expected - others
    part = expected / (expected + others)
    alike = value / (expected + others)
    likelier = _surprise(s1, alike * expected) + _surprise(value - s1, alike * others)
    sharp = np.maximum(sign * np.log(ratio), 0) * (effect > 0)
    score = np.clip(share / hidden, 0, 1) ** CONCISE * sharp * np.maximum(likelier / noise, 0) ** WEIGHTY
    score[n1 >= count] = 0
    score[0] = 0
    bare = (value - s1 + RATE * usual) / (count - n1 + RATE)
    plain = np.maximum(share, 0) * np.maximum(sign * np.log(inside / bare), 0)
    plain[0] = 0

    stands = effect >= np.log(EFFECT)
    stands &= sign * (s1 - expected - part * left) >= CONCENTRATION * (1 - part) * np.abs(left)
    tries = CHANCE + np.log(len(slices))
    still = change**2 < 2 * SWINGS * noise * usual * count
    stands &= (likelier >= tries) & (_surprise(s1, expected) >= (tries if still else SWINGS) * noise)
    return Scores(share, ratio, np.round(score, 9), without, stands, np.round(plain, 9))


def _surprise(seen: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log likelihood of a Poisson count at its own mean over that at the expected one."""
    seen = np.maximum(seen, 0)
    expected = np.maximum(expected, 1e-12)
    return seen * np.log(np.maximum(seen, 1e-12) / expected) - (seen - expected)
