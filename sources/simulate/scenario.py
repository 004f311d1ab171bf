"""What to simulate: the span, the markets, the incidents. And the questions that the generators ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from livewarden.times import HOUR_MS, MINUTE_MS, parse_ms
from sources.simulate.incident import Change, Hold, Incident, Push, Quantity, Recall, Release, matches
from sources.simulate.market import MARKETS, Floats, Market, Times
from sources.simulate.noise import generator
from sources.simulate.policy import POLICIES, Policy

EVENING_START_MS = parse_ms("2026-03-04T18:00:00Z")
"""A Wednesday; 54 hours later it is midnight UTC after a Friday evening, one in the morning in most markets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A simulated span of LIVE shopping.

    `start_ms` is a whole minute. `rooms` and `enforcement` scale the number of rooms and of violations; event counts
    grow about linearly with them. `incidents` are the ones that the truth names, `distractors` those that should page
    nobody (campaigns, healthy releases). The same scenario gives the same bytes.
    """

    seed: int = 7
    start_ms: int = EVENING_START_MS
    hours: int = 54
    markets: tuple[Market, ...] = MARKETS
    policies: tuple[Policy, ...] = POLICIES
    rooms: float = 1.0
    enforcement: float = 1.0
    incidents: tuple[Incident, ...] = ()
    distractors: tuple[Incident, ...] = ()
    _effects: tuple[Incident, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.start_ms % MINUTE_MS:
            raise ValueError("start_ms must be a whole minute")
        if self.hours < 1 or not self.markets or not self.policies:
            raise ValueError("a scenario needs at least one hour, one market and one policy")
        object.__setattr__(self, "_effects", self.incidents + self.distractors)

    @property
    def end_ms(self) -> int:
        """The end; every event but the last heartbeats is earlier."""
        return self.start_ms + self.hours * HOUR_MS

    def generator(self, *names: str) -> np.random.Generator:
        """The random numbers of one part."""
        return generator(self.seed, *names)

    def minutes(self, warm_up_h: int = 0) -> Times:
        """The start of every minute, from `warm_up_h` hours before the start on."""
        return np.arange(self.start_ms - warm_up_h * HOUR_MS, self.end_ms, MINUTE_MS, dtype=np.int64)

    def pushes(self, quantity: Quantity, dims: Mapping[str, str | None]) -> list[Push]:
        """What pushes `quantity` in the slice `dims`."""
        return [
            push
            for effect in self._effects
            for push in effect.pushes
            if push.quantity == quantity and matches(push.where, dims)
        ]

    def factors(self, quantity: Quantity, dims: Mapping[str, str | None], times: Times) -> Floats:
        """The product of all pushes on `quantity` in the slice `dims`, at each of `times`."""
        total = np.ones(times.shape)
        for push in self.pushes(quantity, dims):
            total *= push.factors(times)
        return total

    def releases(self, target: str, market: str) -> list[Release]:
        """The releases of `target` in `market`, the earliest first."""
        found = (r for effect in self._effects for r in effect.releases if r.target == target and market in r.markets)
        return sorted(found, key=lambda release: release.start_ms)

    def holds(self, queue_id: str) -> list[Hold]:
        """When a review queue decides nothing."""
        return [hold for effect in self._effects for hold in effect.holds if hold.queue_id == queue_id]

    def recalls(self) -> list[Recall]:
        """The bulk rollbacks."""
        return [recall for effect in self._effects for recall in effect.recalls]

    def changes(self) -> Iterator[Change]:
        """The ledger entries that incidents and distractors bring, in no order."""
        for effect in self._effects:
            yield from effect.changes

    def silent(self, topic: str, from_ms: int, until_ms: int | None = None) -> bool:
        """Whether the source of `topic` is silent at `from_ms`, or anywhere in [`from_ms`, `until_ms`)."""
        until_ms = from_ms + 1 if until_ms is None else until_ms
        return any(
            silence.topic == topic and from_ms < silence.end_ms and until_ms > silence.start_ms
            for effect in self._effects
            for silence in effect.silences
        )
