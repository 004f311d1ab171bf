"""Leaves: the sums of a monitor's last buckets at the grain at which an alert is explained."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from models.aggregate.partial import Partial
from models.monitors.monitor import Monitor
from models.monitors.plan import SeriesKey

Sums = tuple[int, int]
"""Value, exposure."""
LeafRow = tuple[tuple[str, ...], int, int]
"""The values of `leaf_dims`, value, exposure."""

REST: Final = "…"
"""Stands for all values of a dimension that were too small to be kept by name; no slice is named after it."""
KEPT_BUCKETS: Final = 150
"""Buckets that are kept: a scan of an hour of minutes, and as much again before it."""
MOST_ROWS: Final = 120_000
"""Leaves of all kept buckets of a monitor; older buckets leave earlier where there are more."""
MOST_A_BUCKET: Final = 2_000
"""Leaves of one bucket; what is smaller counts under `REST`."""
NAMED_VALUES: Final = 500
"""Values of one dimension in a bucket that are kept by name, the largest; the others count under `REST`."""


def fold(rows: Mapping[SeriesKey, Sums], width: int, most: int = MOST_A_BUCKET) -> dict[SeriesKey, Sums]:
    """At most about `most` leaves with the same sum: the last `width` values of a small one become `REST`.

    First the values of a wide dimension that are not among its largest, then the smallest leaves as a whole. A leaf's
    size is its exposure where there is one, else its value; of equals the first by name is kept. Every series keeps its
    sum, so with more series than `most` there are more rows.

    >>> fold({("DE", "a"): (9, 0), ("DE", "b"): (1, 0), ("DE", "c"): (2, 0)}, width=1, most=2)
    {('DE', 'a'): (9, 0), ('DE', '…'): (3, 0)}
    """
    if len(rows) <= most:
        return dict(rows)
    head = len(next(iter(rows))) - width
    for place in range(head, head + width):
        sizes: dict[str, int] = {}
        for key, sums in rows.items():
            sizes[key[place]] = sizes.get(key[place], 0) + size_of(*sums)
        if len(sizes) > NAMED_VALUES:
            named = set(sorted(sizes, key=lambda value: (-sizes[value], value))[:NAMED_VALUES])
            rows = _merged(
                (key if key[place] in named else (*key[:place], REST, *key[place + 1 :]), sums)
                for key, sums in rows.items()
            )
    if len(rows) > most:
        kept = set(sorted(rows, key=lambda key: (-size_of(*rows[key]), key))[: most - 1])
        rest = (REST,) * width
        rows = _merged((key if key in kept else key[:head] + rest, sums) for key, sums in rows.items())
    return dict(rows)


def size_of(value: int, exposure: int) -> int:
    """How much of a bucket stands in a row: its exposure, or its value where it has none."""
    return exposure or abs(value)


def _merged(rows: Iterable[tuple[SeriesKey, Sums]]) -> dict[SeriesKey, Sums]:
    merged: dict[SeriesKey, Sums] = {}
    for key, (value, exposure) in rows:
        old = merged.get(key, (0, 0))
        merged[key] = (old[0] + value, old[1] + exposure)
    return merged


class Leaves:
    """What the source partitions say at leaf grain, merged bucket by bucket; the last buckets of a monitor.

    A bucket's leaves never change once it is closed: in a checkpoint it is an entry of its own, written once and once
    more, as "null", when it leaves.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._width = len(monitor.leaf_dims)
        self._open: dict[int, dict[tuple[int, int], Partial]] = {}
        self._closed: dict[int, dict[SeriesKey, list[LeafRow]]] = {}
        self._sizes: dict[int, int] = {}
        self._dirty: set[int] = set()

    def take(self, partial: Partial) -> None:
        """Keep a partial; the same one again replaces itself. One counted by other dimensions is left out."""
        if self._width and partial.sums_hash == self._monitor.leaf_hash:
            self._open.setdefault(partial.start_ms, {})[partial.partition, partial.chunk] = partial

    def close(self, start_ms: int) -> None:
        """The bucket that starts there is complete; whatever is older and still open is not wanted any more."""
        if not self._width:
            return
        parts = self._open.pop(start_ms, {})
        self._open = {start: rows for start, rows in self._open.items() if start > start_ms}
        rows = fold(_merged((row[0], row[1:3]) for _, part in sorted(parts.items()) for row in part.rows), self._width)
        series: dict[SeriesKey, list[LeafRow]] = {}
        for key, (value, exposure) in sorted(rows.items()):
            series.setdefault(key[: -self._width], []).append((key[-self._width :], value, exposure))
        self._closed[start_ms] = series
        self._sizes[start_ms] = len(rows)
        self._dirty.add(start_ms)
        total = sum(self._sizes.values())
        for start in sorted(self._closed):
            if len(self._closed) <= KEPT_BUCKETS and total <= MOST_ROWS:
                break
            total -= self._sizes.pop(start)
            del self._closed[start]
            self._dirty.add(start)

    def mend(self, until_ms: int) -> None:
        """Forget what is from `until_ms` on; see `Engine.mend`."""
        self._open = {start: parts for start, parts in self._open.items() if start < until_ms}
        self._closed = {start: rows for start, rows in self._closed.items() if start < until_ms}
        self._sizes = {start: size for start, size in self._sizes.items() if start < until_ms}

    def of(self, series: SeriesKey, since_ms: int, until_ms: int) -> dict[int, list[LeafRow]]:
        """The leaves of a series in the closed buckets that start in [since, until), by start;
        none in a bucket is an empty list.
        """
        return {
            start: self._closed[start].get(series, []) for start in sorted(self._closed) if since_ms <= start < until_ms
        }

    def snapshot(self) -> list[Any]:
        """The open buckets as plain JSON values."""
        return [[p.start_ms, p.topic, p.partition, p.chunk, p.rows] for ps in self._open.values() for p in ps.values()]

    def restore(self, state: list[Any]) -> None:
        """Go on from `snapshot`."""
        monitor = self._monitor
        for start, topic, partition, chunk, rows in state:
            cut = tuple((tuple(key), value, exposure, sketch) for key, value, exposure, sketch in rows)
            place = (monitor.group_name, topic, partition, monitor.name, monitor.leaf_hash)
            self.take(Partial(*place, start, chunk, cut, "leaves"))

    def entries(self, *, full: bool) -> Iterator[tuple[int, str]]:
        """Closed buckets as JSON by their start: all where `full`, else those closed or gone ("null") since the last
        call.
        """
        starts = set(self._closed) if full else self._dirty
        self._dirty = set()
        for start in sorted(starts):
            series = self._closed.get(start)
            rows = None
            if series is not None:
                rows = [
                    self._monitor.leaf_hash,
                    [[*key, *leaf, v, e] for key, ls in series.items() for leaf, v, e in ls],
                ]
            yield start, json.dumps(rows, separators=(",", ":"), ensure_ascii=False)

    @property
    def kept(self) -> int:
        """How many closed buckets there are."""
        return len(self._closed)

    def restore_entry(self, start_ms: int, blob: str) -> None:
        """Take a bucket back; one counted by other dimensions is left out."""
        state = json.loads(blob)
        if state is None or state[0] != self._monitor.leaf_hash:
            return
        series: dict[SeriesKey, list[LeafRow]] = {}
        for *key, value, exposure in state[1]:
            head, leaf = tuple(key[: -self._width]), tuple(key[-self._width :])
            series.setdefault(head, []).append((leaf, value, exposure))
        self._closed[start_ms] = series
        self._sizes[start_ms] = len(state[1])
