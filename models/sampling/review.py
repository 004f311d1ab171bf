"""What reviewers said of a sample: one verdict an item, differences, and how well they know the golden items."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.sampling.agreement import agreement
from models.sampling.draw import Drawn
from models.sampling.interval import rogan_gladen, wilson
from models.sampling.plan import SamplePlan
from models.sampling.precision import precision

RIGHT, WRONG, UNCLEAR = "RIGHT", "WRONG", "UNCLEAR"


@dataclass(frozen=True, slots=True)
class Review:
    """One reviewer's verdict on one measure; `adjudicates`: it settles a difference."""

    action_id: str
    reviewer: str
    verdict: str
    adjudicates: bool = False


@dataclass(frozen=True, slots=True)
class Reviews:
    """Verdicts by item and reviewer, the last of each; `settled` by adjudication."""

    by_item: Mapping[str, Mapping[str, str]]
    settled: Mapping[str, str]

    @classmethod
    def of(cls, reviews: Iterable[Review]) -> Reviews:
        """Reviews in the order they were given."""
        by_item: dict[str, dict[str, str]] = defaultdict(dict)
        settled: dict[str, str] = {}
        for each in reviews:
            if each.adjudicates:
                settled[each.action_id] = each.verdict
            else:
                by_item[each.action_id][each.reviewer] = each.verdict
        return cls(by_item, settled)

    def verdict(self, item: str) -> str | None:
        """The verdict on an item: the adjudicated one, else the one that all who were clear share; None where they
        differ.

        >>> said = Reviews.of([Review("a", "r1", "RIGHT"), Review("a", "r2", "WRONG"), Review("b", "r1", "RIGHT")])
        >>> said.verdict("a"), said.verdict("b")
        (None, 'RIGHT')
        """
        if item in self.settled:
            return self.settled[item]
        clear = {each for each in self.by_item.get(item, {}).values() if each != UNCLEAR}
        return clear.pop() if len(clear) == 1 else None

    def disputed(self) -> list[str]:
        """Items on which reviewers differ and nobody has settled it, by id."""
        return sorted(
            item
            for item, said in self.by_item.items()
            if item not in self.settled and len({each for each in said.values() if each != UNCLEAR}) > 1
        )


def report(plan: SamplePlan, sample: list[Drawn], reviews: Reviews) -> dict[str, Any]:
    """What may be said from the sample so far, as plain values, rates rounded to six places.

    Precision with both intervals, by stratum as counted, agreement of those who did not see each other, golden items,
    and the share of wrong measures corrected for the reviewers' own errors, or why it may not be corrected.
    """
    verdicts = {each.action_id: reviews.verdict(each.action_id) for each in sample}
    right = {item: verdict == RIGHT for item, verdict in verdicts.items() if verdict in (RIGHT, WRONG)}
    found = precision(sample, right)
    golden = _golden(plan, reviews)
    agreed = agreement(reviews.by_item)
    return {
        "sample": plan.sample_id,
        "plan": plan.digest,
        "drawn": len(sample),
        "reviewed": len(right),
        "disputed": len([item for item in reviews.disputed() if item in verdicts]),
        "precision": None
        if found is None
        else {
            "share": round(found.share, 6),
            "wilson": [round(each, 6) for each in found.wilson],
            "clopper_pearson": [round(each, 6) for each in found.clopper_pearson],
            "unweighted": round(found.raw, 6),
            "effective_size": round(found.effective, 1),
        },
        "strata": _strata(sample, right),
        "agreement": None
        if agreed is None
        else {
            "items": agreed.items,
            "raw": round(agreed.raw, 6),
            "alpha": _or_none(agreed.alpha),
            "ac1": _or_none(agreed.ac1),
        },
        "golden": golden,
        "corrected": _corrected(1 - found.share, golden) if found else None,
    }


def _or_none(value: float) -> float | None:
    return round(value, 6) if value == value else None


def _strata(sample: list[Drawn], right: Mapping[str, bool]) -> list[dict[str, Any]]:
    drawn, reviewed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for each in sample:
        drawn[each.stratum] += 1
        if each.action_id in right:
            reviewed[each.stratum] += 1
            wrong[each.stratum] += not right[each.action_id]
    return [
        {
            "stratum": name,
            "drawn": drawn[name],
            "reviewed": reviewed[name],
            "wrong": wrong[name],
            "wilson_wrong": [round(each, 6) for each in wilson(wrong[name], reviewed[name])],
        }
        for name in sorted(drawn)
    ]


def _golden(plan: SamplePlan, reviews: Reviews) -> dict[str, Any]:
    """How often reviewers said what is known to be right of golden items: of wrong measures, and of right ones."""
    hits, of = Counter[str](), Counter[str]()
    for item, truth in plan.golden.items():
        for verdict in reviews.by_item.get(item, {}).values():
            if verdict != UNCLEAR:
                of[truth] += 1
                hits[truth] += verdict == truth
    return {
        "wrong": {"found": hits[WRONG], "of": of[WRONG]},
        "right": {"found": hits[RIGHT], "of": of[RIGHT]},
    }


def _corrected(wrong: float, golden: Mapping[str, Any]) -> dict[str, Any]:
    """Rogan-Gladen with what the golden items say of the reviewers, refused where it would be invented."""
    (caught, bad), (cleared, good) = ((golden[name]["found"], golden[name]["of"]) for name in ("wrong", "right"))
    if bad < 10 or good < 10:
        return {"wrong": None, "refused": "fewer than 10 golden reviews of each kind: the reviewers are not known"}
    try:
        return {"wrong": round(rogan_gladen(wrong, caught / bad, cleared / good), 6), "refused": None}
    except ValueError as error:
        return {"wrong": None, "refused": str(error)}
