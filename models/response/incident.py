"""Incidents: alerts that share a cause, as one thing for one person, notified once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from livewarden.ids import stable_id
from livewarden.times import DAY_MS
from models.monitors.monitor import RANK
from models.response.incident_alert import MUTED, Disposition, IncidentAlert

KEEP_MS = DAY_MS
"""For how long, by the clock, a resolved incident is remembered."""

Status = Literal["firing", "acknowledged", "resolved"]


@dataclass(slots=True)
class Reached:
    """What a channel was notified of, by the clock: since when, by which route, the worst severity, and with which
    alert last.

    `sizes`: by monitor, (observed, expected) of the worst it was notified of. `escalated`: it was called because nobody
    acknowledged. `ended`: it knows that the incident is over, or its route does not tell.
    """

    route: str
    first_ms: int
    last_ms: int
    severity: str
    lead_id: str
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)
    escalated: bool = False
    ended: bool = False


@dataclass(slots=True)
class Incident:
    """Alerts of one cause, and what people did about them. Times ending in `_ms` are by the clock, `started_ms` is
    event time.

    `notify_at_ms`: when it is to be looked at next; None where nothing waits. `notified`: how many times somebody was.
    `reached`: what each channel was notified of. `escalations`: steps taken, as `route/number`.
    `settled`: the version that a person, or a new status, made last. `part_of`: the incident that took its alerts over.
    """

    incident_id: str
    opened_ms: int
    started_ms: int
    version: int = 0
    settled: int = 0
    status: Status = "firing"
    members: dict[str, IncidentAlert] = field(default_factory=dict)
    lead_id: str = ""
    notify_at_ms: int | None = None
    notified: int = 0
    first_notified_ms: int | None = None
    reached: dict[str, Reached] = field(default_factory=dict)
    escalations: list[str] = field(default_factory=list)
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    resolved_ms: int | None = None
    resolved_by: str | None = None
    note: str = ""
    part_of: str | None = None

    @property
    def over(self) -> bool:
        """Whether none of its alerts fires."""
        return not any(member.firing for member in self.members.values())

    @property
    def ended_ms(self) -> int | None:
        """Event time at which its last alert was over; None while one fires."""
        return max((each.ends_ms or each.end_ms for each in self.members.values()), default=None) if self.over else None

    @property
    def lead(self) -> IncidentAlert:
        """The alert that it is shown with: the one that was notified last, as long as it fires or nothing else does."""
        lead = self.members.get(self.lead_id)
        if lead is not None and (lead.firing or self.over):
            return lead
        return lead_of(self._telling())

    @property
    def severity(self) -> str:
        """The highest of what still fires and is not kept back for good; when it is over, of all."""
        return max((member.severity for member in self._telling()), key=RANK.__getitem__)

    def reach(
        self,
        channel: str,
        route: str,
        cause: str,
        lead: IncidentAlert,
        covers: Iterable[IncidentAlert],
        now_ms: int,
    ) -> None:
        """A channel is notified of `covers`, with the alert `lead`; as long as it does not say the end, the end is to
        follow.
        """
        reached = self.reached.get(channel)
        if reached is None:
            escalated = cause == "escalation"
            reached = Reached(route, now_ms, now_ms, lead.severity, lead.alert_id, escalated=escalated)
            self.reached[channel] = reached
        reached.ended = self.status == "resolved" and cause in ("new", "resolved")
        if cause == "resolved":
            return
        reached.last_ms, reached.lead_id = now_ms, lead.alert_id
        reached.severity = max(reached.severity, lead.severity, key=RANK.__getitem__)
        for member in covers:
            for known in (member.heard, member.said):
                if channel not in known:
                    known.append(channel)
            size = None if member.observed is None or member.expected is None else (member.observed, member.expected)
            before = reached.sizes.get(member.monitor, (0.0, 0.0))
            if size is not None and abs(size[0] - size[1]) > abs(before[0] - before[1]):
                reached.sizes[member.monitor] = (float(size[0]), float(size[1]))

    def sooner(self, since_ms: int, by_ms: int) -> bool:
        """A clock was ahead: what stands at `since_ms` or later is so much earlier. Says whether anything was."""
        things: list[tuple[Any, tuple[str, ...]]] = [(self, ("notify_at_ms", "first_notified_ms"))]
        things += [(each, ("first_ms", "last_ms")) for each in self.reached.values()]
        things += [(each, ("joined_ms",)) for each in self.members.values()]
        changed = False
        for thing, names in things:
            for name in names:
                at_ms = getattr(thing, name)
                if at_ms is not None and at_ms >= since_ms:
                    setattr(thing, name, at_ms - by_ms)
                    changed = True
        return changed

    def _telling(self) -> list[IncidentAlert]:
        """The alerts that say how it stands: those that fire and are not kept back, else those not kept back, or all"""
        loud = [each for each in self.members.values() if each.disposition.outcome not in (*MUTED, "stale")]
        return [each for each in loud if each.firing] or loud or list(self.members.values())

    @property
    def change_id(self) -> str | None:
        """The change that its alerts name, the lead's first."""
        lead = self.members.get(self.lead_id)
        named = [lead, *self.members.values()] if lead else list(self.members.values())
        return next((each.summary["change_id"] for each in named if "change_id" in each.summary), None)


def lead_of(members: Iterable[IncidentAlert]) -> IncidentAlert:
    """The alert to tell an incident with: of the highest severity the one with the fewest dimensions, of these the
    strangest.
    """
    return min(
        members,
        key=lambda each: (-RANK[each.severity], len(each.labels), -(each.score or 0.0), each.start_ms, each.alert_id),
    )


def incident_id_of(alert_id: str) -> str:
    """The id of the incident that an alert begins."""
    return stable_id("incident", alert_id)


def incident_state(incident: Incident) -> dict[str, Any]:
    """All of it as plain JSON values."""
    return asdict(incident)


def incident_from(state: Mapping[str, Any]) -> Incident:
    """The incident that `incident_state` gave."""
    fields = dict(state)
    fields["members"] = {
        name: IncidentAlert(**{**each, "disposition": Disposition(**each["disposition"])})
        for name, each in state["members"].items()
    }
    fields["reached"] = {name: _reached_from(each) for name, each in state["reached"].items()}
    return Incident(**fields)


def _reached_from(state: Mapping[str, Any]) -> Reached:
    return Reached(**{**state, "sizes": {name: (pair[0], pair[1]) for name, pair in state["sizes"].items()}})
