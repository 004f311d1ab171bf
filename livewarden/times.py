"""Instants as integers: milliseconds since the epoch, UTC, and their RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch; exact integer arithmetic, `moment` must be aware.

    >>> to_ms(datetime(2025, 4, 8, tzinfo=UTC))
    1744070400000
    """
    return (moment - _EPOCH) // _MS


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
    """RFC 3339, UTC, `Z`; milliseconds only where there are any.

    >>> format_ms(1744070400000), format_ms(1744070400250)
    ('2025-04-08T00:00:00Z', '2025-04-08T00:00:00.250Z')
    """
    text = (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")
