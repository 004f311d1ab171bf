"""What else a confirmed error hit: how many siblings are wrong, from as few reviews as it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from scipy import special

from livewarden.blast_radius import BlastRadius, Sibling, Slice

LEVEL = 0.95
CONTAINED = 0.05
"""Share of wrong siblings that must be out of reach for the error to count as contained."""
WIDESPREAD = 0.20
"""Share of wrong siblings that must be passed for all of them to be reviewed again."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far it reaches: `wrong` of all siblings (estimate, low, high), after `reviewed` of them.

    `verdict`: "contained", "widespread", or "go on" while neither is sure.
    """

    siblings: int
    reviewed: int
    found: int
    wrong: tuple[float, float, float]
    verdict: str


def review_order(seed: str, siblings: Iterable[str]) -> list[str]:
    """Siblings in the order in which they are reviewed: by SHA-256 of seed and id, so that nobody chooses.

    >>> review_order("case-1", ["a1", "a2", "a3"])
    ['a2', 'a3', 'a1']
    """
    return sorted(siblings, key=lambda each: hashlib.sha256(f"{seed}|{each}".encode()).digest())


def extent(siblings: int, reviewed: int, found: int) -> Extent:
    """The extent after `reviewed` siblings in that order, of which `found` were wrong. It may be asked after every
    review.

    The interval is a confidence sequence (beta-binomial mixture, Robbins 1970): it holds at every look together with
    95 %, so stopping as soon as a verdict is there is no cheating. Bad at: rates near a threshold, where it takes
    hundreds of reviews.

    >>> extent(4_000, 60, 40).verdict, extent(4_000, 160, 0).verdict, extent(4_000, 10, 1).verdict
    ('widespread', 'contained', 'go on')
    """
    low, high = sequence(found, reviewed)
    rest = siblings - reviewed
    share = (found + 0.5) / (reviewed + 1)
    verdict = "contained" if high < CONTAINED else "widespread" if low > WIDESPREAD else "go on"
    if rest == 0:
        share, low, high = 0.0, 0.0, 0.0
        verdict = "widespread" if found > WIDESPREAD * siblings else "contained"
    return Extent(siblings, reviewed, found, (found + share * rest, found + low * rest, found + high * rest), verdict)


def blast_radius(
    case_id: str, slices: Sequence[Slice], siblings: Iterable[Sibling], verdicts: Mapping[str, str | None]
) -> BlastRadius:
    """The blast radius of a case after what was reviewed so far.

    Reviewed are the siblings that still stand, and those whose verdict is known although they were taken back since.
    Counted is what was reviewed without a gap in their order: what somebody chose to look at says nothing of the rest.
    """
    found = {each.action_id: each for each in siblings}
    order = review_order(case_id, (name for name, each in found.items() if not each.reversal or name in verdicts))
    clear = [each for each in order if verdicts.get(each, "") is not None]
    done = next((number for number, each in enumerate(clear) if each not in verdicts), len(clear))
    wrong = sum(verdicts[each] == "WRONG" for each in clear[:done])
    reach = extent(len(clear), done, wrong)
    return BlastRadius(case_id, tuple(slices), found, tuple(order), verdicts, done, wrong, reach.wrong, reach.verdict)


def sequence(found: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The confidence sequence of a share after `of` looks: wider than one interval, true at all looks together.

    >>> [round(each, 2) for each in sequence(5, 50)]
    [0.02, 0.29]
    """
    if of == 0:
        return 0.0, 1.0
    mixture = float(special.betaln(found + 0.5, of - found + 0.5) - special.betaln(0.5, 0.5))
    bound = mixture + log(1 - level)

    def inside(share: float) -> bool:
        return float(special.xlogy(found, share) + special.xlog1py(of - found, -share)) > bound

    middle = found / of
    return _edge(inside, middle, 0.0), _edge(inside, middle, 1.0)


def _edge(inside: Callable[[float], bool], within: float, end: float) -> float:
    if inside(end):
        return end
    for _ in range(60):
        half = (within + end) / 2
        if inside(half):
            within = half
        else:
            end = half
    return within
