"""An alert: one judged bucket of one series that somebody should know of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from livewarden.times import MINUTE_MS, parse_ms, shared_format_ms

Kind = Literal[
    "TRAFFIC_ANOMALY",
    "QUALITY_DEGRADATION",
    "ENFORCEMENT_SPIKE",
    "ENFORCEMENT_DROP",
    "REGIME_CHANGE",
    "REPORTING_GAP",
    "SOURCE_SILENT",
    "CARDINALITY",
    "OVERTURN_RISE",
]
Status = Literal["firing", "resolved"]
RADAR: Final = "misjudgement"
"""The monitor of alerts that the misjudgement radar raises; no other may have that name."""
CELL_LABELS: Final = {
    "policy": "policy_id",
    "market": "market",
    "queue": "queue_id",
    "model": "model",
    "automation": "automation",
}
"""The parts of the radar's cells by the names that series have everywhere else."""


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

    def as_dict(self) -> dict[str, Any]:
        """Its fields as plain JSON values. The explanation is the alert's own and not copied: it is only to be read."""
        found = {name: getattr(self, name) for name in _NAMES}
        found["series"] = dict(self.series)
        return found

    def to_json(self, run: str) -> dict[str, Any]:
        """The alert as the JSON object that the command line and every receiver gets; see `as_dict`."""
        fields = self.as_dict()
        for name in ("window_start", "window_end", "ends_at"):
            ms = fields.pop(f"{name}_ms")
            fields[name] = None if ms is None else shared_format_ms(ms)
        return {"run": run} | fields


_NAMES: Final = tuple(each.name for each in fields(Alert))
_TIMES = ("window_start", "window_end", "ends_at")


def from_json(fields: Mapping[str, Any]) -> Alert:
    """The alert that a JSON object tells of, as `Alert.to_json` writes it; the run is left out. An object that lacks a
    field, or has one more, is a TypeError or a KeyError.

    >>> from_json(example(0).to_json("live")) == example(0)
    True
    """
    rest: dict[str, Any] = {name: value for name, value in fields.items() if name != "run" and name not in _TIMES}
    times: dict[str, Any] = {f"{name}_ms": fields[name] and parse_ms(fields[name]) for name in _TIMES}
    return Alert(**rest, **times)


def example(start_ms: int, **changes: Any) -> Alert:
    """An alert for examples and tests: a minute of the monitor `orders` in DE, 60 where 6 were expected."""
    fields: dict[str, Any] = {
        **{"alert_id": f"alert-{start_ms}", "version": 1, "episode_id": f"alert-{start_ms}", "monitor": "orders"},
        **{"kind": "TRAFFIC_ANOMALY", "direction": "UP", "series": {"market": "DE"}, "window_start_ms": start_ms},
        **{"window_end_ms": start_ms + MINUTE_MS, "observed": 60.0, "expected": 6.0, "score": 9.0},
        **{"severity": "warning", "status": "firing", "config_hash": "c1"},
    }
    return Alert(**fields | changes)
