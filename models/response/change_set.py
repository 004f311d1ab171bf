"""What has changed since somebody asked: what the response stage writes down, and what it saves."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from livewarden.action import Action, Feedback
from livewarden.alert import Alert
from livewarden.library_entry import LibraryEntry
from models.library.pattern_book import PatternState
from models.response.casefile import CaseFile, Entry
from models.response.incident import Incident
from models.response.incident_alert import IncidentAlert
from models.response.outbox import ChannelState, Notification
from models.response.recommendations import Recommendation
from models.response.silence import SilenceState


@dataclass(frozen=True, slots=True)
class Audited:
    """A request and its answer."""

    action: Action
    at_ms: int
    accepted: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The disposition of an alert that is in no incident."""

    alert: Alert
    at_ms: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody says an alert was worth."""

    action: Feedback
    monitor: str
    version: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class DispositionChanged:
    """What becomes of an alert of an incident is decided anew."""

    incident_id: str
    member: IncidentAlert
    at_ms: int


@dataclass(frozen=True, slots=True)
class AddedEntry:
    """An entry that was put into the library."""

    entry: LibraryEntry
    who: str
    at_ms: int


@dataclass(slots=True)
class ChangeSet:
    """What has changed since last taken: things by id in their newest version, and what is only ever added, in order.

    `now_ms` is the time of the record that is applied; everything that acts on it writes into one set. `dirty` names
    what is to be saved, by kind and id; it outlives `take`, until it is saved.

    >>> changes = ChangeSet()
    >>> changes.silence(SilenceState("s1", "silence", "mute", ["market=DE"], "ops", "why", "ops", 0, 0, 9, 0))
    >>> [*changes.take().silences], [*changes.silences], changes.dirty
    (['s1'], [], {('silence', 's1')})
    """

    now_ms: int = 0
    dirty: set[tuple[str, str]] = field(default_factory=set)
    incidents: dict[str, Incident] = field(default_factory=dict)
    dispositions: dict[str, DispositionChanged] = field(default_factory=dict)
    silences: dict[str, SilenceState] = field(default_factory=dict)
    notifications: dict[str, Notification] = field(default_factory=dict)
    channels: dict[str, ChannelState] = field(default_factory=dict)
    cases: dict[str, CaseFile] = field(default_factory=dict)
    suppressed: list[Suppressed] = field(default_factory=list)
    history: list[Entry] = field(default_factory=list)
    opinions: list[Opinion] = field(default_factory=list)
    audited: list[Audited] = field(default_factory=list)
    patterns: dict[str, PatternState] = field(default_factory=dict)
    entries: list[AddedEntry] = field(default_factory=list)
    recommendations: dict[str, Recommendation] = field(default_factory=dict)

    def incident(self, incident: Incident) -> None:
        """An incident has a new version."""
        self.incidents[incident.incident_id] = incident
        self.dirty.add(("incident", incident.incident_id))

    def disposition(self, changed: DispositionChanged) -> None:
        """What becomes of an alert has a new version."""
        self.dispositions[changed.member.alert_id] = changed
        self.dirty.add(("incident", changed.incident_id))

    def silence(self, silence: SilenceState) -> None:
        """A silence has a new version."""
        self.silences[silence.silence_id] = silence
        self.dirty.add(("silence", silence.silence_id))

    def notification(self, notification: Notification) -> None:
        """A notification has a new version."""
        self.notifications[notification.notification_id] = notification

    def channel(self, channel: ChannelState) -> None:
        """A channel has a new version."""
        self.channels[channel.channel] = channel

    def case(self, case: CaseFile) -> None:
        """A case has a new version."""
        self.cases[case.case_id] = case
        self.dirty.add(("case", case.case_id))

    def pattern(self, pattern: PatternState) -> None:
        """A pattern has a new version."""
        self.patterns[pattern.pattern_id] = pattern
        self.dirty.add(("pattern", pattern.pattern_id))

    def recommendation(self, recommendation: Recommendation) -> None:
        """A recommendation has a new version."""
        self.recommendations[recommendation.recommendation_id] = recommendation
        self.dirty.add(("recommendation", recommendation.recommendation_id))

    def opinion(self, opinion: Opinion) -> None:
        """Somebody says what an alert was worth."""
        self.opinions.append(opinion)
        self.dirty.add(("feedback", opinion.action.alert_id))

    def take(self) -> ChangeSet:
        """All of it, as a set of its own; this one is empty afterwards."""
        taken = replace(self, dirty=set())
        for each in fields(self):
            if each.name not in ("now_ms", "dirty"):
                setattr(self, each.name, type(getattr(self, each.name))())
        return taken
