"""Numbers in words, the same wherever a person reads one."""

from __future__ import annotations

import re


def short_number(value: float) -> str:
    """A number for people: thousands separated, two significant digits below ten.

    >>> short_number(240043), short_number(0.513281), short_number(7.0)
    ('240,043', '0.51', '7')
    """
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"


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
