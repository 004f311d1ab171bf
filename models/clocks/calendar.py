"""Business time: the hours of a named calendar, by the clocks of its time zone, without its holidays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from livewarden.config_file import near
from livewarden.times import HOUR_MS, MINUTE_MS, to_ms
from models.clocks.timezone import Timezone

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FARTHEST: Final = 3_660
"""Days after which a deadline that was not reached is none."""
MOST_DAYS: Final = 40_000
"""Days, of all calendars, whose hours are remembered."""
_HOURS: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? ([0-2]\d:[0-5]\d)-([0-2]\d:[0-5]\d)")
_MIDNIGHT: Final = 24 * 60
Span = tuple[int, int]
"""From and to, the end left out."""


class BusinessCalendar(BaseModel):
    """When somebody works. In the response file it is `[[calendar]]`.

    Hours are those on the wall: a minute counts when its local time is within them and its local day is no holiday, so
    where clocks are put back an hour may count twice, and where they are put forward it does not come. Holidays are the
    public ones of `country` as the package `holidays` knows them; `closed` adds days of your own. Bad at: half days,
    which are whole ones here.

    >>> office = BusinessCalendar(name="office", timezone="Europe/Berlin", hours=("mon-fri 09:00-17:00",), country="DE")
    >>> friday = to_ms(datetime(2026, 3, 6, 15, 30, tzinfo=UTC))  # 16:30 there
    >>> datetime.fromtimestamp(office.after(friday, HOUR_MS) / 1000, ZoneInfo("Europe/Berlin")).strftime("%a %H:%M")
    'Mon 09:30'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = Field(
        description="lower-case words joined by hyphens"
    )
    timezone: Timezone = Field(description="IANA name, such as Europe/Berlin")
    hours: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)] = Field(
        default=("mon-sun 00:00-24:00",), description="days and times, such as mon-fri 09:00-17:00"
    )
    country: str = Field(default="", description="ISO 3166-1 alpha-2, for its public holidays; empty: none")
    subdivision: str = Field(default="", description="part of the country, such as BE for Berlin")
    closed: tuple[date, ...] = Field(default=(), description="days on which nobody works besides")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        for each in self.hours:
            _spans(each)
        if self.country or self.subdivision:
            self._check_place()
        return self

    def _check_place(self) -> None:
        import holidays

        known = holidays.list_supported_countries()
        if self.country and self.country not in known:
            raise ValueError(f"country: none is named {self.country!r}{near(self.country, list(known))}")
        if self.subdivision and self.subdivision not in known.get(self.country, ()):
            raise ValueError(f"subdivision: {self.country or 'no country'} has no {self.subdivision!r}")

    @property
    def digest(self) -> str:
        """Stands for all of it, and for the holidays that the package knows: 12 hexadecimal digits."""
        text = f"{version('holidays')} {self.model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def words(self) -> str:
        """It in one line.

        >>> BusinessCalendar(name="x", timezone="Europe/Berlin", hours=("mon-fri 09:00-17:00",), country="DE").words
        'mon-fri 09:00-17:00 Europe/Berlin without the holidays of DE'
        """
        place = "-".join(filter(None, (self.country, self.subdivision)))
        return f"{', '.join(self.hours)} {self.timezone}{f' without the holidays of {place}' if place else ''}"

    def open_on(self, day: date) -> tuple[Span, ...]:
        """The instants of a local day that count, in ms UTC, in order."""
        return _open_on(self, day)

    def after(self, start_ms: int, business_ms: int) -> int:
        """The first instant at which so much business time has passed since `start_ms`; `start_ms` for none.

        ValueError where that takes more than ten years.
        """
        left = business_ms
        if left <= 0:
            return start_ms
        for begin, end in self._from(start_ms):
            if end - begin >= left:
                return begin + left
            left -= end - begin
        raise ValueError(f"calendar {self.name} has no {business_ms // MINUTE_MS:,} minutes within ten years")

    def between(self, start_ms: int, end_ms: int) -> int:
        """Business time from one instant to a later one, in ms; 0 where it is not later."""
        total = 0
        for begin, end in self._from(start_ms):
            if begin >= end_ms:
                break
            total += min(end, end_ms) - begin
        return total

    def _from(self, start_ms: int) -> Iterator[Span]:
        first = datetime.fromtimestamp(start_ms / 1000, ZoneInfo(self.timezone)).date()
        for number in range(FARTHEST):
            for begin, end in self.open_on(first + timedelta(days=number)):
                if end > start_ms:
                    yield max(begin, start_ms), end


@lru_cache(maxsize=MOST_DAYS)
def _open_on(it: BusinessCalendar, day: date) -> tuple[Span, ...]:
    minutes = [span for weekdays, span in map(_spans, it.hours) if day.weekday() in weekdays]
    if not minutes or day in it.closed or (it.country and day in _holidays(it.country, it.subdivision, day.year)):
        return ()
    zone = ZoneInfo(it.timezone)
    midnight, next_one = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    if midnight.utcoffset() != next_one.utcoffset():
        return _walked(zone, day, minutes)
    start = to_ms(midnight.astimezone(UTC))
    return _joined([(start + begin * MINUTE_MS, start + end * MINUTE_MS) for begin, end in minutes])


def _walked(zone: ZoneInfo, day: date, minutes: list[Span]) -> tuple[Span, ...]:
    """The same of a day on which clocks are changed, minute by minute: it has 23 or 25 hours."""
    start = to_ms(datetime.combine(day, time(), zone).astimezone(UTC)) - 2 * HOUR_MS
    found = []
    for number in range(28 * 60):
        at = start + number * MINUTE_MS
        local = datetime.fromtimestamp(at / 1000, zone)
        minute = local.hour * 60 + local.minute
        if local.date() == day and any(begin <= minute < end for begin, end in minutes):
            found.append((at, at + MINUTE_MS))
    return _joined(found)


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


def _spans(text: str) -> tuple[range, Span]:
    """Weekdays and minutes of the day; ValueError where they are none."""
    found = _HOURS.fullmatch(text)
    first, last = (found[1], found[2] or found[1]) if found else ("", "")
    if found is None or first not in DAYS or last not in DAYS or DAYS.index(first) > DAYS.index(last):
        raise ValueError(f'hours: {text!r} is not of the kind "mon-fri 09:00-17:00"')
    begin, end = (int(each[:2]) * 60 + int(each[3:]) for each in (found[3], found[4]))
    if not begin < end <= _MIDNIGHT:
        raise ValueError(f"hours: {text!r} ends before it begins; over midnight takes two lines")
    return range(DAYS.index(first), DAYS.index(last) + 1), (begin, end)


@lru_cache(maxsize=1_000)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    import holidays  # it takes a tenth of a second, which only calendars with a country are worth

    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
