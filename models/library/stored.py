"""An entry and a pattern as rows of their tables: columns for analysts, the whole as JSON."""

from __future__ import annotations

from typing import Any

from livewarden.library_entry import LibraryEntry
from livewarden.times import to_ms
from models.library.pattern_book import PatternState
from models.library.pattern_key import TAXONOMY, pattern_key

_SAME = (
    *("entry_id", "source", "title", "summary", "kind", "policy_clause", "policy_version", "action_type", "queue"),
    *("model_version", "cause", "measures", "wrong_measures", "shops", "rationale", "precedent", "pattern_id"),
)


def library_row(entry: LibraryEntry, who: str, at_ms: int) -> dict[str, Any]:
    """A row of `library_entries`; its version is when it was put in."""
    key = pattern_key(entry)
    return {name: getattr(entry, name) for name in _SAME} | {
        "version": at_ms,
        "added_by": who,
        "added_at": at_ms,
        "language": entry.language or "",
        "markets": list(entry.markets),
        "market_group": key.markets,
        "subject_type": entry.subject_type or "",
        "action_family": key.family,
        "changes": list(entry.changes),
        "resolution": entry.resolution or "",
        "enforcement": entry.enforcement,
        "rejected": int(entry.rejected),
        "taxonomy": TAXONOMY,
        "pattern_key": str(key),
        "gmv_minor": entry.harm.gmv_minor,
        "viewer_minutes": entry.harm.viewer_minutes,
        "started_at": None if entry.started_at is None else to_ms(entry.started_at),
        "closed_at": None if entry.closed_at is None else to_ms(entry.closed_at),
        "entry": entry.model_dump_json(),
    }


def pattern_row(state: PatternState) -> dict[str, Any]:
    """A row of `patterns`."""
    same = ("pattern_id", "version", "name", "merged_into", "made_of", "by", "why")
    row = {name: getattr(state, name) for name in same}
    return row | {"split_into": list(state.split_into), "taken": list(state.taken), "at": state.at_ms}
