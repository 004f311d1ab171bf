"""A slice of what a monitor counted, bucket by bucket, as those who look back at an alert see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SummedSlice:
    """A value of a dimension by bucket. `inside`: a part of the alert's series; else one beside it.

    `now` is of the alert's window, which has `buckets` (1 for a ratio: that of the whole window); `median`, `least` and
    `most` are of single buckets before.

    >>> days = [(0, 9.0), (86_400_000, 1.0)]
    >>> fallen = SummedSlice("market", "DE", True, days, now=1.0, buckets=1, median=9.0, least=8.0, most=9.0)
    >>> fallen.excess, fallen.stands_out
    (-8.0, True)
    """

    dimension: str
    value: str
    inside: bool
    points: Sequence[tuple[int, float | None]]
    now: float
    buckets: int
    median: float
    least: float
    most: float

    @property
    def excess(self) -> float:
        """How far it is above what is usual; below 0 for a fall."""
        return self.now - self.median * self.buckets

    @property
    def stands_out(self) -> bool:
        """Whether it is outside of all that was before."""
        return not self.least * self.buckets <= self.now <= self.most * self.buckets
