"""Incidents: alerts that share a cause, as one thing for one person, notified once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, Literal, TypeVar

from livewarden.ids import stable_id
from livewarden.times import DAY_MS, MINUTE_MS
from models.decide.candidates import reach_ms
from models.monitors.monitor import RANK, Monitor
from models.response.incident_alert import MUTED, Disposition, IncidentAlert

KEEP_MS = DAY_MS
"""For how long, by the clock, a resolved incident is remembered."""

REALMS: Mapping[str, str] = {
    "traffic": "traffic",
    "room": "traffic",
    "enforcement": "enforcement",
    "appeal": "enforcement",
}
"""What an event is about, by the first word of its type."""

T = TypeVar("T")
Wide = dict[tuple[str, frozenset[tuple[str, str]]], T]
"""What is known of alerts, by direction and labels."""
Status = Literal["firing", "acknowledged", "resolved"]


@dataclass(slots=True)
class Incident:
    """Alerts of one cause, and what people did about them. Times ending in `_ms` are by the clock, `started_ms` is
    event time.

    `notify_at_ms`: when it is to be notified next, because of `notify_cause`; None where nothing waits. `sizes`: what
    was notified last by monitor, (observed, expected). `channels`: route by channel that was notified. `escalated`:
    steps taken, as `route/number`. `settled`: the version that a person, or a new status, made last. `part_of`: the
    incident that took its alerts over.
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
    notify_cause: str = "new"
    notified: int = 0
    first_notified_ms: int | None = None
    notified_ms: int | None = None
    notified_severity: str = ""
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)
    escalated: list[str] = field(default_factory=list)
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
    def severity(self) -> str:
        """The highest of its alerts that are not kept back for good, of all where there is none."""
        loud = [member for member in self.members.values() if member.disposition.outcome not in (*MUTED, "stale")]
        return max((member.severity for member in loud or self.members.values()), key=RANK.__getitem__)

    @property
    def change_id(self) -> str | None:
        """The change that its alerts name, the lead's first."""
        lead = self.members.get(self.lead_id)
        named = [lead, *self.members.values()] if lead else list(self.members.values())
        return next((each.summary["change_id"] for each in named if "change_id" in each.summary), None)


def lead_of(members: Iterable[IncidentAlert]) -> IncidentAlert:
    """The alert to tell an incident with: of the highest severity the one with the fewest dimensions,
    of these the strangest.
    """
    return min(
        members,
        key=lambda each: (-RANK[each.severity], len(each.labels), -(each.score or 0.0), each.start_ms, each.alert_id),
    )


