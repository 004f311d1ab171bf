"""Business time against a walk minute by minute; clocks that pause; the examples that others got wrong."""

from __future__ import annotations

from datetime import date
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.clocks.calendar import BusinessCalendar
from models.clocks.clock import clock_from, paused, resumed, started
from tests.models.clocks.minute_walk import HOURS, ZONES, calendar_of, counts, off, utc, walked

BERLIN: Final = BusinessCalendar(name="berlin", timezone="Europe/Berlin", hours=HOURS[0], country="DE")
YEARS: Final = range(2020, 2032)
STARTS: Final = st.integers(utc(2020, 1, 5) // MINUTE_MS, utc(2030, 12, 1) // MINUTE_MS)
# around the nights on which clocks are changed, and holidays
NEAR: Final = st.sampled_from(
    [utc(2026, 3, 29), utc(2026, 10, 25), utc(2024, 3, 31), utc(2025, 12, 24), utc(2027, 1, 5)]
).flatmap(lambda at: st.integers(at // MINUTE_MS - 2_000, at // MINUTE_MS + 2_000))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(ZONES)), st.sampled_from(HOURS), st.one_of(STARTS, NEAR), st.integers(0, 500))
@example("DE", HOURS[3], utc(2026, 10, 24, 12) // MINUTE_MS, 120)
@example("IE", HOURS[3], utc(2026, 3, 28, 12) // MINUTE_MS, 60)
def test_a_deadline_is_where_a_walk_minute_by_minute_ends(
    country: str, hours: tuple[str, ...], start: int, minutes: int
) -> None:
    calendar, at = calendar_of(country, hours), start * MINUTE_MS
    found = calendar.after(at, minutes * MINUTE_MS)
    if found - at > 6 * DAY_MS:  # a walk is slow; the last day of a long one is enough
        minutes -= calendar.between(at, found - DAY_MS) // MINUTE_MS
        at = found - DAY_MS
    assert found == walked(calendar, at, minutes, off(calendar, YEARS))
    assert calendar.between(at, found) == minutes * MINUTE_MS


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(ZONES)), st.sampled_from(HOURS), NEAR)
def test_time_between_two_instants_is_what_a_walk_counts(country: str, hours: tuple[str, ...], start: int) -> None:
    calendar, at = calendar_of(country, hours), start * MINUTE_MS
    days_off = off(calendar, YEARS)
    count = sum(counts(calendar, at + number * MINUTE_MS, days_off) for number in range(1_600))
    assert calendar.between(at, at + 1_600 * MINUTE_MS) == count * MINUTE_MS


def test_friday_half_past_four_and_an_hour_is_monday_half_past_nine() -> None:
    assert BERLIN.after(utc(2026, 3, 6, 15, 30), HOUR_MS) == utc(2026, 3, 9, 8, 30)


def test_the_nights_on_which_clocks_are_changed() -> None:
    always = BusinessCalendar(name="always", timezone="Europe/Berlin")
    # a day of 23 hours, and one of 25: on the clock both go from midnight to midnight
    assert always.between(utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)) == 23 * HOUR_MS
    assert always.between(utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)) == 25 * HOUR_MS
    # nine on Monday is an hour earlier in UTC than nine on Friday was
    assert BERLIN.after(utc(2026, 3, 27, 15, 30), HOUR_MS) == utc(2026, 3, 30, 7, 30)
    assert BERLIN.after(utc(2026, 10, 23, 14, 30), HOUR_MS) == utc(2026, 10, 26, 8, 30)
    night = BusinessCalendar(name="night", timezone="Europe/Berlin", hours=("mon-sun 02:00-03:00",))
    assert night.between(utc(2026, 3, 28, 12), utc(2026, 3, 29, 12)) == 0, "the hour does not come"
    assert night.between(utc(2026, 10, 24, 12), utc(2026, 10, 25, 12)) == 2 * HOUR_MS, "the hour comes twice"


def test_a_case_of_a_holiday_begins_on_the_next_working_day() -> None:
    # Saturday 3 October 2026 is one anyway; Friday 1 May is a holiday
    assert BERLIN.after(utc(2026, 5, 1, 10), HOUR_MS) == utc(2026, 5, 4, 8)
    own = BERLIN.model_copy(update={"closed": (date(2026, 5, 4),)})
    assert own.after(utc(2026, 5, 1, 10), HOUR_MS) == utc(2026, 5, 5, 8)


def test_a_calendar_that_is_changed_keeps_what_was_promised() -> None:
    clock = started(BERLIN, 4 * HOUR_MS, utc(2026, 3, 6, 15))
    assert clock.due_ms == utc(2026, 3, 9, 11)
    later = BERLIN.model_copy(update={"hours": ("mon-fri 12:00-17:00",)})
    assert resumed(clock, later, utc(2026, 3, 9, 9)) == clock, "it runs: the old promise stays"
    waiting = paused(clock, BERLIN, utc(2026, 3, 9, 9))
    assert (waiting.due_ms, waiting.used_ms) == (None, 2 * HOUR_MS)
    on = resumed(waiting, later, utc(2026, 3, 10, 9))
    assert on.due_ms == utc(2026, 3, 10, 13), "from then on it is the new one's"
    assert on.digest != clock.digest
    assert "paused once for 1 d" in on.how
    assert clock_from(on.plain()) == on


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=8), st.integers(1, 3_000))
def test_a_clock_that_pauses_counts_only_what_it_ran(steps: list[int], promised: int) -> None:
    now, ran = utc(2026, 3, 27, 10), 0
    clock = started(BERLIN, promised * MINUTE_MS, now)
    for number, minutes in enumerate(steps):
        until = now + minutes * MINUTE_MS
        if number % 2 == 0:
            ran += BERLIN.between(now, until)
            clock = paused(clock, BERLIN, until)
        else:
            clock = resumed(clock, BERLIN, until)
        now = until
    assert clock.used_ms == ran
    clock = resumed(clock, BERLIN, now)
    assert clock.due_ms == BERLIN.after(now, promised * MINUTE_MS - ran)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hours": ("mon-fri 9-17",)}, "is not of the kind"),
        ({"hours": ("fri-mon 09:00-17:00",)}, "is not of the kind"),
        ({"hours": ("mon 17:00-09:00",)}, "ends before it begins"),
        ({"country": "XX"}, "none is named 'XX'"),
        ({"country": "DE", "subdivision": "ZZ"}, "DE has no 'ZZ'"),
        ({"timezone": "Europe/Berlim"}, "did you mean 'Europe/Berlin'"),
    ],
)
def test_what_is_no_calendar_is_said(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        BusinessCalendar.model_validate({"name": "x", "timezone": "Europe/Berlin"} | wrong)


def test_a_calendar_that_never_opens_is_no_endless_loop() -> None:
    never = BusinessCalendar(name="n", timezone="UTC", hours=("sun 23:00-23:01",))
    with pytest.raises(ValueError, match="within ten years"):
        never.after(0, 100 * DAY_MS)
