"""What people do to incidents, silences and cases, as one closed contract: who, when, what, and why.

An action is a request. It goes to the topic of responses, and the one place that reads it decides in the order of the
log whether it holds; the answer is a row of the table `actions`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, model_validator

from livewarden.case_state import Resolution
from livewarden.contracts.base import Id, Instant, Part
from livewarden.library_entry import LibraryEntry
from livewarden.matcher import Matcher
from livewarden.severity import Severity

Role = Literal["viewer", "operator", "admin"]
"""A viewer looks; an operator acts; an admin may also set the closure gate aside."""
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""From the least to the most."""

Person = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
"""Who acts, or whom a thing is given to: a name, an address, a team."""
Why = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]
"""A reason in plain words. Markup in it stays text."""
Title = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]

LinkKind = Literal["alert", "incident", "case", "decision", "ticket", "change", "playbook", "url"]


class _Action(Part):
    action_id: Id = Field(description="Given by who sends it; the same id twice is one action.")
    who: Person
    role: Role = "operator"
    at: Instant = Field(description="When it was asked for, by the clock of who asked.")
    why: Why = ""


class Acknowledge(_Action):
    """Somebody has the incident: nobody else is called for it until it is over."""

    do: Literal["acknowledge"] = "acknowledge"
    incident_id: Id
    expects: int | None = Field(default=None, description="Version of the incident that was seen.")


class ResolveIncident(_Action):
    """The incident is over, whatever its alerts still say. A new alert begins another one."""

    do: Literal["resolve_incident"] = "resolve_incident"
    incident_id: Id
    expects: int | None = None


class Feedback(_Action):
    """What an alert was worth: `true`, `expected` (real, and no reason to call anybody) or `false`."""

    do: Literal["feedback"] = "feedback"
    alert_id: Id
    verdict: Literal["true", "expected", "false"]
    cause: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""


class Silence(_Action):
    """Alerts that match are not notified (`mute`), or notified with a remark (`annotate`), for a while.

    `why` is the reason.
    """

    do: Literal["silence"] = "silence"
    silence_id: Id
    kind: Literal["silence", "maintenance", "campaign"] = "silence"
    effect: Literal["mute", "annotate"] = "mute"
    matchers: Annotated[tuple[Matcher, ...], Field(min_length=1, max_length=20)]
    owner: Person
    why: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
    starts_at: Instant
    ends_at: Instant
    remind_s: Annotated[int, Field(ge=0, le=30 * 86_400)] = Field(
        default=900, description="Seconds before its end when the owner is reminded; 0: never."
    )

    @model_validator(mode="after")
    def _ends_later(self) -> Silence:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at: must be after starts_at")
        return self


class ExpireSilence(_Action):
    """End a silence now."""

    do: Literal["expire_silence"] = "expire_silence"
    silence_id: Id


class OpenCase(_Action):
    """Make a case by hand, from alerts or from none."""

    do: Literal["open_case"] = "open_case"
    case_id: Id
    title: Title
    severity: Severity = "warning"
    alert_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    template: Id | None = Field(default=None, description="Template of the response file that it is opened from.")


class OnCase(_Action):
    """An action on one case."""

    case_id: Id
    expects: int | None = Field(default=None, description="Version of the case that was seen; None: any.")


class MoveCase(OnCase):
    """Give a case another state. Resolved and dismissed need a `resolution`, escalated needs `to_whom`.

    `force` closes a case although the closure gate says no; for admins, and it stands in the history.
    """

    do: Literal["move_case"] = "move_case"
    to: Literal["triage", "open", "waiting", "escalated", "resolved", "closed", "dismissed"]
    resolution: Resolution | None = None
    to_whom: Person | None = None
    force: bool = False


class AssignCase(OnCase):
    """Give a case an owner, a due date, or both."""

    do: Literal["assign_case"] = "assign_case"
    owner: Person | None = None
    due_at: Instant | None = None


class Note(OnCase):
    """Write something into a case's history."""

    do: Literal["note"] = "note"
    why: Annotated[str, StringConstraints(min_length=1, max_length=10_000, strip_whitespace=True)]


class AddTask(OnCase):
    """Something to be done before the case closes."""

    do: Literal["add_task"] = "add_task"
    task_id: Id
    text: Title
    owner: Person | None = None
    due_at: Instant | None = None


class FinishTask(OnCase):
    """A task is done, a question answered, evidence gathered: `why` says the answer, or where it is.

    `unnecessary`: it need not be done, and `why` is the reason.
    """

    do: Literal["finish_task"] = "finish_task"
    task_id: Id
    unnecessary: bool = False


class UseTemplate(OnCase):
    """Put tasks, questions and evidence of a template into a case."""

    do: Literal["use_template"] = "use_template"
    template: Id


