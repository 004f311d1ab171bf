"""Numbers, durations, slices and sizes in words: one voice for titles, messages, pages, reports and terminals."""

from __future__ import annotations

import re
from collections.abc import Mapping

from livewarden.alert import Alert
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_ms

_UNITS = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s"))


def duration(ms: int) -> str:
    """A length of time in its two largest units.

    >>> duration(90 * MINUTE_MS), duration(DAY_MS), duration(45_000), duration(0)
    ('1 h 30 min', '1 d', '45 s', '0 s')
    """
    for place, (size, name) in enumerate(_UNITS):
        if ms >= size:
            rest = ms % size
            smaller = _UNITS[place + 1] if place + 1 < len(_UNITS) else None
            second = f" {rest // smaller[0]} {smaller[1]}" if smaller and rest >= smaller[0] else ""
            return f"{ms // size} {name}{second}"
    return "0 s"


def span_in_words(ms: int) -> str:
    """The same for a message, in which seconds beside minutes do not matter.

    >>> span_in_words(360_000), span_in_words(3_900_000), span_in_words(200_000_000), span_in_words(94_000)
    ('6 min', '1 h 5 min', '2 d 7 h', '1 min')
    """
    ms = max(ms, 0)
    return duration(ms - ms % MINUTE_MS if ms >= MINUTE_MS else ms)


def short_number(value: float) -> str:
    """A number for people: thousands separated, two significant digits below ten.

    >>> short_number(240043), short_number(0.513281), short_number(7.0)
    ('240,043', '0.51', '7')
    """
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"


def span(ms: int) -> str:
    """How long, in the largest unit that divides it, as one says it.

    >>> span(86_400_000), span(7 * 86_400_000), span(900_000), span(7_200_000), span(30_000)
    ('1 day', '7 days', '15 min', '2 h', '30 s')
    """
    for unit, one, more in ((DAY_MS, "day", "days"), (HOUR_MS, "h", "h"), (MINUTE_MS, "min", "min")):
        if ms >= unit and ms % unit == 0:
            return f"{ms // unit} {one if ms == unit else more}"
    return f"{ms // SECOND_MS} s"


def against(observed: float | None, expected: float | None, over_ms: int = 0) -> str:
    """What was observed against what was expected, over that time where it is longer than a minute.

    >>> against(240043, 0.4, 86_400_000), against(257, 60), against(None, 3)
    ('240,043 in 1 day, expected 0.4', '257, expected 60', '–, expected 3')
    """
    inside = f" in {span(over_ms)}" if over_ms > MINUTE_MS else ""
    return f"{number(observed)}{inside}, expected {number(expected)}"


def number(value: float | None) -> str:
    """The same, and a dash where it is unknown.

    >>> number(240043), number(None)
    ('240,043', '–')
    """
    return "–" if value is None else short_number(value)


_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """The text with its control characters and marks of direction written out, so that it looks like what it is.

    Line breaks and tabs stay.

    >>> visible("invoice\\u202efdp.exe\\x1b[2J")
    'invoice\\\\u202efdp.exe\\\\x1b[2J'
    """
    return _INVISIBLE.sub(lambda found: ascii(found[0])[1:-1], text)


def place(series: Mapping[str, str]) -> str:
    """Which slice: the values of its dimensions, or `everything`.

    >>> place({"market": "DE", "policy_id": "p7"}), place({}), place({"cdn": ""})
    ('DE · p7', 'everything', 'cdn unknown')
    """
    return " · ".join(value or f"{name} unknown" for name, value in series.items()) or "everything"


def size_in_words(alert: Alert) -> str:
    """How big: observed against expected, over the span in which it was found.

    >>> from models.decide.alert import gap_alert
    >>> from models.monitors.monitor import Monitor
    >>> quiet = Monitor(name="no-news", event="room.lifecycle", detector="silence", bucket="1m")
    >>> size_in_words(gap_alert(quiet, 1_744_070_400_000, 1_744_070_700_000))
    'nothing came since 2025-04-08T00:00:00Z'
    """
    if alert.observed is None or alert.expected is None:
        return f"nothing came since {format_ms(alert.window_start_ms)}"
    if alert.kind == "CARDINALITY":
        return f"{short_number(alert.observed)} series or more, {short_number(alert.expected)} are judged one by one"
    bucket_ms = alert.window_end_ms - alert.window_start_ms
    if alert.scan_buckets > 1 and alert.scan_observed is not None and alert.scan_expected is not None:
        return against(alert.scan_observed, alert.scan_expected, alert.scan_buckets * bucket_ms)
    return against(alert.observed, alert.expected, bucket_ms)


def slice_in_words(alert: Alert) -> str:
    """Which slice: the values of its dimensions, or `everything`."""
    return " · ".join(value for value in alert.series.values() if value) or "everything"
