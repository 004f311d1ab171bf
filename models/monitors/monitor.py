"""A monitor: one question asked of the stream, and the users' configuration."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from livewarden.alert import RADAR
from livewarden.contracts import AGGREGATES, CONTRACTS, Contract, RoomLifecycle
from livewarden.contracts.base import Precision
from livewarden.duration import Duration
from livewarden.severity import Severity
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from models.monitors.never_learn import Excluded

RANK: dict[str, int] = {"info": 0, "warning": 1, "critical": 2}
"""Severities from the least to the most."""
DetectorName = Literal["traffic", "enforcement", "silence", "river"]

LOWEST_THRESHOLD = 3.0
"""No score below it alerts, whatever the budget."""

_MEASURE = re.compile(r"(count|sum|ratio|distinct)(?:\(\s*([\w.]+)\s*(?:,\s*([\w.]+)\s*)?\))?")
_ARITY = {"count": 0, "sum": 1, "ratio": 2, "distinct": 1}
_NAME = r"^[a-z][a-z0-9-]{1,62}$"

SHAPES_SUMS = frozenset(
    {
        *("event", "precision", "where", "measure", "group_by", "subjects", "bucket"),
        *("max_series", "exposure", "group", "parts"),
    }
)
"""Keys of a monitor that decide what is summed, and where."""
SHAPES_MODEL = frozenset({"absent", "detector", "model", "parameters", "features", "season"})
"""Keys that decide what is learned of the sums. All others only decide what is said: they may change at any time."""

SPAN_MS: dict[str, int] = {"second": SECOND_MS, "minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}
"""How long the span is that a precision leaves open."""

EVENTS: dict[str, type[Contract]] = {contract.type_name: contract for contract in CONTRACTS}


def field_type(contract: type[Contract], path: str) -> object | None:
    """The annotation of the field that a dotted path names, of the contract or of a model inside it;
    None without one.
    """
    model: object = contract
    annotation: object | None = None
    for name in path.split("."):
        fields = getattr(model, "model_fields", None)
        if fields is None or name not in fields:
            return None
        annotation = fields[name].annotation
        model = next((part for part in _parts(annotation) if hasattr(part, "model_fields")), None)
    return annotation


def is_whole_number(annotation: object) -> bool:
    """Whether a field holds whole numbers, which alone add up exactly."""
    return int in _parts(annotation)


def _parts(annotation: object) -> tuple[object, ...]:
    """What a union is made of, with what is annotated taken out of its wrapping."""
    inner = getattr(annotation, "__args__", None)
    if inner is None:
        return (annotation,)
    if hasattr(annotation, "__metadata__"):
        return _parts(inner[0])
    return tuple(part for arg in inner for part in _parts(arg))


def take_apart(measure: str) -> tuple[str, tuple[str, ...]]:
    """A measure's kind and fields; a ValueError names what there is.

    >>> take_apart("ratio(stalled, samples)")
    ('ratio', ('stalled', 'samples'))
    """
    match = _MEASURE.fullmatch(measure.strip())
    fields = tuple(field for field in match.groups()[1:] if field) if match else ()
    if match is None or len(fields) != _ARITY[match[1]]:
        raise ValueError("measure: one of count, sum(field), ratio(field, field), distinct(field)")
    return match[1], fields


def _near(name: str, known: Sequence[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{otherwise}: {', '.join(known)}"


class ExposureOf(BaseModel):
    """What a monitor's values are out of: sums of other events, in the same buckets.

    With twice the viewers, twice the measures are no crackdown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str = Field(description="event type, for example traffic.sample")
    measure: str = Field(default="count", description="count or sum(field)")
    by: list[str] = Field(default_factory=list, description="those of the monitor's group_by that the events have, too")
    where: dict[str, list[str]] = Field(default_factory=dict, description="field -> accepted values")

    @property
    def measured(self) -> tuple[str, tuple[str, ...]]:
        """The measure taken apart, as `Monitor.measured`."""
        return take_apart(self.measure)

    def problems(self, monitor: Monitor) -> list[str]:
        """What is wrong with it, in that monitor."""
        contract = EVENTS.get(self.event)
        if contract is None:
            return [f"exposure: no event is named {self.event!r}; {_near(self.event, sorted(EVENTS), 'known')}"]
        problems = []
        fields: tuple[str, ...] = ()
        try:
            kind, fields = self.measured
        except ValueError:
            kind = ""
        if kind not in ("count", "sum"):
            problems.append("exposure: measure is count or sum(field)")
        for name in [*self.by, *self.where, *fields]:
            annotation = field_type(contract, name)
            if annotation is None:
                known = list(contract.model_fields)
                problems.append(f"exposure: {self.event} has no field {name!r}; {_near(name, known, 'it has')}")
            elif name in fields and kind == "sum" and not is_whole_number(annotation):
                problems.append(f"exposure: {name!r} holds no whole numbers, which alone add up exactly")
        problems += [f"exposure: by: {name!r} is not in group_by" for name in self.by if name not in monitor.group_by]
        if monitor.detector != "enforcement":
            problems.append("exposure: only counts are judged against one, with the enforcement detector")
        return problems