class Grouping:
    """Which incident an alert belongs to, among those that are not resolved.

    To the one that holds an alert of its episode or of its case candidate; else to the latest one that began at about
    the same time (`models.decide.candidates.reach_ms`), and shares with it a platform change, the monitor and
    direction, or a known dimension of its series, where both are about traffic or both about enforcement (tickets go
    with either). A silence of a source goes with silences only. It knows nothing of causes, so two unrelated falls in
    the same quarter of an hour and monitor are one incident; that is one call, and its page shows both.
    """

    def __init__(self, monitors: Mapping[str, Monitor]) -> None:
        self._monitors = monitors
        self._open: dict[str, _Marks] = {}
        self._by_alert: dict[str, str] = {}
        self._by_episode: dict[str, str] = {}
        self._by_case: dict[str, str] = {}

    def home(self, member: IncidentAlert) -> str | None:
        """The id of the open incident that the alert belongs to; None where it begins one."""
        indexes = (
            (self._by_alert, member.alert_id),
            (self._by_episode, member.episode_id),
            (self._by_case, member.case_id),
        )
        for index, name in indexes:
            if name is not None and name in index:
                return index[name]
        reach = reach_ms(self._bucket(member.monitor))
        for incident_id, marks in reversed(self._open.items()):
            near = -reach <= member.start_ms - marks.last_start_ms <= reach
            if near and (member.direction == "MISSING") == marks.missing and marks.share(member, self._realm(member)):
                return incident_id
        return None

    def put(self, incident: Incident, member: IncidentAlert) -> None:
        """Remember that the alert is in the incident."""
        marks = self._open.get(incident.incident_id)
        if marks is None:
            marks = self._open[incident.incident_id] = _Marks(member.direction == "MISSING")
        marks.add(member, self._realm(member))
        self._by_alert[member.alert_id] = self._by_episode[member.episode_id] = incident.incident_id
        if member.case_id:
            self._by_case[member.case_id] = incident.incident_id

    def close(self, incident: Incident) -> None:
        """Let nothing new into it; new versions of its alerts still find it."""
        self._open.pop(incident.incident_id, None)
        for member in incident.members.values():
            for index, name in ((self._by_episode, member.episode_id), (self._by_case, member.case_id)):
                if name is not None and index.get(name) == incident.incident_id:
                    del index[name]

    def forget(self, incident: Incident) -> None:
        """Let go of it wholly."""
        self.close(incident)
        for alert_id in incident.members:
            self._by_alert.pop(alert_id, None)

    def of_alert(self, alert_id: str) -> str | None:
        """The incident that holds an alert."""
        return self._by_alert.get(alert_id)

    def of_change(self, change_id: str, *, but: str) -> str | None:
        """An open incident, another than `but`, whose alerts name a change."""
        return next((name for name, marks in self._open.items() if name != but and change_id in marks.changes), None)

    def parent_of(self, incident: Incident, member: IncidentAlert) -> IncidentAlert | None:
        """The alert of an open incident that says all that this one says; see `parents`."""
        marks = self._open.get(incident.incident_id)
        if marks is None:
            return None
        name = _above(marks.wide, member)
        return None if name is None else incident.members[name]

    def _realm(self, member: IncidentAlert) -> str:
        """Traffic, enforcement, or "" for what goes with either."""
        monitor = self._monitors.get(member.monitor)
        return REALMS.get(monitor.event.split(".")[0], "") if monitor is not None else ""

    def _bucket(self, monitor: str) -> int:
        return self._monitors[monitor].bucket if monitor in self._monitors else MINUTE_MS


@dataclass(slots=True)
class _Marks:
    """By what an open incident is recognised."""

    missing: bool
    last_start_ms: int = 0
    labels: set[tuple[str, str]] = field(default_factory=set)
    monitors: set[tuple[str, str]] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    realms: set[str] = field(default_factory=set)
    wide: Wide[str] = field(default_factory=dict)

    def add(self, member: IncidentAlert, realm: str) -> None:
        self.realms.add(realm)
        self.last_start_ms = max(self.last_start_ms, member.start_ms)
        self.labels |= member.labels
        self.monitors.add((member.monitor, member.direction))
        self.wide.setdefault((member.direction, member.labels), member.alert_id)
        if "change_id" in member.summary:
            self.changes.add(member.summary["change_id"])

    def share(self, member: IncidentAlert, realm: str) -> bool:
        akin = not realm or "" in self.realms or realm in self.realms
        return (
            (member.monitor, member.direction) in self.monitors
            or (akin and bool(member.labels & self.labels))
            or (not member.labels and member.direction == "MISSING")
            or member.summary.get("change_id", "") in self.changes
        )


def parents(members: Iterable[IncidentAlert]) -> dict[str, IncidentAlert]:
    """By alert id: the alert of the same direction whose series is a true part of its own; the widest, where there are
    several.

    A parent mutes its children: "market DE" says all that "market DE, CDN 3" says.
    """
    wide: Wide[IncidentAlert] = {}
    listed = sorted(members, key=lambda each: (len(each.labels), each.start_ms, each.alert_id))
    for member in listed:
        if member.labels:
            wide.setdefault((member.direction, member.labels), member)
    return {member.alert_id: parent for member in listed if (parent := _above(wide, member)) is not None}


def _above(wide: Wide[T], member: IncidentAlert) -> T | None:
    """What is known of the alert of the same direction whose labels are the fewest that are a true part of its own."""
    labels = sorted(member.labels)
    parts = (frozenset(part) for size in range(1, len(labels)) for part in combinations(labels, size))
    return next((wide[member.direction, part] for part in parts if (member.direction, part) in wide), None)


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
    fields["sizes"] = {name: (pair[0], pair[1]) for name, pair in state["sizes"].items()}
    return Incident(**fields)
