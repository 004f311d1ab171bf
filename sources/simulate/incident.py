"""What happens to the simulated world, as data: pushes, releases, holds, silences, recalls,
and the incident they make up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from livewarden.times import format_ms
from sources.simulate.market import Floats, Times

Quantity = Literal["audience", "stalled", "errors", "actions", "appeals", "overturns", "disputes", "tickets"]
"""viewers, share of stalled viewers, errors per viewer, enforcement decisions, share of decisions appealed, share of
appeals granted, share of decisions that bring a ticket, tickets of other causes."""
Where = Mapping[str, tuple[str, ...]]
"""Dimension name to the values it may have; a dimension that is not named may have any."""


def matches(where: Where, dims: Mapping[str, str | None]) -> bool:
    """Whether a slice lies inside `where`.

    >>> matches({"market": ("DE", "IT")}, {"market": "DE", "cdn": "sim-cdn-1"}), matches({"market": ("DE",)}, {})
    (True, False)
    """
    return all(dims.get(name) in values for name, values in where.items())


@dataclass(frozen=True, slots=True)
class Push:
    """Multiplies a quantity by `factor` in [`start_ms`, `end_ms`), inside `where`.

    `ramp_ms` is how long it takes to reach the factor. `newcomers` > 0: what is added comes from that many shops that
    were never seen before.
    """

    quantity: Quantity
    factor: float
    start_ms: int
    end_ms: int
    where: Where = field(default_factory=dict)
    ramp_ms: int = 0
    newcomers: int = 0

    def factors(self, times: Times) -> Floats:
        """The factor at each of `times`; 1 outside."""
        ramp = np.clip((times - self.start_ms) / max(self.ramp_ms, 1), 0.0, 1.0)
        inside = (times >= self.start_ms) & (times < self.end_ms)
        return np.where(inside, self.factor**ramp, 1.0)


@dataclass(frozen=True, slots=True)
class Release:
    """A new version of a model, a policy or an app is in force in [`start_ms`, `end_ms`),
    for `share` of the traffic.
    """

    target: str
    version: str
    start_ms: int
    end_ms: int
    markets: tuple[str, ...]
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Hold:
    """A review queue decides nothing in [`start_ms`, `end_ms`); what waited is decided within `catch_up_ms` after."""

    queue_id: str
    start_ms: int
    end_ms: int
    catch_up_ms: int


@dataclass(frozen=True, slots=True)
class Silence:
    """The source of a topic sends nothing, heartbeats included, in [`start_ms`, `end_ms`). What it missed is lost."""

    topic: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Recall:
    """At `at_ms` a `share` of the decisions of [`start_ms`, `end_ms`) inside `where` is taken back in bulk."""

    where: Where
    start_ms: int
    end_ms: int
    at_ms: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry of the change ledger."""

    at_ms: int
    name: str
    kind: str
    phase: str
    target: str
    owner_team: str
    from_version: str | None = None
    to_version: str | None = None
    markets: tuple[str, ...] = ()
    percent: int | None = None
    ends_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The truth about one incident, and the effects that bring it about.

    `event_type` and `measure` say where it shows (`measure` is a field name, or `count`), `dimensions` which slice it
    hits (equal in all of it; `markets` are the markets hit), `factor` how many times the normal the measure becomes
    (0 for nothing at all), `alert_kinds` which alerts would be right. Until `aftermath_end_ms` its consequences go on
    (catch-up, appeals, tickets): an alert on them is no false one. An empty `alert_kinds` makes it a distractor:
    something happens, and nobody should be paged.
    """

    id: str
    kind: str
    description: str
    event_type: str
    measure: str
    dimensions: Mapping[str, str]
    markets: tuple[str, ...]
    start_ms: int
    end_ms: int
    aftermath_end_ms: int
    direction: Literal["UP", "DOWN", "MISSING"]
    alert_kinds: tuple[str, ...]
    factor: float
    pushes: tuple[Push, ...] = ()
    releases: tuple[Release, ...] = ()
    holds: tuple[Hold, ...] = ()
    silences: tuple[Silence, ...] = ()
    recalls: tuple[Recall, ...] = ()
    changes: tuple[Change, ...] = ()

    def as_truth(self) -> dict[str, Any]:
        """The part that a truth file holds: everything but the effects; times as RFC 3339 text."""
        return {
            "id": self.id,
            "kind": self.kind,
            "description": self.description,
            "event_type": self.event_type,
            "measure": self.measure,
            "dimensions": dict(self.dimensions),
            "markets": list(self.markets),
            "start": format_ms(self.start_ms),
            "end": format_ms(self.end_ms),
            "aftermath_end": format_ms(self.aftermath_end_ms),
            "direction": self.direction,
            "alert_kinds": list(self.alert_kinds),
            "factor": self.factor,
        }
