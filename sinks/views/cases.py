"""Case candidates as people look them up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sinks.reader import Reader
from sinks.views.alerts import SLICE

_LISTED = (
    "case_id, version, title, status, grouping, kind, started_at, ended_at, length(alert_ids) AS alert_count, monitors,"
    " arraySlice(series, 1, 4) AS slices, length(series) AS slice_count, severity"
)
_URGENCY = "ended_at IS NULL DESC, indexOf(['info', 'warning', 'critical'], severity) DESC, started_at DESC, case_id"


@dataclass(frozen=True)
class CaseFilter:
    """Which cases: an empty text, or None, leaves nothing out.

    `state` is `ongoing` (an alert of it still fires) or `ended`. `slice` occurs in a `name=value` of a series or in the title.
    """

    run: str = "live"
    monitor: str = ""
    slice: str = ""
    severity: str = ""
    state: str = ""
    from_ms: int | None = None
    to_ms: int | None = None

    def where(self) -> str:
        """The condition; its values are `asdict(self)`."""
        parts = ["run = {run:String}"]
        if self.monitor:
            parts.append("has(monitors, {monitor:String})")
        if self.slice:
            inside = SLICE % ("m", "m")
            parts.append(
                f"(arrayExists(m -> {inside}, series) OR positionCaseInsensitiveUTF8(title, {{slice:String}}) > 0)"
            )
        if self.severity:
            parts.append("severity = {severity:String}")
        if self.state:
            parts.append("ended_at IS NULL" if self.state == "ongoing" else "ended_at IS NOT NULL")
        if self.from_ms is not None:
            parts.append("started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return " AND ".join(parts)


async def find(reader: Reader, wanted: CaseFilter, *, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """A page of cases without their evidence: ongoing before ended, by severity, then newest first."""
    return await reader.select(
        f"SELECT {_LISTED} FROM case_candidates FINAL WHERE {wanted.where()} ORDER BY {_URGENCY}"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def count(reader: Reader, wanted: CaseFilter) -> dict[str, int]:
    """How many `find` finds (`all`), and how many of them are `ongoing`."""
    found = await reader.select(
        "SELECT count() AS all, countIf(ended_at IS NULL) AS ongoing FROM case_candidates FINAL"
        f" WHERE {wanted.where()}",
        asdict(wanted),
    )
    return found[0]


async def get(reader: Reader, case_id: str, run: str = "live") -> dict[str, Any] | None:
    """One case in its newest version, its evidence as text; None where there is none of that id."""
    rows = await reader.select(
        f"SELECT {_LISTED}, alert_ids, series, evidence, toUnixTimestamp(stored_at) * 1000 AS stored_at"
        " FROM case_candidates FINAL WHERE run = {run:String} AND case_id = {id:String}",
        {"run": run, "id": case_id},
    )
    return rows[0] if rows else None
