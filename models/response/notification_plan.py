"""The plan: who is notified of an incident now, what becomes of each of its alerts, and when to look again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from livewarden.times import format_ms
from livewarden.wording import span_in_words
from models.monitors.monitor import RANK, Monitor
from models.response.incident import Incident, Reached, lead_of
from models.response.incident_alert import MUTED, WAITING, IncidentAlert, worse
from models.response.inhibition import parents
from models.response.message import headline
from models.response.policy import FALLBACK, Policy, Route
from models.response.silence import SilenceState, holding

Cause = Literal["new", "worse", "wider", "escalation", "resolved"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides, beside the incident itself. `silences` are all of them, also those that are over."""

    policy: Policy
    monitors: Mapping[str, Monitor]
    silences: Collection[SilenceState] = ()

    def facts(self, member: IncidentAlert) -> dict[str, str]:
        """What routes and silences may ask of an alert."""
        monitor = self.monitors.get(member.monitor)
        return member.facts(monitor.owner if monitor else "")

    def silence(self, member: IncidentAlert, now_ms: int, effect: str = "mute") -> SilenceState | None:
        """The silence that holds for an alert now."""
        return holding(self.silences, self.facts(member), now_ms, effect) if self.silences else None

    def age_when_raised(self, member: IncidentAlert) -> int | None:
        """How old an alert was when it came, in ms, where that is too old to call anybody; two of its buckets are never
        too old.
        """
        monitor = self.monitors.get(member.monitor)
        patience = max(self.policy.stale_after, 2 * monitor.bucket if monitor else 0)
        age = member.joined_ms - member.end_ms
        return age if age > patience else None


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say: why, with which alert, of which alerts, and to whom (route by channel)."""

    cause: Cause
    lead_id: str
    covers: tuple[str, ...]
    channels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of an alert: a row of `dispositions`."""

    outcome: str
    by: str = ""
    reason: str = ""


@dataclass(slots=True)
class NotificationPlan:
    """What to do now. `heard`: channels on which an alert needs no message (any more); `steps`: escalations that are
    due; `ended`: channels that need not be notified of the end; `settled`: alerts of which nothing is left to decide;
    `next_ms`: when the clock alone may change this plan, None: never.
    """

    messages: list[Message] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    heard: dict[str, list[str]] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    next_ms: int | None = None

    def say(self, cause: Cause, lead_id: str, covers: tuple[str, ...], channel: str, route: str) -> None:
        """A message to a channel. What goes to several channels alike is one message."""
        for message in self.messages:
            if (message.cause, message.lead_id, message.covers) == (cause, lead_id, covers):
                message.channels[channel] = route
                return
        self.messages.append(Message(cause, lead_id, covers, {channel: route}))

    def again(self, at_ms: int) -> None:
        """Look again then, at the latest."""
        self.next_ms = at_ms if self.next_ms is None else min(self.next_ms, at_ms)


def plan_notifications(incident: Incident, rules: Rules, now_ms: int) -> NotificationPlan:
    """What to say of an incident at `now_ms`, to whom, and what becomes of its alerts. It changes nothing.

    Every alert is decided on by itself, channel by channel: whether it is too old, muted, without a route, or in the
    quiet hours of a route. What is left is then one message for each channel: `new` for one that was never notified of
    the incident, `group_wait` after the first alert that it may hear of; `worse` or `wider` for one that was, where an
    alert is worth it, `group_interval` after the last, or at once where it is more severe than anything that the
    channel heard. So what one alert waits for never holds another one back.

    >>> from livewarden.alert import Alert
    >>> from models.response.incident_alert import incident_alert_of
    >>> route = {"name": "all", "to": ["log"]}
    >>> policy = Policy.model_validate({"channel": [{"name": "log", "file": "x"}], "route": [route]})
    >>> alert = Alert("a1", 1, "a1", "orders", "TRAFFIC_ANOMALY", "DOWN", {"market": "DE"}, 0, 60_000,
    ...               1.0, 9.0, 5.0, "critical", "firing", "")
    >>> member = incident_alert_of(alert, {})
    >>> incident = Incident("i1", 0, 0, members={"a1": member}, lead_id="a1")
    >>> plan_notifications(incident, Rules(policy, {}), 4_000).next_ms
    5000
    >>> [(each.cause, each.channels) for each in plan_notifications(incident, Rules(policy, {}), 5_000).messages]
    [('new', {'log': 'all'})]
    """
    plan = NotificationPlan()
    for channel, found in _ready(incident, rules, now_ms, plan).items():
        reached = incident.reached.get(channel)
        if reached is None:
            _first(channel, found, rules, now_ms, plan)
        else:
            _further(channel, reached, found, incident, rules, now_ms, plan)
    _outcomes(incident, rules, plan)
    if plan.messages:
        plan.again(now_ms)  # who is notified now changes what is due next
    elif incident.status == "resolved":
        _ends(incident, rules, now_ms, plan)
    elif incident.status == "firing":
        _escalations(incident, rules, now_ms, plan)
    return plan


