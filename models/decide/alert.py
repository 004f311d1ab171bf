"""Alerts from what a monitor judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from livewarden.alert import Alert, Kind
from livewarden.ids import stable_id
from models.aggregate.leaf import REST
from models.decide.observation import Observation
from models.monitors.monitor import Monitor


def kind_of(monitor: Monitor, direction: str) -> Kind:
    """Which kind of alert a monitor raises."""
    domain = monitor.event.split(".")[0]
    if monitor.detector == "silence":
        return "SOURCE_SILENT" if domain in ("traffic", "room") else "REPORTING_GAP"
    if monitor.event == "traffic.quality" or domain == "ticket":
        return "QUALITY_DEGRADATION"
    if domain in ("traffic", "room"):
        return "TRAFFIC_ANOMALY"
    return "ENFORCEMENT_SPIKE" if direction == "UP" else "ENFORCEMENT_DROP"


SHADOW: Final = "shadow"
"""Why nobody is notified by a monitor in shadow. It is an alert's from its beginning to its end, whatever the monitor
is by then.
"""


def new_alert(
    seen: Observation,
    *,
    kind: Kind | None = None,
    episode_id: str | None = None,
    suppressed_by: str | None = None,
) -> Alert:
    """Version 1 of the alert for that bucket. A regime change has an id of its own beside the bucket's."""
    monitor, judgement = seen.monitor, seen.judgement
    parts = [
        monitor.name,
        monitor.config_hash,
        *(f"{name}={value}" for name, value in sorted(seen.series.items())),
        seen.start_ms,
    ]
    alert_id = stable_id(*parts) if kind is None else stable_id(kind, *parts)
    return Alert(
        alert_id=alert_id,
        version=1,
        episode_id=episode_id or alert_id,
        monitor=monitor.name,
        kind=kind or kind_of(monitor, judgement.direction),
        direction=judgement.direction,
        series=dict(seen.series),
        window_start_ms=seen.start_ms,
        window_end_ms=seen.start_ms + monitor.bucket,
        observed=_short(seen.observed),
        expected=_short(judgement.expected),
        score=_short(judgement.score),
        severity=monitor.severity,
        status="firing",
        config_hash=monitor.config_hash,
        scan_buckets=judgement.scan_buckets,
        scan_observed=_short(judgement.scan_observed),
        scan_expected=_short(judgement.scan_expected),
        subjects=seen.subjects,
        suppressed_by=suppressed_by or (SHADOW if monitor.shadow else None),
    )


def gap_alert(monitor: Monitor, start_ms: int, end_ms: int) -> Alert:
    """Version 1 of "nothing came since `start_ms`", said at `end_ms`."""
    return _about_watching(
        monitor, "gap", kind_of(monitor, "DOWN"), "MISSING", start_ms, end_ms, severity=monitor.severity
    )


def cardinality_alert(monitor: Monitor, dimension: str, start_ms: int, series: int) -> Alert:
    """Version 1 of "more series than the monitor may have", in the bucket that starts there;
    `dimension` has the most values.
    """
    alert = _about_watching(
        monitor, "cardinality", "CARDINALITY", "UP", start_ms, start_ms + monitor.bucket, severity="warning"
    )
    return replace(alert, series={dimension: REST}, observed=series, expected=monitor.max_series)


def _about_watching(
    monitor: Monitor,
    what: str,
    kind: Kind,
    direction: Literal["UP", "DOWN", "MISSING"],
    start_ms: int,
    end_ms: int,
    *,
    severity: str,
) -> Alert:
    """An alert about the watching itself: no series was judged."""
    alert_id = stable_id(monitor.name, monitor.config_hash, what, start_ms)
    return Alert(
        alert_id=alert_id,
        version=1,
        episode_id=alert_id,
        monitor=monitor.name,
        kind=kind,
        direction=direction,
        series={},
        window_start_ms=start_ms,
        window_end_ms=end_ms,
        observed=None,
        expected=None,
        score=None,
        severity=severity,
        status="firing",
        config_hash=monitor.config_hash,
        suppressed_by=SHADOW if monitor.shadow else None,
    )


def _short(number: float) -> float:
    """At most 6 significant digits after the point, whole numbers whole: what is written reads back equal."""
    return int(number) if number == int(number) else float(f"{number:.6g}")
