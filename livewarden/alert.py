"""An alert: one judged bucket of one series that somebody should know of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from livewarden.times import format_ms

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

    `version` grows when something is added (the explanation, the end of the episode); `episode_id` is the id of the
    first alert of an unbroken anomaly, which later, materially worse buckets share. `suppressed_by` says why nobody was
    notified. `explanation` is the object that `models.explain.account` makes; None until it follows.
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
