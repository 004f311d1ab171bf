"""Exposure: what a monitor's counts are out of, bucket by bucket, against its usual."""

from __future__ import annotations

from typing import Any, Final

from models.aggregate.leaf import KEPT_BUCKETS
from models.aggregate.partial import Partial
from models.monitors.monitor import Monitor
from models.monitors.plan import SeriesKey

READY: Final = 30
"""Buckets of a key that make a usual; before that nothing is relative to it."""
LEAST: Final = 0.1
MOST: Final = 10.0
"""Bounds of what is said to the detector: an exposure near zero would make a single event anomalous,
a broken one hide a wave.
"""


def bounded(relative: float) -> float:
    """A relative exposure as a detector is notified of it: from `LEAST` to `MOST`.

    >>> bounded(0.0), bounded(2.0)
    (0.1, 2.0)
    """
    return min(MOST, max(LEAST, relative))


class Exposures:
    """Sums of other events by some of the series' dimensions, and how each bucket compares with the mean of a day.

    The usual of a key is the mean of its buckets, and from a day's number of buckets on an exponentially weighted one:
    it follows drifts, and what a day does within itself shows. A bucket in which the source of the exposure said
    nothing is not known: it counts as usual, and is not learned. Bad at a campaign of days: it becomes the usual.
    """

    def __init__(self, monitor: Monitor) -> None:
        assert monitor.exposure is not None
        self._monitor = monitor
        self._places = [monitor.group_by.index(name) for name in monitor.exposure.by]
        self._memory = max(READY, monitor.buckets_per_day)
        self._open: dict[int, dict[tuple[int, int], Partial]] = {}
        self._usual: dict[SeriesKey, tuple[int, float]] = {}
        self._closed: dict[int, dict[SeriesKey, float]] = {}
        self._now: dict[SeriesKey, float] = {}

    def take(self, partial: Partial) -> None:
        """Keep a partial; the same one again replaces itself."""
        if partial.sums_hash == self._monitor.sums_hash:
            self._open.setdefault(partial.start_ms, {})[partial.partition, partial.chunk] = partial

    def close(self, start_ms: int) -> None:
        """The bucket that starts there is complete: `relative` answers for it from now on, then it is learned."""
        parts = self._open.pop(start_ms, {})
        self._open = {start: rows for start, rows in self._open.items() if start > start_ms}
        sums: dict[SeriesKey, int] = {}
        for part in parts.values():
            for key, value, _, _ in part.rows:
                sums[key] = sums.get(key, 0) + value
        self._now = {}
        if not parts:
            return
        for key in sorted(sums.keys() | self._usual.keys()):
            seen, usual = self._usual.get(key, (0, 0.0))
            value = sums.get(key, 0)
            if seen >= READY and usual > 0:
                self._now[key] = value / usual
            seen = min(seen + 1, self._memory)
            self._usual[key] = (seen, usual + (value - usual) / seen)
        self._closed[start_ms] = self._now
        while len(self._closed) > KEPT_BUCKETS:
            del self._closed[min(self._closed)]

    def mend(self, until_ms: int) -> None:
        """Forget what is from `until_ms` on; see `Engine.mend`."""
        self._open = {start: parts for start, parts in self._open.items() if start < until_ms}
        self._closed = {start: now for start, now in self._closed.items() if start < until_ms}

    def relative(self, series: SeriesKey) -> float:
        """The exposure of a series in the bucket that was closed last, relative to its usual; 1.0 where that is not
        known.

        From `LEAST` to `MOST`.
        """
        return bounded(self._now.get(self._key(series), 1.0))

    def over(self, series: SeriesKey, starts: list[int]) -> list[float]:
        """The same for earlier buckets that are kept, without bounds; 1.0 where it is not known."""
        key = self._key(series)
        return [self._closed.get(start, {}).get(key, 1.0) for start in starts]

    def usual(self, series: SeriesKey) -> float | None:
        """The mean exposure of a bucket; None before there are enough."""
        seen, usual = self._usual.get(self._key(series), (0, 0.0))
        return usual if seen >= READY else None

    def _key(self, series: SeriesKey) -> SeriesKey:
        return tuple([series[place] for place in self._places])

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values."""
        parts = [part for parts in self._open.values() for part in parts.values()]
        return {
            "open": [[part.start_ms, part.topic, part.partition, part.chunk, part.rows] for part in parts],
            "usual": [[*key, seen, usual] for key, (seen, usual) in sorted(self._usual.items())],
            "closed": [[start, [[*key, each] for key, each in now.items()]] for start, now in self._closed.items()],
            "now": [[*key, each] for key, each in self._now.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        monitor = self._monitor
        for start, topic, partition, chunk, rows in state["open"]:
            cut = tuple((tuple(key), value, exposure, sketch) for key, value, exposure, sketch in rows)
            place = (monitor.group_name, topic, partition, monitor.name, monitor.sums_hash)
            self.take(Partial(*place, start, chunk, cut, "exposure"))
        self._usual = {tuple(key): (seen, usual) for *key, seen, usual in state["usual"]}
        self._closed = {start: {tuple(key): each for *key, each in now} for start, now in state["closed"]}
        self._now = {tuple(key): each for *key, each in state["now"]}
