"""The policy: what the users say of the response. Who is notified of what, when, how often,
and what a case must meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from livewarden.config_file import Loc, near
from livewarden.duration import Duration
from livewarden.matcher import Matcher, matches
from livewarden.severity import Severity
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from models.clocks.calendar import BusinessCalendar
from models.clocks.duty import Chain, Duty
from models.response.quiet import QuietHours
from models.response.template import CaseTemplate


def _condition(value: object) -> Matcher:
    """A condition as a file writes it; what is nearly one of another product is a mistake here, not a value."""
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, str):
        raise ValueError('a condition is a text: "market=DE"')
    matcher = Matcher.parse(value)
    if matcher.value[:1] in ("=", "~") or matcher.value != matcher.value.strip():
        raise ValueError(f"{value[:100]!r}: the value follows =, != or ~ at once")
    return matcher


def _variable(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise ValueError(
            "the name of an environment variable that holds the address; an address does not stand in a file"
        )
    return value


FALLBACK = "fallback"
"""The name of the route of what no route takes."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""Lower-case words joined by hyphens."""
Condition = Annotated[Matcher, BeforeValidator(_condition), PlainSerializer(str)]
Positive = Annotated[Duration, Field(gt=0)]
Channels = Annotated[tuple[str, ...], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


class Sla(_Table):
    """How long a case of one severity may take, from its beginning."""

    triage: Positive = Field(description="until somebody has looked at it: it leaves the state candidate")
    resolve: Positive = Field(description="until it is resolved or dismissed")
    calendar: str = Field(default="", description="a calendar: only its hours count; empty: all do")
    chain: str = Field(default="", description="who is called when it is overdue: a chain")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.triage > self.resolve:
            raise ValueError("triage: longer than resolve")
        return self


class ChannelConfig(_Table):
    """A way to reach people. Exactly one of `url_from` and `file`."""

    name: Name
    url_from: Annotated[str, AfterValidator(_variable)] = Field(
        default="", description="environment variable that holds an Apprise URL"
    )
    file: str = Field(default="", description="path of a file that gets a line of JSON for each notification")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if bool(self.url_from) == bool(self.file):
            raise ValueError("name: a channel has either url_from or file")
        return self


class Escalation(_Table):
    """Who else is notified when nobody has acknowledged an incident for a while."""

    after: Positive = Field(description="since the incident was first notified")
    to: Channels = Field(description="channels")


class Route(_Table):
    """Which channels are notified of which alerts."""

    name: Name
    match: tuple[Condition, ...] = Field(default=(), description="conditions that must all hold; none: every alert")
    to: Channels = Field(description="channels")
    resolved: bool = Field(default=True, description="notify of the end, too")
    escalate: tuple[Escalation, ...] = Field(default=(), description="who is notified later, where nobody acknowledges")
    quiet_hours: QuietHours | None = Field(default=None, description="when what can wait does wait")
    continue_: bool = Field(default=False, alias="continue", description="routes further down are tried as well")


class Policy(_Table):
    """The response file as a whole. In the file, `channels` is `[[channel]]`, `routes` is `[[route]]` and `sla` is
    `[sla.critical]`.

    >>> policy = Policy(channels=(ChannelConfig(name="log", file="log.jsonl"),),
    ...                 routes=(Route(name="germany", match=[Matcher.parse("market=DE")], to=("log",)),))
    >>> [route.name for route in policy.routes_for({"monitor": "live-orders", "market": "DE"})]
    ['germany']
    """

    group_wait: Duration = Field(
        default=5 * SECOND_MS, description="wait after the first alert of an incident for others"
    )
    group_interval: Duration = Field(
        default=5 * MINUTE_MS, description="least time between two notifications of an incident"
    )
    stale_after: Positive = Field(
        default=6 * HOUR_MS, description="an alert whose bucket ended so long ago is stored, and nobody is called"
    )
    worse: float = Field(
        default=2.0, gt=1.0, description="notified again when it is so many times as big as was notified"
    )
    give_up_after: Positive = Field(default=DAY_MS, description="a notification is tried for so long")
    tick: Positive = Field(default=5 * SECOND_MS, description="how often the clock is looked at")
    closure_windows: int = Field(default=3, ge=0, description="normal buckets before a case may be closed")
    reopen_within: Duration = Field(
        default=14 * DAY_MS, description="the same again so soon after its end reopens a case, later it begins another"
    )
    console_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s@?#]+)?$")] = Field(
        default="", description="address of the console, for the links in notifications; empty: no links"
    )
    fallback: tuple[str, ...] = Field(
        default=(), description="channels for what no route takes, and for messages about the channels themselves"
    )
    watch: tuple[str, ...] = Field(
        default=(),
        description="channels for what livewarden says of itself: events that nobody reads, a worker that stalled",
    )
    sla: dict[Severity, Sla] = Field(default_factory=dict, description="by severity; none: no clock")
    channels: tuple[ChannelConfig, ...] = Field(default=(), alias="channel")
    routes: tuple[Route, ...] = Field(default=(), alias="route")
    calendars: tuple[BusinessCalendar, ...] = Field(default=(), alias="calendar")
    duties: tuple[Duty, ...] = Field(default=(), alias="duty")
    chains: tuple[Chain, ...] = Field(default=(), alias="chain")
    templates: tuple[CaseTemplate, ...] = Field(default=(), alias="template")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = list(between(self.model_dump(by_alias=True)))
        if found:
            raise ValueError("\n".join(text for _, text in found))
        return self

    def calendar_of(self, name: str) -> BusinessCalendar | None:
        """The calendar of that name."""
        return next((each for each in self.calendars if each.name == name), None)

    def duty_of(self, name: str) -> Duty | None:
        """The duty of that name."""
        return next((each for each in self.duties if each.name == name), None)

    def chain_of(self, name: str) -> Chain | None:
        """The chain of that name."""
        return next((each for each in self.chains if each.name == name), None)

    def template_of(self, name: str) -> CaseTemplate | None:
        """The template of that name."""
        return next((each for each in self.templates if each.name == name), None)

    def routes_for(self, facts: Mapping[str, str]) -> tuple[Route, ...]:
        """The routes that an alert takes, in file order: the first that matches, and later ones as long as each says
        `continue`.

        `facts`: monitor, kind, severity, direction, owner, and the labels of its series.
        """
        taken = []
        for route in self.routes:
            if matches(route.match, facts):
                taken.append(route)
                if not route.continue_:
                    break
        return tuple(taken)


