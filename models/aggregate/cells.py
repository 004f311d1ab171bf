"""The sums of buckets that are still open, by monitor and series."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

from models.aggregate.columns import Share
from models.aggregate.distinct import Distinct
from models.aggregate.leaf import REST, Sums
from models.monitors.plan import CompiledMonitor, SeriesKey

MOST_LEAVES = 4_000
"""Leaves that one partition says of a bucket: above what is kept, so that the cut seldom depends on the partitions."""
MOST_OPEN_LEAVES = 5 * MOST_LEAVES
"""Leaves of one series in a bucket that is still open; further ones are counted together."""

BucketKey = tuple[str, int]
"""Monitor and start."""


class OpenCell:
    """One series in one open bucket."""

    __slots__ = ("distinct", "exposure", "leaves", "value")

    def __init__(self, value: int = 0, exposure: int = 0, sketch: str = "") -> None:
        self.value = value
        self.exposure = exposure
        self.distinct = Distinct(sketch) if sketch else None
        self.leaves: dict[SeriesKey, Sums] = {}

    def add_leaf(self, leaf: SeriesKey, value: int, exposure: int) -> None:
        """Count at the finest grain; what is beyond the most leaves goes to `REST`."""
        if leaf not in self.leaves and len(self.leaves) >= MOST_OPEN_LEAVES:
            leaf = (REST,) * len(leaf)
        old = self.leaves.get(leaf, (0, 0))
        self.leaves[leaf] = (old[0] + value, old[1] + exposure)

    def add_subject(self, subject: str) -> None:
        """Count a subject once."""
        if self.distinct is None:
            self.distinct = Distinct()
        self.distinct.add(subject)


class OpenBuckets:
    """Cells, and beside them what the counts are out of.

    What is beyond a monitor's most series, or a series' most leaves, is counted in one of them: which those are depends
    on which came first. So events are added one at a time where a limit is near, and in shares of a run elsewhere.
    """

    def __init__(self) -> None:
        self.cells: dict[BucketKey, dict[SeriesKey, OpenCell]] = {}
        self.exposure: dict[BucketKey, dict[SeriesKey, int]] = {}

    def add(self, asked: CompiledMonitor, data: Any, time_ms: int) -> None:
        """Count one event, where the monitor does."""
        reading = asked.read(data)
        if reading is None:
            return
        series, value, exposure, subject = reading
        bucket = (asked.monitor.name, time_ms - time_ms % asked.bucket_ms)
        most = asked.monitor.max_series
        if asked.exposure:
            self._expose(bucket, series, value, most)
            return
        cells = self.cells.get(bucket)
        if cells is None:
            cells = self.cells[bucket] = {}
        cell = cells.get(series)
        if cell is None and len(cells) >= most:
            series = (REST,) * len(series)
            cell = cells.get(series)
        if cell is None:
            cell = cells[series] = OpenCell()
        cell.value += value
        cell.exposure += exposure
        if asked.has_leaves:
            cell.add_leaf(asked.leaf(data), asked.weighs(data) or value, exposure)
        if subject is not None:
            cell.add_subject(subject)

    def add_share(self, asked: CompiledMonitor, share: Share) -> bool:
        """Count a monitor's share of a run; False, and nothing is counted, where a limit is near."""
        name, most = asked.monitor.name, asked.monitor.max_series
        held: Mapping[BucketKey, Sized] = self.exposure if asked.exposure else self.cells
        if any(len(held.get((name, start), ())) + number > most for start, number in share.starts.items()):
            return False
        if asked.exposure:
            for (start, series, _), value, _, _ in share.sums():
                self._expose((name, start), series, value, most)
            return True
        found = {start: self.cells.get((name, start), {}) for start in share.starts}
        leaves = list(share.sums(asked.leaves)) if asked.has_leaves else []
        held_leaves = (len(cell.leaves) for cells in found.values() for cell in cells.values()) if leaves else ()
        if len(leaves) + max(held_leaves, default=0) > MOST_OPEN_LEAVES:
            return False
        for start, cells in found.items():
            self.cells[name, start] = cells
        for (start, series, _), value, exposure, _ in share.sums():
            cells = found[start]
            cell = cells.get(series)
            if cell is None:
                cells[series] = OpenCell(value, exposure)
            else:
                cell.value += value
                cell.exposure += exposure
        self._add_leaves(asked, found, leaves)
        if asked.subject is not None:
            for (start, series, _), subject in share.subjects(asked.subject):
                if subject:
                    found[start][series].add_subject(subject)
        return True

    def _add_leaves(self, asked: CompiledMonitor, found: Any, leaves: Any) -> None:
        weighs = asked.kind == "distinct"
        for (start, series, leaf), value, exposure, weight in leaves:
            kept = found[start][series].leaves
            old = kept.get(leaf)
            added = weight if weighs else value
            kept[leaf] = (added, exposure) if old is None else (old[0] + added, old[1] + exposure)

    def _expose(self, bucket: BucketKey, series: SeriesKey, value: int, most: int) -> None:
        sums = self.exposure.setdefault(bucket, {})
        if series not in sums and len(sums) >= most:
            series = (REST,) * len(series)
        sums[series] = sums.get(series, 0) + value

    def forget(self, since_ms: int) -> None:
        """Drop the buckets that start there or later."""
        self.cells = {bucket: cells for bucket, cells in self.cells.items() if bucket[1] < since_ms}
        self.exposure = {bucket: sums for bucket, sums in self.exposure.items() if bucket[1] < since_ms}
