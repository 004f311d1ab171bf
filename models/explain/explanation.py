"""What explains a change: causes, alternatives, and the parts that are rate, volume and mix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.explain.leaves import Row, collect

CAUSES: Final = 3
"""At most so many causes at once."""
FURTHER: Final = 0.1
"""A second or third cause explains at least this part of the whole change."""
__all__ = ["Cause", "Explanation", "Row", "explain"]


@dataclass(frozen=True)
class Cause:
    """A slice, and how well it explains a change.

    `share`: its part of the change beyond its own usual rate (1 = all of it; more where others moved the other way).
    `risk_ratio`: its rate over the rate of everything else; above 1 for a rise, below 1 for a fall.
    `without`: by which part the change shrinks when the slice is taken out of both periods ("without it the rise falls
    by 83 %" = 0.83). `score`: ranks slices of one explanation, from 0 up; not to be compared between explanations.
    """

    slice: Mapping[str, str]
    share: float
    risk_ratio: float
    score: float
    without: float


@dataclass(frozen=True)
class Explanation:
    """Why `value` is not what it was.

    `causes` are distinct: each was found with those before it taken out. `alternatives` overlap with them and come next
    in likelihood; the first is the runner-up. `none`: no combination of these dimensions stands out, the change is
    common to all, or there is none. `rate`, `volume` and `mix` add up to value now minus its mean before: a different
    rate inside the slices, more or less counted, and another share of slices whose rates differ.
    """

    causes: tuple[Cause, ...]
    alternatives: tuple[Cause, ...]
    rate: float
    volume: float
    mix: float

    @property
    def none(self) -> bool:
        """Whether none of these dimensions explains it."""
        return not self.causes

    @property
    def ranked(self) -> tuple[Cause, ...]:
        """Causes, then alternatives, with scores that fall."""
        return self.causes + self.alternatives


def explain(
    dims: Sequence[str], before: Iterable[Row], now: Iterable[Row], top: int = 5, max_depth: int = 3
) -> Explanation:
    """The slices, of up to `max_depth` dimensions, that explain how `now` differs from `before`; at most `top` of them.

    >>> before = [Row(t, (cdn, rate), 2, 100) for t in range(5) for cdn in "ab" for rate in ("500", "2000")]
    >>> now = [Row(5, (cdn, rate), 60 if cdn == "b" else 2, 100) for cdn in "ab" for rate in ("500", "2000")]
    >>> found = explain(("cdn", "bitrate"), before, now)
    >>> found.causes[0].slice, round(found.causes[0].share, 2), found.none
    ({'cdn': 'b'}, 1.0, False)
    >>> found.rate, found.volume, found.mix
    (116.0, 0.0, 0.0)
    """
    leaves = collect(before, now)
    rate, volume, mix = _parts(leaves)
    ...
