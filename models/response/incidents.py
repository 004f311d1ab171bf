"""All incidents: which alert belongs to which, who is notified of it, and who is not and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livewarden.action import Acknowledge, ResolveIncident
from livewarden.alert import Alert
from models.monitors.monitor import Monitor
from models.response.change_set import ChangeSet, DispositionChanged, Suppressed
from models.response.grouper import Grouper, touching_change
from models.response.incident import KEEP_MS, Incident, incident_from, incident_id_of
from models.response.incident_alert import MUTED, WAITING, IncidentAlert, incident_alert_of
from models.response.message import body_of, headline, link_of, title_of
from models.response.notification_plan import Message, NotificationPlan, Outcome, Rules, plan_notifications
from models.response.notification_queue import NotificationQueue
from models.response.policy import Policy
from models.response.rejected import Rejected
from models.response.silence import SilenceState
from models.response.silences import Silences

NEVER_MS = 2**62
KEPT_BACK = (*MUTED, "stale", "no_route", "quiet_hours")
"""Outcomes that are an answer to "why was I not paged" by themselves."""


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
        self._grouper = Grouper(monitors)
        self.by_id: dict[str, Incident] = {}

    @property
    def _rules(self) -> Rules:
        return Rules(self._policy, self._monitors, self._silences.by_id.values())

    @property
    def wait(self) -> bool:
        """Whether the clock may change one."""
        return any(each.notify_at_ms is not None for each in self.by_id.values())

    def alert(self, alert: Alert, summary: Mapping[str, str]) -> None:
        """An alert in a new version; `summary` is what its explanation says."""
        if alert.suppressed_by is not None:
            if alert.version == 1:
                self._changes.suppressed.append(Suppressed(alert, self._changes.now_ms))
            return
        member = incident_alert_of(alert, summary)
        incident = self.by_id.get(self._grouper.home(member) or "")
        known = incident.members.get(alert.alert_id) if incident is not None else None
        if known is not None and known.version >= member.version:
            return
        if incident is None and member.version > 1 and not member.firing:
            return  # the end of what nobody remembers
        if incident is None:
            incident = self._begin(member)
        if known is None:
            self._join(incident, member)
        else:
            member.carry_on(known)
            self._put(incident, member)
            if not incident.notified and touching_change(member) and not touching_change(known):
                incident = self._share_change(incident, member)
        if incident.over and incident.status != "resolved":
            self._over(incident, None)

    def _join(self, incident: Incident, member: IncidentAlert) -> None:
        member.joined_ms = self._changes.now_ms
        member.follows = self._grouper.wave_before(member) == incident.incident_id
        self._put(incident, member)
        self._dispose(incident, member, Outcome("waiting", incident.incident_id, WAITING))
        if incident.status == "resolved" and member.firing:
            self._reopen(incident)

    def _put(self, incident: Incident, member: IncidentAlert) -> None:
        incident.members[member.alert_id] = member
        incident.started_ms = min(incident.started_ms, member.began_ms)
        incident.notify_at_ms = self._changes.now_ms
        self._grouper.put(incident, member)
        self._touch(incident)

    def _share_change(self, incident: Incident, member: IncidentAlert) -> Incident:
        """A change touches this one and another open incident: what nobody was notified of yet becomes part of that
        one.
        """
        other = self.by_id.get(self._grouper.of_change(member, but=incident.incident_id) or "")
        if other is None:
            return incident
        self._grouper.forget(incident)
        moved, incident.members = incident.members, {incident.lead_id: incident.members[incident.lead_id]}
        incident.status, incident.resolved_ms, incident.notify_at_ms = "resolved", self._changes.now_ms, None
        incident.part_of = other.incident_id
        incident.note = f"part of incident {other.incident_id}: they share change {touching_change(member)}"
        self._touch(incident, settled=True)
        for each in moved.values():
            self._put(other, each)
            self._dispose(other, each, Outcome("waiting", other.incident_id, incident.note))
        return other

    def _begin(self, member: IncidentAlert) -> Incident:
        incident_id = incident_id_of(member.alert_id)
        incident = Incident(incident_id, self._changes.now_ms, member.began_ms, lead_id=member.alert_id)
        self.by_id[incident_id] = incident
        return incident

    def _reopen(self, incident: Incident) -> None:
        """What follows from it came after its end."""
        incident.status = "firing" if incident.acknowledged_by is None else "acknowledged"
        incident.resolved_ms = None
        self._touch(incident, settled=True)

    def _over(self, incident: Incident, by: str | None) -> None:
        incident.status, incident.resolved_ms, incident.resolved_by = "resolved", self._changes.now_ms, by
        incident.notify_at_ms = self._changes.now_ms
        self._touch(incident, settled=True)
        self._grouper.close(incident)

    def tick(self) -> None:
        """Do what the time has come for."""
        now_ms = self._changes.now_ms
        for incident in [*self.by_id.values()]:
            if incident.notify_at_ms is not None and incident.notify_at_ms <= now_ms:
                self._notify(incident)
            elif incident.notify_at_ms is None and now_ms > (incident.resolved_ms or NEVER_MS) + KEEP_MS:
                self._forget(incident)

    def sooner(self, since_ms: int, by_ms: int) -> None:
        """A clock was ahead: what was done at `since_ms` or later, or is to be, was or will be so much earlier."""
        for incident in self.by_id.values():
            if incident.sooner(since_ms, by_ms):
                self._touch(incident)

    def _forget(self, incident: Incident) -> None:
        del self.by_id[incident.incident_id]
        self._grouper.forget(incident)
        self._queue.outbox.forget(incident.incident_id)
        self._changes.dirty.add(("incident", incident.incident_id))

    def _notify(self, incident: Incident) -> None:
        """Do what the plan says, until it says nothing more for now."""
        while True:
            plan = plan_notifications(incident, self._rules, self._changes.now_ms)
            self._apply(incident, plan)
            if not plan.messages:
                break
        incident.notify_at_ms = plan.next_ms
        self._note(incident)
        self._changes.dirty.add(("incident", incident.incident_id))

    def _apply(self, incident: Incident, plan: NotificationPlan) -> None:
        for alert_id, outcome in plan.outcomes.items():
            self._dispose(incident, incident.members[alert_id], outcome)
        for alert_id in plan.settled:
            incident.members[alert_id].settled = True
        for alert_id, channels in plan.heard.items():
            member = incident.members[alert_id]
            member.heard += [name for name in channels if name not in member.heard]
        for channel in plan.ended:
            incident.reached[channel].ended = True
        incident.escalations += plan.steps
        for message in plan.messages:
            self._send(incident, message)

    def _send(self, incident: Incident, message: Message) -> None:
        now_ms = self._changes.now_ms
        lead, covers = incident.members[message.lead_id], [incident.members[name] for name in message.covers]
        marked = self._rules.silence(lead, now_ms, "annotate")
        if marked is not None and message.cause in ("new", "worse", "wider"):
            self._silences.hit(marked)
        if message.cause in ("new", "worse", "wider"):
            incident.lead_id = lead.alert_id
        incident.notified += 1
        if incident.first_notified_ms is None:
            incident.first_notified_ms = now_ms
        remarks = [marked.words] if marked is not None else []
        incident.note = "; ".join(remarks)
        link = link_of(self._policy.console_url, "incidents", incident.incident_id)
        title = title_of(lead, message.cause, self._monitors)
        body = body_of(incident, lead, message.cause, self._monitors, remarks, link, now_ms)
        for channel, route in message.channels.items():
            incident.reach(channel, route, message.cause, lead, covers, now_ms)
            self._queue.send(
                incident.incident_id, incident.notified, message.cause, route, channel, lead.severity, title, body,
                link, incident_id=incident.incident_id,
            )  # fmt: skip
        self._touch(incident)

    def _note(self, incident: Incident) -> None:
        """While nobody was notified, the incident says why."""
        if incident.notified or incident.part_of is not None:
            return
        kept = {each.disposition.reason for each in incident.members.values() if each.disposition.outcome in KEPT_BACK}
        note = "; ".join(sorted(kept))[:500]
        if note != incident.note:
            incident.note = note
            self._touch(incident)

    def apply(self, action: Acknowledge | ResolveIncident) -> str:
        """Do what a person wants; says what was done. Rejected where it may not be."""
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
        incident.status, incident.acknowledged_by = "acknowledged", action.who
        incident.acknowledged_ms = incident.notify_at_ms = self._changes.now_ms
        self._touch(incident, settled=True)
        return f"{action.who} has the incident until it is over"

    def matching(self, silence: SilenceState) -> int:
        """How many open incidents have an alert that a silence matches."""
        rules = self._rules
        return sum(
            any(silence.matches(rules.facts(member)) for member in each.members.values())
            for each in self.by_id.values()
            if each.status != "resolved"
        )

    def look_again(self) -> None:
        """A silence was made or is over: what it holds back, and what it held back, is decided anew."""
        for incident in self.by_id.values():
            if incident.status != "resolved" or incident.notify_at_ms is not None:
                incident.notify_at_ms = self._changes.now_ms

    def monitor_of(self, alert_id: str) -> str:
        """The monitor of an alert that is remembered; "" else."""
        incident = self.by_id.get(self._grouper.of_alert(alert_id) or "")
        return incident.members[alert_id].monitor if incident is not None else ""

    def restore(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Go on from the states of all incidents."""
        found = [incident_from(state) for state in states]
        for incident in sorted(found, key=lambda each: (each.opened_ms, each.incident_id)):
            self.by_id[incident.incident_id] = incident
            for member in incident.members.values():
                self._grouper.put(incident, member)
            if incident.status == "resolved":
                self._grouper.close(incident)

    def _dispose(self, incident: Incident, member: IncidentAlert, outcome: Outcome) -> None:
        known = member.disposition
        if known.version and (known.outcome, known.by, known.reason) == (outcome.outcome, outcome.by, outcome.reason):
            return
        if outcome.outcome in MUTED and (known.outcome, known.by) != (outcome.outcome, outcome.by):
            self._silences.hit_by(outcome.by)
        known.outcome, known.by, known.reason = outcome.outcome, outcome.by, outcome.reason
        known.version += 1
        self._changes.disposition(DispositionChanged(incident.incident_id, member, self._changes.now_ms))

    def _touch(self, incident: Incident, *, settled: bool = False) -> None:
        incident.version += 1
        if settled:
            incident.settled = incident.version
        self._changes.incident(incident)

    def title(self, incident: Incident) -> str:
        """An incident in one line: its leading alert's."""
        return headline(incident.lead, self._monitors)

    def owner(self, incident: Incident) -> str:
        """The team that its leading alert's monitor names."""
        monitor = self._monitors.get(incident.lead.monitor)
        return monitor.owner if monitor else ""
