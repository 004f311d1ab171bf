"""What a simulation's truth and the alerts have to do with each other: which incident was found, and how fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from livewarden.alert import from_json
from livewarden.times import format_ms, parse_ms
from livewarden.wording import size_in_words, slice_in_words
from models.monitors.monitor import Monitor
from sources.simulate import Incident

_TIMES = ("window_start", "window_end", "ends_at")


def alert_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `alerts` as the JSON object that a replay writes."""
    fields = {name: format_ms(value) if name in _TIMES and value is not None else value for name, value in row.items()}
    explanation = fields.get("explanation")
    return fields | {"explanation": orjson.loads(explanation)} if isinstance(explanation, str) else fields


def outcomes(
    incidents: Iterable[Incident],
    alerts: Sequence[Mapping[str, Any]],
    monitors: Mapping[str, Monitor],
    lateness_s: float,
) -> list[dict[str, Any]]:
    """Each incident with `found`, the first alert that is right about it, its verdict, and `delay_s`.

    Right is an alert of a kind that the truth accepts, on the events in which the incident shows, notified while it
    lasted, on a series that names no other value than the incident's dimensions; and one of these is named by the
    series or by the first slice of the explanation: the catch-up of a queue is no find of a rollout in the same hours.
    `delay_s` is event time from the incident's start to the moment the alert could be said: the end of its bucket, and
    the lateness.
    """
    notified = sorted((a for a in alerts if a["suppressed_by"] is None), key=lambda a: (a["window_end"], a["alert_id"]))
    found = []
    for incident in incidents:
        hit = next((alert for alert in notified if is_right(incident, alert, monitors)), None)
        delay = None
        if hit is not None:
            delay = (parse_ms(hit["window_end"]) - incident.start_ms) / 1000 + lateness_s
        found.append(
            {
                "simulated": True,
                "id": incident.id,
                "kind": incident.kind,
                "description": incident.description,
                "start": format_ms(incident.start_ms),
                "end": format_ms(incident.end_ms),
                "found": hit is not None,
                "delay_s": delay,
                "alert_id": hit["alert_id"] if hit else None,
                "monitor": hit["monitor"] if hit else None,
                "series": hit["series"] if hit else None,
                "verdict": verdict_of(hit) if hit else None,
            }
        )
    return found


def verdict_of(alert: Mapping[str, Any]) -> str | None:
    """Which kind of cause its explanation names; None where it was not explained, or nothing speaks clearly."""
    explanation = alert.get("explanation")
    verdict = explanation["verdict"]["verdict"] if explanation else None
    return None if verdict == "INSUFFICIENT_EVIDENCE" else verdict


def is_right(incident: Incident, alert: Mapping[str, Any], monitors: Mapping[str, Monitor]) -> bool:
    """Whether an alert is about an incident; see `outcomes`."""
    start, end = parse_ms(alert["window_start"]), parse_ms(alert["window_end"])
    if alert["kind"] not in incident.alert_kinds or end <= incident.start_ms or start >= incident.end_ms:
        return False
    if monitors[alert["monitor"]].event != incident.event_type:
        return False
    series, cause = alert["series"], incident.dimensions
    if any(series.get(name, value) != value for name, value in cause.items()):
        return False
    named = _slice_of(alert) | series
    if cause and not any(named.get(name) == value for name, value in cause.items()):
        return False
    return "market" not in series or series["market"] in incident.markets


def _slice_of(alert: Mapping[str, Any]) -> dict[str, str]:
    """The slice that the explanation puts first; empty without one."""
    slices = (alert.get("explanation") or {}).get("slices")
    return dict(slices["causes"][0]["slice"]) if slices and slices["causes"] else {}


def alert_line(alert: Mapping[str, Any]) -> str:
    """One line for a person."""
    typed = from_json(alert)
    start = alert["window_start"][:16].replace("T", " ")
    return f"  {start}  {alert['severity']:<8}  {alert['kind']:<20}  {slice_in_words(typed)}: {size_in_words(typed)}"


def incident_line(incident: Mapping[str, Any]) -> str:
    """One line for a person."""
    what = "missed"
    if incident["found"]:
        what = f"found after {incident['delay_s'] / 60:.1f} min by {incident['monitor']}"
        if incident["verdict"] is not None:
            what += f": {incident['verdict'].lower().replace('_', ' ')}"
    return f"  {incident['start'][:16].replace('T', ' ')}  {incident['kind']:<18}  {what}"
