"""All incidents: which alert belongs to which, who is notified of it, and who is not and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livewarden.action import Acknowledge, ResolveIncident
from livewarden.alert import Alert
from livewarden.times import HOUR_MS, format_ms
from models.monitors.monitor import RANK, Monitor
from models.response.change_set import ChangeSet, Suppressed
from models.response.incident import (
    KEEP_MS,
    Grouping,
    Incident,
    incident_from,
    incident_id_of,
    lead_of,
    parents,
)
from models.response.incident_alert import MUTED, IncidentAlert, incident_alert_of, worse
from models.response.message import body_of, headline, link_of, title_of
from models.response.notification_queue import FALLBACK, NotificationQueue
from models.response.policy import Policy, Route
from models.response.rejected import Rejected
from models.response.silence import SilenceState
from models.response.silences import Silences

NEVER_MS = 2**62
KEPT_BACK = (*MUTED, "stale", "no_route")
"""Fates that are an answer to "why was I not paged" by themselves."""


class Incidents:
    """Incidents by id, those that are over for a day too. An alert that is said again changes nothing."""

    def __init__(
        self,
        monitors: Mapping[str, Monitor],
        policy: Policy,
        changes: ChangeSet,
        silences: Silences,
        queue: NotificationQueue,
    ) -> None:
        self._monitors = monitors
        self._policy = policy
        self._changes = changes
        self._silences = silences
        self._queue = queue
        self._grouping = Grouping(monitors)
        self.by_id: dict[str, Incident] = {}

    @property
    def wait(self) -> bool:
        """Whether the clock may change one."""
        return any(each.notify_at_ms is not None or each.status == "firing" for each in self.by_id.values())

    def alert(self, alert: Alert, summary: Mapping[str, str]) -> None:
        """An alert in a new version; `summary` is what its explanation says."""
        if alert.suppressed_by is not None:
            if alert.version == 1:
                self._changes.appended.append(Suppressed(alert, self._changes.now_ms))
            return
        member = incident_alert_of(alert, summary)
        incident = self.by_id.get(self._grouping.home(member) or "")
        known = incident.members.get(alert.alert_id) if incident is not None else None
        if known is not None and known.version >= member.version:
            return
        if incident is None and member.version > 1 and not member.firing:
            return  # the end of what nobody remembers
        if incident is None:
            incident = self._begin(member)
        if known is not None:
            member.disposition = known.disposition
            member.summary = member.summary or known.summary
        self._put(incident, member)
        if known is None:
            self._joins(incident, member)
        elif not incident.notified and "change_id" in member.summary and "change_id" not in known.summary:
            incident = self._share_change(incident, member.summary["change_id"])
        if incident.over and incident.status != "resolved":
            self._over(incident, None)

    def _put(self, incident: Incident, member: IncidentAlert) -> None:
        incident.members[member.alert_id] = member
        incident.started_ms = min(incident.started_ms, member.start_ms)
        if incident.status != "resolved":
            self._grouping.put(incident, member)
        self._touch(incident)

    def _share_change(self, incident: Incident, change_id: str) -> Incident:
        """An explanation names a change that another open incident names, too:
        what nobody was notified of yet becomes part of it.
        """
        other = self.by_id.get(self._grouping.of_change(change_id, but=incident.incident_id) or "")
        if other is None:
            return incident
        self._grouping.forget(incident)
        moved, incident.members = incident.members, {incident.lead_id: incident.members[incident.lead_id]}
        incident.status, incident.resolved_ms, incident.notify_at_ms = "resolved", self._changes.now_ms, None
        incident.part_of = other.incident_id
        incident.note = f"part of incident {other.incident_id}: they share change {change_id}"
        self._touch(incident, settled=True)
        for member in moved.values():
            self._put(other, member)
            self._joins(other, member)
        return other

    def _begin(self, member: IncidentAlert) -> Incident:
        incident_id = incident_id_of(member.alert_id)
        incident = Incident(incident_id, self._changes.now_ms, member.start_ms, lead_id=member.alert_id)
        incident.notify_at_ms = self._changes.now_ms + self._policy.group_wait
        self.by_id[incident_id] = incident
        return incident

    def _joins(self, incident: Incident, member: IncidentAlert) -> None:
        """A new alert in an incident: it waits with it, or is notified by what was notified,
        or is worth another notification.
        """
        if not incident.notified:
            self._dispose(
                incident,
                member,
                "waiting",
                incident.incident_id,
                incident.note or "nobody is notified of its incident yet",
            )
            return
        lead = incident.members[incident.lead_id]
        silence = self._silences.holding(self._facts(member), "mute")
        if silence is not None:
            self._muted(incident, member, silence)
            return
        parent = self._grouping.parent_of(incident, member)
        if member.kind == "REGIME_CHANGE":
            self._grouped(incident, member, lead, parent)
            return
        cause = self._worth(incident, member)
        if cause is None:
            self._grouped(incident, member, lead, parent)
            return
        heavier = RANK[member.severity] > RANK[incident.notified_severity]
        soonest = self._changes.now_ms if heavier else (incident.notified_ms or 0) + self._policy.group_interval
        if incident.notify_at_ms is None or heavier:
            incident.notify_at_ms, incident.notify_cause = max(self._changes.now_ms, soonest), cause
        reason = f"it is {cause} than what was notified, and will be notified"
        self._dispose(incident, member, "waiting", incident.incident_id, reason)

    def _worth(self, incident: Incident, member: IncidentAlert) -> str | None:
        """Why a new alert of an incident that was notified is worth another notification: it is `worse`, or `wider`;
        None where it is not.

        Worse: of a higher severity, or materially bigger than what was notified of its monitor. Wider: critical, and of
        a monitor that was not notified yet.
        """
        notified = incident.sizes.get(member.monitor)
        if RANK[member.severity] > RANK[incident.notified_severity]:
            return "worse"
        if notified is None:
            return "wider" if member.severity == "critical" else None
        return "worse" if worse(self._monitors.get(member.monitor), notified, member, self._policy.worse) else None

    def _over(self, incident: Incident, by: str | None) -> None:
        incident.status, incident.resolved_ms, incident.resolved_by = "resolved", self._changes.now_ms, by
        self._touch(incident, settled=True)
        self._grouping.close(incident)
        if incident.notified:
            incident.notify_at_ms, incident.notify_cause = self._changes.now_ms, "resolved"

    def tick(self) -> None:
        """Do what the time has come for."""
        for incident in [*self.by_id.values()]:
            if incident.notify_at_ms is not None and incident.notify_at_ms <= self._changes.now_ms:
                self._notify(incident)
            elif incident.status == "firing" and incident.notified:
                self._escalate(incident)
            elif incident.notify_at_ms is None and self._changes.now_ms > (incident.resolved_ms or NEVER_MS) + KEEP_MS:
                self._forget(incident)

    def sooner(self, since_ms: int, by_ms: int) -> None:
        """A clock was ahead: what was notified at `since_ms` or later, or is to be, was or will be so much earlier."""
        for incident in self.by_id.values():
            names = [
                name
                for name in ("notify_at_ms", "notified_ms", "first_notified_ms")
                if (at_ms := getattr(incident, name)) is not None and at_ms >= since_ms
            ]
            for name in names:
                setattr(incident, name, getattr(incident, name) - by_ms)
            if names:
                self._touch(incident)

    def _forget(self, incident: Incident) -> None:
        del self.by_id[incident.incident_id]
        self._grouping.forget(incident)
        self._changes.dirty.add(("incident", incident.incident_id))

    def _notify(self, incident: Incident) -> None:
        cause, incident.notify_at_ms = incident.notify_cause, None
        if cause == "resolved" and incident.notified:
            lead = incident.members[incident.lead_id]
            ends = {FALLBACK, *(route.name for route in self._policy.routes if route.resolved)}
            self._send(incident, lead, cause, {c: r for c, r in incident.channels.items() if r in ends}, [])
            return
        loud = self._loud(incident)
        if not loud:
            return
        loud = [each for each in loud if each.disposition.outcome not in ("grouped", "inhibited")] or loud
        lead = lead_of(loud)
        facts = self._facts(lead)
        incident.lead_id = lead.alert_id
        channels: dict[str, str] = {}
        quiet: list[tuple[int, Route]] = []
        routes = self._policy.routes_for(facts)
        for route in routes:
            until = route.quiet_hours.until_ms(self._changes.now_ms, lead.severity) if route.quiet_hours else None
            if until is not None:
                quiet.append((until, route))
            else:
                channels |= {name: route.name for name in route.to if name not in channels}
        if not routes:
            channels = dict.fromkeys(self._policy.fallback, FALLBACK)
        if not channels:
            self._not_notified(incident, loud, lead, quiet)
            return
        marked = self._silences.holding(facts, "annotate")
        remarks = [marked.words] if marked is not None else []
        if marked is not None:
            self._silences.hit(marked)
        incident.note = "; ".join(remarks)
        self._send(incident, lead, cause, channels, remarks)
        if incident.first_notified_ms is None:
            incident.first_notified_ms = self._changes.now_ms
        incident.notified_severity = max(incident.notified_severity or "info", lead.severity, key=RANK.__getitem__)
        self._settle(incident, loud, lead)

    def _loud(self, incident: Incident) -> list[IncidentAlert]:
        """Its alerts that are neither too old nor muted; where there is none, what they wait for is noted."""
        loud, ends = [], []
        for member in incident.members.values():
            if member.disposition.outcome in ("notified", "stale") or (
                member.disposition.outcome in MUTED and not member.firing
            ):
                continue  # what was over before its silence was is no news any more
            monitor = self._monitors.get(member.monitor)
            patience = max(self._policy.stale_after, 2 * monitor.bucket if monitor else 0)
            if member.end_ms + patience < incident.opened_ms:
                reason = f"it was {(incident.opened_ms - member.end_ms) // HOUR_MS:,} h old when it was raised"
                self._dispose(incident, member, "stale", "", reason)
                continue
            silence = self._silences.holding(self._facts(member), "mute")
            if silence is None:
                loud.append(member)
                continue
            self._muted(incident, member, silence)
            ends.append(silence.ends_ms)
        if not loud:
            reasons = {
                member.disposition.reason
                for member in incident.members.values()
                if member.disposition.outcome in KEPT_BACK
            }
            incident.note = "; ".join(sorted(reasons))[:500]
            if ends and not incident.over:
                incident.notify_at_ms, incident.notify_cause = min(ends), "new" if not incident.notified else "worse"
            self._touch(incident)
        return loud

    def _muted(self, incident: Incident, member: IncidentAlert, silence: SilenceState) -> None:
        outcome = "maintenance" if silence.kind == "maintenance" else "silenced"
        if (member.disposition.outcome, member.disposition.by) != (outcome, silence.silence_id):
            self._silences.hit(silence)
        self._dispose(incident, member, outcome, silence.silence_id, silence.words)

    def _not_notified(
        self, incident: Incident, loud: list[IncidentAlert], lead: IncidentAlert, quiet: list[tuple[int, Route]]
    ) -> None:
        if quiet:
            until, route = min(quiet, key=lambda each: each[0])
            incident.note = f"quiet hours of {route.name} until {format_ms(until)}"
            if not incident.over:
                incident.notify_at_ms, incident.notify_cause = until, "worse" if incident.notified else "new"
            for member in loud:
                self._dispose(incident, member, "quiet_hours", route.name, incident.note)
        else:
            incident.note = "no route sends it anywhere"
            for member in loud:
                self._dispose(incident, member, "no_route", "", incident.note)
        self._touch(incident)

    def _settle(self, incident: Incident, loud: list[IncidentAlert], lead: IncidentAlert) -> None:
        """Write down what became of each of its alerts now that it is notified."""
        above = parents(loud)
        for member in loud:
            if member is lead:
                self._dispose(incident, member, "notified", "", f"notified with incident {incident.incident_id[:8]}")
            else:
                self._grouped(incident, member, lead, above.get(member.alert_id))
        for member in loud:
            if member.observed is not None and member.expected is not None:
                pair = (float(member.observed), float(member.expected))
                before = incident.sizes.get(member.monitor)
                bigger = before is None or abs(pair[0] - pair[1]) > abs(before[0] - before[1])
                incident.sizes[member.monitor] = pair if bigger or before is None else before

    def _grouped(
        self, incident: Incident, member: IncidentAlert, lead: IncidentAlert, parent: IncidentAlert | None
    ) -> None:
        if parent is not None:
            self._dispose(incident, member, "inhibited", parent.alert_id, f"{parent.place} says it too: {parent.size}")
        else:
            self._dispose(incident, member, "grouped", lead.alert_id, f"notified with {headline(lead, self._monitors)}")

    def _escalate(self, incident: Incident) -> None:
        assert incident.first_notified_ms is not None
        lead = incident.members[incident.lead_id]
        facts = self._facts(lead)
        if self._silences.holding(facts, "mute") is not None:
            return
        for route in self._policy.routes_for(facts):
            for number, step in enumerate(route.escalate):
                name = f"{route.name}/{number}"
                if name not in incident.escalated and self._changes.now_ms >= incident.first_notified_ms + step.after:
                    incident.escalated.append(name)
                    self._send(incident, lead, "escalation", dict.fromkeys(step.to, route.name), [])

    def _send(
        self, incident: Incident, lead: IncidentAlert, cause: str, channels: Mapping[str, str], remarks: Iterable[str]
    ) -> None:
        link = link_of(self._policy.console_url, "incidents", incident.incident_id)
        if not channels:
            return
        incident.notified += 1
        incident.notified_ms = self._changes.now_ms
        if cause != "escalation":
            incident.channels |= channels
        title = title_of(incident, lead, cause, self._monitors)
        body = body_of(incident, lead, cause, self._monitors, list(remarks), link, self._changes.now_ms)
        for channel, route in channels.items():
            self._queue.send(
                incident.incident_id, incident.notified, cause, route, channel, lead.severity, title, body, link,
                incident_id=incident.incident_id,
            )  # fmt: skip
        self._touch(incident)

    def apply(self, action: Acknowledge | ResolveIncident) -> str:
        """Do what a person wants; says what was done. Refused where it may not be."""
        incident = self.by_id.get(action.incident_id)
        if incident is None or incident.status == "resolved":
            raise Rejected("no open incident with this id")
        if action.expects is not None and action.expects < incident.settled:
            who = incident.acknowledged_by or "somebody"
            raise Rejected(
                f"the incident has changed: acknowledged by {who}; it is at version {incident.version}, "
                f"you saw {action.expects}"
            )
        if isinstance(action, ResolveIncident):
            self._over(incident, action.who)
            return "the incident is over"
        if incident.acknowledged_by is not None:
            raise Rejected(f"already acknowledged by {incident.acknowledged_by}")
        incident.status, incident.acknowledged_by, incident.acknowledged_ms = (
            "acknowledged",
            action.who,
            self._changes.now_ms,
        )
        self._touch(incident, settled=True)
        return f"{action.who} has the incident until it is over"

    def matching(self, silence: SilenceState) -> int:
        """How many open incidents have an alert that a silence matches."""
        return sum(
            any(silence.matches(self._facts(member)) for member in each.members.values())
            for each in self.by_id.values()
            if each.status != "resolved"
        )

    def released(self, silence_id: str) -> None:
        """A silence is over: what it held back is notified now."""
        for incident in self.by_id.values():
            held = any(member.disposition.by == silence_id for member in incident.members.values())
            if held and incident.notify_at_ms is not None:
                incident.notify_at_ms = self._changes.now_ms

    def monitor_of(self, alert_id: str) -> str:
        """The monitor of an alert that is remembered; "" else."""
        incident = self.by_id.get(self._grouping.of_alert(alert_id) or "")
        return incident.members[alert_id].monitor if incident is not None else ""

    def restore(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Go on from the states of all incidents."""
        found = [incident_from(state) for state in states]
        for incident in sorted(found, key=lambda each: (each.opened_ms, each.incident_id)):
            self.by_id[incident.incident_id] = incident
            for member in incident.members.values():
                self._grouping.put(incident, member)
            if incident.status == "resolved":
                self._grouping.close(incident)

    def _facts(self, member: IncidentAlert) -> dict[str, str]:
        monitor = self._monitors.get(member.monitor)
        return member.facts(monitor.owner if monitor else "")

    def _dispose(self, incident: Incident, member: IncidentAlert, outcome: str, by: str, reason: str) -> None:
        disposition = member.disposition
        if disposition.version and (disposition.outcome, disposition.by, disposition.reason) == (outcome, by, reason):
            return
        disposition.outcome, disposition.by, disposition.reason = outcome, by, reason
        disposition.version += 1
        self._changes.dirty.add(("incident", incident.incident_id))
        self._changes.upserts.setdefault("disposition", {})[member.alert_id] = (
            incident.incident_id,
            member,
            self._changes.now_ms,
        )

    def _touch(self, incident: Incident, *, settled: bool = False) -> None:
        incident.version += 1
        if settled:
            incident.settled = incident.version
        self._changes.change("incident", incident.incident_id, incident)

    def title(self, incident: Incident) -> str:
        """An incident in one line: its leading alert's."""
        lead = incident.members.get(incident.lead_id) or lead_of(incident.members.values())
        return headline(lead, self._monitors)

    def owner(self, incident: Incident) -> str:
        """The team that its leading alert's monitor names."""
        monitor = self._monitors.get(incident.members[incident.lead_id].monitor)
        return monitor.owner if monitor else ""
