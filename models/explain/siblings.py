"""How many series differ from one in a single dimension, counted once for all alerts of a moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from models.monitors.plan import SeriesKey

_Rest = tuple[int, SeriesKey, SeriesKey]
"""A dimension, and the values of those before and behind it."""


class Siblings:
    """The series of a monitor, and those of them that are firing.

    >>> siblings = Siblings([("DE", "p1"), ("FR", "p1"), ("DE", "p2")], {("DE", "p2")})
    >>> siblings.confined(("DE", "p1"), ["market", "policy"])
    {'market': 1}
    """

    def __init__(self, known: Iterable[SeriesKey], firing: Collection[SeriesKey]) -> None:
        self._known = set(known)
        self._firing = self._known.intersection(firing)
        self._all: Counter[_Rest] = Counter(rest for key in self._known for rest in _rests(key))
        self._fired: Counter[_Rest] = Counter(rest for key in self._firing for rest in _rests(key))

    def confined(self, key: SeriesKey, names: Sequence[str]) -> dict[str, int]:
        """By dimension: how many series differ from `key` in nothing else, where none of them is firing."""
        found = {}
        for name, value, rest in zip(names, key, _rests(key), strict=True):
            siblings = self._all[rest] - (key in self._known)
            if siblings and value and self._fired[rest] == (key in self._firing):
                found[name] = siblings
        return found


def _rests(key: SeriesKey) -> list[_Rest]:
    return [(place, key[:place], key[place + 1 :]) for place in range(len(key))]
