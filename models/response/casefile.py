"""A case as people work on it: states, owner, service level, tasks, links, and a history that only grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from livewarden.case_state import RESOLUTIONS, CaseState

TAKEN: Final = ("triage", "open", "waiting", "escalated")
"""States in which somebody works on it."""
LIVEWARDEN: Final = "livewarden"
"""Who did what nobody did."""


@dataclass(slots=True)
class Task:
    """Something to be done, answered or gathered before the case closes; one that is not `mandatory` holds nothing up.

    `answer`: of a question the answer, of evidence where it is, else what was said when it was done. `unnecessary`: it
    was not done, with the reason as the answer.
    """

    task_id: str
    text: str
    owner: str | None
    due_ms: int | None
    done_by: str | None = None
    done_ms: int | None = None
    kind: str = "task"
    mandatory: bool = True
    answer: str = ""
    unnecessary: bool = False


@dataclass(slots=True)
class CaseAlert:
    """An alert of a case: whether it fires, and until when it did, event time."""

    monitor: str
    firing: bool
    until_ms: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a case's history."""

    case_id: str
    number: int
    at_ms: int
    who: str
    what: str
    from_state: str
    to_state: str
    why: str
    details: Mapping[str, Any]
    action_id: str


@dataclass(slots=True)
class CaseFile:
    """One case. Times ending in `_ms` are by the clock; `started_ms` and `ended_ms` are event time.

    `fingerprints`: monitor and series of its alerts, by which a recurrence is known. `settled`: the version that a
    person, or a new state, made last: who saw an older one is to look again; what detection adds meanwhile troubles
    nobody. `clock`: how its deadline came about, as `PromiseClock` has it; `called`: steps of the escalation chain that
    were taken.
    """

    case_id: str
    created_ms: int
    started_ms: int
    title: str = ""
    kind: str = "MANUAL"
    severity: str = "warning"
    state: CaseState = "candidate"
    version: int = 0
    settled: int = 0
    entries: int = 0
    owner: str | None = None
    escalated_to: str | None = None
    due_ms: int | None = None
    overdue: bool = False
    resolution: str = ""
    reason: str = ""
    merged_into: str | None = None
    reopened: int = 0
    alerts: dict[str, CaseAlert] = field(default_factory=dict)
    fingerprints: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    opened_ms: int | None = None
    resolved_ms: int | None = None
    closed_ms: int | None = None
    clock: dict[str, Any] | None = None
    called: int = 0
    template: str = ""

    @property
    def monitors(self) -> list[str]:
        """Monitors of its alerts, sorted."""
        return sorted({each.monitor for each in self.alerts.values()})

    @property
    def firing(self) -> list[str]:
        """Its alerts that still fire."""
        return [name for name, each in self.alerts.items() if each.firing]

    @property
    def over(self) -> bool:
        """Whether none of its alerts fires."""
        return not any(each.firing for each in self.alerts.values())

    @property
    def ended_ms(self) -> int | None:
        """Event time at which its last alert was over; None while one fires, and where it has none."""
        return max((each.until_ms for each in self.alerts.values()), default=None) if self.over else None

    @property
    def open_tasks(self) -> list[Task]:
        """What is to be done."""
        return [task for task in self.tasks if task.done_ms is None]

    def begin_again(self) -> None:
        """It is not over after all: how it ended is forgotten here; its history keeps it."""
        self.reopened += 1
        self.resolved_ms = self.closed_ms = None
        self.resolution = self.reason = ""
        self.clock = None

    def write(
        self,
        now_ms: int,
        who: str,
        what: str,
        why: str,
        *,
        before: str | None = None,
        action_id: str = "",
        **details: Any,
    ) -> Entry:
        """Write a line of history: the case has changed. `before`: the state it had, where that changed."""
        self.version += 1
        self.entries += 1
        was = self.state if before is None else before
        if who != LIVEWARDEN or before is not None:
            self.settled = self.version
        return Entry(self.case_id, self.entries, now_ms, who, what, was, self.state, why, details, action_id)

    def state_of(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return asdict(self)


def case_from(state: Mapping[str, Any]) -> CaseFile:
    """The case that `CaseFile.state_of` gave."""
    fields = {name: value for name, value in state.items() if name != "ended_ms"}  # which earlier workers saved
    fields["alerts"] = {name: CaseAlert(**each) for name, each in state["alerts"].items()}
    fields["tasks"] = [Task(**each) for each in state["tasks"]]
    return CaseFile(**fields)


def gate(case: CaseFile, normal_until_ms: Mapping[str, int], windows_ms: Mapping[str, int]) -> list[str]:
    """Why a case may not be closed yet, a sentence each; nothing where it may.

    `normal_until_ms`: by monitor, up to when everything is judged; `windows_ms`: by monitor, how long a metric must
    have been normal since the alert was over; of a monitor that is in neither nothing is asked. The resolution is asked
    for before: only a resolved case closes.

    >>> case = CaseFile("c1", 0, 0, resolution="FIXED", alerts={"a1": CaseAlert("m", True, 60_000)})
    >>> gate(case, {}, {})
    ['1 of its alerts still fires']
    """
    problems = []
    firing = case.firing
    if firing:
        problems.append(f"{len(firing)} of its alerts still {'fires' if len(firing) == 1 else 'fire'}")
    early = {
        each.monitor
        for each in case.alerts.values()
        if each.monitor in windows_ms
        and not each.firing
        and normal_until_ms.get(each.monitor, 0) < each.until_ms + windows_ms[each.monitor]
    }
    if early:
        problems.append(f"{', '.join(sorted(early))}: not normal for long enough yet")
    needed = [task for task in case.open_tasks if task.mandatory]
    if needed:
        problems.append(f"{len(needed)} task{'s are' if len(needed) > 1 else ' is'} not done: {needed[0].text}")
    if case.resolution not in RESOLUTIONS:
        problems.append("it has no resolution")
    return problems
