"""The text of a notification: what, where, how big against what was usual, since when, the slice, the change,
what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from livewarden.times import format_ms
from livewarden.wording import span_in_words
from models.monitors.monitor import Monitor
from models.response.incident import Incident
from models.response.incident_alert import IncidentAlert

_BEGINS = {
    "new": "",
    "worse": "worse: ",
    "wider": "also: ",
    "resolved": "over: ",
    "escalation": "unacknowledged: ",
}
MOST_BESIDE = 3
"""Further alerts that are named."""


def headline(lead: IncidentAlert, monitors: Mapping[str, Monitor]) -> str:
    """What, where, how big, in one line."""
    monitor = monitors.get(lead.monitor)
    what = (monitor and monitor.title) or lead.monitor
    return f"{what} · {lead.place}: {lead.size}"


def title_of(incident: Incident, lead: IncidentAlert, cause: str, monitors: Mapping[str, Monitor]) -> str:
    """The title of a notification."""
    return f"[{lead.severity}] {_BEGINS.get(cause, '')}{headline(lead, monitors)}"


def body_of(
    incident: Incident,
    lead: IncidentAlert,
    cause: str,
    monitors: Mapping[str, Monitor],
    remarks: Sequence[str],
    link: str,
    now_ms: int,
) -> str:
    """The text of a notification, plain, a fact a line."""
    monitor = monitors.get(lead.monitor)
    began = lead.summary.get("onset") or format_ms(lead.start_ms)
    lines = [f"Since {began.replace('T', ' ').replace('Z', ' UTC')}{_lasted(incident, lead)}"]
    text = lead.summary.get("text", "")
    if text:
        lines.append(text)
    elif "verdict" in lead.summary:
        lines.append(f"Verdict: {lead.summary['verdict'].lower().replace('_', ' ')}")
    if "change" in lead.summary and lead.summary["change"].partition(",")[0] not in text:
        lines.append(f"Change nearby: {lead.summary['change']}")
    beside = _beside(incident, lead, monitors)
    if beside:
        lines.append(beside)
    lines += [f"Remark: {remark}" for remark in remarks]
    if cause == "escalation" and incident.first_notified_ms is not None:
        lines.append(
            f"Notified {span_in_words(now_ms - incident.first_notified_ms)} ago, and nobody has acknowledged it"
        )
    if monitor is not None and monitor.owner:
        lines.append(f"Owner: {monitor.owner}")
    if monitor is not None and monitor.playbook:
        lines.append(f"Playbook: {monitor.playbook}")
    lines.append(link or f"Incident {incident.incident_id}")
    return "\n".join(lines)


def link_of(console_url: str, path: str, name: str) -> str:
    """The page of a thing in the console; "" where its address is not known.

    >>> link_of("https://wall.example/", "incidents", "i1")
    'https://wall.example/incidents/i1'
    """
    return f"{console_url.rstrip('/')}/{path}/{name}" if console_url else ""


def _lasted(incident: Incident, lead: IncidentAlert) -> str:
    ended = incident.ended_ms
    if ended is None:
        return ", ongoing"
    return f", over after {span_in_words(ended - lead.start_ms)}"


def _beside(incident: Incident, lead: IncidentAlert, monitors: Mapping[str, Monitor]) -> str:
    others = [
        each
        for each in incident.members.values()
        if each.alert_id != lead.alert_id and each.episode_id != lead.episode_id
    ]
    if not others:
        return ""
    others.sort(key=lambda each: (each.monitor == lead.monitor, -(each.score or 0.0), each.alert_id))
    named = [f"{each.place} ({each.size})" for each in others[:MOST_BESIDE]]
    more = len(others) - len(named)
    return f"With it: {'; '.join(named)}{f'; and {more:,} more' if more else ''}"
