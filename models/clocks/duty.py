"""Who is on duty: people who take turns, by the hours of the week; and whom a chain calls, step by step."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from livewarden.duration import Duration
from models.clocks.calendar import BusinessCalendar
from models.clocks.timezone import Timezone

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
WhoName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


class Turn(_Part):
    """People who take turns in some hours of the week: the first for `days` days from `start` on, then the next."""

    hours: str = Field(default="mon-sun 00:00-24:00", description="days and times, such as mon-fri 09:00-17:00")
    people: Annotated[tuple[WhoName, ...], Field(min_length=1, max_length=50)] = Field(description="in their order")
    days: Annotated[int, Field(ge=1, le=366)] = Field(default=7, description="how long each has it")
    start: date = Field(default=date(2026, 1, 5), description="a day on which the first of them has it")


class Duty(_Part):
    """A schedule. The first turn whose hours hold counts. In the response file it is `[[duty]]`.

    >>> from livewarden.times import parse_ms
    >>> duty = Duty(name="d", timezone="Europe/Berlin", turn=(Turn(hours="mon-fri 09:00-17:00", people=("ana", "ben")),
    ...                                                       Turn(people=("night desk",))))
    >>> [duty.at(parse_ms(text)) for text in ("2026-01-05T10:00:00Z", "2026-01-12T10:00:00Z", "2026-01-12T22:00:00Z")]
    ['ana', 'ben', 'night desk']
    """

    name: Name = Field(description="lower-case words joined by hyphens")
    timezone: Timezone = Field(description="IANA name, such as Europe/Berlin")
    turns: Annotated[tuple[Turn, ...], Field(min_length=1, max_length=20)] = Field(
        alias="turn", description="who has which hours"
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        for each in self.turns:
            self._hours(each)
        return self

    def at(self, now_ms: int) -> str | None:
        """Who is on duty; None where nobody is."""
        today = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.timezone)).date()
        for turn in self.turns:
            if self._hours(turn).between(now_ms, now_ms + 1):
                return turn.people[(today - turn.start).days // turn.days % len(turn.people)]
        return None

    def _hours(self, turn: Turn) -> BusinessCalendar:
        return BusinessCalendar(name=self.name, timezone=self.timezone, hours=(turn.hours,))


class ChainStep(_Part):
    """Whom a case goes to that is so long overdue."""

    after: Duration = Field(description="business time since it was due")
    to: WhoName = Field(description="a duty, or a person or team")


class Chain(_Part):
    """Who is called, one after the other, for a case that is overdue. In the response file it is `[[chain]]`."""

    name: Name = Field(description="lower-case words joined by hyphens")
    steps: Annotated[tuple[ChainStep, ...], Field(min_length=1, max_length=20)] = Field(
        alias="step", description="in their order"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        waits = [each.after for each in self.steps]
        if waits != sorted(waits):
            raise ValueError("step: each is later than the one before it")
        return self
