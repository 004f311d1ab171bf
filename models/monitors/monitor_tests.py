"""Tests of monitors, as their users write them: which events, and which alerts are expected of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from livewarden.alert import Alert
from livewarden.config_file import Lines, Loc, read_toml, sentence
from livewarden.contracts import Contract
from livewarden.duration import Duration
from livewarden.errors import MonitorsError
from livewarden.times import SECOND_MS, format_ms, instant, parse_ms, to_ms
from models.monitors.monitor import EVENTS

MOST_EVENTS = 1_000_000
"""Events that one table may ask for."""


def parse_moment(value: object) -> int:
    """Milliseconds of a day or an instant, as TOML or RFC 3339 has it; anything else is a ValueError.

    >>> parse_moment("2025-04-08") == parse_moment(date(2025, 4, 8)) == parse_moment("2025-04-08T00:00:00Z")
    True
    """
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return to_ms(value)
    elif isinstance(value, date):
        return to_ms(datetime(value.year, value.month, value.day, tzinfo=UTC))
    elif isinstance(value, str):
        try:
            return parse_ms(value if "T" in value else f"{value}T00:00:00Z")
        except ValueError:
            pass
    raise ValueError("no day or RFC 3339 time, such as 2025-04-08 or 2025-04-08T12:00:00Z")


DayOrTime = Annotated[int, BeforeValidator(parse_moment)]


class Table(BaseModel):
    """A table of the file: closed, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class EventsTable(Table):
    """Events that are made: `count` of them every `every`, from `from` to before `to`.

    In texts of `data`, `{n}` stands for the number of the event and `{time}` for its time.
    """

    event: str = Field(description="event type, for example traffic.sample")
    from_ms: DayOrTime = Field(alias="from", description="time of the first")
    to_ms: DayOrTime = Field(alias="to", description="no event is at or after this time")
    every: Duration = Field(description="time between two")
    count: int = Field(default=1, ge=1, le=10_000, description="events at each time")
    data: dict[str, Any] = Field(default_factory=dict, description="fields of the event")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.event not in EVENTS:
            raise ValueError(f"event: no event is named {self.event!r}; known: {', '.join(sorted(EVENTS))}")
        if self.every < SECOND_MS:
            raise ValueError("every: at least 1s")
        if self.to_ms <= self.from_ms:
            raise ValueError("to: not after from")
        if self.count * ((self.to_ms - self.from_ms) // self.every) > MOST_EVENTS:
            raise ValueError(f"every: more than {MOST_EVENTS:,} events")
        try:
            self.body(0, self.from_ms)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"])) or self.event
            raise ValueError(f"data: {self.event}: {name}: {first['msg']}") from None
        return self

    def body(self, number: int, time_ms: int) -> Contract:
        """The event of that number at that time; a field of another kind is a ValidationError."""
        given = _filled(self.data, {"n": str(number), "time": format_ms(time_ms)})
        return EVENTS[self.event].model_validate(given)

    def bodies(self) -> Iterator[tuple[int, Contract]]:
        """All of them with their times, in order."""
        number = 0
        for time_ms in range(self.from_ms, self.to_ms, self.every):
            for _ in range(self.count):
                yield time_ms, self.body(number, time_ms)
                number += 1


class Expectation(Table):
    """One alert that is expected. What is left out may be anything."""

    monitor: str = Field(description="name of the monitor")
    at: DayOrTime = Field(description="start of its bucket; with within: the earliest")
    within: Duration = Field(default=0, description="it may start later by up to this")
    series: dict[str, str] = Field(default_factory=dict, description="values of its series; some suffice")
    kind: str = Field(default="", description="as ENFORCEMENT_SPIKE")
    direction: str = Field(default="", description="UP, DOWN or MISSING")

    def met_by(self, alert: Alert) -> bool:
        """Whether an alert is the expected one."""
        return (
            alert.monitor == self.monitor
            and self.at <= alert.window_start_ms <= self.at + self.within
            and all(alert.series.get(name) == value for name, value in self.series.items())
            and self.kind in ("", alert.kind)
            and self.direction in ("", alert.direction)
        )

    def __str__(self) -> str:
        """In words."""
        what = " ".join(filter(None, (self.kind, self.direction, *self.series.values())))
        until = f" to {format_ms(self.at + self.within)}" if self.within else ""
        return " ".join(filter(None, (self.monitor, what, f"at {format_ms(self.at)}{until}")))


class MonitorTest(Table):
    """Events, from a recording or made, and all alerts that are expected of them.

    Looked at are notified alerts of `monitors` (all where left out) whose bucket starts in [from, to).
    """

    name: str = Field(min_length=1, description="what it shows, in words")
    recording: str = Field(default="", description="file, beside this one; shipped for the recording that ships")
    events: list[EventsTable] = Field(default_factory=list, description="events that are made, instead")
    monitors: list[str] = Field(default_factory=list, description="whose alerts are looked at; all where left out")
    from_ms: DayOrTime | None = Field(default=None, alias="from", description="earliest bucket that is looked at")
    to_ms: DayOrTime | None = Field(
        default=None, alias="to", description="no bucket and no event at or after this time"
    )
    warm_up: Duration = Field(default=0, description="events from so long before from on are read; 0s: all")
    expect: list[Expectation] = Field(default_factory=list, description="the alerts; none: nothing is said")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.recording) == bool(self.events):
            raise ValueError("recording: a test has either a recording or [[test.events]]")
        if self.warm_up and self.from_ms is None:
            raise ValueError("warm_up: it ends at from, which is missing")
        return self

    def reads(self, bucket_ms: int) -> tuple[int, int]:
        """The times [first, last) of the events that are read; it begins with a whole bucket of that size."""
        first = -(2**62) if self.from_ms is None or not self.warm_up else self.from_ms - self.warm_up
        return first - first % bucket_ms, 2**62 if self.to_ms is None else self.to_ms


