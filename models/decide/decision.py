"""From a score to an alert: floors, hysteresis, cooldown, gaps, regime changes. One small state machine a series."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from livewarden.alert import Alert
from models.decide.alert import SHADOW, new_alert
from models.decide.observation import Observation
from models.monitors.monitor import Monitor

State = Literal["insufficient", "normal", "anomalous", "firing"]
"""What a bucket was: too little history; ordinary; over the threshold but below a floor; part of an episode."""

WORSE = 2.0
"""An open episode speaks again when it is this many times as bad as last notified."""
CATCHING_UP = "catch-up after a gap"
"""Why nobody is notified of what is anomalous in the first buckets after a gap: what lasts longer is notified then."""
COOLDOWN = "cooldown"
"""Why nobody is notified of a new episode right after one that was."""


class Decision:
    """Decides for one series, bucket by bucket, in time order.

    An episode opens at a score of at least the monitor's threshold that passes the floors; while it is open it speaks
    again only when materially worse, and it ends after `calm_buckets` buckets below half the threshold. An anomaly that
    lasts `lasting_buckets` is notified once more as a regime change, and is then the new normal. A new episode within
    the cooldown of the last that was notified is stored as suppressed, unless it goes the other way or is materially
    worse. In shadow it decides the same, as if somebody were notified.
    """

    __slots__ = ("_alerts", "_direction", "_ended_ms", "_lasting", "_normal", "_notified", "_until_ms")

    def __init__(self) -> None:
        self._alerts: list[Alert] = []
        self._normal = 0
        self._lasting = 0
        self._notified = (0.0, 0.0)
        self._direction = "UP"
        self._until_ms: int | None = None
        self._ended_ms = 0

    @property
    def firing(self) -> bool:
        """Whether an episode is open."""
        return bool(self._alerts)

    @property
    def idle(self) -> bool:
        """Whether nothing is open and nothing was notified: as good as new."""
        return not self._alerts and self._until_ms is None

    def decide(self, seen: Observation, excuse: str | None = None) -> tuple[State, list[Alert]]:
        """The bucket's state, and the alerts (new ones, or new versions) that it causes.

        `excuse`: why what is anomalous in this bucket is stored and not notified, such as that it follows a gap and may
        hold what piled up. What still is there when the excuse is gone is notified then.
        """
        if not seen.judgement.ready:
            return "insufficient", []
        passes = seen.anomalous and seen.passes_floors and seen.by_itself
        if self._alerts:
            return "firing", self._go_on(seen, excuse, passes=passes)
        if not passes:
            return ("anomalous" if seen.anomalous else "normal"), []
        return "firing", [self._open(seen, excuse or self._suppression(seen))]

    def _open(self, seen: Observation, reason: str | None) -> Alert:
        alert = new_alert(seen, suppressed_by=reason)
        self._alerts = [alert]
        self._normal = self._lasting = 0
        self._ended_ms = alert.window_end_ms
        if reason is None:
            self._note(seen)
        return alert

    def _go_on(self, seen: Observation, excuse: str | None, *, passes: bool) -> list[Alert]:
        monitor, first = seen.monitor, self._alerts[0]
        self._lasting += 1
        same_way = seen.judgement.direction == first.direction
        if seen.judgement.score >= seen.threshold / 2 and same_way and seen.by_itself:
            self._normal = 0
            self._ended_ms = seen.start_ms + monitor.bucket
        else:
            self._normal += 1
        if self._normal >= monitor.calm_buckets:
            return self._close(monitor)
        held_back = all(alert.suppressed_by not in (None, COOLDOWN, SHADOW) for alert in self._alerts)
        if self._lasting >= monitor.lasting_buckets and self._normal == 0 and seen.settled:
            kept = excuse if held_back else None
            regime = new_alert(seen, kind="REGIME_CHANGE", episode_id=first.episode_id, suppressed_by=kept)
            return [replace(regime, status="resolved", ends_at_ms=regime.window_end_ms), *self._close(monitor)]
        if passes and excuse is None and same_way and (held_back or self._worse(seen)):
            alert = new_alert(seen, episode_id=first.episode_id)
            self._note(seen)
            self._alerts.append(alert)
            return [alert]
        return []

    def _note(self, seen: Observation) -> None:
        """Somebody is notified of this: what comes next is measured against it."""
        self._notified, self._direction = (seen.observed, seen.judgement.expected), seen.judgement.direction

    def _close(self, monitor: Monitor) -> list[Alert]:
        resolved = [alert.resolved(self._ended_ms) for alert in self._alerts]
        if any(alert.suppressed_by in (None, SHADOW) for alert in self._alerts):
            self._until_ms = self._ended_ms + monitor.quiet_ms
        self._alerts = []
        return resolved

    def _suppression(self, seen: Observation) -> str | None:
        if self._until_ms is None or seen.start_ms >= self._until_ms or seen.judgement.direction != self._direction:
            return None
        return None if self._worse(seen) else COOLDOWN

    def _worse(self, seen: Observation) -> bool:
        notified, expected = self._notified
        if abs(seen.observed - notified) < seen.monitor.min_volume and not seen.ratio:
            return False
        if seen.judgement.direction == "UP":
            return seen.observed - seen.judgement.expected >= WORSE * max(notified - expected, 0.0)
        return seen.observed * WORSE <= notified

    def snapshot(self) -> dict[str, Any] | None:
        """All state as plain JSON values; None while nothing was ever notified."""
        if self.idle:
            return None
        return {
            "alerts": [alert.as_dict() for alert in self._alerts],
            "normal": self._normal,
            "lasting": self._lasting,
            "notified": [*self._notified, self._direction],
            "until": self._until_ms,
            "ended": self._ended_ms,
        }

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on from `snapshot`."""
        if state is None:
            return
        self._alerts = [Alert(**alert) for alert in state["alerts"]]
        self._normal, self._lasting = state["normal"], state["lasting"]
        self._notified, self._direction = (state["notified"][0], state["notified"][1]), state["notified"][2]
        self._until_ms, self._ended_ms = state["until"], state["ended"]
