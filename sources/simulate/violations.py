"""The plan of violations: when, under which policy, by whom decided, against whom."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field, replace

import numpy as np

from livewarden.times import HOUR_MS, MINUTE_MS
from sources.simulate.draft import by_time
from sources.simulate.incident import Push, Release
from sources.simulate.market import Market, Times
from sources.simulate.noise import frailty, log_drift, zipf_ranks
from sources.simulate.policy import Policy
from sources.simulate.rooms import Room, shop_id, shops
from sources.simulate.scenario import Scenario
from sources.simulate.versions import MODEL_VERSION, POLICY_VERSION

WARM_UP_H = 36
"""Violations this long before the start are drawn too: their appeals fall into the scenario."""
_KNOWN_ROOM = 0.25
"""Share of LIVE violations in rooms that the traffic samples cover; the others are in rooms too small to be sampled."""
_LONGEST_ROOM_MS = 7 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation, or `weight` of them where the policy reports in batches; then nobody in particular did it."""

    at_ms: int
    number: int
    market: Market
    policy: Policy
    reviewer_type: str
    policy_version: str
    model_version: str
    actions: tuple[str, ...]
    weight: int = 1
    shop_id: str | None = None
    subject_id: str | None = None
    room: Room | None = None
    dims: dict[str, str | None] = field(default_factory=dict)

    @property
    def violation_id(self) -> str:
        """Unique in the scenario."""
        return f"sim-violation-{self.market.code}-{self.number:06d}"

    @property
    def action_ids(self) -> list[str]:
        """One id for each action, in their order."""
        return [f"{self.violation_id.replace('violation', 'action')}-{number}" for number in range(len(self.actions))]


def routes(policy: Policy) -> list[tuple[str, float]]:
    """Who decides, and what share of the violations."""
    human = "HYBRID" if policy.hybrid else "HUMAN"
    return [
        (who, share) for who, share in (("AUTOMATED", policy.automated), (human, 1 - policy.automated)) if share > 0
    ]


def plan_violations(scenario: Scenario, market: Market, rooms: list[Room]) -> list[Violation]:
    """The market's violations in time order, from `WARM_UP_H` hours before the start on."""
    drawn: list[tuple[int, Violation]] = []
    for policy in scenario.policies:
        for who, share in routes(policy):
            drawn += ((v.at_ms, v) for v in _slice(scenario, market, policy, who, share, rooms))
    drawn.sort(key=by_time)
    return [replace(violation, number=number) for number, (_, violation) in enumerate(drawn)]


def _slice(
    scenario: Scenario, market: Market, policy: Policy, who: str, share: float, rooms: list[Room]
) -> list[Violation]:
    """The violations of one slice, in no order.

    Counts are Poisson at a rate that is the product of shape, a slow drift of the policy, a slow drift of the slice,
    bursts of gamma frailty, and what incidents do: overdispersed on every time scale.
    """
    rng = scenario.generator("violations", market.code, policy.name, who)
    minutes = scenario.minutes(0 if policy.batched else WARM_UP_H)
    dims: dict[str, str | None] = {
        "market": market.code,
        "policy_id": policy.policy_id,
        "reviewer_type": who,
        "queue_id": None if who == "AUTOMATED" else policy.queue_id,
    }
    shared = log_drift(scenario.generator("policy", policy.name), minutes.size, 720, 0.15)
    rate = policy.per_minute * market.size * share * scenario.enforcement * market.shape(minutes) ** 0.8
    rate *= shared * log_drift(rng, minutes.size, 480, 0.20) * frailty(rng, minutes.size, policy.size, 6)
    counts = rng.poisson(rate * scenario.factors("actions", dims, minutes))
    if policy.batched:
        times, weights = minutes[counts > 0], counts[counts > 0].tolist()
    else:
        times = np.repeat(minutes, counts)
        times = _held(scenario, dims["queue_id"], times + rng.integers(0, MINUTE_MS, times.size), rng)
        weights = [1] * times.size
    return _violations(scenario, market, policy, dims, times, weights, rooms, rng)


def _held(scenario: Scenario, queue_id: str | None, times: Times, rng: np.random.Generator) -> Times:
    """Times of decision, moved behind a backlog where the queue stood still."""
    for hold in scenario.holds(queue_id) if queue_id else ():
        later = hold.end_ms + (rng.random(times.size) ** 1.5 * hold.catch_up_ms).astype(np.int64)
        times = np.where((times >= hold.start_ms) & (times < hold.end_ms), later, times)
    return times


def _violations(
    scenario: Scenario,
    market: Market,
    policy: Policy,
    dims: dict[str, str | None],
    times: Times,
    weights: list[int],
    rooms: list[Room],
    rng: np.random.Generator,
) -> list[Violation]:
    ranks = zipf_ranks(rng, times.size, shops(market))
    luck = rng.random((times.size, 2 + len(policy.actions))).tolist()
    models = scenario.releases(policy.model_id, market.code)
    policies = scenario.releases(policy.policy_id, market.code)
    waves = [push for push in scenario.pushes("actions", dims) if push.newcomers]
    starts = [room.start_ms for room in rooms]
    found = []
    for at_ms, rank, chance, weight in zip(times.tolist(), ranks, luck, weights, strict=True):
        actions = tuple(
            a for (a, often), c in zip(policy.actions, chance[2:], strict=True) if c < often or often == 1.0
        )
        shop: str | None = None
        subject: str | None = None
        room = None
        if not policy.batched:
            shop = _newcomer(waves, market, at_ms, chance[0]) or shop_id(market, rank)
            if policy.subject == "ROOM" and chance[1] < _KNOWN_ROOM:
                room = _open(rooms, starts, at_ms, chance[1] / _KNOWN_ROOM)
            if room is not None:
                shop = room.shop_id
            subject = room.room_id if room else _subject(policy, shop, int(chance[1] * 9))
        found.append(
            Violation(
                at_ms,
                0,
                market,
                policy,
                str(dims["reviewer_type"]),
                _version(policies, at_ms, POLICY_VERSION),
                _version(models, at_ms, MODEL_VERSION),
                actions,
                weight,
                shop,
                subject,
                room,
                dims,
            )
        )
    return found


def _version(releases: list[Release], at_ms: int, default: str) -> str:
    """The version in force: the latest release that is out."""
    return next((r.version for r in reversed(releases) if r.start_ms <= at_ms < r.end_ms), default)


def _newcomer(waves: list[Push], market: Market, at_ms: int, chance: float) -> str | None:
    """A shop of a fraud wave, as often as the wave adds violations."""
    for wave in waves:
        usual = 1 / float(wave.factors(np.array([at_ms]))[0])
        if chance >= usual:
            return f"sim-shop-{market.code}-new-{int((chance - usual) / (1 - usual) * wave.newcomers):03d}"
    return None


def _open(rooms: list[Room], starts: list[int], at_ms: int, chance: float) -> Room | None:
    """One of the rooms open at an instant, and for five minutes more."""
    near = rooms[bisect(starts, at_ms - _LONGEST_ROOM_MS) : bisect(starts, at_ms)]
    there = [room for room in near if at_ms < room.end_ms - 5 * MINUTE_MS]
    return there[int(chance * len(there))] if there else None


def _subject(policy: Policy, shop: str, item: int) -> str:
    if policy.subject == "SHOP":
        return shop
    return f"{shop.replace('shop', policy.subject.lower())}-{item}"
