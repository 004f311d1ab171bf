"""What explains a change: causes, alternatives, and the parts that are rate, volume and mix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.explain.leaves import Direction, Leaves, Row, collect
from models.explain.score import BASE, Scores, scores
from models.explain.slices import Slices

CAUSES: Final = 3
"""At most so many causes at once."""
FURTHER: Final = 0.1
"""A second or third cause explains at least this part of the whole change."""


@dataclass(frozen=True)
class Cause:
    """A slice, and how well it explains a change.

    `share`: its part of the change beyond its own usual rate (1 = all of it; more where others moved the other way).
    `risk_ratio`: its rate over the rate of everything else; above 1 for a rise, below 1 for a fall.
    `without`: by which part the change shrinks when the slice is taken out of both periods ("without it the rise falls
    by 83 %" = 0.83). `score`: ranks the slices of one explanation, from 0 up; larger is likelier. An alternative's is
    scaled to stay below the causes it competes with, so scores of two explanations are not to be compared. `share` and
    `risk_ratio` of a second cause are counted without the first.
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
        """Causes, then alternatives; no score is above the one before it."""
        return self.causes + self.alternatives


def explain(
    dims: Sequence[str],
    before: Iterable[Row],
    now: Iterable[Row],
    *,
    top: int = 5,
    max_depth: int = 3,
    direction: Direction | None = None,
) -> Explanation:
    """The slices, of up to `max_depth` dimensions, that explain how `now` differs from `before`; at most `top` of them.

    Rows carry one value for each of `dims`, and `before` at least one moment, better five or more. `direction` is that
    of the alert where there is one; else the median moment tells. `before` is read twice, so hand over a list or
    anything else that can be iterated again. The order of rows does not matter. Nothing counted before or now is a
    ValueError.

    The score began as share of the change x log of the risk ratio over all value combinations (what Adtributor,
    Bhagwan et al., NSDI 2014, does for one dimension), with "all alike" tested as in Kulldorff's spatial scan statistic
    (1997). It does badly where counts are far below a few hundred in all, where a cause needs four dimensions or is
    no AND of values, and where two dimensions say nearly the same: then it cannot tell which of them is to blame. Of a
    dimension with more than 100 values only the 100 that changed most by themselves are looked at.

    >>> before = [Row(t, (cdn, rate), 2, 100) for t in range(5) for cdn in "ab" for rate in ("500", "2000")]
    >>> now = [Row(5, (cdn, rate), 60 if cdn == "b" else 2, 100) for cdn in "ab" for rate in ("500", "2000")]
    >>> found = explain(("cdn", "bitrate"), before, now)
    >>> found.causes[0].slice, round(found.causes[0].share, 2), found.none
    ({'cdn': 'b'}, 1.0, False)
    >>> found.rate, found.volume, found.mix
    (116.0, 0.0, 0.0)
    """
    leaves = collect(before, now, direction)
    if len(dims) != leaves.codes.shape[1]:
        raise ValueError(f"{len(dims)} dimensions are named, rows have {leaves.codes.shape[1]}")
    slices = Slices(leaves.codes, max_depth)

    def cause(number: int, found: Scores, score: float) -> Cause:
        values = leaves.names[slices.leaf[number]]
        return Cause(
            slice={dims[d]: values[d] for d in slices.dims(number)},
            share=_rounded(found.share[number]),
            risk_ratio=_rounded(found.risk_ratio[number]),
            score=_rounded(score),
            without=_rounded(whole.without[number]),
        )

    change = leaves.v1.sum() - leaves.c1.sum() * leaves.v0.sum() / leaves.c0.sum()
    if change == 0 or (direction is not None and (change > 0) != (direction == "UP")):
        return Explanation((), (), *_parts(leaves))
    whole, causes = _search(leaves, slices, change)
    if not causes:
        return Explanation((), (), *_parts(leaves))
    others = _alternatives(slices, whole, [number for number, _ in causes], top)
    limit = np.inf
    ranked = []
    for number, found in causes:
        limit = min(limit, found.score[number])
        ranked.append(cause(number, found, limit))
    for number in others:
        limit = min(limit, max(whole.plain[number], whole.score[number]))
        ranked.append(cause(number, whole, limit))
    return Explanation(tuple(ranked[: len(causes)][:top]), tuple(ranked[len(causes) : top]), *_parts(leaves))


def _search(leaves: Leaves, slices: Slices, change: float) -> tuple[Scores, list[tuple[int, Scores]]]:
    """Scores over everything, and the causes: the best slice, then the best of what it leaves over, and so on."""
    keep = np.ones(len(leaves.v0))
    causes: list[tuple[int, Scores]] = []
    while True:
        v0, c0, v1, c1 = (column * keep for column in (leaves.v0, leaves.c0, leaves.v1, leaves.c1))
        found = scores(slices, v0, c0, v1, c1, change, leaves.noise)
        if not causes:
            whole = found
        candidates = found.score * found.stands * ((found.share >= FURTHER) | (not causes))
        best = int(np.lexsort((np.arange(len(slices)), slices.depth, -candidates))[0])
        if candidates[best] <= 0 or len(causes) == CAUSES:
            return whole, causes
        causes.append((best, found))
        keep = keep * ~slices.inside(best)
        if not (leaves.c0 * keep).any() or not (leaves.c1 * keep).any():
            return whole, causes


def _alternatives(slices: Slices, whole: Scores, causes: Sequence[int], top: int) -> list[int]:
    """The next best by the plain score and by ours in turn, where two slices of the same rows are one: the simpler."""
    rows = np.stack((whole.score, np.round(whole.share, 9), np.round(whole.risk_ratio, 9)), axis=1)
    seen = {tuple(rows[number]) for number in causes}
    found: list[int] = []
    orders = [np.lexsort((np.arange(len(slices)), slices.depth, -each)) for each in (whole.plain, whole.score)]
    for number in np.stack(orders, axis=1).ravel():
        if len(found) == top:
            break
        if max(whole.plain[number], whole.score[number]) > 0 and (row := tuple(rows[number])) not in seen:
            seen.add(row)
            found.append(int(number))
    return found


def _parts(leaves: Leaves) -> tuple[float, float, float]:
    """Rate, volume and mix: what of value now − mean value before is due to each."""
    usual = leaves.v0.sum() / leaves.c0.sum()
    expected = (leaves.c1 * (leaves.v0 + BASE * usual) / (leaves.c0 + BASE)).sum()
    volume = usual * (leaves.c1.sum() - leaves.c0.sum() / leaves.moments)
    return _rounded(leaves.v1.sum() - expected), _rounded(volume), _rounded(expected - usual * leaves.c1.sum())


def _rounded(number: float) -> float:
    """Rounded so far that the order in which rows were added up does not show."""
    return round(float(number), 6) + 0.0
