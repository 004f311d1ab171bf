"""The draw: a sort by SHA-256. No state, no generator: the same plan and frame give the same sample on any machine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.sampling.plan import SamplePlan


@dataclass(frozen=True, slots=True, order=True)
class Drawn:
    """A measure of the sample: its stratum and the probability with which it came in."""

    action_id: str
    stratum: str
    probability: float


def draw(plan: SamplePlan, frame: Mapping[str, str]) -> list[Drawn]:
    """The sample of a frame (measure to stratum), in the order in which it is reviewed; golden items are not among
    them.

    Two draws, independent of each other: some of everything, some of each stratum. A measure that both hit is one
    measure, and its probability says so: 1 - (1 - n/N)(1 - n_h/N_h).

    >>> plan = SamplePlan(sample_id="s", seed="1", frame="all", size=4, floor=1)
    >>> [each.action_id for each in draw(plan, {f"a{n}": "x" for n in range(9)})]
    ['a3', 'a4', 'a8', 'a1']
    """
    sizes = Counter(frame.values())
    wanted = plan.allocate(sizes)
    simple = min(len(frame), plan.size - round(plan.size * (1 - plan.simple)))
    chosen = set(_first(frame, f"{plan.seed}|simple", simple))
    for stratum in sorted(sizes):
        members = (action_id for action_id, each in frame.items() if each == stratum)
        chosen.update(_first(members, plan.seed, wanted[stratum]))
    share = simple / len(frame) if frame else 0.0
    found = [
        Drawn(each, frame[each], 1 - (1 - share) * (1 - wanted[frame[each]] / sizes[frame[each]])) for each in chosen
    ]
    return sorted(found, key=lambda each: _key(f"{plan.seed}|order", each.action_id))


def serving_order(plan: SamplePlan, sample: Iterable[Drawn]) -> list[str]:
    """Ids in the order in which reviewers get them, golden items among the others: nothing tells which are which."""
    ids = {each.action_id for each in sample} | set(plan.golden)
    return sorted(ids, key=lambda each: _key(f"{plan.seed}|order", each))


def _first(ids: Iterable[str], seed: str, count: int) -> list[str]:
    return sorted(ids, key=lambda each: _key(seed, each))[:count]


def _key(seed: str, action_id: str) -> bytes:
    return hashlib.sha256(f"{seed}|{action_id}".encode()).digest()