class Monitor(BaseModel):
    """What to count, for which slices, in which buckets, how to judge it, and who is notified.

    A score is −log₁₀ of a tail probability, whatever the detector; an alert needs a score of at least `threshold`,
    which follows from the alert budget: with `series` series and the bucket's number of judgements a day,
    `budget_per_day` false alerts are expected from pure noise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=_NAME)] = Field(description="lower-case words joined by hyphens")
    title: str = Field(default="", description="one line for people")
    event: str = Field(description="event type, for example enforcement.action")
    precision: Precision = Field(
        default="minute",
        description="events whose time is known at least this exactly; hour and day read live.aggregates",
    )
    where: dict[str, list[str]] = Field(default_factory=dict, description="field -> accepted values")
    measure: str = Field(default="count", description="count, sum(field), ratio(field, field) or distinct(field)")
    group_by: list[str] = Field(default_factory=list, description="fields whose values make a series")
    subjects: str | None = Field(default=None, description="field whose distinct values are counted beside the events")
    absent: Literal["zero", "unknown"] = Field(
        default="zero", description="what a bucket without an event of a known series is: a zero, or not judged"
    )
    bucket: Duration = Field(default=MINUTE_MS, description="10s to 1d")
    detector: DetectorName = Field(
        description="traffic, enforcement, silence, or river for a model of the River library"
    )
    model: str = Field(
        default="",
        description="with river: a class as anomaly.GaussianScorer, or a pipeline of several with | between them",
    )
    parameters: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="with river: arguments of the classes in model that are not River's defaults"
    )
    features: tuple[Literal["value", "hour", "weekday"], ...] = Field(
        default=("value",), description="with river: what the model is given of a bucket"
    )
    season: Literal["none", "day", "week"] = Field(default="day", description="shape the detector learns")
    direction: Literal["both", "up", "down"] = Field(default="both", description="which way an anomaly counts")
    budget_per_day: float = Field(
        default=1.0, gt=0, le=1000, description="false alerts a day to expect, all series together"
    )
    series: int = Field(default=100, ge=1, le=1_000_000, description="how many series to expect")
    max_series: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="series that are judged one by one; what is beyond them is counted in one series, …, and notified",
    )
    min_volume: float = Field(default=10.0, ge=0, description="observed and expected below this never alert")
    min_effect: float = Field(default=1.25, ge=1.0, description="smallest ratio of observed to expected, or back")
    min_subjects: int = Field(default=0, ge=0, description="fewer distinct subjects than this is no spike")
    rearm_buckets: int = Field(default=0, ge=0, description="normal buckets that end an episode; 0 chooses by bucket")
    cooldown: Duration = Field(
        default=0, description="quiet time for a series after an episode; 0s chooses: 12h for counts, 1h for traffic"
    )
    regime_after: int = Field(
        default=0, ge=0, description="buckets of lasting anomaly that are a new normal; 0 chooses"
    )
    gap_after: int = Field(default=3, ge=1, description="silent buckets in a row that are a gap")
    severity: Severity = Field(default="warning", description="how urgent its alerts are")
    shadow: bool = Field(default=False, description="judge live and call nobody: its alerts are stored as kept back")
    owner: str = Field(default="", description="team that its alerts belong to")
    playbook: str = Field(default="", description="address of the page that says what to do")
    explain_by: list[str] = Field(
        default_factory=list, description="fields searched for the slice that explains an alert"
    )
    exposure: ExposureOf | None = Field(default=None, description="what the counts are out of")
    parts: str = Field(
        default="",
        description="field that tells the parts of a series apart, as room_id: a fall counts only where at least two, "
        "and most of those still there, fell",
    )
    never_learn: list[Excluded] = Field(default_factory=list, description="periods that are judged and not learned")
    group: str = Field(default="", description="monitors of a group are judged together; default: the topic")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        contract = EVENTS.get(self.event)
        if contract is None:
            raise ValueError(f"event: no event is named {self.event!r}; {_near(self.event, sorted(EVENTS), 'known')}")
        problems = []
        if self.name == RADAR:
            problems.append(f"name: {RADAR!r} is the misjudgement radar's")
        kind, fields = "", tuple[str, ...]()
        try:
            kind, fields = self.measured
        except ValueError as error:
            problems.append(str(error))
        problems += self._field_problems(contract, kind, fields)
        if not 10 * SECOND_MS <= self.bucket <= DAY_MS or DAY_MS % self.bucket:
            problems.append("bucket: from 10s to 1d, and a whole number of buckets must fill a day")
        elif self.bucket < SPAN_MS[self.precision]:
            problems.append(f"bucket: shorter than the precision of the events ({self.precision})")
        named = {name for each in self.never_learn for name in each.where} - set(self.group_by)
        problems += [f"never_learn: {name!r} is not in group_by" for name in sorted(named)]
        if self.detector == "enforcement" and kind in ("sum", "ratio"):
            problems.append("detector: the enforcement detector judges counts; use traffic for sums and ratios")
        if self.max_series < self.series:
            problems.append(f"max_series: {self.max_series}, and {self.series} series are to be expected")
        if self.parts and (self.detector != "traffic" or kind != "sum" or self.parts in self.group_by):
            problems.append("parts: a field that is not in group_by, of a sum that the traffic detector judges")
        problems += self._river_problems()
        if self.exposure is not None:
            problems += self.exposure.problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _field_problems(self, contract: type[Contract], kind: str, fields: tuple[str, ...]) -> Iterator[str]:
        paths = {
            "group_by": self.group_by,
            "where": list(self.where),
            "measure": list(fields),
            "explain_by": self.explain_by,
            "parts": [self.parts] if self.parts else [],
            "subjects": [] if self.subjects is None else [self.subjects],
        }
        for key, names in paths.items():
            for name in names:
                annotation = field_type(contract, name)
                if annotation is None:
                    known = list(contract.model_fields)
                    yield f"{key}: {self.event} has no field {name!r}; {_near(name, known, 'it has')}"
                elif key == "measure" and kind in ("sum", "ratio") and not is_whole_number(annotation):
                    yield f"measure: {name!r} holds no whole numbers, which alone add up exactly"

    def _river_problems(self) -> list[str]:
        if self.detector != "river":
            named = [key for key in ("model", "parameters") if getattr(self, key)]
            return [f"{key}: only the river detector takes one" for key in named]
        if not self.model:
            return ["model: the river detector needs one, for example anomaly.GaussianScorer"]
        from models.monitors.river_model import make

        try:
            make(self.model, self.parameters)
        except ValueError as error:
            return [f"model: {error}"]
        return []

    @cached_property
    def measured(self) -> tuple[str, tuple[str, ...]]:
        """The measure taken apart: `("ratio", ("stalled", "samples"))`."""
        return take_apart(self.measure)

    @cached_property
    def contract(self) -> type[Contract]:
        """The contract of the source event."""
        return EVENTS[self.event]

    @cached_property
    def topic(self) -> str:
        """The topic the source events come on: coarse ones have one of their own."""
        return AGGREGATES if self.precision in ("hour", "day") else self.contract.topic

    @cached_property
    def beside(self) -> ExposureOf | None:
        """What is counted of other events beside its own: its exposure, or what becomes of its parts.

        The latter where `room.lifecycle` has the fields; what the network or the platform ended is left out, as it did
        not end on purpose.
        """
        by = [*self.group_by, self.parts]
        if not self.parts or not set(by) <= set(RoomLifecycle.model_fields):
            return self.exposure
        return ExposureOf(
            event=RoomLifecycle.type_name,
            by=[*by, "state", "end_reason"],
            where={"state": ["ENDED", "INTERRUPTED", "PAUSED", "RESUMED"], "end_reason": ["", "HOST", "ENFORCEMENT"]},
        )

    @cached_property
    def exposure_topic(self) -> str | None:
        """The topic that its exposure, or what becomes of its parts, comes on."""
        if self.beside is None:
            return None
        return AGGREGATES if self.precision in ("hour", "day") else EVENTS[self.beside.event].topic

    @cached_property
    def leaf_dims(self) -> tuple[str, ...]:
        """The dimensions that are searched for an explanation, beyond those of the series."""
        parts = [self.parts] if self.parts else []
        return tuple(dict.fromkeys(name for name in [*self.explain_by, *parts] if name not in self.group_by))

    @cached_property
    def group_name(self) -> str:
        """Where it is judged: monitors of one group share a place, an order and their cases."""
        return self.group or self.topic

    @cached_property
    def buckets_per_day(self) -> int:
        """How many judgements a series gets in a day."""
        return DAY_MS // self.bucket

    @cached_property
    def threshold(self) -> float:
        """The score from which on it alerts, from the budget: log₁₀(series · buckets a day / budget), never below 3."""
        return max(LOWEST_THRESHOLD, math.log10(self.series * self.buckets_per_day / self.budget_per_day))

    @cached_property
    def quiet_ms(self) -> int:
        """For how long after an episode another one of the same direction is stored, not notified."""
        return self.cooldown or (HOUR_MS if self.detector == "traffic" else 12 * HOUR_MS)

    @cached_property
    def calm_buckets(self) -> int:
        """How many normal buckets end an episode."""
        return self.rearm_buckets or (15 if self.bucket <= 5 * MINUTE_MS else 3)

    @cached_property
    def lasting_buckets(self) -> int:
        """How many buckets an anomaly must last to be a new normal: half a day, two hours for traffic,
        a week of days.
        """
        span = DAY_MS // 12 if self.detector == "traffic" else DAY_MS // 2
        return self.regime_after or (7 if self.bucket == DAY_MS else max(7, span // self.bucket))

    @cached_property
    def config_hash(self) -> str:
        """Twelve hex digits of what decides a judgement; titles, owners and playbooks may change freely."""
        excluded = {"title", "owner", "playbook", "severity", "shadow", "explain_by"} | (
            {"exposure"} if self.exposure is None else set()
        )
        excluded |= {name for name in ("parts", "never_learn") if not getattr(self, name)}
        excluded |= {"max_series"} if self.max_series == Monitor.model_fields["max_series"].default else set()
        excluded |= {"model", "parameters", "features"} if self.detector != "river" else set()
        text = json.dumps(self.model_dump(mode="json", exclude=excluded), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def sums_shape(self) -> dict[str, Any]:
        """The keys that shape its sums, those that are not as they are by default: with others it counts something
        else.
        """
        return self.model_dump(mode="json", include=set(SHAPES_SUMS), exclude_defaults=True)

    @cached_property
    def model_shape(self) -> dict[str, Any]:
        """The keys that shape what it has learned, beyond its sums; of a ratio its least volume, too."""
        ratio = {"min_volume"} if self.measured[0] == "ratio" else set()
        return self.model_dump(mode="json", include={*SHAPES_MODEL, *ratio}, exclude_defaults=True)

    @cached_property
    def sums_hash(self) -> str:
        """Twelve hex digits of what its sums are counted by; only sums of one kind are added up."""
        text = json.dumps([self.sums_shape, self.detector == "silence"], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def leaf_hash(self) -> str:
        """Twelve hex digits of what leaves are counted by, too."""
        text = json.dumps([self.sums_hash, self.leaf_dims])
        return hashlib.sha256(text.encode()).hexdigest()[:12]
