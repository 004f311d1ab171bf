"""Durations as people write them in a monitors file: `10s`, `5m`, `1h`, `1d`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"(\d+)\s*([smhd])")


def parse_duration_ms(value: object) -> int:
    """Milliseconds of a text such as `90s`. Anything else raises ValueError.

    >>> parse_duration_ms("5m")
    300000
    """
    match = _TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a whole number and a unit: 10s, 5m, 1h, 1d")
    return int(match[1]) * _UNITS_MS[match[2]]


def format_duration(ms: int) -> str:
    """The shortest text that `parse_duration_ms` reads back.

    >>> format_duration(7_200_000)
    '2h'
    """
    for unit in "dhms":
        if ms % _UNITS_MS[unit] == 0:
            return f"{ms // _UNITS_MS[unit]}{unit}"
    return f"{ms // 1000}s"


Duration = Annotated[int, BeforeValidator(parse_duration_ms), PlainSerializer(format_duration)]
"""A duration in milliseconds, written and serialised as text."""
