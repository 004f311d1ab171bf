"""The text of a notification: what, where, how big against what was expected, since when, the slice, the change,
what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from livewarden.times import format_ms
from livewarden.wording import span_in_words
from models.monitors.monitor import Monitor
from models.response.advice import advice
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
MOST_REMARK = 300
"""Characters of a remark: its page has all of it."""


def headline(lead: IncidentAlert, monitors: Mapping[str, Monitor]) -> str:
    """What, where, how big, in one line."""
    monitor = monitors.get(lead.monitor)
    what = (monitor and monitor.title) or lead.monitor
    return f"{what} · {lead.place}: {lead.size}"


def title_of(lead: IncidentAlert, cause: str, monitors: Mapping[str, Monitor]) -> str:
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
    """The text of a notification, plain, a fact a line: since when, which slice, what changed, what to do, where to
    look.
    """
    monitor = monitors.get(lead.monitor)
    lines = [_since(incident)]
    if lead.summary.get("text"):
        lines.append(lead.summary["text"])
    elif "verdict" in lead.summary:
        lines.append(f"Verdict: {lead.summary['verdict'].lower().replace('_', ' ')}")
    lines.append(f"What changed: {_changed(lead)}")
    lines += [line for line in (_beside(incident, lead), _followed(incident, lead, monitors)) if line]
    lines += [f"Remark: {_cut(remark, MOST_REMARK)}" for remark in remarks]
    if cause == "escalation" and incident.first_notified_ms is not None:
        lines.append(
            f"Notified {span_in_words(now_ms - incident.first_notified_ms)} ago, and nobody has acknowledged it"
        )
    lines.append(f"What to do: {advice(lead.kind, lead.summary.get('verdict', ''), cause)}")
    if monitor is not None and monitor.owner:
        lines.append(f"Owner: {monitor.owner}")
    if monitor is not None and monitor.playbook:
        lines.append(f"Playbook: {monitor.playbook}")
    lines.append(link or f"Where to look: livewarden incident show {incident.incident_id[:12]}")
    return "\n".join(lines)


def link_of(console_url: str, path: str, name: str) -> str:
    """The page of a thing in the console; "" where its address is not known.

    >>> link_of("https://wall.example/", "incidents", "i1")
    'https://wall.example/incidents/i1'
    """
    return f"{console_url.rstrip('/')}/{path}/{name}" if console_url else ""


def _since(incident: Incident) -> str:
    """When the incident began and whether it lasts: the same beginning and end as on its page."""
    began = format_ms(incident.started_ms).replace("T", " ").replace("Z", " UTC")
    ended = incident.ended_ms
    return f"Since {began}, " + (
        "ongoing" if ended is None else f"over after {span_in_words(ended - incident.started_ms)}"
    )


def _changed(lead: IncidentAlert) -> str:
    if "change" in lead.summary:
        return lead.summary["change"]
    if lead.summary:
        return "nothing in the change ledger reaches it in time"
    return "not looked up yet; its page will say"


def _others(incident: Incident, lead: IncidentAlert, *, follow: bool) -> list[IncidentAlert]:
    others = [
        each
        for each in incident.members.values()
        if each.alert_id != lead.alert_id and each.episode_id != lead.episode_id and each.follows == follow
    ]
    return sorted(others, key=lambda each: (each.monitor == lead.monitor, -(each.score or 0.0), each.alert_id))


def _beside(incident: Incident, lead: IncidentAlert) -> str:
    others = _others(incident, lead, follow=False)
    if not others:
        return ""
    named = [f"{each.place} ({each.size})" for each in others[:MOST_BESIDE]]
    more = len(others) - len(named)
    return f"With it: {'; '.join(named)}{f'; and {more:,} more' if more else ''}"


def _followed(incident: Incident, lead: IncidentAlert, monitors: Mapping[str, Monitor]) -> str:
    others = _others(incident, lead, follow=True)
    if not others:
        return ""
    named = "; ".join(headline(each, monitors) for each in others[:MOST_BESIDE])
    return f"Followed by: {named}{f'; and {len(others) - MOST_BESIDE:,} more' if len(others) > MOST_BESIDE else ''}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
