"""What a monitor counted, slice by slice, over the buckets around an alert: for those who look back at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from livewarden.event import Event
from livewarden.summed_slice import SummedSlice
from models.monitors.monitor import Monitor, field_type
from models.monitors.plan import CompiledMonitor, Plan, Reading

WHO: Final = ("market", "shop_id", "creator_id", "room_id", "subject_id")
"""Fields that say who or what was hit, where the events have them."""


@dataclass(slots=True)
class SliceSums:
    """Sums of one monitor's events in [from_ms, to_ms) by bucket: those of a series by each dimension that explains it,
    and those beside it by each dimension of the series. Exact integers; an event that comes twice counts once.
    """

    monitor: Monitor
    series: Mapping[str, str]
    from_ms: int
    to_ms: int
    window: tuple[int, int]
    who: dict[str, Counter[str]] = field(default_factory=dict)
    earliest_ms: int = 2**62
    _plan: Plan = field(init=False)
    _sums: dict[tuple[str, str, bool], dict[int, list[int]]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._plan = Plan([self.monitor])
        self.who = {name: Counter() for name in WHO if field_type(self.monitor.contract, name) is not None}

    def add(self, event: Event) -> None:
        """Count an event, where the monitor does and it is in the range."""
        self.earliest_ms = min(self.earliest_ms, event.time_ms)
        if not self.from_ms <= event.time_ms < self.to_ms:
            return
        for compiled in self._plan.questions(event.data):
            reading = None if compiled.exposure else compiled.read(event.data)
            if reading is not None and (event.source, event.id) not in self._seen:
                self._seen.add((event.source, event.id))
                self._count(event, compiled, reading)

    def _count(self, event: Event, compiled: CompiledMonitor, reading: Reading) -> None:
        key, value, exposure, _ = reading
        labels = dict(zip(self.monitor.group_by, key, strict=True))
        value = value or compiled.weighs(event.data)
        bucket = event.time_ms - event.time_ms % self.monitor.bucket
        other = [name for name, mine in labels.items() if self.series.get(name, mine) != mine]
        if not other:
            leaf = zip(self.monitor.leaf_dims, compiled.leaf(event.data), strict=False)
            for dimension, mine in leaf:
                self._put(dimension, mine, True, bucket, value, exposure)
            if self.window[0] <= event.time_ms < self.window[1]:
                for name, counter in self.who.items():
                    if (whose := getattr(event.data, name)) is not None:
                        counter[str(whose)] += value
        for dimension, mine in labels.items():
            if other in ([], [dimension]):
                self._put(dimension, mine, False, bucket, value, exposure)

    def _put(self, dimension: str, value: str, inside: bool, bucket: int, count: int, exposure: int) -> None:
        cells = self._sums.setdefault((dimension, value, inside), {})
        cell = cells.setdefault(bucket, [0, 0])
        cell[0] += count
        cell[1] += exposure

    def slices(self, most: int = 6) -> list[SummedSlice]:
        """Of each dimension the `most` values that are farthest from what is usual, the farthest first.

        A dimension of the series that has one value has nothing beside it, and is left out.
        """
        found: dict[tuple[str, bool], list[SummedSlice]] = {}
        for (dimension, value, inside), cells in sorted(self._sums.items()):
            found.setdefault((dimension, inside), []).append(self._slice(dimension, value, inside, cells))
        return [
            each
            for (_, inside), group in found.items()
            if inside or len(group) > 1
            for each in sorted(group, key=lambda one: (-abs(one.excess), one.value))[:most]
        ]

    def _slice(self, dimension: str, value: str, inside: bool, cells: Mapping[int, list[int]]) -> SummedSlice:
        size, (start, end) = self.monitor.bucket, self.window
        rate = self.monitor.measured[0] == "ratio"
        first = max(self.from_ms, self.earliest_ms)
        starts = range(first - first % size, self.to_ms, size)

        def of(bucket: int) -> float | None:
            count, exposure = cells.get(bucket, (0, 0))
            return (count / exposure if exposure else None) if rate else float(count)

        before = [known for bucket in starts if bucket + size <= start and (known := of(bucket)) is not None]
        inside_window = [bucket for bucket in starts if start <= bucket < end]
        if rate:
            counts, exposures = (sum(cells.get(bucket, (0, 0))[n] for bucket in inside_window) for n in (0, 1))
            now, times = (counts / exposures if exposures else 0.0), 1
        else:
            now, times = float(sum(cells.get(bucket, (0, 0))[0] for bucket in inside_window)), len(inside_window)
        points = [(bucket, of(bucket)) for bucket in starts]
        least, middle, most = (min(before), median(before), max(before)) if before else (0.0, 0.0, 0.0)
        return SummedSlice(dimension, value, inside, points, now, times, middle, least, most)
