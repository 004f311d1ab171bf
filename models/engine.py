"""The detect stage: merges partials, judges complete buckets in event time, and files what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from models.alert import Alert, gap_alert
from models.case import Casebook
from models.decision import State
from models.distinct import count_distinct
from models.monitor import Monitor
from models.partial import Message, Partial, Row, Seal
from models.plan import Plan, SeriesKey
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


@dataclass(slots=True)
class Findings:
    """What the engine has to say; cases as JSON-ready dictionaries."""

    judged: list[Judged] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)


class _Watch:
    """One monitor at work: its open buckets by source partition, its series, and how far it has judged."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.open: dict[int, dict[int, dict[int, tuple[Row, ...]]]] = {}
        self.series: dict[SeriesKey, Series] = {}
        self.judged_until: int | None = None
        self.buckets = 0
        self.gap: Alert | None = None
        self.foreign: set[int] = set()

    def take(self, partial: Partial) -> None:
        """Keep a partial; the same one again replaces itself."""
        self.open.setdefault(partial.start_ms, {}).setdefault(partial.partition, {})[partial.chunk] = partial.rows

    def merged(self, start: int) -> dict[SeriesKey, tuple[int, int, list[str]]]:
        """The bucket's exact sums over all source partitions."""
        total: dict[SeriesKey, tuple[int, int, list[str]]] = {}
        for _, chunks in sorted(self.open.pop(start).items()):
            for _, rows in sorted(chunks.items()):
                for key, value, exposure, sketch in rows:
                    old = total.get(key)
                    if old is None:
                        total[key] = (value, exposure, [sketch] if sketch else [])
                    else:
                        total[key] = (old[0] + value, old[1] + exposure, old[2] + [sketch] if sketch else old[2])
        return total


