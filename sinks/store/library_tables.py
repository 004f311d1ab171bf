"""The tables of the case library."""

from __future__ import annotations

from sinks.store.table import NAME, TIME, Table

COUNT = "Nullable(UInt64)"

LIBRARY = (
    Table(
        "library_entries",
        {
            "entry_id": "String",
            "version": "UInt64",
            "source": "String",
            "title": "String",
            "summary": "String",
            "kind": NAME,
            "language": NAME,
            "markets": "Array(String)",
            "market_group": NAME,
            "subject_type": NAME,
            "policy_clause": NAME,
            "policy_version": NAME,
            "action_type": NAME,
            "action_family": NAME,
            "queue": NAME,
            "model_version": NAME,
            "changes": "Array(String)",
            "cause": NAME,
            "resolution": NAME,
            "enforcement": NAME,
            "rejected": "UInt8",
            "taxonomy": NAME,
            "pattern_key": "String",
            "pattern_id": "String",
            "measures": COUNT,
            "wrong_measures": COUNT,
            "shops": COUNT,
            "gmv_minor": COUNT,
            "viewer_minutes": COUNT,
            "rationale": "String",
            "precedent": NAME,
            "started_at": f"Nullable({TIME})",
            "closed_at": f"Nullable({TIME})",
            "added_by": "String",
            "added_at": TIME,
            "entry": "String",
        },
        identity=("entry_id",),
        version="version",
    ),
    Table(
        "patterns",
        {
            "pattern_id": "String",
            "version": "UInt32",
            "name": "String",
            "merged_into": "String",
            "split_into": "Array(String)",
            "taken": "Array(String)",
            "made_of": "String",
            "by": "String",
            "why": "String",
            "at": TIME,
        },
        identity=("pattern_id",),
        version="version",
    ),
)
