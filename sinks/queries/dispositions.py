"""What became of alerts: who was notified, what kept the others back, and what they were worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sinks.sql import SEVERITY_RANK
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord, DispositionRecord, FeedbackRecord, Moment, Number, TableRow

_SELECT = f"SELECT {DispositionRecord.columns()} FROM dispositions FINAL"


class DisposedAlert(AlertRecord):
    """An alert with what became of it."""

    outcome: str
    by: str
    reason: str


class KeptBack(TableRow):
    """An alert that nobody was notified of by itself, and why."""

    TABLE = "dispositions"
    at: Moment
    alert_id: str
    incident_id: str
    monitor: str
    severity: str
    outcome: str
    by: str
    reason: str
    series: Mapping[str, str]
    window_start: Moment
    observed: Number
    expected: Number


@dataclass(frozen=True)
class OutcomeCount:
    """How many alerts had an outcome."""

    outcome: str
    alerts: int


async def get(reader: Reader, alert_id: str) -> DispositionRecord | None:
    """What became of one alert; None where it is not known."""
    rows = await reader.find(DispositionRecord, f"{_SELECT} WHERE alert_id = {{id:String}}", {"id": alert_id})
    return rows[0] if rows else None


async def by_alert(reader: Reader, alert_ids: Sequence[str]) -> dict[str, DispositionRecord]:
    """What became of alerts, by id; those that the response has not seen yet are missing."""
    rows = await reader.find(
        DispositionRecord, f"{_SELECT} WHERE alert_id IN {{ids:Array(String)}} ORDER BY alert_id", {"ids": alert_ids}
    )
    return {row.alert_id: row for row in rows}


async def kept_back(
    reader: Reader, *, monitor: str = "", outcome: str = "", since_ms: int | None = None, limit: int = 50
) -> list[KeptBack]:
    """Alerts that nobody was notified of, the newest first; an empty text leaves nothing out."""
    return await reader.find(
        KeptBack,
        f"SELECT {', '.join(KeptBack.model_fields)} FROM why_not_paged WHERE outcome != 'notified'"
        " AND at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
        " AND {monitor:String} IN ('', monitor) AND {outcome:String} IN ('', outcome)"
        " ORDER BY at DESC, alert_id LIMIT {limit:UInt32}",
        {"since": since_ms or 0, "monitor": monitor, "outcome": outcome, "limit": limit},
    )


async def of_incident(reader: Reader, incident_id: str, *, limit: int = 50) -> list[DisposedAlert]:
    """Alerts of an incident: those notified first, then by severity, newest first."""
    return await reader.find(
        DisposedAlert,
        f"SELECT a.*, d.outcome AS outcome, d.by AS by, d.reason AS reason FROM (SELECT {AlertRecord.columns()}"
        " FROM alerts FINAL"
        " WHERE run = 'live') AS a INNER JOIN (SELECT alert_id, outcome, by, reason FROM dispositions FINAL"
        " WHERE incident_id = {incident:String}) AS d ON a.alert_id = d.alert_id"
        f" ORDER BY outcome = 'notified' DESC, status = 'firing' DESC, {SEVERITY_RANK} DESC,"
        " window_start DESC, alert_id LIMIT {limit:UInt32}",
        {"incident": incident_id, "limit": limit},
    )


async def outcomes(reader: Reader, incident_id: str) -> list[OutcomeCount]:
    """How many alerts of an incident had which outcome, the most frequent first."""
    return await reader.find(
        OutcomeCount,
        "SELECT outcome, count() AS alerts FROM dispositions FINAL WHERE incident_id = {incident:String}"
        " GROUP BY outcome ORDER BY alerts DESC, outcome",
        {"incident": incident_id},
    )


async def feedback(reader: Reader, alert_id: str) -> FeedbackRecord | None:
    """What somebody said that an alert was worth; None where nobody did."""
    rows = await reader.find(
        FeedbackRecord,
        f"SELECT {FeedbackRecord.columns()} FROM feedback FINAL WHERE alert_id = {{id:String}}",
        {"id": alert_id},
    )
    return rows[0] if rows else None


class JudgedAlert(AlertRecord):
    """A live alert and what somebody said that it was worth."""

    verdict: str


async def judged_alerts(reader: Reader) -> list[JudgedAlert]:
    """All live alerts that somebody gave feedback on, by time."""
    names = ", ".join(f"a.{name} AS {name}" for name in AlertRecord.columns().split(", "))
    return await reader.find(
        JudgedAlert,
        f"SELECT {names}, f.verdict AS verdict FROM alerts AS a FINAL INNER JOIN feedback AS f FINAL"
        " ON a.alert_id = f.alert_id WHERE a.run = 'live' ORDER BY a.window_start, a.alert_id",
    )
