"""Incidents as people look them up: what nobody has yet first, a page at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sinks.sql import SEVERITY_RANK
from sinks.store.reader import Reader
from sinks.store.records import IncidentRecord

_URGENCY = (
    "indexOf(['resolved', 'acknowledged', 'firing'], status) DESC,"
    f" if(status = 'resolved', 0, {SEVERITY_RANK}) DESC, opened_at DESC, started_at DESC, incident_id"
)


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents: an empty text, or None, leaves nothing out.

    `text` occurs in the title, the owner or who acknowledged it, in whatever case. `open` leaves out those that
    are resolved, `owner` is a team. `from_ms` and `to_ms` bound
    `opened_at`, the end excluded.
    """

    text: str = ""
    monitor: str = ""
    severity: str = ""
    status: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    owner: str = ""
    open: bool = False

    def where(self) -> str:
        """The condition; its values are `asdict(self)`."""
        parts = ["1"]
        if self.text:
            parts.append(
                "positionCaseInsensitiveUTF8(concat(title, '\\n', owner, '\\n', ifNull(acknowledged_by, '')), "
                "{text:String}) > 0"
            )
        if self.monitor:
            parts.append("has(monitors, {monitor:String})")
        if self.severity:
            parts.append("severity = {severity:String}")
        if self.status:
            parts.append("status = {status:String}")
        if self.owner:
            parts.append("owner = {owner:String}")
        if self.open:
            parts.append("status != 'resolved'")
        if self.from_ms is not None:
            parts.append("opened_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("opened_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return " AND ".join(parts)


@dataclass(frozen=True)
class IncidentCounts:
    """How many incidents, and how many of them fire or are acknowledged."""

    all: int
    firing: int
    acknowledged: int


async def find(reader: Reader, wanted: IncidentFilter, *, limit: int = 50, offset: int = 0) -> list[IncidentRecord]:
    """A page of incidents: firing, then those that somebody has, by severity, newest first;
    then those that are over, newest first.
    """
    return await reader.find(
        IncidentRecord,
        f"SELECT {IncidentRecord.columns()} FROM incidents FINAL WHERE {wanted.where()} ORDER BY {_URGENCY}"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def count(reader: Reader, wanted: IncidentFilter) -> IncidentCounts:
    """How many `find` finds, and how many of them in which state."""
    found = await reader.find(
        IncidentCounts,
        "SELECT count() AS all, countIf(status = 'firing') AS firing, countIf(status = 'acknowledged') AS acknowledged"
        f" FROM incidents FINAL WHERE {wanted.where()}",
        asdict(wanted),
    )
    return found[0]


async def get(reader: Reader, incident_id: str) -> IncidentRecord | None:
    """One incident in its newest version; None where there is none of that id."""
    rows = await reader.find(
        IncidentRecord,
        f"SELECT {IncidentRecord.columns()} FROM incidents FINAL WHERE incident_id = {{id:String}}",
        {"id": incident_id},
    )
    return rows[0] if rows else None


async def of_case(reader: Reader, case_id: str, *, limit: int = 20) -> list[IncidentRecord]:
    """The incidents that a case's alerts belong to, the newest first."""
    return await reader.find(
        IncidentRecord,
        f"SELECT {IncidentRecord.columns()} FROM incidents FINAL WHERE has(case_ids, {{id:String}})"
        " ORDER BY opened_at DESC, incident_id LIMIT {limit:UInt32}",
        {"id": case_id, "limit": limit},
    )
