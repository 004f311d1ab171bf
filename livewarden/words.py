"""Numbers in words, the same wherever a person reads one."""

from __future__ import annotations

import re

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS


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
