"""Silences, maintenance windows and campaigns as people look them up."""

from __future__ import annotations

from typing import Any, Literal

from sinks.store.reader import Reader

_LISTED = (
    "silence_id, version, kind, effect, matchers, owner, reason, created_by, created_at, starts_at, ends_at, "
    "ended_by, reminded, hits"
)
Phase = Literal["active", "coming", "past"]
_NOW = "fromUnixTimestamp64Milli({now:Int64}, 'UTC')"
_PHASE = f"multiIf(ends_at <= {_NOW}, 'past', starts_at > {_NOW}, 'coming', 'active')"


async def find(
    reader: Reader, now_ms: int, phase: Phase | Literal[""] = "", *, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """A page of silences with their `phase` at `now_ms`: active ones first, then coming ones, then past ones,
    newest first.
    """
    return await reader.select(
        f"SELECT {_LISTED}, {_PHASE} AS phase FROM silences FINAL WHERE {{phase:String}} IN ('', phase)"
        " ORDER BY indexOf(['past', 'coming', 'active'], phase) DESC, starts_at DESC, silence_id"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        {"now": now_ms, "phase": phase, "limit": limit, "offset": offset},
    )


async def count(reader: Reader, now_ms: int) -> dict[str, int]:
    """How many there are, by phase: `active`, `coming`, `past`, and `all`."""
    rows = await reader.select(
        "SELECT countIf(phase = 'active') AS active, countIf(phase = 'coming') AS coming,"
        " countIf(phase = 'past') AS past,"
        f" count() AS all FROM (SELECT {_PHASE} AS phase FROM silences FINAL)",
        {"now": now_ms},
    )
    return rows[0]


async def get(reader: Reader, silence_id: str) -> dict[str, Any] | None:
    """One silence in its newest version; None where there is none of that id."""
    rows = await reader.select(
        f"SELECT {_LISTED} FROM silences FINAL WHERE silence_id = {{id:String}}", {"id": silence_id}
    )
    return rows[0] if rows else None
