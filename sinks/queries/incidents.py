"""Incidents as people look them up: what nobody has yet first, a page at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sinks.store.reader import Reader

_LISTED = (
    "incident_id, version, status, title, severity, lead_alert_id, alert_count, firing_count, monitors, case_ids, "
    "change_id,"
    " owner, started_at, ended_at, opened_at, notified_at, notified, acknowledged_by, acknowledged_at, resolved_at, "
    "resolved_by, note"
)
_URGENCY = (
    "indexOf(['resolved', 'acknowledged', 'firing'], status) DESC,"
    " if(status = 'resolved', 0, indexOf(['info', 'warning', 'critical'], severity)) DESC, opened_at DESC, "
    "started_at DESC,"
    " incident_id"
)


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents: an empty text, or None, leaves nothing out.

    `text` occurs in the title, the owner or who acknowledged it, in whatever case. `from_ms` and `to_ms` bound
    `opened_at`, the end excluded.
    """

    text: str = ""
    monitor: str = ""
    severity: str = ""
    status: str = ""
    from_ms: int | None = None
    to_ms: int | None = None

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
        if self.from_ms is not None:
            parts.append("opened_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("opened_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return " AND ".join(parts)


async def find(reader: Reader, wanted: IncidentFilter, *, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """A page of incidents: firing, then those that somebody has, by severity, newest first;
    then those that are over, newest first.
    """
    return await reader.select(
        f"SELECT {_LISTED} FROM incidents FINAL WHERE {wanted.where()} ORDER BY {_URGENCY}"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def count(reader: Reader, wanted: IncidentFilter) -> dict[str, int]:
    """How many `find` finds (`all`), how many of them are `firing` and how many `acknowledged`."""
    found = await reader.select(
        "SELECT count() AS all, countIf(status = 'firing') AS firing, countIf(status = 'acknowledged') AS acknowledged"
        f" FROM incidents FINAL WHERE {wanted.where()}",
        asdict(wanted),
    )
    return found[0]


async def get(reader: Reader, incident_id: str) -> dict[str, Any] | None:
    """One incident in its newest version; None where there is none of that id."""
    rows = await reader.select(
        f"SELECT {_LISTED} FROM incidents FINAL WHERE incident_id = {{id:String}}", {"id": incident_id}
    )
    return rows[0] if rows else None


async def of_case(reader: Reader, case_id: str, *, limit: int = 20) -> list[dict[str, Any]]:
    """The incidents that a case's alerts belong to, the newest first."""
    return await reader.select(
        f"SELECT {_LISTED} FROM incidents FINAL WHERE has(case_ids, {{id:String}})"
        " ORDER BY opened_at DESC, incident_id LIMIT {limit:UInt32}",
        {"id": case_id, "limit": limit},
    )
