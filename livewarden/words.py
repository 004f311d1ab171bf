"""Numbers in words, the same wherever a person reads one."""

from __future__ import annotations


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
