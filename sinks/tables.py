"""The tables that rows are written to: their columns, what makes two rows the same, and which of two wins.

The migrations create them; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
"""Column name to plain value: text, whole number, float, None, lists and mappings of these; instants in milliseconds UTC."""

_NAME = "LowCardinality(String)"
_TIME = "DateTime64(3, 'UTC')"
_SERIES = "Map(LowCardinality(String), String)"
_NUMBER = "Nullable(Float64)"
_TEXT = "Nullable(String)"


@dataclass(frozen=True)
class Table:
    """One table. Of rows with equal `identity` the one with the highest `version` stays, of equal ones the last written.

    `partitioned_by` is the instant whose month is the partition; None where the table has one partition. `defaults` are the
    columns that a row may leave out.
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
            "key": "String",
            "data": "String",
        },
        identity=("topic", "partition", "offset"),
        partitioned_by="event_time",
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
