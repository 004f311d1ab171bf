"""A market: its size, its clock and the shape of its day and week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livewarden.times import DAY_MS, HOUR_MS

Times = NDArray[np.int64]
"""Instants, milliseconds since the epoch, UTC."""
Floats = NDArray[np.float64]

_WEEK = np.array([0.98, 1.06, 1.12, 1.08, 0.92, 0.91, 0.93])
"""Thursday (the epoch was one) to Wednesday."""
_BUMPS = ((10.0, 2.0, 0.30), (13.0, 1.8, 0.40), (20.5, 2.4, 1.00))
"""Local hour, width in hours, height: morning, lunch, evening."""


def _day(hour: Floats) -> Floats:
    """Activity at a local hour, unscaled."""
    total = np.full(hour.shape, 0.12)
    for centre, width, height in _BUMPS:
        apart = np.abs(hour - centre)
        apart = np.minimum(apart, 24 - apart)
        total += height * np.exp(-0.5 * (apart / width) ** 2)
    return total


_DAY_MEAN = float(_day(np.arange(0, 24, 0.05)).mean())


@dataclass(frozen=True, slots=True)
class Market:
    """One market. `size` is relative to the largest (1.0) and scales viewers, rooms, shops and enforcement alike.

    `cdns` is the number of its delivery networks, 2 or 3. `residents` is the number of channels that are on air day and
    night in shifts; without one, a small market is now and then without any room.

    >>> de = Market("DE", 1.0)
    >>> night, evening = de.shape(np.array([2, 19]) * HOUR_MS)
    >>> bool(evening > 5 * night)
    True
    """

    code: str
    size: float
    utc_offset_h: int = 1
    language: str = "en"
    cdns: int = 3
    residents: int = 1

    def shape(self, times: Times) -> Floats:
        """How active the market is at `times`; about 1 on average over a week, larger is busier."""
        local = times + self.utc_offset_h * HOUR_MS
        hour = (local % DAY_MS) / HOUR_MS
        days = local / DAY_MS - 0.5
        first = np.floor(days).astype(np.int64)
        part = days - first
        week = _WEEK[first % 7] * (1 - part) + _WEEK[(first + 1) % 7] * part
        return _day(hour) / _DAY_MEAN * week


MARKETS = (
    Market("DE", 1.0, language="de"),
    Market("FR", 0.8, language="fr"),
    Market("IT", 0.6, language="it"),
    Market("ES", 0.55, language="es"),
    Market("NL", 0.25, language="nl", cdns=2),
    Market("IE", 0.12, utc_offset_h=0, cdns=2, residents=0),
)
"""Six European markets, winter time."""