class Link(OnCase):
    """Tie a case to an alert, a decision, a ticket, a change, another case, a playbook or an address."""

    do: Literal["link"] = "link"
    kind: LinkKind
    ref: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
    outcome: Literal["solved", "partly", "wrong"] | None = Field(
        default=None, description="Of a playbook: whether it helped. Linked once more, it says so anew."
    )

    @model_validator(mode="after")
    def _of_playbooks(self) -> Link:
        if self.outcome is not None and self.kind != "playbook":
            raise ValueError("outcome: only a playbook has one")
        return self


class AddEvidence(OnCase):
    """An evidence package was made of the case: its file's name and the digest that proves it unchanged."""

    do: Literal["add_evidence"] = "add_evidence"
    name: Title
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class MergeCase(OnCase):
    """The case is part of another one, which takes its alerts over."""

    do: Literal["merge_case"] = "merge_case"
    into: Id


class ReviewMeasure(OnCase):
    """Judge one measure of a case's blast radius again, blind. Judged once more by the same person, it says so anew."""

    do: Literal["review_measure"] = "review_measure"
    measure_id: Id
    verdict: Literal["RIGHT", "WRONG", "UNCLEAR"]


class AddEntry(_Action):
    """Put what was learned of a closed case into the library."""

    do: Literal["add_entry"] = "add_entry"
    entry: LibraryEntry


class _OnPattern(_Action):
    pattern_id: Id


class NamePattern(_OnPattern):
    """Give a pattern of the library a name."""

    do: Literal["name_pattern"] = "name_pattern"
    name: Title


class MergePattern(_OnPattern):
    """Make a pattern an alias of another one: its id leads there from now on."""

    do: Literal["merge_pattern"] = "merge_pattern"
    into: Id


class SplitPattern(_OnPattern):
    """Retire a pattern into two new ones: `name` takes the entries named, `rest` all others. The old id leads to
    both.
    """

    do: Literal["split_pattern"] = "split_pattern"
    entry_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=1000)]
    name: Title
    rest: Title


class Recommend(_OnPattern):
    """Recommend something for a pattern, from the bank."""

    do: Literal["recommend"] = "recommend"
    recommendation_id: Id
    advice: Id = Field(description="Which one of the bank.")
    team: Literal["policy", "moderation", "product", "algorithm"]
    text: Title


class MoveRecommendation(_Action):
    """Accept or reject a recommendation, say that it is done, or what it changed (`measured`, with its figures)."""

    do: Literal["move_recommendation"] = "move_recommendation"
    recommendation_id: Id
    to: Literal["accepted", "rejected", "done", "measured"]
    factor: float | None = Field(default=None, gt=0, description="Rate after over before, against control cells.")
    low: float | None = Field(default=None, ge=0, description="Lower end of its 95 % interval.")
    high: float | None = Field(default=None, ge=0, description="Upper end of it.")
    measured_on: Annotated[str, StringConstraints(max_length=500)] = ""

    @model_validator(mode="after")
    def _with_figures(self) -> MoveRecommendation:
        if (self.to == "measured") != (None not in (self.factor, self.low, self.high)):
            raise ValueError("factor: a measured effect has factor, low and high, and nothing else has")
        return self


Action = Annotated[
    Acknowledge
    | ResolveIncident
    | Feedback
    | Silence
    | ExpireSilence
    | OpenCase
    | MoveCase
    | AssignCase
    | Note
    | AddTask
    | FinishTask
    | UseTemplate
    | Link
    | AddEvidence
    | MergeCase
    | ReviewMeasure
    | AddEntry
    | NamePattern
    | MergePattern
    | SplitPattern
    | Recommend
    | MoveRecommendation,
    Field(discriminator="do"),
]
"""Any of them; `do` says which."""
ACTION: TypeAdapter[Action] = TypeAdapter(Action)
"""Reads and writes them.

>>> ACTION.validate_python({"do": "note", "action_id": "a1", "who": "ops", "at": "2026-03-06T20:00:00Z",
...                         "case_id": "c1", "why": "looked at it"}, strict=False).do
'note'
"""


def target_of(action: Action) -> str:
    """The id of what an action is about."""
    if isinstance(action, Acknowledge | ResolveIncident):
        return action.incident_id
    if isinstance(action, Feedback):
        return action.alert_id
    if isinstance(action, Silence | ExpireSilence):
        return action.silence_id
    if isinstance(action, AddEntry):
        return action.entry.entry_id
    if isinstance(action, Recommend | MoveRecommendation):
        return action.recommendation_id
    if isinstance(action, NamePattern | MergePattern | SplitPattern):
        return action.pattern_id
    return action.case_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an action: whether it holds, and a sentence about it."""

    accepted: bool
    text: str


Submit = Callable[[Action], Awaitable[Answer]]
"""Sends an action on its way and waits for its answer. RetryLater where none came in time:
it may still be accepted later.
"""
