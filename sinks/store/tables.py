"""The tables that rows are written to: their columns, what makes two rows the same, and which of two wins.

The migrations create them; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
"""Column name to plain value: text, whole number, float, None, lists and mappings of these;
instants in milliseconds UTC.
"""

_NAME = "LowCardinality(String)"
_TIME = "DateTime64(3, 'UTC')"
_SERIES = "Map(LowCardinality(String), String)"
_NUMBER = "Nullable(Float64)"
_TEXT = "Nullable(String)"


@dataclass(frozen=True)
class Table:
    """One table. Of rows with equal `identity` the one with the highest `version` stays, of equal ones the last
    written.

    `partitioned_by` is the instant whose month is the partition; None where the table has one partition. `defaults` are
    the columns that a row may leave out.
    """

    name: str
    columns: Mapping[str, str]
    identity: tuple[str, ...]
    version: str | None = None
    partitioned_by: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def id_of(self, row: Row) -> tuple[Any, ...]:
        """The identity of a row, hashable.

        >>> TABLES["alerts"].id_of({"run": "live", "alert_id": "a", "version": 2})
        ('live', 'a')
        """
        return tuple(_hashable(row[name]) for name in self.identity)

    def complete(self, row: Row) -> dict[str, Any]:
        """A copy of the row with every column; a missing or an unknown column is a ValueError that names it."""
        if row.keys() == self.columns.keys():
            return dict(row)
        if not row.keys() <= self.columns.keys():
            raise ValueError(f"{self.name} has no column {', '.join(sorted(row.keys() - self.columns.keys()))}")
        try:
            return {name: row[name] if name in row else self.defaults[name] for name in self.columns}
        except KeyError as error:
            raise ValueError(f"a row of {self.name} lacks {error}") from error


def table(name: str) -> Table:
    """The table of that name; ValueError where there is none."""
    if name not in TABLES:
        raise ValueError(f"there is no table {name!r}, only {', '.join(TABLES)}")
    return TABLES[name]


def in_order(rows: Sequence[Row], identity: tuple[str, ...]) -> list[Row]:
    """Rows sorted by identity."""
    return sorted(rows, key=lambda row: tuple(_hashable(row[name]) for name in identity))


def _hashable(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value


_ALL = (
    Table(
        "events",
        {
            "topic": _NAME,
            "partition": "UInt32",
            "offset": "UInt64",
            "event_id": "String",
            "type": _NAME,
            "source": _NAME,
            "event_time": _TIME,
            "precision": _NAME,
            "weight": "UInt64",
            "late": "UInt8",
            "duplicate": "UInt8",
            "conflict": "UInt8",
            "unknown_fields": "Array(String)",
            "key": "String",
            "data": "String",
        },
        identity=("topic", "partition", "offset"),
        partitioned_by="event_time",
        defaults={"conflict": 0, "unknown_fields": ()},
    ),
    Table(
        "dead_letters",
        {
            "topic": _NAME,
            "partition": "UInt32",
            "offset": "UInt64",
            "reason": _NAME,
            "detail": "String",
            "key": "String",
            "headers": "String",
            "value": "String",
            "recorded_at": _TIME,
        },
        identity=("topic", "partition", "offset"),
    ),
    Table(
        "partials",
        {
            "monitor": _NAME,
            "config_hash": _NAME,
            "window_start": _TIME,
            "window_end": _TIME,
            "series": _SERIES,
            "topic": _NAME,
            "partition": "UInt32",
            "value": "Int64",
            "exposure": "Int64",
            "distinct": "String",
        },
        identity=("monitor", "config_hash", "series", "window_start", "topic", "partition"),
        partitioned_by="window_start",
    ),
    Table(
        "judgements",
        {
            "run": _NAME,
            "monitor": _NAME,
            "config_hash": _NAME,
            "series": _SERIES,
            "window_start": _TIME,
            "window_end": _TIME,
            "observed": _NUMBER,
            "expected": _NUMBER,
            "score": _NUMBER,
            "state": _NAME,
        },
        identity=("run", "monitor", "config_hash", "series", "window_start"),
        partitioned_by="window_start",
    ),
    Table(
        "alerts",
        {
            "run": _NAME,
            "alert_id": "String",
            "version": "UInt32",
            "episode_id": "String",
            "monitor": _NAME,
            "kind": _NAME,
            "direction": _NAME,
            "series": _SERIES,
            "window_start": _TIME,
            "window_end": _TIME,
            "observed": _NUMBER,
            "expected": _NUMBER,
            "score": _NUMBER,
            "scan_buckets": "UInt32",
            "scan_observed": _NUMBER,
            "scan_expected": _NUMBER,
            "subjects": "Nullable(UInt64)",
            "severity": _NAME,
            "status": _NAME,
            "ends_at": f"Nullable({_TIME})",
            "explanation": _TEXT,
            "suppressed_by": _TEXT,
            "case_id": _TEXT,
            "config_hash": _NAME,
        },
        identity=("run", "alert_id"),
        version="version",
        partitioned_by="window_start",
        defaults={"scan_buckets": 1, "scan_observed": None, "scan_expected": None, "subjects": None},
    ),
    Table(
        "case_candidates",
        {
            "run": _NAME,
            "case_id": "String",
            "version": "UInt32",
            "title": "String",
            "status": _NAME,
            "grouping": "String",
            "kind": _NAME,
            "started_at": _TIME,
            "ended_at": f"Nullable({_TIME})",
            "alert_ids": "Array(String)",
            "monitors": "Array(String)",
            "series": f"Array({_SERIES})",
            "severity": _NAME,
            "evidence": "String",
        },
        identity=("run", "case_id"),
        version="version",
    ),
    Table(
        "incidents",
        {
            "incident_id": "String",
            "version": "UInt32",
            "status": _NAME,
            "title": "String",
            "severity": _NAME,
            "lead_alert_id": "String",
            "alert_count": "UInt32",
            "firing_count": "UInt32",
            "monitors": "Array(String)",
            "case_ids": "Array(String)",
            "change_id": _TEXT,
            "owner": "String",
            "started_at": _TIME,
            "ended_at": f"Nullable({_TIME})",
            "opened_at": _TIME,
            "notified_at": f"Nullable({_TIME})",
            "notified": "UInt32",
            "acknowledged_by": _TEXT,
            "acknowledged_at": f"Nullable({_TIME})",
            "resolved_at": f"Nullable({_TIME})",
            "resolved_by": _TEXT,
            "note": "String",
        },
        identity=("incident_id",),
        version="version",
    ),
    Table(
        "dispositions",
        {
            "alert_id": "String",
            "version": "UInt32",
            "incident_id": "String",
            "monitor": _NAME,
            "severity": _NAME,
            "outcome": _NAME,
            "by": "String",
            "reason": "String",
            "at": _TIME,
        },
        identity=("alert_id",),
        version="version",
    ),
    Table(
        "silences",
        {
            "silence_id": "String",
            "version": "UInt32",
            "kind": _NAME,
            "effect": _NAME,
            "matchers": "Array(String)",
            "owner": "String",
            "reason": "String",
            "created_by": "String",
            "created_at": _TIME,
            "starts_at": _TIME,
            "ends_at": _TIME,
            "ended_by": _TEXT,
            "reminded": "UInt8",
            "hits": "UInt64",
        },
        identity=("silence_id",),
        version="version",
    ),
    Table(
        "notifications",
        {
            "notification_id": "String",
            "version": "UInt32",
            "incident_id": "String",
            "number": "UInt32",
            "cause": _NAME,
            "route": "String",
            "channel": _NAME,
            "state": _NAME,
            "attempts": "UInt32",
            "error": "String",
            "title": "String",
            "body": "String",
            "created_at": _TIME,
            "due_at": _TIME,
            "sent_at": f"Nullable({_TIME})",
        },
        identity=("notification_id",),
        version="version",
    ),
    Table(
        "channels",
        {
            "channel": _NAME,
            "version": "UInt32",
            "state": _NAME,
            "since": _TIME,
            "failures": "UInt32",
            "error": "String",
        },
        identity=("channel",),
        version="version",
    ),
    Table(
        "cases",
        {
            "case_id": "String",
            "version": "UInt32",
            "title": "String",
            "state": _NAME,
            "kind": _NAME,
            "severity": _NAME,
            "owner": _TEXT,
            "escalated_to": _TEXT,
            "due_at": f"Nullable({_TIME})",
            "overdue": "UInt8",
            "resolution": _NAME,
            "reason": "String",
            "merged_into": _TEXT,
            "reopened": "UInt32",
            "alert_ids": "Array(String)",
            "firing_count": "UInt32",
            "monitors": "Array(String)",
            "open_tasks": "UInt32",
            "tasks": "String",
            "links": "String",
            "evidence": "String",
            "started_at": _TIME,
            "ended_at": f"Nullable({_TIME})",
            "created_at": _TIME,
            "opened_at": f"Nullable({_TIME})",
            "resolved_at": f"Nullable({_TIME})",
            "closed_at": f"Nullable({_TIME})",
        },
        identity=("case_id",),
        version="version",
    ),
    Table(
        "case_history",
        {
            "case_id": "String",
            "number": "UInt32",
            "at": _TIME,
            "who": "String",
            "what": _NAME,
            "from_state": _NAME,
            "to_state": _NAME,
            "why": "String",
            "details": "String",
            "action_id": "String",
        },
        identity=("case_id", "number"),
    ),
    Table(
        "actions",
        {
            "action_id": "String",
            "at": _TIME,
            "asked_at": _TIME,
            "who": "String",
            "role": _NAME,
            "do": _NAME,
            "target": "String",
            "outcome": _NAME,
            "answer": "String",
            "data": "String",
        },
        identity=("action_id",),
    ),
    Table(
        "feedback",
        {
            "alert_id": "String",
            "version": "UInt32",
            "monitor": _NAME,
            "verdict": _NAME,
            "cause": "String",
            "why": "String",
            "who": "String",
            "at": _TIME,
        },
        identity=("alert_id",),
        version="version",
    ),
)
TABLES: Mapping[str, Table] = {each.name: each for each in _ALL}
"""By name, in the order in which a flush writes them."""

STATE = {
    "stage": _NAME,
    "topic": _NAME,
    "partition": "UInt32",
    "key": "String",
    "next_offset": "UInt64",
    "watermark": _TIME,
    "blob": "String",
}
MANIFEST = {
    "stage": _NAME,
    "topic": _NAME,
    "partition": "UInt32",
    "next_offset": "UInt64",
    "watermark": _TIME,
    "full_offset": "UInt64",
    "full_watermark": _TIME,
    "header": "String",
}
