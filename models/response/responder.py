"""The responder: applies the log of responses in its order. What it says depends on that log alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from livewarden.action import Acknowledge, Action, ExpireSilence, Feedback, ResolveIncident, Silence
from livewarden.times import HOUR_MS, SECOND_MS, format_ms, to_ms
from models.alert import Alert
from models.monitor import Monitor
from models.plan import Plan
from models.response.cases import Cases
from models.response.incident import (
    KEEP_MS,
    Grouping,
    Incident,
    incident_from,
    incident_id_of,
    incident_state,
    lead_of,
    parents,
)
from models.response.member import RANK, Member, member_of, worse
from models.response.news import AlertNews, CaseNews, Claim, Delivery, Mark, News, Wish
from models.response.outbox import DOWN_AFTER, Notification, Outbox, notification_id_of
from models.response.policy import Policy, Route
from models.response.refused import Refused
from models.response.silence import SilenceState, holding, silence_of
from models.response.telling import body_of, headline, link_of, title_of

FALLBACK = "fallback"
"""The name of the route of what no route takes."""
MOST_ANSWERED = 1_000
"""Wishes whose ids are remembered, so that one that is sent twice is granted once."""
SWEEP_MS = SECOND_MS
"""What waits for the clock is looked through at most so often."""
STATEFUL = frozenset({"incident", "silence", "case", "feedback"})
KEPT_BACK = ("silenced", "maintenance", "stale", "no_route")
"""Fates that are an answer to "why was I not paged" by themselves."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A wish and its answer."""

    action: Action
    at_ms: int
    accepted: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Disposition:
    """The fate of an alert that is in no incident."""

    alert: Alert
    at_ms: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody says an alert was worth."""

    action: Feedback
    monitor: str
    version: int
    at_ms: int


class Responder:
    """Groups alerts into incidents, decides who is told and who is not, keeps the outbox, silences and cases, grants wishes.

    Give it every record of the log once, in order, with the record's own time: `apply`. `changed` then gives what has changed
    since it was last asked, each thing once. A version counts what happened to a thing, not how often it was asked for, so it
    is the same however the log is cut into batches. An alert or candidate that is said again changes nothing.
    """

    def __init__(self, plan: Plan, policy: Policy) -> None:
        self._policy = policy
        self._monitors: Mapping[str, Monitor] = plan.by_name
        self._grouping = Grouping(plan.by_name)
        self.now_ms = 0
        self.incidents: dict[str, Incident] = {}
        self.silences: dict[str, SilenceState] = {}
        self.outbox = Outbox(policy.give_up_after)
        self.cases = Cases(policy, plan.by_name)
        self._feedback: dict[str, int] = {}
        self._answered: dict[str, None] = {}
        self._fresh: dict[str, dict[str, Any]] = {}
        self._said: list[Any] = []
        self._dirty: set[tuple[str, str]] = set()
        self._swept_ms = 0
        self._hasty = False

    def apply(self, news: News, at_ms: int) -> None:
        """Take one record; `at_ms`: its time in the log, by the clock of who wrote it. Time never goes back."""
        self.now_ms = max(self.now_ms, at_ms)
        if isinstance(news, AlertNews):
            self._alert(news.alert, news.story)
            self.cases.alert(news.alert, self.now_ms)
        elif isinstance(news, CaseNews):
            self.cases.candidate(news, self.now_ms)
        elif isinstance(news, Mark):
            self.cases.judged(news.group, news.watermark_ms)
        elif isinstance(news, Wish):
            self._wish(news.action)
            self._hasty = True
        elif isinstance(news, Claim):
            claimed = self.outbox.claim(news, self.now_ms)
            if claimed is not None:
                self._change("notification", claimed.notification_id, claimed)
        elif isinstance(news, Delivery):
            self._delivered(news)
        self._catch_up()

    @property
    def waits(self) -> bool:
        """Whether the clock alone may change something."""
        return bool(
            self.outbox.waiting
            or self.cases.waits
            or any(each.tell_ms is not None or each.status == "firing" for each in self.incidents.values())
            or any(each.ends_ms > self.now_ms for each in self.silences.values())
        )

    def changed(self) -> tuple[dict[str, dict[str, Any]], list[Any]]:
        """What changed since last asked: things by kind and id (`fate`: incident and member), and what is only ever added."""
        for case_id in self.cases.touched:
            self._change("case", case_id, self.cases[case_id])
        said = [*self._said, *self.cases.entries]
        fresh, self._fresh, self._said = self._fresh, {}, []
        self.cases.touched, self.cases.entries = set(), []
        return fresh, said

    # --- alerts --------------------------------------------------------------------------------------------------------

    def _alert(self, alert: Alert, story: Mapping[str, str]) -> None:
        if alert.suppressed_by is not None:
            if alert.version == 1:
                self._said.append(Disposition(alert, self.now_ms))
            return
        member = member_of(alert, story)
        incident = self.incidents.get(self._grouping.home(member) or "")
        known = incident.members.get(alert.alert_id) if incident is not None else None
        if known is not None and known.version >= member.version:
            return
        if incident is None:
            incident = self._begin(member)
        if known is not None:
            member.fate = known.fate
            member.story = member.story or known.story
        self._put(incident, member)
        if known is None:
            self._joins(incident, member)
        elif not incident.told and "change_id" in member.story and "change_id" not in known.story:
            incident = self._share_change(incident, member.story["change_id"])
        if incident.over and incident.status != "resolved":
            self._over(incident, None)

    def _put(self, incident: Incident, member: Member) -> None:
        incident.members[member.alert_id] = member
        incident.started_ms = min(incident.started_ms, member.start_ms)
        if incident.status != "resolved":
            self._grouping.put(incident, member)
        self._touch(incident)

    def _share_change(self, incident: Incident, change_id: str) -> Incident:
        """An explanation names a change that another open incident names, too: what nobody was told of yet becomes part of it."""
        other = self.incidents.get(self._grouping.of_change(change_id, but=incident.incident_id) or "")
        if other is None:
            return incident
        self._grouping.forget(incident)
        moved, incident.members = incident.members, {incident.lead_id: incident.members[incident.lead_id]}
        incident.status, incident.resolved_ms, incident.tell_ms = "resolved", self.now_ms, None
        incident.part_of = other.incident_id
        incident.note = f"part of incident {other.incident_id}: they share change {change_id}"
        self._touch(incident, settled=True)
        for member in moved.values():
            self._put(other, member)
            self._joins(other, member)
        return other

    def _begin(self, member: Member) -> Incident:
        incident_id = incident_id_of(member.alert_id)
        incident = Incident(incident_id, self.now_ms, member.start_ms, lead_id=member.alert_id)
        incident.tell_ms = self.now_ms + self._policy.group_wait
        self.incidents[incident_id] = incident
        return incident

    def _joins(self, incident: Incident, member: Member) -> None:
        """A new alert in an incident: it waits with it, or is told by what was told, or is worth another telling."""
        if not incident.told:
            self._fate(
                incident, member, "waiting", incident.incident_id, incident.note or "its incident is not told yet"
            )
            return
        lead = incident.members[incident.lead_id]
        silence = holding(self.silences.values(), self._facts(member), self.now_ms, "mute")
        if silence is not None:
            self._muted(incident, member, silence)
            return
        parent = self._grouping.parent_of(incident, member)
        if member.kind == "REGIME_CHANGE":
            self._grouped(incident, member, lead, parent)
            return
        told = incident.sizes.get(member.monitor)
        heavier = RANK[member.severity] > RANK[incident.told_severity]
        if heavier or (
            told is not None and worse(self._monitors.get(member.monitor), told, member, self._policy.worse)
        ):
            soonest = self.now_ms if heavier or incident.told_ms is None else incident.told_ms + self._policy.least_gap
            if incident.tell_ms is None or incident.tell_cause != "worse":
                incident.tell_ms, incident.tell_cause = max(self.now_ms, soonest), "worse"
            self._fate(
                incident, member, "waiting", incident.incident_id, "it is worse than what was told, and will be told"
            )
            return
        self._grouped(incident, member, lead, parent)

    def _over(self, incident: Incident, by: str | None) -> None:
        incident.status, incident.resolved_ms, incident.resolved_by = "resolved", self.now_ms, by
        self._touch(incident, settled=True)
        self._grouping.close(incident)
        if incident.told:
            incident.tell_ms, incident.tell_cause = self.now_ms, "resolved"

    # --- telling -------------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Do what the time has come for. A second in which nothing is due costs nothing."""
        if self.now_ms < self._swept_ms + SWEEP_MS and not self._hasty:
            return
        self._swept_ms, self._hasty = self.now_ms, False
        for incident in [*self.incidents.values()]:
            if incident.tell_ms is not None and incident.tell_ms <= self.now_ms:
                self._tell(incident)
            elif incident.status == "firing" and incident.told:
                self._escalate(incident)
            elif (
                incident.resolved_ms is not None
                and incident.tell_ms is None
                and self.now_ms - incident.resolved_ms > KEEP_MS
            ):
                del self.incidents[incident.incident_id]
                self._grouping.forget(incident)
                self._dirty.add(("incident", incident.incident_id))
        for silence in self.silences.values():
            if silence.remind_ms and not silence.reminded and silence.remind_ms <= self.now_ms < silence.ends_ms:
                silence.reminded = True
                silence.version += 1
                self._change("silence", silence.silence_id, silence)
                title = f"ends at {format_ms(silence.ends_ms)}: {silence.words}"
                self._aside(
                    "reminder", silence.silence_id, title, "info", link_of(self._policy.console_url, "silences", "")
                )
        for case in self.cases.tick(self.now_ms):
            link = link_of(self._policy.console_url, "cases", case.case_id)
            title = f"overdue, {case.state}, {case.owner or 'no owner'}: {case.title}"
            self._aside("overdue", f"{case.case_id}/{case.due_ms}", title, case.severity, link)

    def _tell(self, incident: Incident) -> None:
        cause, incident.tell_ms = incident.tell_cause, None
        if cause == "resolved" and incident.told:
            lead = incident.members[incident.lead_id]
            ends = {FALLBACK, *(route.name for route in self._policy.routes if route.resolved)}
            self._send(incident, lead, cause, {c: r for c, r in incident.channels.items() if r in ends}, [])
            return
        loud = self._loud(incident)
        if not loud:
            return
        loud = [each for each in loud if each.fate.outcome not in ("grouped", "child")] or loud
        lead = lead_of(loud)
        facts = self._facts(lead)
        incident.lead_id = lead.alert_id
        channels: dict[str, str] = {}
        quiet: list[tuple[int, Route]] = []
        routes = self._policy.routes_for(facts)
        for route in routes:
            until = route.quiet_hours.until_ms(self.now_ms, lead.severity) if route.quiet_hours else None
            if until is not None:
                quiet.append((until, route))
            else:
                channels |= {name: route.name for name in route.to if name not in channels}
        if not routes:
            channels = dict.fromkeys(self._policy.fallback, FALLBACK)
        if not channels:
            self._not_told(incident, loud, lead, quiet)
            return
        marked = holding(self.silences.values(), facts, self.now_ms, "annotate")
        remarks = [marked.words] if marked is not None else []
        if marked is not None:
            self._hit(marked)
        incident.note = "; ".join(remarks)
        self._send(incident, lead, cause, channels, remarks)
        if incident.first_told_ms is None:
            incident.first_told_ms = self.now_ms
        incident.told_severity = max(incident.told_severity or "info", lead.severity, key=RANK.__getitem__)
        self._settle(incident, loud, lead)

    def _loud(self, incident: Incident) -> list[Member]:
        """Its alerts that are neither too old nor muted; where there is none, what they wait for is noted."""
        loud, ends = [], []
        for member in incident.members.values():
            if member.fate.outcome in ("notified", "stale"):
                continue
            monitor = self._monitors.get(member.monitor)
            patience = max(self._policy.stale_after, 2 * monitor.bucket if monitor else 0)
            if member.end_ms + patience < incident.opened_ms:
                reason = f"it was {(incident.opened_ms - member.end_ms) // HOUR_MS:,} h old when it was raised"
                self._fate(incident, member, "stale", "", reason)
                continue
            silence = holding(self.silences.values(), self._facts(member), self.now_ms, "mute")
            if silence is None:
                loud.append(member)
                continue
            self._muted(incident, member, silence)
            ends.append(silence.ends_ms)
        if not loud:
            reasons = {member.fate.reason for member in incident.members.values() if member.fate.outcome in KEPT_BACK}
            incident.note = "; ".join(sorted(reasons))[:500]
            if ends and not incident.over:
                incident.tell_ms, incident.tell_cause = min(ends), "new" if not incident.told else "worse"
            self._touch(incident)
        return loud

    def _muted(self, incident: Incident, member: Member, silence: SilenceState) -> None:
        outcome = "maintenance" if silence.kind == "maintenance" else "silenced"
        if (member.fate.outcome, member.fate.by) != (outcome, silence.silence_id):
            self._hit(silence)
        self._fate(incident, member, outcome, silence.silence_id, silence.words)

    def _not_told(self, incident: Incident, loud: list[Member], lead: Member, quiet: list[tuple[int, Route]]) -> None:
        if quiet:
            until, route = min(quiet, key=lambda each: each[0])
            incident.note = f"quiet hours of {route.name} until {format_ms(until)}"
            if not incident.over:
                incident.tell_ms, incident.tell_cause = until, "worse" if incident.told else "new"
            for member in loud:
                self._fate(incident, member, "quiet_hours", route.name, incident.note)
        else:
            incident.note = "no route sends it anywhere"
            for member in loud:
                self._fate(incident, member, "no_route", "", incident.note)
        self._touch(incident)

    def _settle(self, incident: Incident, loud: list[Member], lead: Member) -> None:
        """Write down what became of each of its alerts now that it is told."""
        above = parents(loud)
        for member in loud:
            if member is lead:
                self._fate(incident, member, "notified", "", f"told with incident {incident.incident_id[:8]}")
            else:
                self._grouped(incident, member, lead, above.get(member.alert_id))
        for member in loud:
            if member.observed is not None and member.expected is not None:
                pair = (float(member.observed), float(member.expected))
                before = incident.sizes.get(member.monitor)
                bigger = before is None or abs(pair[0] - pair[1]) > abs(before[0] - before[1])
                incident.sizes[member.monitor] = pair if bigger or before is None else before

    def _grouped(self, incident: Incident, member: Member, lead: Member, parent: Member | None) -> None:
        if parent is not None:
            self._fate(incident, member, "child", parent.alert_id, f"{parent.place} says it too: {parent.size}")
        else:
            self._fate(incident, member, "grouped", lead.alert_id, f"told with {headline(lead, self._monitors)}")

    def _escalate(self, incident: Incident) -> None:
        assert incident.first_told_ms is not None
        lead = incident.members[incident.lead_id]
        for route in self._policy.routes_for(self._facts(lead)):
            for number, step in enumerate(route.escalate):
                name = f"{route.name}/{number}"
                if name not in incident.escalated and self.now_ms >= incident.first_told_ms + step.after:
                    incident.escalated.append(name)
                    self._send(incident, lead, "escalation", dict.fromkeys(step.to, route.name), [])

    def _send(
        self, incident: Incident, lead: Member, cause: str, channels: Mapping[str, str], remarks: Iterable[str]
    ) -> None:
        link = link_of(self._policy.console_url, "incidents", incident.incident_id)
        if not channels:
            return
        incident.told += 1
        incident.told_ms = self.now_ms
        if cause != "escalation":
            incident.channels |= channels
        title = title_of(incident, lead, cause, self._monitors)
        body = body_of(incident, lead, cause, self._monitors, list(remarks), link, self.now_ms)
        for channel, route in channels.items():
            name = notification_id_of(incident.incident_id, incident.told, cause, channel)
            self._post(
                name, incident.incident_id, incident.told, cause, route, channel, lead.severity, title, body, link
            )
        self._touch(incident)

    def _aside(self, cause: str, about: str, title: str, severity: str, link: str, *, but: str = "") -> None:
        """Tell those who run livewarden, on the channels of `fallback`."""
        for channel in self._policy.fallback:
            if channel != but:
                name = notification_id_of(about, 1, cause, channel)
                body = f"{title}\n{link}".strip()
                self._post(name, "", 1, cause, FALLBACK, channel, severity, f"[{cause}] {title}", body, link)

    def _post(
        self, name: str, incident_id: str, number: int, cause: str, route: str, channel: str, severity: str,
        title: str, body: str, link: str,
    ) -> None:  # fmt: skip
        now = self.now_ms
        message = Notification(name, incident_id, number, cause, route, channel, severity, title, body, link, now, now)
        if self.outbox.add(message):
            self._change("notification", name, message)

    def _delivered(self, news: Delivery) -> None:
        known = self.outbox.delivered(news, self.now_ms)
        if known is None:
            return
        notification, channel = known
        self._change("notification", notification.notification_id, notification)
        self._change("channel", channel.channel, channel)
        if channel.failures >= DOWN_AFTER and not channel.reported:
            channel.reported = True
            since = format_ms(channel.since_ms)
            title = f"channel {channel.channel} takes nothing since {since}: {channel.error}"
            self._aside(
                "channel_down", f"{channel.channel}/{channel.since_ms}", title, "critical", "", but=channel.channel
            )

    # --- wishes --------------------------------------------------------------------------------------------------------

    def _wish(self, action: Action) -> None:
        if action.action_id in self._answered:
            return
        self._answered[action.action_id] = None
        if len(self._answered) > MOST_ANSWERED:
            del self._answered[next(iter(self._answered))]
        try:
            if action.role not in ("operator", "admin"):
                raise Refused(f"a {action.role} only looks")
            accepted, answer = True, self._grant(action)
        except Refused as error:
            accepted, answer = False, str(error)
        self._said.append(Audited(action, self.now_ms, accepted, answer))

    def _grant(self, action: Action) -> str:
        if isinstance(action, Acknowledge | ResolveIncident):
            return self._on_incident(action)
        if isinstance(action, Feedback):
            return self._opinion(action)
        if isinstance(action, Silence):
            return self._silence(action)
        if isinstance(action, ExpireSilence):
            return self._expire(action)
        return self.cases.apply(action, self.now_ms)

    def _on_incident(self, action: Acknowledge | ResolveIncident) -> str:
        incident = self.incidents.get(action.incident_id)
        if incident is None or incident.status == "resolved":
            raise Refused("there is no such incident that is not over")
        if action.expects is not None and action.expects < incident.settled:
            who = incident.acknowledged_by or "somebody"
            raise Refused(
                f"the incident has changed: {who} has it; it is at version {incident.version}, you saw {action.expects}"
            )
        if isinstance(action, ResolveIncident):
            self._over(incident, action.who)
            return "the incident is over"
        if incident.acknowledged_by is not None:
            raise Refused(f"{incident.acknowledged_by} has it already")
        incident.status, incident.acknowledged_by, incident.acknowledged_ms = "acknowledged", action.who, self.now_ms
        self._touch(incident, settled=True)
        return f"{action.who} has the incident until it is over"

    def _opinion(self, action: Feedback) -> str:
        version = self._feedback.get(action.alert_id, 0) + 1
        self._feedback[action.alert_id] = version
        self._dirty.add(("feedback", action.alert_id))
        incident = self.incidents.get(self._grouping.of_alert(action.alert_id) or "")
        monitor = incident.members[action.alert_id].monitor if incident is not None else ""
        self._said.append(Opinion(action, monitor, version, self.now_ms))
        return f"the alert is taken down as {action.verdict}"

    def _silence(self, action: Silence) -> str:
        if action.silence_id in self.silences:
            raise Refused("there is a silence of that id")
        if to_ms(action.ends_at) <= self.now_ms:
            raise Refused("it would be over already")
        silence = silence_of(action, self.now_ms)
        self.silences[silence.silence_id] = silence
        self._change("silence", silence.silence_id, silence)
        matched = sum(
            any(silence.matches(self._facts(member)) for member in each.members.values())
            for each in self.incidents.values()
            if each.status != "resolved"
        )
        return (
            f"it holds until {format_ms(silence.ends_ms)}; {matched} open incident{'s' if matched != 1 else ''} match"
        )

    def _expire(self, action: ExpireSilence) -> str:
        silence = self.silences.get(action.silence_id)
        if silence is None or silence.ends_ms <= self.now_ms:
            raise Refused("there is no such silence that is not over")
        silence.ends_ms, silence.ended_by = self.now_ms, action.who
        silence.version += 1
        self._change("silence", silence.silence_id, silence)
        for incident in self.incidents.values():
            held = any(member.fate.by == silence.silence_id for member in incident.members.values())
            if held and incident.tell_ms is not None:
                incident.tell_ms = self.now_ms
        return "the silence is over"

    # --- what has changed ------------------------------------------------------------------------------------------------

    def _facts(self, member: Member) -> dict[str, str]:
        monitor = self._monitors.get(member.monitor)
        return member.facts(monitor.owner if monitor else "")

    def _fate(self, incident: Incident, member: Member, outcome: str, by: str, reason: str) -> None:
        fate = member.fate
        if fate.version and (fate.outcome, fate.by, fate.reason) == (outcome, by, reason):
            return
        fate.outcome, fate.by, fate.reason = outcome, by, reason
        fate.version += 1
        self._dirty.add(("incident", incident.incident_id))
        self._fresh.setdefault("fate", {})[member.alert_id] = (incident.incident_id, member, self.now_ms)

    def _hit(self, silence: SilenceState) -> None:
        silence.hits += 1
        silence.version += 1
        self._change("silence", silence.silence_id, silence)

    def _touch(self, incident: Incident, *, settled: bool = False) -> None:
        incident.version += 1
        if settled:
            incident.settled = incident.version
        self._change("incident", incident.incident_id, incident)

    def _change(self, kind: str, name: str, thing: Any) -> None:
        self._fresh.setdefault(kind, {})[name] = thing
        self._dirty.add((kind, name))

    def title(self, incident: Incident) -> str:
        """An incident in one line: its leading alert's."""
        lead = incident.members.get(incident.lead_id) or lead_of(incident.members.values())
        return headline(lead, self._monitors)

    def owner(self, incident: Incident) -> str:
        """The team that its leading alert's monitor names."""
        monitor = self._monitors.get(incident.members[incident.lead_id].monitor)
        return monitor.owner if monitor else ""

    # --- state -----------------------------------------------------------------------------------------------------------

    def snapshot(self, *, full: bool) -> tuple[dict[str, Any], dict[str, str]]:
        """Header and entries: all of them where `full`, else those that changed since the last snapshot; "null" is gone."""
        header = {
            "now": self.now_ms,
            "swept": self._swept_ms,
            "hasty": self._hasty,
            "answered": list(self._answered),
            "outbox": self.outbox.snapshot(),
            "judged": self.cases.header(),
        }
        names = self._all() if full else self._dirty
        self._dirty = set()
        kept = sorted(each for each in names if each[0] in STATEFUL)
        return header, {f"{kind}\n{name}": json.dumps(self._entry(kind, name)) for kind, name in kept}

    def _all(self) -> set[tuple[str, str]]:
        return {
            *(("incident", name) for name in self.incidents),
            *(("silence", name) for name in self.silences),
            *(("case", name) for name in self.cases.names()),
            *(("feedback", name) for name in self._feedback),
        }

    def _entry(self, kind: str, name: str) -> Any:
        if kind == "incident" and name in self.incidents:
            return incident_state(self.incidents[name])
        if kind == "silence":
            return self.silences[name].state()
        if kind == "case":
            return self.cases[name].state_of()
        return self._feedback[name] if kind == "feedback" else None

    def restore(self, header: Mapping[str, Any], entries: Mapping[str, str]) -> None:
        """Go on from `snapshot`."""
        self.now_ms, self._swept_ms, self._hasty = header["now"], header["swept"], header["hasty"]
        self._answered = dict.fromkeys(header["answered"])
        self.outbox.restore(header["outbox"])
        states: dict[str, dict[str, Any]] = {}
        for key, blob in entries.items():
            kind, _, name = key.partition("\n")
            state = json.loads(blob)
            if state is not None:
                states.setdefault(kind, {})[name] = state
        self.cases.restore(header["judged"], states.get("case", {}))
        self.silences = {name: SilenceState(**state) for name, state in states.get("silence", {}).items()}
        self._feedback = states.get("feedback", {})
        found = [incident_from(state) for state in states.get("incident", {}).values()]
        for incident in sorted(found, key=lambda each: (each.opened_ms, each.incident_id)):
            self.incidents[incident.incident_id] = incident
            for member in incident.members.values():
                self._grouping.put(incident, member)
            if incident.status == "resolved":
                self._grouping.close(incident)
