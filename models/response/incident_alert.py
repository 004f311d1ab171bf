"""An alert as part of an incident: what is kept of it to group, to rank, and to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from livewarden.alert import Alert
from livewarden.times import parse_ms
from livewarden.wording import size_in_words, slice_in_words
from models.monitors.monitor import RANK, Monitor

MUTED = ("silenced", "maintenance")
"""Outcomes of alerts that a silence keeps back."""
WAITING = "nobody is notified of its incident yet"


@dataclass(slots=True)
class Disposition:
    """What became of an alert; `version` counts its changes."""

    outcome: str = "waiting"
    by: str = ""
    reason: str = WAITING
    version: int = 0


@dataclass(slots=True)
class IncidentAlert:
    """What an incident knows of one of its alerts. `summary` is what `summary_of` makes of its explanation.

    `joined_ms`: when the log had it first, by the clock. `heard`: the channels on which nothing is left to be said of
    it, because a message covered it (`said`), or one before it says enough. `settled`: nothing is to be decided about
    it any more. `follows`: it is a consequence (a dispute, an appeal) of the measures that the incident is about.
    """

    alert_id: str
    version: int
    episode_id: str
    case_id: str | None
    monitor: str
    kind: str
    direction: str
    severity: str
    series: dict[str, str]
    start_ms: int
    end_ms: int
    status: str
    ends_ms: int | None
    observed: float | None
    expected: float | None
    score: float | None
    place: str
    size: str
    summary: dict[str, str] = field(default_factory=dict)
    disposition: Disposition = field(default_factory=Disposition)
    joined_ms: int = 0
    heard: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    settled: bool = False
    follows: bool = False

    @property
    def began_ms(self) -> int:
        """Event time from which on it was out of the ordinary: the onset, where its explanation found one, else its
        window's start.
        """
        onset = self.summary.get("onset")
        try:
            return min(self.start_ms, parse_ms(onset)) if onset else self.start_ms
        except ValueError:
            return self.start_ms

    @property
    def firing(self) -> bool:
        """Whether it lasts."""
        return self.status == "firing"

    @property
    def labels(self) -> frozenset[tuple[str, str]]:
        """The known dimensions of its series."""
        return frozenset(item for item in self.series.items() if item[1])

    def carry_on(self, known: IncidentAlert) -> None:
        """Take over what was decided about the version before; a higher severity is decided anew."""
        self.disposition, self.joined_ms, self.follows = known.disposition, known.joined_ms, known.follows
        self.summary = self.summary or known.summary
        if RANK[self.severity] <= RANK[known.severity]:
            self.heard, self.said, self.settled = known.heard, known.said, known.settled

    def facts(self, owner: str) -> dict[str, str]:
        """What silences and routes may ask about."""
        own = {"monitor": self.monitor, "kind": self.kind, "severity": self.severity, "direction": self.direction}
        return {**self.series, **own, "owner": owner}


def incident_alert_of(alert: Alert, summary: Mapping[str, str]) -> IncidentAlert:
    """The member that an alert is."""
    return IncidentAlert(
        alert.alert_id,
        alert.version,
        alert.episode_id,
        alert.case_id,
        alert.monitor,
        alert.kind,
        alert.direction,
        alert.severity,
        dict(alert.series),
        alert.window_start_ms,
        alert.window_end_ms,
        alert.status,
        alert.ends_at_ms,
        alert.observed,
        alert.expected,
        alert.score,
        slice_in_words(alert),
        size_in_words(alert),
        dict(summary),
    )


def worse(monitor: Monitor | None, notified: tuple[float, float], now: IncidentAlert, times: float) -> bool:
    """Whether an alert is materially worse than what was notified last of its monitor, (observed, expected).

    Both a relative step (`times` as far above what was expected; below it, one `times`-th of what was notified) and an
    absolute one (the monitor's `min_volume`; a ratio has none) must be taken.
    """
    if now.observed is None or now.expected is None:
        return False
    observed, expected = notified
    ratio = monitor is None or monitor.measured[0] == "ratio"
    least = 0.0 if ratio or monitor is None else monitor.min_volume
    if now.direction == "UP":
        return now.observed - observed >= least and now.observed - now.expected >= times * max(observed - expected, 0)
    return observed - now.observed >= least and now.observed * times <= observed
