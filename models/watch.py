"""One monitor at work: open buckets by source partition, its series, and how far it has judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livewarden.times import DAY_MS
from models.alert import Alert
from models.decision import State
from models.distinct import count_distinct
from models.exposure import Exposures
from models.monitor import Monitor
from models.partial import Partial, Row
from models.plan import SeriesKey
from models.series import Point, Series

FORGET_DAYS = 14
"""A series without an event for this many days (or 60 buckets, if longer) is dropped; it may come back."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One judged bucket of one series, as it is stored."""

    monitor: str
    config_hash: str
    series: Mapping[str, str]
    window_start_ms: int
    window_end_ms: int
    observed: float
    expected: float
    score: float
    state: State


class Watch:
    """Merges what the source partitions say of a monitor's buckets, and judges every series of a complete one.

    In a bucket in which the source was alive, a known series without an event is a zero; a bucket of which nothing came is
    not judged, and what comes right after it may be what piled up.
    """

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.open: dict[int, dict[int, dict[int, tuple[Row, ...]]]] = {}
        self.series: dict[SeriesKey, Series] = {}
        self.judged_until: int | None = None
        self.buckets = 0
        self.gap: Alert | None = None
        self.exposure = Exposures(monitor) if monitor.exposure else None
        self.foreign: set[int] = set()
        self._dirty: set[SeriesKey] = set()

    def take(self, partial: Partial) -> None:
        """Keep a partial; the same one again replaces itself."""
        if partial.config_hash != self.monitor.config_hash:
            self.foreign.add(partial.start_ms)
            return
        self.open.setdefault(partial.start_ms, {}).setdefault(partial.partition, {})[partial.chunk] = partial.rows

    def due(self, watermark_ms: int) -> list[int]:
        """The starts of the buckets that are complete, in order."""
        return sorted(start for start in self.open if start + self.monitor.bucket <= watermark_ms)

    def gaps(self, watermark_ms: int, heard_until: int) -> Iterator[tuple[int, int]]:
        """Where silence has lasted long enough to be told: (start, moment of telling). None after a source that ended."""
        if self.monitor.detector != "silence":
            return
        size, since = self.monitor.bucket, self.judged_until
        patience = self.monitor.gap_after * size
        for start in self.due(watermark_ms):
            if since is not None and start - since >= patience:
                yield since, since + patience
            since = start + size
        if since is not None and heard_until - since >= patience:
            yield since, since + patience

    def judge(self, start: int, judged: list[Judged]) -> list[Alert]:
        """Judge the complete bucket that starts there; appends to `judged` what is worth storing."""
        monitor = self.monitor
        merged = self._merged(start)
        silent = self.judged_until is not None and start > self.judged_until
        self.judged_until = start + monitor.bucket
        alerts: list[Alert] = []
        if self.gap is not None:
            alerts.append(self.gap.resolved(start))
            self.gap = None
        foreign, self.foreign = self.foreign, {other for other in self.foreign if other > start}
        if monitor.detector == "silence" or start in foreign:
            return alerts
        for key in merged.keys() - self.series.keys():
            series = self.series[key] = Series(monitor, key)
            series.detector.learn_quiet(self.buckets)
        if silent:
            for series in self.series.values():
                series.after_gap()
        self.buckets += 1
        forget_before = start - max(FORGET_DAYS * DAY_MS, 60 * monitor.bucket)
        for key in sorted(self.series):
            series = self.series[key]
            self._dirty.add(key)
            if key in merged:
                series.last_seen_ms = start
            elif series.last_seen_ms < forget_before and not series.decision.firing:
                del self.series[key]
                continue
            observed, subjects = self._measure(*merged.get(key, (0, 0, [])))
            if observed is None:
                continue
            state, judgement, told = series.judge(start, observed, subjects)
            alerts += told
            if observed or state in ("odd", "firing") or judgement.expected >= 0.05:
                expected, score = round(judgement.expected, 4), round(judgement.score, 3)
                judged.append(
                    Judged(
                        monitor.name,
                        monitor.config_hash,
                        series.labels,
                        start,
                        start + monitor.bucket,
                        observed,
                        expected,
                        score,
                        state,
                    )
                )
        return alerts

    def loosen(self, touches: Callable[[Mapping[str, str]], bool]) -> None:
        """The platform changed what these series count: their level is to be learned anew, faster."""
        for series in self.series.values():
            if touches(series.labels):
                self._dirty.add(tuple(series.labels.values()))

    def known(self) -> list[SeriesKey]:
        """The series that are judged now."""
        return list(self.series)

    def points(self, labels: Mapping[str, str]) -> list[Point]:
        """The last judged buckets of a series."""
        series = self.series.get(tuple(labels[name] for name in self.monitor.group_by))
        return list(series.points) if series else []

    def _merged(self, start: int) -> dict[SeriesKey, tuple[int, int, list[str]]]:
        """The bucket's exact sums over all source partitions."""
        total: dict[SeriesKey, tuple[int, int, list[str]]] = {}
        for _, chunks in sorted(self.open.pop(start).items()):
            for _, rows in sorted(chunks.items()):
                for key, value, exposure, sketch in rows:
                    old = total.get(key, (0, 0, []))
                    total[key] = (old[0] + value, old[1] + exposure, [*old[2], sketch] if sketch else old[2])
        return total

    def _measure(self, value: int, exposure: int, sketches: list[str]) -> tuple[float | None, int | None]:
        subjects = count_distinct(sketches) if sketches else None
        kind = self.monitor.measured[0]
        if kind == "distinct":
            return float(subjects or 0), subjects
        if kind == "ratio":
            return (value / exposure if exposure >= max(1.0, self.monitor.min_volume) else None), subjects
        return float(value), subjects

    def snapshot(self) -> dict[str, Any]:
        """All state but the series, as plain JSON values."""
        return {
            "config": self.monitor.config_hash,
            "until": self.judged_until,
            "buckets": self.buckets,
            "gap": asdict(self.gap) if self.gap else None,
            "foreign": sorted(self.foreign),
            "open": [
                [start, partition, chunk, rows]
                for start, parts in self.open.items()
                for partition, chunks in parts.items()
                for chunk, rows in chunks.items()
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        self.judged_until, self.buckets = state["until"], state["buckets"]
        self.gap = Alert(**state["gap"]) if state["gap"] else None
        self.foreign = set(state["foreign"])
        for start, partition, chunk, rows in state["open"]:
            cut = tuple((tuple(key), value, exposure, sketch) for key, value, exposure, sketch in rows)
            self.open.setdefault(start, {}).setdefault(partition, {})[chunk] = cut

    def entries(self, *, full: bool) -> Iterator[tuple[SeriesKey, str]]:
        """Series as JSON: all where `full`, else those judged since the last call; "null" for one that was forgotten."""
        keys = set(self.series) if full else self._dirty
        self._dirty = set()
        for key in sorted(keys):
            series = self.series.get(key)
            yield key, json.dumps(series.snapshot() if series else None, separators=(",", ":"))

    def restore_entry(self, key: SeriesKey, blob: str) -> None:
        """Take a series back."""
        state = json.loads(blob)
        if state is not None:
            self.series[key] = Series(self.monitor, key)
            self.series[key].restore(state)
