"""Case candidates: alerts that belong together, with the evidence a case worker needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from livewarden.alert import Alert
from livewarden.ids import stable_id
from livewarden.times import MINUTE_MS, format_ms, shared_format_ms
from livewarden.wording import size_in_words, slice_in_words
from models.decide.case_index import CaseIndex
from models.detect.series_index import Point
from models.monitors.monitor import RANK, Monitor

JOIN_BUCKETS = 3
"""An alert joins a candidate whose last alert is at most this many of its own buckets old …"""
JOIN_MS = 15 * MINUTE_MS
"""… or this long, whichever is more."""
MOST_POINTS = 240
MOST_EVIDENCE = 200
"""Alerts of a candidate whose evidence is kept with it, and series; of a storm the first so many. All their ids are."""

PointsOf = Callable[[str, Mapping[str, str]], Sequence[Point]]


def reach_ms(bucket_ms: int) -> int:
    """How long after another one an alert of a monitor may begin to belong to it.

    >>> reach_ms(MINUTE_MS) == JOIN_MS, reach_ms(60 * MINUTE_MS) == 3 * 60 * MINUTE_MS
    (True, True)
    """
    return max(JOIN_MS, JOIN_BUCKETS * bucket_ms)


@dataclass(slots=True)
class CaseCandidate:
    """Alerts of one group that overlap in time and share a slice, as one thing to look at.

    The id is that of its first alert, so every replay finds the same one. `ended_at_ms` is set while all its alerts are
    resolved. Whether it becomes a case is decided by people.
    """

    case_id: str
    group: str
    kind: str
    started_at_ms: int
    last_ms: int
    version: int = 0
    alerts: dict[str, Alert] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    ended_at_ms: int | None = None

    def title(self, monitors: Mapping[str, Monitor]) -> str:
        """One line: what, where, how big."""
        worst = max(
            self.alerts.values(), key=lambda alert: (abs((alert.observed or 0) - (alert.expected or 0)), alert.alert_id)
        )
        what = monitors[worst.monitor].title or worst.monitor
        return f"{what} · {slice_in_words(worst)}: {size_in_words(worst)}"

    def as_dict(self) -> dict[str, Any]:
        """Its fields as plain JSON values."""
        found = {name: getattr(self, name) for name in _NAMES}
        alerts = {name: alert.as_dict() for name, alert in self.alerts.items()}
        return found | {"alerts": alerts, "points": dict(self.points)}

    def to_json(self, run: str, monitors: Mapping[str, Monitor]) -> dict[str, Any]:
        """The candidate as one JSON object, evidence included; `left_out`:
        alerts that are more than evidence is kept of.
        """
        alerts = sorted(self.alerts.values(), key=lambda alert: (alert.window_start_ms, alert.monitor, alert.alert_id))
        names = sorted({alert.monitor for alert in alerts})
        slices = [dict(items) for items in sorted({tuple(sorted(alert.series.items())) for alert in alerts})]
        return {
            "run": run,
            "case_id": self.case_id,
            "version": self.version,
            "title": self.title(monitors),
            "status": "candidate",
            "grouping": self.group,
            "kind": self.kind,
            "started_at": format_ms(self.started_at_ms),
            "ended_at": None if self.ended_at_ms is None else format_ms(self.ended_at_ms),
            "alert_ids": [alert.alert_id for alert in alerts],
            "monitors": names,
            "series": slices,
            "severity": max((alert.severity for alert in alerts), key=RANK.__getitem__),
            "evidence": {
                "left_out": max(0, len(alerts) - MOST_EVIDENCE),
                "alerts": [alert.to_json(run) for alert in alerts[:MOST_EVIDENCE]],
                "series": [
                    {"points": [[shared_format_ms(start), *rest] for start, *rest in points]} | _series_of(name)
                    for name, points in sorted(self.points.items())
                ],
                "events": [_selection(monitors[alert.monitor], alert) for alert in alerts[:MOST_EVIDENCE]],
                "monitors": {name: monitors[name].model_dump(mode="json") for name in names},
            },
        }


_NAMES: Final = tuple(each.name for each in fields(CaseCandidate))


class Casebook:
    """The open candidates of a group. Alerts come in time order; what they change comes back as new versions."""

    def __init__(self, group: str, monitors: Mapping[str, Monitor], points_of: PointsOf) -> None:
        self._group = group
        self._monitors = monitors
        self._points_of = points_of
        self._open: dict[str, CaseCandidate] = {}
        self._changed: dict[str, CaseCandidate] = {}
        self._index = CaseIndex()

    def take(self, alert: Alert) -> Alert:
        """File an alert; returns it with its case. A suppressed one stays out of every case."""
        if alert.suppressed_by is not None:
            return alert
        candidate = self._home(alert) or self._begin(alert)
        alert = replace(alert, case_id=candidate.case_id)
        before = candidate.alerts.get(alert.alert_id)
        candidate.alerts[alert.alert_id] = alert
        candidate.last_ms = max(candidate.last_ms, alert.window_end_ms)
        firing = self._index.join(candidate.case_id, alert, before, candidate.last_ms)
        if candidate.kind != alert.kind and alert.version == 1 and alert.kind != "REGIME_CHANGE":
            candidate.kind = "MIXED"
        self._gather(candidate, alert)
        ends = (each.ends_at_ms or each.window_end_ms for each in candidate.alerts.values())
        candidate.ended_at_ms = None if firing else max(ends)
        self._changed[candidate.case_id] = candidate
        return alert

    def changed(self) -> list[CaseCandidate]:
        """The candidates that changed since the last call, each as its next version."""
        changed = [self._changed[case_id] for case_id in sorted(self._changed)]
        self._changed = {}
        for candidate in changed:
            candidate.version += 1
        return changed

    def expire(self, now_ms: int) -> None:
        """Let go of candidates that ended long enough ago that nothing can join them."""
        for case_id, candidate in list(self._open.items()):
            if candidate.ended_at_ms is not None and now_ms - candidate.last_ms > self._reach(candidate):
                del self._open[case_id]
                self._index.drop(case_id)

    def _reach(self, candidate: CaseCandidate) -> int:
        return reach_ms(max(self._monitors[alert.monitor].bucket for alert in candidate.alerts.values()))

    def _home(self, alert: Alert) -> CaseCandidate | None:
        found = self._index.case_of_episode(alert.episode_id, alert.alert_id)
        if found is None:
            reach = reach_ms(self._monitors[alert.monitor].bucket)
            found = self._index.case_beside(alert, alert.window_start_ms - reach)
        return None if found is None else self._open[found]

    def _begin(self, alert: Alert) -> CaseCandidate:
        case_id = stable_id("case", alert.alert_id)
        candidate = CaseCandidate(case_id, self._group, alert.kind, alert.window_start_ms, alert.window_end_ms)
        self._open[case_id] = candidate
        self._index.begin(case_id, candidate.last_ms)
        return candidate

    def _gather(self, candidate: CaseCandidate, alert: Alert) -> None:
        if alert.direction == "MISSING":
            return
        name = _series_name(alert)
        if name not in candidate.points and len(candidate.points) >= MOST_EVIDENCE:
            return
        known = {point[0]: point for point in candidate.points.get(name, [])}
        known.update({point[0]: point for point in self._points_of(alert.monitor, alert.series)})
        candidate.points[name] = [known[start] for start in sorted(known)][:MOST_POINTS]

    def mend(self, until_ms: int) -> None:
        """Let go of candidates that began later; see `Engine.mend`."""
        self._open = {name: each for name, each in self._open.items() if each.started_at_ms < until_ms}
        for each in self._open.values():
            each.last_ms = min(each.last_ms, until_ms)
        self._number()

    def snapshot(self) -> list[dict[str, Any]]:
        """All open candidates as plain JSON values."""
        return [candidate.as_dict() for candidate in self._open.values()]

    def restore(self, state: list[dict[str, Any]], monitors: Container[str]) -> None:
        """Go on from `snapshot`, with those candidates whose alerts are all of `monitors`."""
        for kept in state:
            if not all(alert["monitor"] in monitors for alert in kept["alerts"].values()):
                continue
            candidate = CaseCandidate(**kept)
            candidate.alerts = {name: Alert(**alert) for name, alert in kept["alerts"].items()}
            candidate.points = {
                name: [(start, observed, expected, score) for start, observed, expected, score in points]
                for name, points in kept["points"].items()
            }
            self._open[candidate.case_id] = candidate
        self._number()

    def _number(self) -> None:
        """Make the index anew."""
        self._index = CaseIndex()
        for candidate in self._open.values():
            self._index.begin(candidate.case_id, candidate.last_ms)
            for alert in candidate.alerts.values():
                self._index.join(candidate.case_id, alert, None, candidate.last_ms)


def _series_name(alert: Alert) -> str:
    return json.dumps([alert.monitor, dict(sorted(alert.series.items()))])


def _series_of(name: str) -> dict[str, Any]:
    monitor, series = json.loads(name)
    return {"monitor": monitor, "series": series}


def _selection(monitor: Monitor, alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "type": monitor.event,
        "precision": monitor.precision,
        "where": monitor.where,
        "series": dict(alert.series),
        "from": shared_format_ms(alert.window_start_ms - (alert.scan_buckets - 1) * monitor.bucket),
        "to": shared_format_ms(alert.window_end_ms),
        "counted": alert.scan_observed if alert.scan_buckets > 1 else alert.observed,
        "subjects": alert.subjects,
    }
