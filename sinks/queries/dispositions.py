"""What became of alerts: who was notified, what kept the others back, and what they were worth."""

from __future__ import annotations

from typing import Any

from sinks.queries.alerts import LISTED
from sinks.store.reader import Reader


async def get(reader: Reader, alert_id: str) -> dict[str, Any] | None:
    """What became of one alert: its incident, the outcome, what kept it back and why; None where it is not known."""
    rows = await reader.select(
        "SELECT alert_id, version, incident_id, outcome, by, reason, at FROM dispositions FINAL"
        " WHERE alert_id = {id:String}",
        {"id": alert_id},
    )
    return rows[0] if rows else None


async def of_incident(reader: Reader, incident_id: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """Alerts of an incident with their `outcome`, `by` and `reason`:
    those that were notified first, then by severity, newest first.
    """
    return await reader.select(
        f"SELECT a.*, d.outcome AS outcome, d.by AS by, d.reason AS reason FROM (SELECT {LISTED} FROM alerts FINAL"
        " WHERE run = 'live') AS a INNER JOIN (SELECT alert_id, outcome, by, reason FROM dispositions FINAL"
        " WHERE incident_id = {incident:String}) AS d ON a.alert_id = d.alert_id"
        " ORDER BY outcome = 'notified' DESC, status = 'firing' DESC, indexOf(['info', 'warning', 'critical'], "
        "severity) DESC,"
        " window_start DESC, alert_id LIMIT {limit:UInt32}",
        {"incident": incident_id, "limit": limit},
    )


async def outcomes(reader: Reader, incident_id: str) -> list[dict[str, Any]]:
    """How many alerts of an incident had which `outcome`, the most frequent first."""
    return await reader.select(
        "SELECT outcome, count() AS alerts FROM dispositions FINAL WHERE incident_id = {incident:String}"
        " GROUP BY outcome ORDER BY alerts DESC, outcome",
        {"incident": incident_id},
    )


async def feedback(reader: Reader, alert_id: str) -> dict[str, Any] | None:
    """What somebody said that an alert was worth: `verdict`, `cause`, `why`, `who`, `at`; None where nobody did."""
    rows = await reader.select(
        "SELECT verdict, cause, why, who, at FROM feedback FINAL WHERE alert_id = {id:String}", {"id": alert_id}
    )
    return rows[0] if rows else None
