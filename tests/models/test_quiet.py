"""Quiet hours by the clocks of a place: over midnight, and on the nights when clocks are moved."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from livewarden.times import MINUTE_MS, parse_ms, to_ms
from models.response.quiet import QuietHours

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
MINUTES = st.datetimes(datetime(2011, 1, 2), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda moment: to_ms(moment.replace(second=0, microsecond=0, tzinfo=UTC))
)


def quiet(start: str, end: str, zone: str = "Europe/Berlin", below: str = "critical") -> QuietHours:
    return QuietHours.model_validate({"from": start, "to": end, "timezone": zone, "below": below})


def wall(ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))


@st.composite
def nights(draw: st.DrawFn) -> QuietHours:
    start, end = draw(TIMES), draw(TIMES)
    assume(start != end)
    return quiet(start, end, draw(st.sampled_from(ZONES)))


@given(nights(), MINUTES)
def test_on_an_ordinary_day_the_clock_on_the_wall_decides(night: QuietHours, now: int) -> None:
    days = [wall(now + hours * 60 * MINUTE_MS, night.timezone) for hours in range(-36, 37)]
    assume(len({day.utcoffset() for day in days}) == 1)
    at = wall(now, night.timezone).time()
    inside = night.from_ <= at < night.to if night.from_ < night.to else at >= night.from_ or at < night.to
    until = night.until_ms(now, "warning")
    assert (until is not None) == inside
    if until is not None:
        assert now < until <= now + 24 * 60 * MINUTE_MS
        assert wall(until, night.timezone).time() == night.to


@given(nights(), MINUTES)
def test_what_waits_is_told_at_the_end_and_not_later(night: QuietHours, now: int) -> None:
    until = night.until_ms(now, "warning")
    if until is None:
        return
    assert until > now
    for share in (0.25, 0.5, 0.99):
        assert night.until_ms(now + int((until - now) * share), "warning") == until
    assert night.until_ms(until, "warning") is None


@given(MINUTES, st.integers(1, 59_999))
def test_a_night_ends_and_begins_on_the_millisecond(now: int, inside: int) -> None:
    night = quiet("22:00", "07:00", "UTC")
    until = night.until_ms(now, "info")
    assume(until is not None)
    assert night.until_ms(now + inside, "info") == until
    start = until - 9 * 60 * MINUTE_MS
    assert (night.until_ms(start - 1, "info"), night.until_ms(start, "info")) == (None, until)
    assert (night.until_ms(until - 1, "info"), night.until_ms(until, "info")) == (until, None)


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        # ordinary
        ("22:00", "07:00", "2026-03-06T21:30:00Z", "2026-03-07T06:00:00Z"),
        ("22:00", "07:00", "2026-03-06T20:30:00Z", None),
        ("12:00", "13:30", "2026-07-01T10:15:00Z", "2026-07-01T11:30:00Z"),
        # 2026-03-29: 02:00 becomes 03:00, so the night is an hour shorter
        ("22:00", "07:00", "2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"),
        ("22:00", "02:30", "2026-03-28T23:00:00Z", "2026-03-29T01:30:00Z"),
        ("02:30", "06:00", "2026-03-29T01:15:00Z", None),
        ("02:30", "06:00", "2026-03-29T01:30:00Z", "2026-03-29T04:00:00Z"),
        ("02:15", "02:45", "2026-03-29T01:30:00Z", "2026-03-29T01:45:00Z"),
        # 2026-10-25: 03:00 becomes 02:00, so it is an hour longer; of 02:30 the first one counts
        ("22:00", "07:00", "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"),
        ("22:00", "02:30", "2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z"),
        ("22:00", "02:30", "2026-10-25T01:15:00Z", None),
        ("02:30", "06:00", "2026-10-25T01:15:00Z", "2026-10-25T05:00:00Z"),
    ],
)
def test_nights_in_berlin(start: str, end: str, now: str, until: str | None) -> None:
    found = quiet(start, end).until_ms(parse_ms(now), "warning")
    assert found == (None if until is None else parse_ms(until))


@pytest.mark.parametrize(
    ("below", "severity", "waits"),
    [
        ("critical", "info", True),
        ("critical", "warning", True),
        ("critical", "critical", False),
        ("warning", "info", True),
        ("warning", "warning", False),
        ("info", "info", False),
    ],
)
def test_what_is_severe_enough_does_not_wait(below: str, severity: str, waits: bool) -> None:
    night = quiet("22:00", "07:00", below=below)
    assert (night.until_ms(parse_ms("2026-03-06T23:00:00Z"), severity) is not None) is waits


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("timezone", "Europe/Berln", "no timezone is named 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("timezone", "../../etc/passwd", "no timezone is named"),
        ("timezone", "", "no timezone is named '', such as Europe/Berlin"),
        ("timezone", "Europe", "no timezone is named 'Europe'"),
        ("from", "24:00", "a time of day is hours and minutes"),
        ("from", "7:00", "a time of day is hours and minutes"),
        ("from", 22, "a time of day is hours and minutes"),
        ("to", "22:00", "the same as from"),
        ("below", "high", "Input should be 'info', 'warning' or 'critical'"),
        ("until", "07:00", "Extra inputs are not permitted"),
    ],
)
def test_mistakes(key: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        QuietHours.model_validate({"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin", key: value})
    (mistake,) = caught.value.errors()
    assert says in mistake["msg"]


def test_it_is_written_as_it_is_read() -> None:
    night = quiet("22:00", "07:05")
    written = night.model_dump(mode="json", by_alias=True)
    assert written == {"from": "22:00", "to": "07:05", "timezone": "Europe/Berlin", "below": "critical"}
    assert QuietHours.model_validate(written) == night
