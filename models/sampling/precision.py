"""Precision out of a sample: the share of measures that were right, weighted back to everything that could be drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.sampling.draw import Drawn
from models.sampling.interval import clopper_pearson, wilson


@dataclass(frozen=True, slots=True)
class Precision:
    """`share` of measures that were right, its Wilson and Clopper-Pearson intervals, `raw`: the share without weights.

    `reviewed` measures, worth `effective` of a simple random sample.
    """

    share: float
    wilson: tuple[float, float]
    clopper_pearson: tuple[float, float]
    raw: float
    reviewed: int
    effective: float


def precision(sample: Sequence[Drawn], right: Mapping[str, bool], level: float = 0.95) -> Precision | None:
    """Precision from the verdicts known so far (`right`, by measure); None without any.

    Each measure counts for the 1 / probability that it stands for (Horvitz-Thompson, as a ratio). The intervals are
    those of a simple sample of the effective size: what its variance, summed over strata, is worth. A stratum without
    an error gets half an error for the variance, so that none is claimed to be perfect. Bad at: strata with fewer
    than about 10 reviewed.
    """
    known = [each for each in sample if each.action_id in right]
    if not known:
        return None
    strata: dict[str, list[Drawn]] = defaultdict(list)
    for each in known:
        strata[each.stratum].append(each)
    # a stratum's weight comes from all that was drawn of it, reviewed or not: who is slow must not shift the result
    mass: dict[str, float] = defaultdict(float)
    for each in sample:
        if each.stratum in strata:
            mass[each.stratum] += 1 / each.probability
    total = sum(mass.values())
    share, smoothed, variance = 0.0, 0.0, 0.0
    for name, members in sorted(strata.items()):
        weight = mass[name] / total
        inner = sum(1 / each.probability for each in members)
        squares = sum(1 / each.probability**2 for each in members)
        count = inner * inner / squares
        part = sum(right[each.action_id] / each.probability for each in members) / inner
        soft = (part * count + 0.5) / (count + 1) if part in (0.0, 1.0) else part
        left = 1 - len(members) / inner if inner > len(members) else 0.0
        share += weight * part
        smoothed += weight * soft
        variance += weight * weight * soft * (1 - soft) / count * left
    effective = smoothed * (1 - smoothed) / variance if variance > 0 else float(len(known))
    hits = share * effective
    return Precision(
        share,
        wilson(hits, effective, level),
        clopper_pearson(hits, effective, level),
        sum(right[each.action_id] for each in known) / len(known),
        len(known),
        effective,
    )