class Engine:
    """Judges the monitors of one group. Pure: what it says depends on the partials and seals alone.

    A bucket is judged once every source partition has sealed it, whatever order that takes; buckets are judged in order of
    their end, then monitor, then series. In a bucket in which the source was alive, a known series without an event is a
    zero; a bucket in which nothing at all came is a gap, and is not judged. Repeated partials change nothing; those of a
    bucket already judged are counted in `repeated` and dropped. A bucket of which a worker with another configuration of the
    monitor counted a part is not judged: half of it would look like a fall.
    """

    def __init__(self, plan: Plan, group: str, run: str = "live") -> None:
        self.group = group
        self._run = run
        self._monitors = {monitor.name: monitor for monitor in plan.in_group(group)}
        self._watches = {name: _Watch(monitor) for name, monitor in sorted(self._monitors.items())}
        self._seals: dict[int, Seal] = {}
        self._ended_ms: dict[int, int] = {}
        self._cases = Casebook(group, self._monitors, self._points)
        self._dirty: set[tuple[str, SeriesKey]] = set()
        self.watermark_ms: int | None = None
        self.repeated = 0

    def apply(self, message: Message, findings: Findings) -> None:
        """Take one partial or seal; what follows from it is appended to `findings`."""
        if isinstance(message, Seal):
            old = self._seals.get(message.partition)
            if old is None or (message.watermark_ms, message.ended) != (old.watermark_ms, old.ended):
                if old is not None and message.watermark_ms < old.watermark_ms:
                    return
                self._seals[message.partition] = message
                if message.ended:
                    self._ended_ms.setdefault(message.partition, message.watermark_ms)
                else:
                    self._ended_ms.pop(message.partition, None)
                if len(self._seals) >= message.of:
                    self._advance(min(seal.watermark_ms for seal in self._seals.values()), findings)
            return
        watch = self._watches.get(message.monitor)
        if watch is None:
            return
        sealed = self._seals.get(message.partition)
        if sealed is not None and message.start_ms + watch.monitor.bucket <= sealed.watermark_ms:
            self.repeated += 1
        elif watch.monitor.config_hash != message.config_hash:
            watch.foreign.add(message.start_ms)
        else:
            watch.take(message)

    @property
    def open_buckets(self) -> int:
        """How many buckets wait for a seal."""
        return sum(len(watch.open) for watch in self._watches.values())

    def _advance(self, watermark_ms: int, findings: Findings) -> None:
        if self.watermark_ms is not None and watermark_ms <= self.watermark_ms:
            return
        self.watermark_ms = watermark_ms
        heard_until = watermark_ms
        if len(self._ended_ms) == len(self._seals):
            heard_until = min(watermark_ms, max(self._ended_ms.values()))
        due: list[tuple[int, str, int, bool]] = []
        for name, watch in self._watches.items():
            due += [
                (start + watch.monitor.bucket, name, start, True)
                for start in watch.open
                if start + watch.monitor.bucket <= watermark_ms
            ]
            due += [(end, name, start, False) for start, end in self._gaps(watch, watermark_ms, heard_until)]
        end = None
        for until, name, start, alive in sorted(due):
            if until != end:
                self._file(findings)
                self._cases.expire(until)
            end = until
            watch = self._watches[name]
            if alive:
                self._judge(watch, start, findings)
            elif watch.gap is None:
                watch.gap = gap_alert(watch.monitor, start, until)
                findings.alerts.append(self._cases.take(watch.gap))
            watch.foreign = {start for start in watch.foreign if start + watch.monitor.bucket > until}
        self._file(findings)
        self._cases.expire(watermark_ms)

    def _gaps(self, watch: _Watch, watermark_ms: int, heard_until: int) -> Iterator[tuple[int, int]]:
        """Where silence has lasted long enough to be told: (start, moment of telling). None after a source that ended."""
        if watch.monitor.detector != "silence":
            return
        size, since = watch.monitor.bucket, watch.judged_until
        patience = watch.monitor.gap_after * size
        for start in sorted(start for start in watch.open if start + size <= watermark_ms):
            if since is not None and start - since >= patience:
                yield since, since + patience
            since = start + size
        if since is not None and heard_until - since >= patience:
            yield since, since + patience

    def _judge(self, watch: _Watch, start: int, findings: Findings) -> None:
        monitor = watch.monitor
        merged = watch.merged(start)
        silent = watch.judged_until is not None and start > watch.judged_until
        watch.judged_until = start + monitor.bucket
        if watch.gap is not None:
            findings.alerts.append(self._cases.take(watch.gap.resolved(start)))
            watch.gap = None
        if monitor.detector == "silence" or start in watch.foreign:
            return
        for key in merged.keys() - watch.series.keys():
            series = watch.series[key] = Series(monitor, key)
            series.detector.learn_quiet(watch.buckets)
        if silent:
            for series in watch.series.values():
                series.after_gap()
        watch.buckets += 1
        forget_before = start - max(FORGET_DAYS * 86_400_000, 60 * monitor.bucket)
        for key in sorted(watch.series):
            series = watch.series[key]
            value, exposure, sketches = merged.get(key, (0, 0, []))
            if key in merged:
                series.last_seen_ms = start
            elif series.last_seen_ms < forget_before and not series.decision.firing:
                del watch.series[key]
                self._dirty.add((monitor.name, key))
                continue
            self._dirty.add((monitor.name, key))
            observed, subjects = self._measure(monitor, value, exposure, sketches)
            if observed is None:
                continue
            state, judgement, alerts = series.judge(start, observed, subjects)
            findings.alerts += [self._cases.take(alert) for alert in alerts]
            if observed or state in ("odd", "firing") or judgement.expected >= 0.05:
                findings.judged.append(
                    Judged(
                        monitor.name,
                        monitor.config_hash,
                        series.labels,
                        start,
                        start + monitor.bucket,
                        observed,
                        round(judgement.expected, 4),
                        round(judgement.score, 3),
                        state,
                    )
                )

    @staticmethod
    def _measure(monitor: Monitor, value: int, exposure: int, sketches: list[str]) -> tuple[float | None, int | None]:
        subjects = count_distinct(sketches) if sketches else None
        kind = monitor.measured[0]
        if kind == "distinct":
            return float(subjects or 0), subjects
        if kind == "ratio":
            return (value / exposure if exposure >= max(1.0, monitor.min_volume) else None), subjects
        return float(value), subjects

    def _file(self, findings: Findings) -> None:
        findings.cases += [candidate.to_json(self._run, self._monitors) for candidate in self._cases.changed()]

    def _points(self, monitor: str, labels: Mapping[str, str]) -> list[Point]:
        watch = self._watches[monitor]
        series = watch.series.get(tuple(labels[name] for name in watch.monitor.group_by))
        return list(series.points) if series else []

    def snapshot(self, *, full: bool) -> tuple[dict[str, Any], dict[str, str]]:
        """Header and entries (JSON by series): all of them where `full`, else those judged since the last snapshot.

        A series that was forgotten is an entry "null".
        """
        header = {
            "watermark": self.watermark_ms,
            "repeated": self.repeated,
            "seals": [[s.partition, s.of, s.watermark_ms, s.ended, s.topic] for s in self._seals.values()],
            "ended": list(self._ended_ms.items()),
            "cases": self._cases.snapshot(),
            "watches": {
                name: {
                    "config": watch.monitor.config_hash,
                    "until": watch.judged_until,
                    "buckets": watch.buckets,
                    "gap": _alert_state(watch.gap),
                    "foreign": sorted(watch.foreign),
                    "open": [
                        [start, partition, chunk, rows]
                        for start, parts in watch.open.items()
                        for partition, chunks in parts.items()
                        for chunk, rows in chunks.items()
                    ],
                }
                for name, watch in self._watches.items()
            },
        }
        keys = {(name, key) for name, watch in self._watches.items() for key in watch.series} if full else self._dirty
        entries = {}
        for name, key in sorted(keys):
            series = self._watches[name].series.get(key)
            entries[json.dumps([name, *key])] = json.dumps(series.snapshot() if series else None, separators=(",", ":"))
        self._dirty = set()
        return header, entries

    def restore(self, header: dict[str, Any], entries: Mapping[str, str]) -> None:
        """Go on from `snapshot`. A monitor whose configuration changed begins anew."""
        self.watermark_ms = header["watermark"]
        self.repeated = header["repeated"]
        for partition, of, mark, ended, topic in header["seals"]:
            self._seals[partition] = Seal(self.group, topic, partition, of, mark, ended)
        self._ended_ms = dict(header["ended"])
        kept = set()
        for name, state in header["watches"].items():
            watch = self._watches.get(name)
            if watch is None or watch.monitor.config_hash != state["config"]:
                continue
            kept.add(name)
            watch.judged_until, watch.buckets = state["until"], state["buckets"]
            watch.gap = Alert(**state["gap"]) if state["gap"] else None
            watch.foreign = set(state["foreign"])
            for start, partition, chunk, rows in state["open"]:
                cut = tuple((tuple(key), value, exposure, sketch) for key, value, exposure, sketch in rows)
                watch.open.setdefault(start, {}).setdefault(partition, {})[chunk] = cut
        if kept >= header["watches"].keys():
            self._cases.restore(header["cases"])
        for entry, blob in entries.items():
            name, *key = json.loads(entry)
            state = json.loads(blob)
            if name in kept and state is not None:
                series = Series(self._watches[name].monitor, tuple(key))
                series.restore(state)
                self._watches[name].series[tuple(key)] = series


def _alert_state(alert: Alert | None) -> dict[str, Any] | None:
    return asdict(alert) if alert else None
