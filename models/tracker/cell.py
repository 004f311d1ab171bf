"""Cells of a workbook as values: what sheets turn texts into is turned back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from livewarden.times import parse_ms, to_ms
from livewarden.tracker import SheetCell

_RISKY = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_NEAR_MS = 1_000
"""A sheet keeps times as fractions of a day: what is nearer than this is the same instant."""


def text_of(cell: SheetCell, base: str = "") -> str:
    """The text that a cell stands for; `base`, the text that it was, where a sheet only shows that in another way.

    A sheet makes numbers and dates of texts that look so, drops zeros in front, and has a `'` before what would be a
    formula. Space around a text does not count.

    >>> text_of(7.0, "007"), text_of("'=ops"), text_of(12.0), text_of(" ana ", "ana"), text_of(None)
    ('007', '=ops', '12', 'ana', '')
    """
    if isinstance(cell, bool):
        return base if base.lower() == str(cell).lower() else str(cell).upper()
    if isinstance(cell, int | float):
        return base if _number(base) == float(cell) else str(int(cell)) if float(cell).is_integer() else str(cell)
    if isinstance(cell, datetime | date):
        moment = ms_of(cell)
        return base if _instant(base) == moment else cell.isoformat()
    text = (cell or "").strip()
    text = text[1:] if text.startswith("'") and text[1:].startswith(_RISKY) else text
    return base if text == base.strip() else text


def ms_of(cell: SheetCell, base_ms: int | None = None) -> int | None:
    """The instant that a cell stands for, UTC; None where it is empty; `base_ms` where that is what it was.

    A text is RFC 3339 or a day. A time of the sheet itself has no zone and is taken for UTC. ValueError for all else.

    >>> ms_of("1970-01-02"), ms_of(datetime(1970, 1, 1, 0, 0, 0, 250_000), 0), ms_of(" ")
    (86400000, 0, None)
    """
    if isinstance(cell, bool | int | float):
        raise ValueError(f"{cell!r} is no time: write 2026-03-06T18:00:00Z or a day")
    if isinstance(cell, datetime | date):
        moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
        found = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    else:
        text = text_of(cell)
        if not text:
            return None
        found = parse_ms(text if "T" in text else f"{text}T00:00:00Z")
    return base_ms if base_ms is not None and abs(found - base_ms) < _NEAR_MS else found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _instant(text: str) -> int | None:
    try:
        return ms_of(text)
    except ValueError:
        return None
