"""From the beginning of an id, as people type it, to the whole of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from sinks.store.reader import Reader

Kind = Literal["incident", "alert", "silence", "case", "entry", "pattern", "recommendation"]
"""What a person names by an id."""
_TABLE: Final[Mapping[Kind, str]] = {
    "incident": "incidents",
    "alert": "alerts",
    "silence": "silences",
    "case": "cases",
    "entry": "library_entries",
    "recommendation": "recommendations",
    "pattern": "(SELECT pattern_id FROM library_entries WHERE pattern_id != ''"
    " UNION ALL SELECT pattern_id FROM patterns)",
}


async def beginning_with(reader: Reader, kind: Kind, start: str, *, most: int = 4) -> list[str]:
    """Ids that begin with `start`, the exact one alone where there is one; at most `most`, sorted."""
    name = f"{kind}_id"
    live = " AND run = 'live'" if kind == "alert" else ""
    rows = await reader.select(
        f"SELECT DISTINCT {name} AS id FROM {_TABLE[kind]} WHERE startsWith({name}, {{start:String}}){live}"
        " ORDER BY id LIMIT {most:UInt32}",
        {"start": start, "most": most},
    )
    found = [row["id"] for row in rows]
    return [start] if start in found else found