@dataclass(frozen=True, slots=True)
class TestDiff:
    """What a test found: alerts that were said and not expected, and expectations that nothing met."""

    __test__ = False

    test: MonitorTest
    missing: list[Expectation] = field(default_factory=list)
    unexpected: list[Alert] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it was as expected."""
        return not (self.missing or self.unexpected)


def compare(test: MonitorTest, alerts: list[Alert]) -> TestDiff:
    """Expectations against the notified alerts that a test looks at; each alert meets one expectation at most.

    The narrowest expectations choose first, each the earliest alert that meets it.
    """
    left = sorted(alerts, key=lambda alert: (alert.window_start_ms, alert.monitor, alert.alert_id))
    missing = []
    for wanted in sorted(test.expect, key=lambda each: (each.within, -len(each.series), each.at, each.monitor)):
        met = next((alert for alert in left if wanted.met_by(alert)), None)
        if met is None:
            missing.append(wanted)
        else:
            left.remove(met)
    return TestDiff(test, sorted(missing, key=lambda each: (each.at, each.monitor)), left)


def parse_tests(text: str, name: str, monitors: Mapping[str, object]) -> list[MonitorTest]:
    """The `[[test]]` tables of a TOML text, in file order; MonitorsError names every mistake by its line.

    `monitors` are the names that a test may speak of.
    """
    try:
        tree = read_toml(text)
    except ValueError as error:
        raise MonitorsError(name, [str(error)]) from error
    lines = Lines(text)
    mistakes: list[tuple[int, str]] = []
    tests = []
    tables = tree.get("test", [])
    for index, table in enumerate(tables if isinstance(tables, list) else [tables]):
        try:
            test = MonitorTest.model_validate(table)
        except ValidationError as error:
            problems = [(found["loc"], found["type"], found["msg"]) for found in error.errors()]
            mistakes += [sentence(lines, ("test", index), MonitorTest, problem) for problem in problems]
            continue
        tests.append(test)
        named: list[tuple[Loc, str]] = [(("expect", n, "monitor"), each.monitor) for n, each in enumerate(test.expect)]
        named += [(("monitors",), each) for each in test.monitors]
        for place, each in named:
            if each not in monitors:
                mistakes.append((lines.of(("test", index, *place)), f"no monitor is named {each!r}"))
    if mistakes:
        raise MonitorsError(name, [f"line {number}: {said}" for number, said in sorted(mistakes)])
    return tests


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return (
            _WORD.sub(lambda match: words[match[1]], value) if value != "{time}" else instant(parse_ms(words["time"]))
        )
    if isinstance(value, dict):
        return {name: _filled(item, words) for name, item in value.items()}
    return [_filled(item, words) for item in value] if isinstance(value, list) else value


_WORD = re.compile(r"\{(n|time)\}")
