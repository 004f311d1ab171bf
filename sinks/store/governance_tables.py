"""The tables of readings of the misjudgement radar, of trackers, weekly updates and merchants' feedback."""

from __future__ import annotations

from sinks.store.table import NAME, NUMBER, TIME, Table

GOVERNANCE = (
    Table(
        "misjudgement_readings",
        {
            "day": TIME,
            "cell": "String",
            "version": "UInt64",
            "depth": "UInt8",
            "measures": "UInt64",
            "appealed": "UInt64",
            "reversed": "UInt64",
            "estimate": NUMBER,
            "low": NUMBER,
            "high": NUMBER,
            "maturity": NUMBER,
            "jump": NUMBER,
            "note": "String",
            "reading": "String",
        },
        identity=("day", "cell"),
        version="version",
    ),
    Table(
        "tracker_exports",
        {"export_id": "String", "at": TIME, "who": "String", "rows": "UInt32", "digest": "String"},
        identity=("export_id",),
    ),
    Table(
        "update_facts",
        {
            "report_id": "String",
            "fact_id": "String",
            "place": "UInt32",
            "week": TIME,
            "made_at": TIME,
            "name": NAME,
            "key": "String",
            "from_ms": "Int64",
            "to_ms": "Int64",
            "value": NUMBER,
            "low": NUMBER,
            "high": NUMBER,
            "sentence": "String",
        },
        identity=("report_id", "fact_id"),
    ),
    Table(
        "feedback_tickets",
        {
            "ticket_id": "String",
            "version": "UInt64",
            "shop_id": "String",
            "market": NAME,
            "opened_at": TIME,
            "answered_at": f"Nullable({TIME})",
            "language": NAME,
            "action_id": "String",
            "theme_id": NAME,
            "similarity": "Float64",
            "text": "String",
            "minhash": "Array(UInt32)",
        },
        identity=("ticket_id",),
        version="version",
    ),
    Table(
        "feedback_themes",
        {
            "theme_id": "String",
            "version": "UInt64",
            "name": "String",
            "exemplars": "Array(String)",
            "who": "String",
            "at": TIME,
        },
        identity=("theme_id",),
        version="version",
    ),
)