Found = list[tuple[IncidentAlert, str]]
"""Alerts that a channel may hear of now, each with the route that leads there."""


def _ready(incident: Incident, rules: Rules, now_ms: int, plan: NotificationPlan) -> dict[str, Found]:
    ready: dict[str, Found] = {}
    for member in incident.members.values():
        if member.settled:
            continue
        if incident.resolved_by is not None or incident.part_of is not None:
            plan.settled.append(member.alert_id)  # somebody ended it, and knows of it
        elif not _kept_back(member, rules, now_ms, plan):
            for channel, route in _open_channels(member, rules, now_ms, plan).items():
                ready.setdefault(channel, []).append((member, route))
    return ready


def _kept_back(member: IncidentAlert, rules: Rules, now_ms: int, plan: NotificationPlan) -> bool:
    """Whether nobody may hear of an alert now, for what it is: too old, or muted."""
    name = member.alert_id
    if member.disposition.outcome in MUTED and not member.firing:
        plan.settled.append(name)  # what came and went under its silence is no news
        return True
    age = rules.age_when_raised(member)
    if age is not None:
        plan.outcomes[name] = Outcome("stale", "", f"it was {span_in_words(age)} old when it was raised")
        plan.settled.append(name)
        return True
    silence = rules.silence(member, now_ms)
    if silence is None:
        return False
    outcome = "maintenance" if silence.kind == "maintenance" else "silenced"
    if not member.heard:
        plan.outcomes[name] = Outcome(outcome, silence.silence_id, silence.words)
    if member.firing:
        plan.again(silence.ends_ms)
    else:
        plan.settled.append(name)
    return True


def _open_channels(member: IncidentAlert, rules: Rules, now_ms: int, plan: NotificationPlan) -> dict[str, str]:
    """Channels that may hear of an alert now and have not yet, each with its route; those in quiet hours wait."""
    routes = rules.policy.routes_for(rules.facts(member))
    open_: dict[str, str] = {}
    quiet = []
    if not routes:
        open_ = {name: FALLBACK for name in rules.policy.fallback if name not in member.heard}
        if not rules.policy.fallback:
            plan.outcomes[member.alert_id] = Outcome("no_route", "", "no route sends it anywhere")
    for route in routes:
        left = [name for name in route.to if name not in member.heard]
        until = _quiet_until(route, now_ms, member.severity)
        if until is None:
            open_ |= {name: route.name for name in left if name not in open_}
        elif left:
            quiet.append((until, route.name, left))
    waits = [(until, name) for until, name, left in quiet if not open_.keys() >= set(left)]
    for until, name in sorted(waits)[:1]:
        plan.again(until)
        if not open_ and not member.heard:
            reason = f"quiet hours of {name} until {format_ms(until)}"
            plan.outcomes[member.alert_id] = Outcome("quiet_hours", name, reason)
    if not open_ and not waits:
        plan.settled.append(member.alert_id)
    return open_


def _first(channel: str, found: Found, rules: Rules, now_ms: int, plan: NotificationPlan) -> None:
    """A channel that was never notified of the incident."""
    due_ms = min(member.joined_ms for member, _ in found) + rules.policy.group_wait
    _say("new", channel, found, due_ms, now_ms, plan)


def _further(
    channel: str, reached: Reached, found: Found, incident: Incident, rules: Rules, now_ms: int, plan: NotificationPlan
) -> None:
    """A channel that was: what is not worth another message is grouped with what it was notified."""
    heavier = any(RANK[member.severity] > RANK[reached.severity] for member, _ in found)
    fold = incident.over and not heavier and not reached.ended  # the end, which it is notified next, says it too
    notified = [each for each in incident.members.values() if channel in each.said]
    causes = {} if fold else {m.alert_id: worth(m, reached, notified, rules) for m, _ in found}
    worthy = [(member, route) for member, route in found if causes.get(member.alert_id)]
    for member, _ in found:
        if not causes.get(member.alert_id):
            plan.heard.setdefault(member.alert_id, []).append(channel)
    if worthy:
        cause: Cause = "worse" if "worse" in causes.values() else "wider"
        due_ms = now_ms if heavier else reached.last_ms + rules.policy.group_interval
        _say(cause, channel, worthy, due_ms, now_ms, plan)


def worth(
    member: IncidentAlert, reached: Reached, notified: Sequence[IncidentAlert], rules: Rules
) -> Literal["worse", "wider"] | None:
    """Why an alert is worth a further message to a channel that knows of its incident: it is `worse`, or `wider`, or
    None.

    Worse: of a higher severity, or materially bigger than what the channel has of its monitor. Wider: critical,
    and of a monitor it has nothing of, or of a place that has nothing to do with the places of what it was
    `notified` of.
    """
    if member.kind == "REGIME_CHANGE":
        return None
    if RANK[member.severity] > RANK[reached.severity]:
        return "worse"
    size = reached.sizes.get(member.monitor)
    if size is not None and worse(rules.monitors.get(member.monitor), size, member, rules.policy.worse):
        return "worse"
    if member.severity != "critical":
        return None
    elsewhere = bool(member.labels) and not any(not each.labels or each.labels & member.labels for each in notified)
    return "wider" if elsewhere or all(each.monitor != member.monitor for each in notified) else None


