"""The tables of what livewarden says about itself."""

from __future__ import annotations

from typing import Final

from sinks.store.table import NAME, TIME, Table

HEALTH: Final = (
    Table(
        "health_alerts",
        {
            "alert_id": "String",
            "kind": NAME,
            "about": "String",
            "severity": NAME,
            "title": "String",
            "body": "String",
            "status": NAME,
            "since": TIME,
            "seen_at": TIME,
            "worker": "String",
        },
        identity=("alert_id",),
        version="seen_at",
    ),
    Table(
        "log_positions",
        {
            "topic": NAME,
            "partition": "UInt32",
            "log_end": "UInt64",
            "next_offset": "UInt64",
            "unread_seconds": "Float64",
            "seen_at": TIME,
        },
        identity=("topic", "partition"),
        version="seen_at",
    ),
    Table(
        "workers",
        {
            "worker": "String",
            "seen_at": TIME,
            "why_not_ready": "String",
            "clock_skew_seconds": "Nullable(Float64)",
            "ingest": "UInt32",
            "detect": "UInt32",
            "respond": "UInt32",
        },
        identity=("worker",),
        version="seen_at",
    ),
    Table(
        "canaries",
        {"sent_at": TIME, "arrived_at": TIME, "seconds": "Float64"},
        identity=("sent_at",),
    ),
)
