"""How much a source usually sends, and whether a bucket of it is next to nothing."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from livewarden.times import DAY_MS

TRICKLE: Final = 0.02
"""A source that sends less than this part of its usual is as good as silent."""
LEAST: Final = 100.0
"""Of what sends less than this in a bucket nothing is said: a few events more or less are chance."""
LEAST_SERIES: Final = 2
"""A bucket with fewer series in it does not tell how much the source usually sends."""
KEPT: Final = 14
NEEDED: Final = 7
GIVEN_UP: Final = 28
"""After so many buckets (a day of them, if that is longer) next to nothing is what the source usually sends."""


class Volume:
    """The usual volume of one source, as the median of its last 14 buckets that were no trickle.

    Says nothing before seven buckets, where the usual is below 100, of a source that is alive and sent nothing (that is
    a zero, and a fall), and on a day of the week on which there was as little one and two weeks ago. It does badly
    where a source stops gradually: the usual follows.

    >>> volume = Volume(DAY_MS)
    >>> [volume.trickle(day * DAY_MS, 5_000.0, 6) for day in range(8)][-1]
    False
    >>> volume.trickle(8 * DAY_MS, 60.0, 2), volume.trickle(9 * DAY_MS, 150.0, 6)
    (True, False)
    """

    def __init__(self, bucket_ms: int) -> None:
        self._bucket_ms = bucket_ms
        self._usual: list[float] = []
        self._days: dict[int, float] = {}
        self._run = 0

    @property
    def usual(self) -> float:
        """What a bucket usually holds; 0 where too little is known."""
        return median(self._usual) if len(self._usual) >= NEEDED else 0.0

    def trickle(self, start_ms: int, total: float, series: int) -> bool:
        """Whether a bucket that holds `total` of so many series is next to nothing. Asked once a bucket, in order."""
        usual = self.usual
        few = usual >= LEAST and 0.0 < total < TRICKLE * usual and not self._habit(start_ms, usual)
        if self._bucket_ms == DAY_MS:
            self._days = {at: value for at, value in self._days.items() if start_ms - at <= 14 * DAY_MS}
            self._days[start_ms] = total
        self._run = self._run + 1 if few else 0
        if self._run > max(GIVEN_UP, DAY_MS // self._bucket_ms):
            self._usual, self._run = [], 0
        if not few and series >= LEAST_SERIES:
            self._usual = [*self._usual[1 - KEPT :], total]
        return few

    def _habit(self, start_ms: int, usual: float) -> bool:
        return all(self._days.get(start_ms - weeks * 7 * DAY_MS, usual) < 2 * TRICKLE * usual for weeks in (1, 2))

    def snapshot(self) -> list[Any]:
        """All state, as plain JSON values."""
        return [self._usual, list(self._days.items()), self._run]

    def restore(self, state: list[Any]) -> None:
        """Go on from `snapshot`."""
        self._usual, self._days, self._run = list(state[0]), dict(map(tuple, state[1])), state[2]
