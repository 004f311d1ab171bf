"""The investigator: keeps what explanations are made from, explains every alert once, and judges again at its end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from livewarden.alert import Alert
from livewarden.times import parse_ms
from models.aggregate.change import Change
from models.aggregate.leaf import Leaves
from models.aggregate.partial import Partial
from models.detect.exposure import Exposures
from models.detect.series_index import Point
from models.explain.account import AlertContext, account, key_of, settled, slice_in_words, window_of
from models.explain.ledger import Ledger
from models.explain.siblings import Siblings
from models.monitors.monitor import Monitor
from models.monitors.plan import SeriesKey

AFTER_GAP_BUCKETS: Final = 2
"""What begins so few buckets after a gap may be what piled up in it."""
MOST_EXPLAINED: Final = 200
"""Alerts of one moment whose slices and neighbours are searched; where more break out at once, the others get ledger
and verdict only."""
MOST_SIBLINGS: Final = 5_000
"""Of a monitor with more series it is not asked which of them are normal."""


class Watched(Protocol):
    """What is known of the series of one monitor."""

    @property
    def monitor(self) -> Monitor:
        """The monitor."""
        ...

    @property
    def exposure(self) -> Exposures | None:
        """What its counts are out of; None without one."""
        ...

    def points(self, labels: Mapping[str, str]) -> list[Point]:
        """The last judged buckets of a series."""
        ...

    def known(self) -> Collection[SeriesKey]:
        """Its series."""
        ...


class Investigator:
    """Explains the alerts of one group. It is given leaves, changes, gaps and alerts, and asked once a moment.

    `watched` and `leaves`: what is known of the series, by monitor; `ledger`: the changes. The same alerts, leaves and
    changes give the same explanations, in whatever order leaves and changes came.
    """

    def __init__(self, watched: Mapping[str, Watched], leaves: Mapping[str, Leaves], ledger: Ledger) -> None:
        self._watched = watched
        self.leaves = leaves
        self.ledger = ledger
        self._explained: dict[str, dict[str, Any]] = {}
        self._fresh: list[tuple[Alert, int | None]] = []
        self._firing: dict[str, Alert] = {}
        self._counted: dict[str, Siblings | None] = {}
        self._gap_over_ms: int | None = None

    def take(self, partial: Partial) -> None:
        """Keep the leaves of a source partition's bucket."""
        self.leaves[partial.monitor].take(partial)

    def close(self, monitor: str, start_ms: int, *, after_gap: bool) -> None:
        """A bucket of a monitor is complete; `after_gap`: it is the first one after a gap of the source."""
        self.leaves[monitor].close(start_ms)
        if after_gap:
            self._gap_over_ms = start_ms

    def learn(self, change: Change) -> bool:
        """Keep a change of the platform; False where it is known."""
        return self.ledger.add(change)

    def follow(self, alert: Alert, now_ms: int) -> Alert:
        """The next version of an alert behind its explanation, where it has one; at its end judged again."""
        explanation = self._explained.get(alert.alert_id)
        if explanation is None:
            return alert
        if alert.status == "resolved":
            monitor = self._watched[alert.monitor].monitor
            explanation = settled(explanation, alert, monitor, self.ledger, now_ms=now_ms)
            del self._explained[alert.alert_id]
            del self._firing[alert.alert_id]
        return replace(alert, version=alert.version + 1, explanation=explanation)

    def ask(self, alert: Alert) -> None:
        """An alert was notified for the first time: explain it at the end of this moment."""
        first = self._explained.get(alert.episode_id)
        self._fresh.append((alert, parse_ms(first["onset"]) if first else None))

    def explanations(self, now_ms: int) -> Iterator[Alert]:
        """The alerts that were asked about at this moment, each in its next version, explained."""
        fresh, self._fresh = self._fresh, []
        self._counted = {}
        self._firing |= {alert.alert_id: alert for alert, _ in fresh if alert.status == "firing"}
        for number, (alert, since_ms) in enumerate(fresh):
            monitor = self._watched[alert.monitor].monitor
            context = self._context(alert, monitor, since_ms, bare=number >= MOST_EXPLAINED)
            explanation = account(alert, monitor, context, self.ledger, now_ms=now_ms)
            if alert.status == "firing":
                self._explained[alert.alert_id] = explanation
            yield replace(alert, version=alert.version + 1, explanation=explanation)

    def _context(self, alert: Alert, monitor: Monitor, since_ms: int | None, *, bare: bool) -> AlertContext:
        watched, key = self._watched[monitor.name], key_of(monitor, alert)
        leaves = {} if bare else self.leaves[monitor.name].of(key, *window_of(monitor, alert))
        points = [] if alert.direction == "MISSING" else watched.points(alert.series)
        exposure, relative = watched.exposure, dict[int, float]()
        if exposure is not None:
            starts = sorted({*leaves, *(point[0] for point in points)})
            relative = dict(zip(starts, exposure.over(key, starts), strict=True))
        over = self._gap_over_ms
        return AlertContext(
            points=points,
            leaves=leaves,
            relative=relative,
            usual_exposure=exposure.usual(key) if exposure is not None else None,
            since_ms=since_ms,
            after_gap=over is not None and 0 <= alert.window_start_ms - over <= AFTER_GAP_BUCKETS * monitor.bucket,
            confined={} if bare or alert.direction == "MISSING" else self._confined(alert, monitor),
            beside=() if bare else self._beside(alert),
        )

    def _siblings(self, monitor: str) -> Siblings | None:
        """The series of a monitor beside each other, None where there are too many of them: counted once a moment."""
        if monitor not in self._counted:
            watched = self._watched[monitor]
            known = watched.known()
            firing = {key_of(watched.monitor, each) for each in self._firing.values() if each.monitor == monitor}
            self._counted[monitor] = Siblings(known, firing) if len(known) <= MOST_SIBLINGS else None
        return self._counted[monitor]

    def _confined(self, alert: Alert, monitor: Monitor) -> dict[str, int]:
        """By dimension: how many series differ from the alert's in nothing else, where none of them is firing."""
        siblings = self._siblings(monitor.name)
        return siblings.confined(key_of(monitor, alert), monitor.group_by) if siblings is not None else {}

    def _beside(self, alert: Alert) -> list[tuple[str, str]]:
        """The verdicts of other monitors' alerts that share a label with it; the best known of each verdict."""
        labels = {item for item in alert.series.items() if item[1]}
        found: dict[str, str] = {}
        for other in self._firing.values():
            if other.monitor == alert.monitor:
                continue
            explanation = self._explained.get(other.alert_id)
            if explanation is None or not labels & set(other.series.items()):
                continue
            verdict = explanation["verdict"]["verdict"]
            if verdict != "INSUFFICIENT_EVIDENCE":
                found.setdefault(verdict, f"{other.monitor}, {slice_in_words(other.series)}")
        return sorted(found.items())

    def snapshot(self) -> dict[str, Any]:
        """All state but the leaves of single buckets, as plain JSON values."""
        return {
            "leaves": {name: leaves.snapshot() for name, leaves in self.leaves.items()},
            "ledger": self.ledger.snapshot(),
            "explained": [[self._firing[name].as_dict(), each] for name, each in self._explained.items()],
            "gap_over": self._gap_over_ms,
        }

    def restore(self, state: Mapping[str, Any], counted: Collection[str], kept: Collection[str]) -> None:
        """Go on from `snapshot`: with the leaves of the monitors `counted`, and the explanations of those `kept`."""
        for name in counted:
            self.leaves[name].restore(state["leaves"].get(name, []))
        self.ledger.restore(state["ledger"])
        self._gap_over_ms = state["gap_over"]
        for alert, explanation in state["explained"]:
            if alert["monitor"] in kept:
                self._firing[alert["alert_id"]] = Alert(**alert)
                self._explained[alert["alert_id"]] = explanation

    def mend(self, complete_ms: int) -> None:
        """Partials from then on are read again: forget what was made of them."""
        for leaves in self.leaves.values():
            leaves.mend(complete_ms)
        self._gap_over_ms = None
