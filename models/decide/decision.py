"""From a score to an alert: floors, hysteresis, cooldown, gaps, regime changes. One small state machine a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

from livewarden.alert import Alert
from models.decide.alert import new_alert
from models.detect.judgement import Judgement
from models.monitors.monitor import Monitor

State = Literal["insufficient", "normal", "anomalous", "firing"]
"""What a bucket was: too little history; ordinary; over the threshold but below a floor; part of an episode."""

WORSE = 2.0
"""An open episode speaks again when it is this many times as bad as last notified."""
CATCHING_UP = "catch-up after a gap"
"""Why nobody is notified of what is anomalous in the first buckets after a gap: what lasts longer is notified then."""
COOLDOWN = "cooldown"
"""Why nobody is notified of a new episode right after one that was."""
THIN = 5.0
"""Fewer events in a bucket than this say little by themselves: no effect is asked of them."""


class Decision:
    """Decides for one series, bucket by bucket, in time order.

    An episode opens at a score of at least the monitor's threshold that passes the floors; while it is open it speaks
    again only when materially worse, and it ends after `calm_buckets` buckets below half the threshold. An anomaly that
    lasts `lasting_buckets` is notified once more as a regime change, and is then the new normal. A new episode within
    the cooldown of the last that was notified is stored as suppressed, unless it goes the other way or is materially
    worse.
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

    def decide(
        self,
        monitor: Monitor,
        series: Mapping[str, str],
        start_ms: int,
        observed: float,
        judgement: Judgement,
        subjects: int | None,
        *,
        excuse: str | None = None,
    ) -> tuple[State, list[Alert]]:
        """The bucket's state, and the alerts (new ones, or new versions) that it causes.

        `excuse`: why what is anomalous in this bucket is stored and not notified, such as that it follows a gap and may
        hold what piled up. What still is there when the excuse is gone is notified then.
        """
        if not judgement.ready:
            return "insufficient", []
        over = judgement.score >= monitor.threshold and self._counts(monitor, judgement)
        passes = over and self._floors(monitor, judgement, subjects) and self._itself(monitor, observed, judgement)
        if not self._alerts:
            if not passes:
                return ("anomalous" if over else "normal"), []
            reason = excuse or self._suppression(monitor, start_ms, observed, judgement)
            return "firing", [self._open(monitor, series, start_ms, observed, judgement, subjects, reason)]
        return "firing", self._go_on(monitor, series, start_ms, observed, judgement, subjects, passes, excuse)

    def _open(
        self,
        monitor: Monitor,
        series: Mapping[str, str],
        start_ms: int,
        observed: float,
        judgement: Judgement,
        subjects: int | None,
        reason: str | None,
    ) -> Alert:
        alert = new_alert(monitor, series, start_ms, judgement, observed, subjects, suppressed_by=reason)
        self._alerts = [alert]
        self._normal = self._lasting = 0
        self._ended_ms = alert.window_end_ms
        if reason is None:
            self._notified, self._direction = (observed, judgement.expected), judgement.direction
        return alert

    def _go_on(
        self,
        monitor: Monitor,
        series: Mapping[str, str],
        start_ms: int,
        observed: float,
        judgement: Judgement,
        subjects: int | None,
        passes: bool,
        excuse: str | None,
    ) -> list[Alert]:
        first = self._alerts[0]
        self._lasting += 1
        same_way = judgement.direction == first.direction
        if judgement.score >= monitor.threshold / 2 and same_way and self._itself(monitor, observed, judgement):
            self._normal = 0
            self._ended_ms = start_ms + monitor.bucket
        else:
            self._normal += 1
        if self._normal >= monitor.calm_buckets:
            return self._close(monitor)
        held_back = all(alert.suppressed_by not in (None, COOLDOWN) for alert in self._alerts)
        settled = max(observed, judgement.expected) >= monitor.min_volume or monitor.measured[0] == "ratio"
        if self._lasting >= monitor.lasting_buckets and self._normal == 0 and settled:
            regime = new_alert(
                monitor,
                series,
                start_ms,
                judgement,
                observed,
                subjects,
                kind="REGIME_CHANGE",
                episode_id=first.episode_id,
                suppressed_by=excuse if held_back else None,
            )
            return [replace(regime, status="resolved", ends_at_ms=regime.window_end_ms), *self._close(monitor)]
        tell = passes and excuse is None
        if tell and same_way and (held_back or self._worse(monitor, observed, judgement)):
            alert = new_alert(monitor, series, start_ms, judgement, observed, subjects, episode_id=first.episode_id)
            self._notified, self._direction = (observed, judgement.expected), judgement.direction
            self._alerts.append(alert)
            return [alert]
        return []

    def _close(self, monitor: Monitor) -> list[Alert]:
        resolved = [alert.resolved(self._ended_ms) for alert in self._alerts]
        if any(alert.suppressed_by is None for alert in self._alerts):
            self._until_ms = self._ended_ms + monitor.quiet_ms
        self._alerts = []
        return resolved

    def _suppression(self, monitor: Monitor, start_ms: int, observed: float, judgement: Judgement) -> str | None:
        if self._until_ms is None or start_ms >= self._until_ms or judgement.direction != self._direction:
            return None
        return None if self._worse(monitor, observed, judgement) else COOLDOWN

    def _worse(self, monitor: Monitor, observed: float, judgement: Judgement) -> bool:
        notified, expected = self._notified
        if abs(observed - notified) < monitor.min_volume and monitor.measured[0] != "ratio":
            return False
        if judgement.direction == "UP":
            return observed - judgement.expected >= WORSE * max(notified - expected, 0.0)
        return observed * WORSE <= notified

    @staticmethod
    def _itself(monitor: Monitor, observed: float, judgement: Judgement) -> bool:
        """Whether the bucket is anomalous by itself, not only through the window before it; a thin one needs to be on
        that side.

        What has shrunk to less than half of what would be notified at all is over.
        """
        if (
            monitor.measured[0] != "ratio"
            and max(judgement.scan_observed, judgement.scan_expected) < monitor.min_volume / 2
        ):
            return False
        high, low = observed, judgement.expected
        if judgement.direction == "DOWN":
            high, low = low, high
        if max(high, low) < THIN and monitor.measured[0] != "ratio":
            return high > low
        return high >= monitor.min_effect * low

    @staticmethod
    def _counts(monitor: Monitor, judgement: Judgement) -> bool:
        return monitor.direction == "both" or monitor.direction.upper() == judgement.direction

    @staticmethod
    def _floors(monitor: Monitor, judgement: Judgement, subjects: int | None) -> bool:
        high = max(judgement.scan_observed, judgement.scan_expected)
        low = min(judgement.scan_observed, judgement.scan_expected)
        if high < monitor.min_volume and monitor.measured[0] != "ratio":
            return False
        if high < monitor.min_effect * low:
            return False
        return not (judgement.direction == "UP" and subjects is not None and subjects < monitor.min_subjects)

    def snapshot(self) -> dict[str, Any] | None:
        """All state as plain JSON values; None while nothing was ever notified."""
        if self.idle:
            return None
        return {
            "alerts": [asdict(alert) for alert in self._alerts],
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
