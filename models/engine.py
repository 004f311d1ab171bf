"""The detect stage: merges partials, judges complete buckets in event time, and files what comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.alert import Alert, gap_alert
from models.case import Casebook
from models.partial import Message, Partial, Seal
from models.plan import Plan, SeriesKey
from models.series import Point
from models.watch import Judged, Watch


@dataclass(slots=True)
class Findings:
    """What the engine has to say; cases as JSON-ready dictionaries."""

    judged: list[Judged] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)


class Engine:
    """Judges the monitors of one group. Pure: what it says depends on the partials and seals alone.

    A bucket is judged once every source partition has sealed it, whatever order that takes; buckets are judged in order of
    their end, then monitor, then series. A bucket in which nothing at all came is a gap, and is not judged. Repeated partials
    change nothing; those of a bucket already judged are counted in `repeated` and dropped. A bucket of which a worker with
    another configuration of the monitor counted a part is not judged: half of it would look like a fall.
    """

    def __init__(self, plan: Plan, group: str, run: str = "live") -> None:
        self.group = group
        self._run = run
        self._monitors = {monitor.name: monitor for monitor in plan.in_group(group)}
        self._watches = {name: Watch(monitor) for name, monitor in sorted(self._monitors.items())}
        self._seals: dict[int, Seal] = {}
        self._ended_ms: dict[int, int] = {}
        self._cases = Casebook(group, self._monitors, self._points)
        self.watermark_ms: int | None = None
        self.repeated = 0

    def apply(self, message: Message, findings: Findings) -> None:
        """Take one partial or seal; what follows from it is appended to `findings`."""
        if isinstance(message, Seal):
            self._seal(message, findings)
        elif message.monitor in self._watches:
            self._take(self._watches[message.monitor], message)

    @property
    def open_buckets(self) -> int:
        """How many buckets wait for a seal."""
        return sum(len(watch.open) for watch in self._watches.values())

    def _take(self, watch: Watch, partial: Partial) -> None:
        sealed = self._seals.get(partial.partition)
        if sealed is not None and partial.start_ms + watch.monitor.bucket <= sealed.watermark_ms:
            self.repeated += 1
        else:
            watch.take(partial)

    def _seal(self, seal: Seal, findings: Findings) -> None:
        old = self._seals.get(seal.partition)
        if old is not None and (seal.watermark_ms < old.watermark_ms or seal == old):
            return
        self._seals[seal.partition] = seal
        if seal.ended:
            self._ended_ms.setdefault(seal.partition, seal.watermark_ms)
        else:
            self._ended_ms.pop(seal.partition, None)
        if len(self._seals) >= seal.of:
            self._advance(min(seal.watermark_ms for seal in self._seals.values()), findings)

    def _advance(self, watermark_ms: int, findings: Findings) -> None:
        if self.watermark_ms is not None and watermark_ms <= self.watermark_ms:
            return
        self.watermark_ms = watermark_ms
        heard_until = watermark_ms
        if len(self._ended_ms) == len(self._seals):
            heard_until = min(watermark_ms, max(self._ended_ms.values()))
        due: list[tuple[int, str, int, bool]] = []
        for name, watch in self._watches.items():
            due += [(start + watch.monitor.bucket, name, start, True) for start in watch.due(watermark_ms)]
            due += [(end, name, start, False) for start, end in watch.gaps(watermark_ms, heard_until)]
        end = None
        for until, name, start, alive in sorted(due):
            if until != end:
                self._file(findings)
                self._cases.expire(until)
            end = until
            watch = self._watches[name]
            alerts: list[Alert] = []
            if alive:
                alerts = watch.judge(start, findings.judged)
            elif watch.gap is None:
                watch.gap = gap_alert(watch.monitor, start, until)
                alerts = [watch.gap]
            findings.alerts += map(self._cases.take, alerts)
        self._file(findings)
        self._cases.expire(watermark_ms)

    def _file(self, findings: Findings) -> None:
        findings.cases += [candidate.to_json(self._run, self._monitors) for candidate in self._cases.changed()]

    def _points(self, monitor: str, labels: Mapping[str, str]) -> list[Point]:
        return self._watches[monitor].points(labels)

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
            "watches": {name: watch.snapshot() for name, watch in self._watches.items()},
        }
        entries = {
            json.dumps([name, *key]): blob
            for name, watch in self._watches.items()
            for key, blob in watch.entries(full=full)
        }
        return header, entries

    def restore(self, header: dict[str, Any], entries: Mapping[str, str]) -> None:
        """Go on from `snapshot`. A monitor whose configuration changed begins anew, and the open candidates with it."""
        self.watermark_ms = header["watermark"]
        self.repeated = header["repeated"]
        for partition, of, mark, ended, topic in header["seals"]:
            self._seals[partition] = Seal(self.group, topic, partition, of, mark, ended)
        self._ended_ms = dict(header["ended"])
        states = header["watches"]
        kept = {
            name: watch
            for name, watch in self._watches.items()
            if name in states and states[name]["config"] == watch.monitor.config_hash
        }
        for name, watch in kept.items():
            watch.restore(states[name])
        if kept.keys() >= states.keys():
            self._cases.restore(header["cases"])
        series: dict[str, list[tuple[SeriesKey, str]]] = {}
        for entry, blob in entries.items():
            name, *key = json.loads(entry)
            series.setdefault(name, []).append((tuple(key), blob))
        for name, watch in kept.items():
            watch.restore_entries(series.get(name, ()))
