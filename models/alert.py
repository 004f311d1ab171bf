"""An alert: one judged bucket of one series that somebody should know of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from livewarden.ids import stable_id
from livewarden.times import format_ms
from models.explain.leaves import REST
from models.judgement import Judgement
from models.monitor import Monitor

Kind = Literal[
    "TRAFFIC_ANOMALY",
    "QUALITY_DEGRADATION",
    "ENFORCEMENT_SPIKE",
    "ENFORCEMENT_DROP",
    "REGIME_CHANGE",
    "REPORTING_GAP",
    "SOURCE_SILENT",
    "CARDINALITY",
]
Status = Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Alert:
    """What a monitor says of a bucket. Its id is its content: the same bucket judged again gives the same alert.

    `version` grows when something is added (the explanation, the end of the episode); `episode_id` is the id of the first alert of an
    unbroken anomaly, which later, materially worse buckets share. `suppressed_by` says why nobody was told. `explanation` is
    the object that `models.explainer` makes; None until it follows.
    """

    alert_id: str
    version: int
    episode_id: str
    monitor: str
    kind: Kind
    direction: Literal["UP", "DOWN", "MISSING"]
    series: Mapping[str, str]
    window_start_ms: int
    window_end_ms: int
    observed: float | None
    expected: float | None
    score: float | None
    severity: str
    status: Status
    config_hash: str
    scan_buckets: int = 1
    scan_observed: float | None = None
    scan_expected: float | None = None
    subjects: int | None = None
    ends_at_ms: int | None = None
    suppressed_by: str | None = None
    case_id: str | None = None
    explanation: Mapping[str, Any] | None = None

    def resolved(self, ends_at_ms: int) -> Alert:
        """The next version: it is over since `ends_at_ms`."""
        return replace(self, version=self.version + 1, status="resolved", ends_at_ms=ends_at_ms)

    def to_json(self, run: str) -> dict[str, Any]:
        """The alert as the JSON object that the command line and every receiver gets."""
        fields = asdict(self)
        for name in ("window_start", "window_end", "ends_at"):
            ms = fields.pop(f"{name}_ms")
            fields[name] = None if ms is None else format_ms(ms)
        return {"run": run} | fields


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


def new_alert(
    monitor: Monitor,
    series: Mapping[str, str],
    start_ms: int,
    judgement: Judgement,
    observed: float,
    subjects: int | None,
    *,
    kind: Kind | None = None,
    episode_id: str | None = None,
    suppressed_by: str | None = None,
) -> Alert:
    """Version 1 of the alert for that bucket. A regime change has an id of its own beside the bucket's."""
    parts = [
        monitor.name,
        monitor.config_hash,
        *(f"{name}={value}" for name, value in sorted(series.items())),
        start_ms,
    ]
    alert_id = stable_id(*parts) if kind is None else stable_id(kind, *parts)
    return Alert(
        alert_id=alert_id,
        version=1,
        episode_id=episode_id or alert_id,
        monitor=monitor.name,
        kind=kind or kind_of(monitor, judgement.direction),
        direction=judgement.direction,
        series=dict(series),
        window_start_ms=start_ms,
        window_end_ms=start_ms + monitor.bucket,
        observed=_short(observed),
        expected=_short(judgement.expected),
        score=_short(judgement.score),
        severity=monitor.severity,
        status="firing",
        config_hash=monitor.config_hash,
        scan_buckets=judgement.scan_buckets,
        scan_observed=_short(judgement.scan_observed),
        scan_expected=_short(judgement.scan_expected),
        subjects=subjects,
        suppressed_by=suppressed_by,
    )


def gap_alert(monitor: Monitor, start_ms: int, end_ms: int) -> Alert:
    """Version 1 of "nothing came since `start_ms`", said at `end_ms`."""
    alert_id = stable_id(monitor.name, monitor.config_hash, "gap", start_ms)
    return Alert(
        alert_id=alert_id,
        version=1,
        episode_id=alert_id,
        monitor=monitor.name,
        kind=kind_of(monitor, "DOWN"),
        direction="MISSING",
        series={},
        window_start_ms=start_ms,
        window_end_ms=end_ms,
        observed=None,
        expected=None,
        score=None,
        severity=monitor.severity,
        status="firing",
        config_hash=monitor.config_hash,
    )


def cardinality_alert(monitor: Monitor, dimension: str, start_ms: int, series: int) -> Alert:
    """Version 1 of "more series than the monitor may have", in the bucket that starts there; `dimension` has the most values."""
    alert_id = stable_id(monitor.name, monitor.config_hash, "cardinality", start_ms)
    return Alert(
        alert_id=alert_id,
        version=1,
        episode_id=alert_id,
        monitor=monitor.name,
        kind="CARDINALITY",
        direction="UP",
        series={dimension: REST},
        window_start_ms=start_ms,
        window_end_ms=start_ms + monitor.bucket,
        observed=series,
        expected=monitor.max_series,
        score=None,
        severity="warning",
        status="firing",
        config_hash=monitor.config_hash,
    )


def _short(number: float) -> float:
    """At most 6 significant digits after the point, whole numbers whole: what is written reads back equal."""
    return int(number) if number == int(number) else float(f"{number:.6g}")
