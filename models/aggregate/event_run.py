"""A run of valid events as columns: what one fetch of a partition brought, to be counted at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]

KindName = tuple[str, str]
"""Type and precision of events: what decides which monitors look at them."""


class RunEvent(NamedTuple):
    """One event of a run, with as much of it as counting needs."""

    id: str
    source: str
    time_ms: int
    data: Any
    logged_ms: int
    digest: int

    @property
    def reach_ms(self) -> int:
        """The latest moment that it speaks of."""
        return self.time_ms


@dataclass(frozen=True, slots=True)
class EventRun:
    """Valid events of one partition in offset order; every column has one entry an event.

    `bodies` have the attributes of their contract. `kinds` are places in `kind_names`. None of them is a heartbeat or a
    change of the platform.
    """

    ids: Sequence[str]
    sources: Sequence[str]
    time_ms: Whole
    logged_ms: Whole
    bodies: Sequence[Any]
    digests: Sequence[int]
    kinds: Whole
    kind_names: Sequence[KindName]

    def __len__(self) -> int:
        return len(self.ids)

    def event(self, place: int) -> RunEvent:
        """One of them."""
        times = int(self.time_ms[place]), int(self.logged_ms[place])
        return RunEvent(
            self.ids[place], self.sources[place], times[0], self.bodies[place], times[1], self.digests[place]
        )

    def part(self, since: int, until: int) -> EventRun:
        """Those in [since, until)."""
        if (since, until) == (0, len(self)):
            return self
        there = slice(since, until)
        columns = self.ids[there], self.sources[there], self.time_ms[there], self.logged_ms[there], self.bodies[there]
        return EventRun(*columns, self.digests[there], self.kinds[there], self.kind_names)

    def by_source(self, rows: Whole) -> list[tuple[str, list[int]]]:
        """Rows by the source of their events, each that has any."""
        sources = set(self.sources)
        places = rows.tolist()
        if len(sources) == 1:
            return [(sources.pop(), places)] if places else []
        split = ((source, [place for place in places if self.sources[place] == source]) for source in sorted(sources))
        return [(source, there) for source, there in split if there]

    def within(self) -> Whole:
        """Of each event the place among those of its kind."""
        places = np.zeros(len(self), dtype=np.int64)
        for kind in range(len(self.kind_names)):
            there = self.kinds == kind
            places[there] = np.arange(np.count_nonzero(there))
        return places
