"""The grouper: which incident an alert belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from livewarden.times import HOUR_MS, MINUTE_MS
from models.decide.candidates import reach_ms
from models.monitors.monitor import Monitor
from models.response.incident import Incident
from models.response.incident_alert import IncidentAlert

REALMS: Final[Mapping[str, str]] = {
    "traffic": "traffic",
    "room": "traffic",
    "enforcement": "enforcement",
    "appeal": "enforcement",
}
"""What an event is about, by the first word of its type."""
TICKETS: Final[Mapping[str, str]] = {
    "VIOLATION_DISPUTE": "enforcement",
    "LIVE_INTERRUPTED": "enforcement",
    "TRAFFIC_DROP": "traffic",
    "TECHNICAL": "traffic",
}
"""What a merchant's ticket is about, by its category; others go with either."""
FOLLOW_MS: Final = 12 * HOUR_MS
"""So long after a measure of a wave, disputes, appeals and reversals are taken for its consequence: an appeal comes
within hours.
"""
COMPLAIN_MS: Final = 2 * HOUR_MS
"""So long after viewers were disturbed, tickets about it are taken for its consequence: merchants write soon."""
TOUCHING: Final = frozenset({"named", "scoped"})
"""How a change must relate to an alert to join it with others: it names a value of its slice, or its scope lists one. A
change that reaches everybody touches everything, and says nothing of what belongs together.
"""


class Grouper:
    """Which incident an alert belongs to, among those that are not resolved.

    To the one that holds an alert of its episode or of its case candidate. A dispute, an appeal or a reversal belongs
    to the latest wave of measures that it can follow from: one that began not longer than `FOLLOW_MS` before, and
    contradicts none of its labels; also when that is over. A ticket about traffic belongs to what disturbed viewers so
    before, within `COMPLAIN_MS`. Else to the latest incident that began at about the same
    time (`models.decide.candidates.reach_ms`), and shares with it a platform change that touches both, the monitor and
    direction, or a known dimension of its series, where both are about traffic or both about enforcement. A silence of
    a source goes with silences only. It does badly where two unrelated things fall in the same quarter of an hour and
    monitor: they are one incident, and its page shows both.
    """

    def __init__(self, monitors: Mapping[str, Monitor]) -> None:
        self._monitors = monitors
        self._open: dict[str, _Marks] = {}
        self._waves: dict[str, dict[str, _Wave]] = {}
        self._by_alert: dict[str, str] = {}
        self._by_episode: dict[str, str] = {}
        self._by_case: dict[str, str] = {}

    def home(self, member: IncidentAlert) -> str | None:
        """The id of the incident that the alert belongs to; None where it begins one."""
        indexes = (
            (self._by_alert, member.alert_id),
            (self._by_episode, member.episode_id),
            (self._by_case, member.case_id),
        )
        for index, name in indexes:
            if name is not None and name in index:
                return index[name]
        return self.wave_before(member) or self._near(member)

    def wave_before(self, member: IncidentAlert) -> str | None:
        """The incident of the latest wave of measures that a dispute, an appeal or a reversal may follow from; None for
        all else.
        """
        realm = self._follows(member)
        if not realm:
            return None
        reach = FOLLOW_MS if realm == "enforcement" else COMPLAIN_MS
        found = [
            (wave.start_ms, incident_id)
            for incident_id, waves in self._waves.items()
            for wave in waves.values()
            if wave.realm == realm and 0 <= member.start_ms - wave.start_ms <= reach and wave.agrees(member.series)
        ]
        return max(found)[1] if found else None

    def _near(self, member: IncidentAlert) -> str | None:
        reach, realm = reach_ms(self._bucket(member.monitor)), self._realm(member)
        for incident_id, marks in reversed(self._open.items()):
            near = -reach <= member.start_ms - marks.last_start_ms <= reach
            if near and (member.direction == "MISSING") == marks.missing and marks.share(member, realm):
                return incident_id
        return None

    def put(self, incident: Incident, member: IncidentAlert) -> None:
        """Remember that the alert is in the incident."""
        if incident.status != "resolved":
            marks = self._open.get(incident.incident_id)
            if marks is None:
                marks = self._open[incident.incident_id] = _Marks(member.direction == "MISSING")
            marks.add(member, self._realm(member))
            self._by_episode[member.episode_id] = incident.incident_id
            if member.case_id:
                self._by_case[member.case_id] = incident.incident_id
        self._by_alert[member.alert_id] = incident.incident_id
        realm = self._begins(member)
        if realm:
            wave = _Wave(realm, member.series, member.start_ms)
            waves = self._waves.setdefault(incident.incident_id, {})
            known = waves.get(wave.name)
            waves[wave.name] = wave if known is None or known.start_ms < wave.start_ms else known

    def close(self, incident: Incident) -> None:
        """Let nothing new into it but what follows from its measures; new versions of its alerts still find it."""
        self._open.pop(incident.incident_id, None)
        if incident.resolved_by is not None:
            self._waves.pop(incident.incident_id, None)
        for member in incident.members.values():
            for index, name in ((self._by_episode, member.episode_id), (self._by_case, member.case_id)):
                if name is not None and index.get(name) == incident.incident_id:
                    del index[name]

    def forget(self, incident: Incident) -> None:
        """Let go of it wholly."""
        self.close(incident)
        self._waves.pop(incident.incident_id, None)
        for alert_id in incident.members:
            self._by_alert.pop(alert_id, None)

    def of_alert(self, alert_id: str) -> str | None:
        """The incident that holds an alert."""
        return self._by_alert.get(alert_id)

    def of_change(self, member: IncidentAlert, *, but: str) -> str | None:
        """An open incident, another than `but`, with alerts that the change that touches this one touches, too."""
        realm = self._realm(member)
        for name, marks in self._open.items():
            if name != but and marks.share_change(member, akin=marks.akin(realm)):
                return name
        return None

    def _follows(self, member: IncidentAlert) -> str:
        """Of what an alert may be a consequence: measures, or a disturbance of traffic; "" where of neither."""
        event, realm = self._event(member), self._realm(member)
        follower = event in ("merchant.ticket", "enforcement.reversed") or event.startswith("appeal.")
        return realm if follower and member.direction == "UP" else ""

    def _begins(self, member: IncidentAlert) -> str:
        """What others may follow from: measures that rise, or whatever disturbs viewers."""
        event, realm = self._event(member), self._realm(member)
        measures = event == "enforcement.action" and member.direction == "UP"
        return (
            realm if measures or (event.split(".")[0] in ("traffic", "room") and member.direction != "MISSING") else ""
        )

    def _realm(self, member: IncidentAlert) -> str:
        """Traffic, enforcement, or "" for what goes with either."""
        event = self._event(member)
        if event == "merchant.ticket":
            return TICKETS.get(member.series.get("category", ""), "")
        return REALMS.get(event.split(".")[0], "")

    def _event(self, member: IncidentAlert) -> str:
        monitor = self._monitors.get(member.monitor)
        return monitor.event if monitor is not None else ""

    def _bucket(self, monitor: str) -> int:
        return self._monitors[monitor].bucket if monitor in self._monitors else MINUTE_MS


