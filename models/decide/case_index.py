"""Which candidate an alert belongs to, found by what they share and not by looking at each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from livewarden.alert import Alert


@dataclass(slots=True)
class _Place:
    """One candidate: when its last alert ended, how many of its alerts fire, and by what it is found."""

    case_id: str
    last_ms: int
    firing: int = 0
    keys: set[Hashable] = field(default_factory=set)


class CaseIndex:
    """The open candidates in the order in which they began; what it costs to find one does not grow with them.

    >>> index = CaseIndex()
    >>> index.begin("c1", 1_000)
    >>> index.case_of_episode("e1") is None
    True
    """

    def __init__(self) -> None:
        self._number = 0
        self._places: dict[int, _Place] = {}
        self._numbers: dict[str, int] = {}
        self._found: dict[Hashable, dict[int, None]] = {}

    def begin(self, case_id: str, last_ms: int) -> None:
        """Add a candidate, behind those that there are."""
        self._number += 1
        self._places[self._number] = _Place(case_id, last_ms)
        self._numbers[case_id] = self._number

    def join(self, case_id: str, alert: Alert, before: Alert | None, last_ms: int) -> bool:
        """An alert is in a candidate now, in place of an earlier version; whether any of its alerts fires still."""
        number = self._numbers[case_id]
        place = self._places[number]
        place.last_ms = last_ms
        place.firing += (alert.status != "resolved") - (before is not None and before.status != "resolved")
        for key in (("episode", alert.episode_id), ("alert", alert.alert_id), *_keys(alert), (_missing(alert), "any")):
            if key not in place.keys:
                place.keys.add(key)
                self._found.setdefault(key, {})[number] = None
        return place.firing > 0

    def drop(self, case_id: str) -> None:
        """A candidate is not open any more."""
        number = self._numbers.pop(case_id)
        for key in self._places.pop(number).keys:
            numbers = self._found[key]
            del numbers[number]
            if not numbers:
                del self._found[key]

    def case_of_episode(self, episode_id: str, alert_id: str = "") -> str | None:
        """The candidate that has an alert of that episode, or that alert."""
        return self._first((("episode", episode_id), ("alert", alert_id)), None)

    def case_beside(self, alert: Alert, since_ms: int) -> str | None:
        """The first candidate whose last alert ended at `since_ms` or later, and that shares a label with an alert;
        one without labels shares all. Silence is beside silence only.
        """
        return self._first(_keys(alert) if alert.series else ((_missing(alert), "any"),), since_ms)

    def _first(self, keys: Iterable[Hashable], since_ms: int | None) -> str | None:
        numbers = {
            number
            for key in keys
            for number in self._found.get(key, ())
            if since_ms is None or self._places[number].last_ms >= since_ms
        }
        return self._places[min(numbers)].case_id if numbers else None


def _missing(alert: Alert) -> bool:
    return alert.direction == "MISSING"


def _keys(alert: Alert) -> list[Hashable]:
    """Its labels, and its series as a whole: equal ones belong together though all their labels are unknown."""
    missing = _missing(alert)
    labels: list[Hashable] = [(missing, "label", name, value) for name, value in alert.series.items() if value]
    return [*labels, (missing, "series", frozenset(alert.series.items()))]