def between(tree: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """What is wrong between the tables of a file, and where: names that are taken, channels that are not there.

    `tree` is as the file has it. What its own table already calls wrong is passed over.
    """
    channels = _names(tree, "channel")
    for kind in ("channel", "route", "calendar", "duty", "chain", "template"):
        seen: dict[str, int] = {}
        for index, name in _names(tree, kind):
            if name in seen:
                yield (kind, index, "name"), f"name: {name!r} is taken by another {kind}"
            seen.setdefault(name, index)
    yield from _promised(tree)
    known = [name for _, name in channels]
    for loc, names in _notified(tree):
        for name in names if isinstance(names, list | tuple) else ():
            if isinstance(name, str) and name not in known:
                yield loc, f"{loc[-1]}: no channel is named {name!r}{near(name, known)}"


def _promised(tree: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Calendars and chains that a service level names and nobody has."""
    levels = tree.get("sla")
    for severity, level in levels.items() if isinstance(levels, Mapping) else ():
        for kind in ("calendar", "chain"):
            name = level.get(kind) if isinstance(level, Mapping) else None
            known = [each for _, each in _names(tree, kind)]
            if isinstance(name, str) and name and name not in known:
                yield ("sla", severity, kind), f"{kind}: none is named {name!r}{near(name, known)}"


def _notified(tree: Mapping[str, Any]) -> Iterator[tuple[Loc, object]]:
    yield ("fallback",), tree.get("fallback")
    yield ("watch",), tree.get("watch")
    for index, route in _tables(tree.get("route")):
        yield ("route", index, "to"), route.get("to")
        for step, escalation in _tables(route.get("escalate")):
            yield ("route", index, "escalate", step, "to"), escalation.get("to")


def _names(tree: Mapping[str, Any], kind: str) -> Sequence[tuple[int, str]]:
    return [(index, table["name"]) for index, table in _tables(tree.get(kind)) if isinstance(table.get("name"), str)]


def _tables(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, table in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(table, Mapping):
            yield index, table
