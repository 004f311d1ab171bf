"""What the responder says, as the rows of its tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from livewarden.action import ACTION, target_of
from livewarden.times import format_ms, to_ms
from models.response.casefile import CaseFile, Entry, Task
from models.response.change_set import Audited, DispositionChanged, Opinion, Suppressed
from models.response.incident import Incident
from models.response.incidents import Incidents
from models.response.outbox import ChannelState, Notification
from models.response.recommendations import Recommendation
from models.response.silence import SilenceState
from streams.stages.output import Row


def incident_row(incident: Incident, incidents: Incidents) -> Row:
    """A row of `incidents`."""
    members = () if incident.part_of else incident.members.values()
    return {
        "incident_id": incident.incident_id,
        "version": incident.version,
        "status": incident.status,
        "title": incidents.title(incident),
        "severity": incident.severity,
        "lead_alert_id": incident.lead.alert_id,
        "alert_count": len(members),
        "firing_count": sum(member.firing for member in members),
        "monitors": sorted({member.monitor for member in members}),
        "case_ids": sorted({member.case_id for member in members if member.case_id}),
        "change_id": incident.change_id,
        "owner": incidents.owner(incident),
        "started_at": incident.started_ms,
        "ended_at": incident.ended_ms,
        "opened_at": incident.opened_ms,
        "notified_at": incident.first_notified_ms,
        "notified": incident.notified,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": incident.acknowledged_ms,
        "resolved_at": incident.resolved_ms,
        "resolved_by": incident.resolved_by,
        "note": incident.note,
    }


def disposition_row(changed: DispositionChanged) -> Row:
    """A row of `dispositions`."""
    member = changed.member
    disposition = member.disposition
    return {
        "alert_id": member.alert_id,
        "version": disposition.version,
        "incident_id": changed.incident_id,
        "monitor": member.monitor,
        "severity": member.severity,
        "outcome": disposition.outcome,
        "by": disposition.by,
        "reason": disposition.reason,
        "at": changed.at_ms,
    }


def suppressed_row(appended: Suppressed) -> Row:
    """A row of `dispositions` for an alert that detection itself kept back."""
    alert = appended.alert
    return {
        "alert_id": alert.alert_id,
        "version": 1,
        "incident_id": "",
        "monitor": alert.monitor,
        "severity": alert.severity,
        "outcome": "suppressed",
        "by": "detection",
        "reason": alert.suppressed_by or "",
        "at": appended.at_ms,
    }


def silence_row(silence: SilenceState) -> Row:
    """A row of `silences`."""
    kept = ("silence_id", "version", "kind", "effect", "matchers", "owner", "reason", "created_by", "ended_by", "hits")
    row = {name: getattr(silence, name) for name in kept}
    times = {"created_at": silence.created_ms, "starts_at": silence.starts_ms, "ends_at": silence.ends_ms}
    return row | times | {"reminded": int(silence.reminded)}


def notification_row(message: Notification) -> Row:
    """A row of `notifications`."""
    kept = ("notification_id", "version", "incident_id", "number", "cause", "route", "channel", "state", "attempts")
    row = {name: getattr(message, name) for name in (*kept, "error", "title", "body")}
    return row | {"created_at": message.created_ms, "due_at": message.due_ms, "sent_at": message.sent_ms}


def channel_row(channel: ChannelState) -> Row:
    """A row of `channels`."""
    kept = ("channel", "version", "state", "failures", "error")
    return {name: getattr(channel, name) for name in kept} | {"since": channel.since_ms}


def case_file_row(case: CaseFile) -> Row:
    """A row of `cases`."""
    kept = ("case_id", "version", "title", "state", "kind", "severity", "owner", "escalated_to", "resolution", "reason")
    row: dict[str, Any] = {name: getattr(case, name) for name in (*kept, "merged_into", "reopened", "monitors")}
    for name in ("due", "started", "ended", "created", "opened", "resolved", "closed"):
        row[f"{name}_at"] = getattr(case, f"{name}_ms")
    for name, value in (("tasks", list(map(_task, case.tasks))), ("links", case.links), ("evidence", case.evidence)):
        row[name] = orjson.dumps(value).decode()
    return row | {
        "overdue": int(case.overdue),
        "alert_ids": list(case.alerts),
        "firing_count": len(case.firing),
        "open_tasks": len(case.open_tasks),
        "clock": "" if case.clock is None else orjson.dumps(case.clock).decode(),
        "template": case.template,
    }


def _task(task: Task) -> dict[str, Any]:
    due, done = (None if ms is None else format_ms(ms) for ms in (task.due_ms, task.done_ms))
    whose = {"id": task.task_id, "text": task.text, "owner": task.owner}
    how = {"kind": task.kind, "mandatory": task.mandatory, "answer": task.answer, "unnecessary": task.unnecessary}
    return whose | {"due_at": due, "done_by": task.done_by, "done_at": done} | how


def entry_row(entry: Entry) -> Row:
    """A row of `case_history`."""
    row = asdict(entry)
    return row | {"at": row.pop("at_ms"), "details": orjson.dumps(row["details"]).decode()}


def action_row(audited: Audited) -> Row:
    """A row of `actions`."""
    action = audited.action
    return {
        "action_id": action.action_id,
        "at": audited.at_ms,
        "asked_at": to_ms(action.at),
        "who": action.who,
        "role": action.role,
        "do": action.do,
        "target": target_of(action),
        "outcome": "accepted" if audited.accepted else "refused",
        "answer": audited.answer,
        "data": ACTION.dump_json(action).decode(),
    }


def opinion_row(appended: Opinion) -> Row:
    """A row of `feedback`."""
    action = appended.action
    return {
        "alert_id": action.alert_id,
        "version": appended.version,
        "monitor": appended.monitor,
        "verdict": action.verdict,
        "cause": action.cause,
        "why": action.why,
        "who": action.who,
        "at": appended.at_ms,
    }


def recommendation_row(recommendation: Recommendation) -> Row:
    """A row of `recommendations`."""
    row = asdict(recommendation)
    return row | {"at": row.pop("at_ms"), "done_at": row.pop("done_ms")}
