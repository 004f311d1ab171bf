"""The tables that rows are written to.

The migrations create them; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sinks.store.governance_tables import GOVERNANCE
from sinks.store.health_tables import HEALTH
from sinks.store.library_tables import LIBRARY
from sinks.store.response_tables import RESPONSE
from sinks.store.table import NAME, NUMBER, SERIES, TEXT, TIME, hashable
from sinks.store.table import Row as Row
from sinks.store.table import Table as Table


def table(name: str) -> Table:
    """The table of that name; ValueError where there is none."""
    if name not in TABLES:
        raise ValueError(f"there is no table {name!r}, only {', '.join(TABLES)}")
    return TABLES[name]


def in_order(rows: Sequence[Row], identity: tuple[str, ...]) -> list[Row]:
    """Rows sorted by identity."""
    return sorted(rows, key=lambda row: tuple(hashable(row[name]) for name in identity))


_ALL = (
    Table(
        "events",
        {
            "topic": NAME,
            "partition": "UInt32",
            "offset": "UInt64",
            "event_id": "String",
            "type": NAME,
            "source": NAME,
            "event_time": TIME,
            "precision": NAME,
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
            "topic": NAME,
            "partition": "UInt32",
            "offset": "UInt64",
            "reason": NAME,
            "detail": "String",
            "key": "String",
            "headers": "String",
            "value": "String",
            "recorded_at": TIME,
        },
        identity=("topic", "partition", "offset"),
    ),
    Table(
        "partials",
        {
            "monitor": NAME,
            "config_hash": NAME,
            "window_start": TIME,
            "window_end": TIME,
            "series": SERIES,
            "topic": NAME,
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
            "run": NAME,
            "monitor": NAME,
            "config_hash": NAME,
            "series": SERIES,
            "window_start": TIME,
            "window_end": TIME,
            "observed": NUMBER,
            "expected": NUMBER,
            "score": NUMBER,
            "state": NAME,
        },
        identity=("run", "monitor", "config_hash", "series", "window_start"),
        partitioned_by="window_start",
    ),
    Table(
        "alerts",
        {
            "run": NAME,
            "alert_id": "String",
            "version": "UInt32",
            "episode_id": "String",
            "monitor": NAME,
            "kind": NAME,
            "direction": NAME,
            "series": SERIES,
            "window_start": TIME,
            "window_end": TIME,
            "observed": NUMBER,
            "expected": NUMBER,
            "score": NUMBER,
            "scan_buckets": "UInt32",
            "scan_observed": NUMBER,
            "scan_expected": NUMBER,
            "subjects": "Nullable(UInt64)",
            "severity": NAME,
            "status": NAME,
            "ends_at": f"Nullable({TIME})",
            "explanation": TEXT,
            "suppressed_by": TEXT,
            "case_id": TEXT,
            "config_hash": NAME,
        },
        identity=("run", "alert_id"),
        version="version",
        partitioned_by="window_start",
        defaults={"scan_buckets": 1, "scan_observed": None, "scan_expected": None, "subjects": None},
    ),
    Table(
        "case_candidates",
        {
            "run": NAME,
            "case_id": "String",
            "version": "UInt32",
            "title": "String",
            "status": NAME,
            "grouping": "String",
            "kind": NAME,
            "started_at": TIME,
            "ended_at": f"Nullable({TIME})",
            "alert_ids": "Array(String)",
            "monitors": "Array(String)",
            "series": f"Array({SERIES})",
            "severity": NAME,
            "evidence": "String",
        },
        identity=("run", "case_id"),
        version="version",
    ),
)
TABLES: Mapping[str, Table] = {each.name: each for each in (*_ALL, *RESPONSE, *GOVERNANCE, *LIBRARY, *HEALTH)}
"""By name, in the order in which a flush writes them."""

STATE = {
    "stage": NAME,
    "topic": NAME,
    "partition": "UInt32",
    "key": "String",
    "next_offset": "UInt64",
    "watermark": TIME,
    "blob": "String",
}
MANIFEST = {
    "stage": NAME,
    "topic": NAME,
    "partition": "UInt32",
    "next_offset": "UInt64",
    "watermark": TIME,
    "full_offset": "UInt64",
    "full_watermark": TIME,
    "header": "String",
    "topic_id": "String",
}