def touching_change(member: IncidentAlert) -> str | None:
    """The change that an alert's explanation names and that touches it: its target or scope does, and its kind can
    cause it.

    What the explanation has as `open` reaches everybody, or is of a kind that does not cause such a thing.
    """
    return member.summary.get("change_id") if member.summary.get("change_relation") in TOUCHING else None


@dataclass(frozen=True, slots=True)
class _Wave:
    """Measures, or viewers, of one series out of the ordinary."""

    realm: str
    series: Mapping[str, str]
    start_ms: int

    @property
    def name(self) -> str:
        return repr((self.realm, sorted(self.series.items())))

    def agrees(self, series: Mapping[str, str]) -> bool:
        """Whether no label has another value."""
        return all(
            not value or not self.series.get(name) or self.series[name] == value for name, value in series.items()
        )


@dataclass(slots=True)
class _Marks:
    """By what an open incident is recognised."""

    missing: bool
    last_start_ms: int = 0
    labels: set[tuple[str, str]] = field(default_factory=set)
    monitors: set[tuple[str, str]] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    realms: set[str] = field(default_factory=set)

    def add(self, member: IncidentAlert, realm: str) -> None:
        self.realms.add(realm)
        self.last_start_ms = max(self.last_start_ms, member.start_ms)
        self.labels |= member.labels
        self.monitors.add((member.monitor, member.direction))
        change_id = touching_change(member)
        if change_id is not None:
            self.changes.add(change_id)

    def share_change(self, member: IncidentAlert, *, akin: bool) -> bool:
        """Whether a change touches both: of what its scope lists only what is about the same."""
        named = member.summary.get("change_relation") == "named"
        return (named or akin) and touching_change(member) in self.changes

    def akin(self, realm: str) -> bool:
        return not realm or "" in self.realms or realm in self.realms

    def share(self, member: IncidentAlert, realm: str) -> bool:
        akin = self.akin(realm)
        return (
            (member.monitor, member.direction) in self.monitors
            or (akin and bool(member.labels & self.labels))
            or (not member.labels and member.direction == "MISSING")
            or self.share_change(member, akin=akin)
        )
