"""One series: its detector, its decision, and the last buckets as evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from livewarden.times import DAY_MS
from models.alert import Alert
from models.daily_counts import DailyCounts
from models.decision import Decision, State
from models.enforcement_scan import EnforcementScan
from models.judgement import Detector, Judgement
from models.monitor import Monitor
from models.plan import SeriesKey
from models.traffic_residual import TrafficResidual

Point = tuple[int, float, float, float]
"""Start (ms), observed, expected, score of one judged bucket."""

REMEMBERED = 30
"""How many buckets are kept as evidence."""


def new_detector(monitor: Monitor) -> Detector:
    """The detector that the monitor names."""
    if monitor.detector == "enforcement":
        return DailyCounts() if monitor.bucket == DAY_MS else EnforcementScan(monitor.bucket)
    return TrafficResidual(monitor.season)


class Series:
    """Judges, decides, then learns: one bucket of one slice at a time, in time order."""

    __slots__ = ("decision", "detector", "labels", "last_seen_ms", "monitor", "points")

    def __init__(self, monitor: Monitor, key: SeriesKey) -> None:
        self.monitor = monitor
        self.labels: Mapping[str, str] = dict(zip(monitor.group_by, key, strict=True))
        self.detector = new_detector(monitor)
        self.decision = Decision()
        self.points: deque[Point] = deque(maxlen=REMEMBERED)
        self.last_seen_ms = 0

    def judge(self, start_ms: int, observed: float, subjects: int | None) -> tuple[State, Judgement, list[Alert]]:
        """Take the bucket that starts at `start_ms`.

        While an episode is open a traffic baseline holds still, so that the incident is not learned as normal; a count
        baseline learns on, clipped.
        """
        monitor, detector = self.monitor, self.detector
        x = {"value": observed, "time_ms": start_ms}
        judgement = detector.judge_one(x)
        state, alerts = self.decision.decide(monitor, self.labels, start_ms, observed, judgement, subjects)
        if any(alert.kind == "REGIME_CHANGE" for alert in alerts):
            detector.reanchor()
        if not self.decision.firing or monitor.detector == "enforcement":
            detector.learn_one(x)
        self.points.append((start_ms, observed, round(judgement.expected, 4), round(judgement.score, 3)))
        return state, judgement, alerts

    def after_gap(self) -> None:
        """A gap ended: windows begin anew, what piled up is no spike."""
        self.detector.forget_recent()
        self.decision.after_gap()

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values."""
        return {
            "detector": self.detector.snapshot(),
            "decision": self.decision.snapshot(),
            "points": list(self.points),
            "seen": self.last_seen_ms,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        self.detector.restore(state["detector"])
        self.decision.restore(state["decision"])
        self.points.extend((start, observed, expected, score) for start, observed, expected, score in state["points"])
        self.last_seen_ms = state["seen"]
