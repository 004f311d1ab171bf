"""Business time counted minute by minute, as slowly and plainly as can be: what the calendar must agree with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from livewarden.times import MINUTE_MS, to_ms
from models.clocks.calendar import DAYS, BusinessCalendar

ZONES: Final = {
    **{"AT": "Vienna", "BE": "Brussels", "BG": "Sofia", "HR": "Zagreb", "CZ": "Prague", "DK": "Copenhagen"},
    **{"EE": "Tallinn", "FI": "Helsinki", "FR": "Paris", "DE": "Berlin", "GR": "Athens", "HU": "Budapest"},
    **{"IE": "Dublin", "IT": "Rome", "LV": "Riga", "LT": "Vilnius", "LU": "Luxembourg", "MT": "Malta"},
    **{"NL": "Amsterdam", "PL": "Warsaw", "PT": "Lisbon", "RO": "Bucharest", "SK": "Bratislava"},
    **{"SI": "Ljubljana", "ES": "Madrid", "SE": "Stockholm", "CY": "Nicosia"},
}
"""The 27 of the European Union, and a city whose clocks hold there."""
HOURS: Final = (
    ("mon-fri 09:00-17:00",),
    ("mon-thu 08:30-12:15", "mon-thu 13:00-17:45", "fri 08:30-15:00"),
    ("mon-sun 00:00-24:00",),
    ("sat-sun 01:30-02:30", "mon-fri 22:00-24:00"),  # over the hour that is missing or comes twice
)


def calendar_of(country: str, hours: tuple[str, ...]) -> BusinessCalendar:
    zone = "Asia/Nicosia" if country == "CY" else f"Europe/{ZONES[country]}"
    return BusinessCalendar(name=country.lower(), timezone=zone, hours=hours, country=country)


def counts(calendar: BusinessCalendar, at_ms: int, days_off: set[date]) -> bool:
    """Whether the minute that begins then is business time."""
    local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(calendar.timezone))
    if local.date() in days_off:
        return False
    for each in calendar.hours:
        days, _, times = each.partition(" ")
        first, _, last = days.partition("-")
        if not DAYS.index(first) <= local.weekday() <= DAYS.index(last or first):
            continue
        begin, _, end = times.partition("-")
        if begin <= f"{local:%H:%M}" < end:
            return True
    return False


def off(calendar: BusinessCalendar, years: range) -> set[date]:
    return {*holidays.country_holidays(calendar.country, years=years), *calendar.closed}


def walked(calendar: BusinessCalendar, start_ms: int, minutes: int, days_off: set[date]) -> int:
    """When so many minutes have passed."""
    at, left = start_ms, minutes
    while left:
        left -= counts(calendar, at, days_off)
        at += MINUTE_MS
    return at


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return to_ms(datetime(year, month, day, hour, minute, tzinfo=UTC))


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]
