"""Instants as integers: milliseconds since the epoch, UTC, and their RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_CYCLE_MS = 146_097 * DAY_MS
"""400 years of the calendar, after which it repeats."""
_FIRST_MS = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // _MS
_END_MS = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // _MS + DAY_MS


def instant(ms: int) -> datetime:
    """The aware datetime of an instant, of the years 1 to 9999.

    >>> instant(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return EPOCH + timedelta(milliseconds=ms)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch; exact integer arithmetic, `moment` must be aware.

    >>> to_ms(datetime(2025, 4, 8, tzinfo=UTC))
    1744070400000
    """
    return (moment - EPOCH) // _MS


def parse_ms(text: str) -> int:
    """Milliseconds of an RFC 3339 text. A text without an offset raises ValueError.

    >>> parse_ms("2025-04-08T00:00:00Z")
    1744070400000
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset")
    return to_ms(moment)


def format_ms(ms: int) -> str:
    """RFC 3339, UTC, `Z`; milliseconds only where there are any. Outside of the years 1 to 9999 the year has a sign.

    >>> format_ms(1744070400000), format_ms(1744070400250)
    ('2025-04-08T00:00:00Z', '2025-04-08T00:00:00.250Z')
    >>> format_ms(1772820000000000)
    '+58148-06-06T00:00:00Z'
    """
    moment, years = moment_of(ms)
    text = moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")
    return f"{moment.year + years:+05}{text[4:]}" if years else text


shared_format_ms = lru_cache(maxsize=4096)(format_ms)
"""The same, remembered: for instants that many have in common, such as the alerts of a storm."""


def moment_of(ms: int) -> tuple[datetime, int]:
    """Any instant as a date that Python has, and how many years to add to it: 0, or whole times 400, for what it has
    not.

    A record's own timestamp may be any number, in microseconds by mistake say, and a page must show it all the same.

    >>> moment_of(0), moment_of(2**61)[1]
    ((datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 0), 73069200)
    """
    if _FIRST_MS <= ms < _END_MS:
        return EPOCH + timedelta(milliseconds=ms), 0
    cycles, rest = divmod(ms, _CYCLE_MS)
    return EPOCH + timedelta(milliseconds=rest), 400 * cycles