def _say(cause: Cause, channel: str, found: Found, due_ms: int, now_ms: int, plan: NotificationPlan) -> None:
    """Say it now, or look again when it is due."""
    if due_ms > now_ms:
        plan.again(due_ms)
        reason = WAITING if cause == "new" else f"it is {cause} than what was notified, and will be"
        plan.outcomes |= {each.alert_id: Outcome("waiting", "", reason) for each, _ in found if not each.heard}
        return
    covers = tuple(member.alert_id for member, _ in found)
    lead = lead_of(member for member, _ in found)
    route = next(route for member, route in found if member is lead)
    plan.say(cause, lead.alert_id, covers, channel, route)
    for member, _ in found:
        plan.heard.setdefault(member.alert_id, []).append(channel)


def _outcomes(incident: Incident, rules: Rules, plan: NotificationPlan) -> None:
    """What becomes of the alerts that were said, and of those that need not be."""
    said: dict[str, str] = {}
    leads = {message.lead_id for message in plan.messages}
    for message in plan.messages:
        said |= {name: message.lead_id for name in message.covers if name not in leads}
    for name in leads:
        plan.outcomes[name] = Outcome("notified", "", f"in incident {incident.incident_id[:8]}")
    quiet = [name for name in plan.heard if name not in leads and name not in said]
    said |= {name: lead.lead_id for name in quiet if (lead := _last_said(incident, plan.heard[name]))}
    said = {name: lead for name, lead in said.items() if incident.members[name].disposition.outcome != "notified"}
    if not said:
        return
    above = parents(each for each in incident.members.values() if each.heard or each.alert_id in plan.heard)
    for name, lead_id in said.items():
        member, parent = incident.members[name], above.get(name)
        if member.follows:
            reason = f"it follows from {headline(incident.members[lead_id], rules.monitors)}"
            plan.outcomes[name] = Outcome("grouped", lead_id, reason)
        elif parent is not None:
            plan.outcomes[name] = Outcome("inhibited", parent.alert_id, f"{parent.place} says it too: {parent.size}")
        else:
            reason = f"in the message about {headline(incident.members[lead_id], rules.monitors)}"
            plan.outcomes[name] = Outcome("grouped", lead_id, reason)


def _last_said(incident: Incident, channels: Iterable[str]) -> Reached | None:
    found = [incident.reached[name] for name in channels if name in incident.reached]
    return max(found, key=lambda each: each.last_ms, default=None)


def _ends(incident: Incident, rules: Rules, now_ms: int, plan: NotificationPlan) -> None:
    """Who was notified of the beginning hears the end, where the route tells ends; in quiet hours, afterwards."""
    routes = {route.name: route for route in rules.policy.routes}
    for channel, reached in incident.reached.items():
        if reached.ended:
            continue
        route = routes.get(reached.route)
        if reached.route != FALLBACK and (route is None or not route.resolved):
            plan.ended.append(channel)
            continue
        until = None if route is None else _quiet_until(route, now_ms, reached.severity)
        if until is not None:
            plan.again(until)
            continue
        plan.say("resolved", reached.lead_id, (), channel, reached.route)


def _escalations(incident: Incident, rules: Rules, now_ms: int, plan: NotificationPlan) -> None:
    """Nobody has acknowledged it: the steps of the routes by which it was notified, but not of what is muted, quiet or
    over.
    """
    for route in rules.policy.routes:
        notified = {
            name: each for name, each in incident.reached.items() if each.route == route.name and not each.escalated
        }
        if not notified or not route.escalate:
            continue
        since_ms = min(each.first_ms for each in notified.values())
        for number, step in enumerate(route.escalate):
            name = f"{route.name}/{number}"
            if name in incident.escalations:
                continue
            if since_ms + step.after > now_ms:
                plan.again(since_ms + step.after)
                continue
            lead = _unacknowledged(incident, notified, route, rules, now_ms, plan)
            if lead is not None:
                plan.steps.append(name)
                channels = dict.fromkeys(step.to, route.name)
                plan.messages.append(Message("escalation", lead.alert_id, (lead.alert_id,), channels))


def _unacknowledged(
    incident: Incident, channels: Collection[str], route: Route, rules: Rules, now_ms: int, plan: NotificationPlan
) -> IncidentAlert | None:
    """The worst that these channels have, that still fires and may be sent now; None where all of it waits."""
    loud = []
    for member in incident.members.values():
        if not member.firing or not any(name in member.heard for name in channels):
            continue
        silence = rules.silence(member, now_ms)
        until = silence.ends_ms if silence else _quiet_until(route, now_ms, member.severity)
        if until is None:
            loud.append(member)
        else:
            plan.again(until)
    return lead_of(loud) if loud else None


def _quiet_until(route: Route, now_ms: int, severity: str) -> int | None:
    return route.quiet_hours.until_ms(now_ms, severity) if route.quiet_hours else None
