"""Has a series ever been in this state? Novelty by range, beside how odd a value is for now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from river.base import AnomalyDetector

QUICK, SLOW, RESTLESS = 0.2, 0.02, 0.03
"""Weights of the newest value in the two means and in the mean step."""
FORGET: Final = 3e-4
"""Part of a range that is forgotten on each side a row: what was seen some 1,500 rows ago is half as new again."""
FARTHEST: Final = 10.0
"""Ranges by which a view counts as outside at most."""
NORM: Final = 4.0
"""The views are joined by this norm: nearly the largest, a little more where several agree."""
WARM_UP: Final = 50
"""Rows before a range is known."""
LOUDER: Final = 0.3
"""Added to the range of the logarithm of the mean step, so that a constant series is not shaken by its first noise."""


class UnseenState(AnomalyDetector):  # type: ignore[misc]
    """How far a row lies outside of what a series has ever shown, in ranges; 0 inside.

    Five views are kept: the value, a quick and a slow mean, the step, and the logarithm of the mean step. Each has the
    range of what it was, which shrinks by a little a row; the distance outside, in ranges, of all views together (a
    4-norm, at most 10 each) is the score. A spike is outside by value and step, a level shift by the slow mean,
    changed noise by the mean step. Judges after 50 rows. Free of units. Bad at what stays inside of the range: a dip at
    the hour of the peak, a flat line that is not quiet for long.

    >>> model = UnseenState()
    >>> for row in range(200):
    ...     model.learn_one({"value": 100.0 + row % 5})
    >>> model.score_one({"value": 103.0}) < 0.1, model.score_one({"value": 120.0}) > 1
    (True, True)
    """

    def __init__(self) -> None:
        self._rows = 0
        self._quick = self._slow = self._step = self._last = 0.0
        self._low: list[float] = []
        self._high: list[float] = []

    @property
    def rows(self) -> int:
        """How many rows it has learned."""
        return self._rows

    def score_one(self, x: Mapping[str, float]) -> float:
        """How far outside the row is; nothing is learned."""
        value = x["value"]
        if self._rows <= WARM_UP or not math.isfinite(value):
            return 0.0
        outside = 0.0
        for place, view in enumerate(self._views(value)):
            low, high = self._low[place], self._high[place]
            span = high - low + (LOUDER if place == 4 else 1e-3 * max(abs(low), abs(high))) + 1e-300
            if place == 3:
                span = max(span, 0.02 * (self._high[0] - self._low[0]))
            outside += min(max(view - high, low - view, 0.0) / span, FARTHEST) ** NORM
        return float(outside ** (1.0 / NORM))

    def learn_one(self, x: Mapping[str, float]) -> None:
        """Learn a row; a value that is no number is left out."""
        value = x["value"]
        if not math.isfinite(value):
            return
        if not self._rows:
            self._quick = self._slow = self._last = value
        views = self._views(value)
        if not self._low:
            self._low, self._high = list(views), list(views)
        for place, view in enumerate(views):
            low, high = min(self._low[place], view), max(self._high[place], view)
            span = FORGET * (high - low)
            self._low[place], self._high[place] = low + span, high - span
        self._step += RESTLESS * (abs(value - self._last) - self._step)
        _, self._quick, self._slow, _, _ = views
        self._last = value
        self._rows += 1

    def forget_recent(self, value: float) -> None:
        """After a gap: go on from this value, keep the ranges."""
        self._quick = self._slow = self._last = value

    def _views(self, value: float) -> tuple[float, float, float, float, float]:
        quick = self._quick + QUICK * (value - self._quick)
        slow = self._slow + SLOW * (value - self._slow)
        step = value - self._last
        restless = self._step + RESTLESS * (abs(step) - self._step)
        known = self._high[0] - self._low[0] if self._low else 0.0
        return value, quick, slow, step, math.log(restless + 1e-3 * known + 1e-9 * abs(value) + 1e-300)

    def snapshot(self) -> list[Any]:
        """All state as plain JSON values."""
        return [self._rows, self._quick, self._slow, self._step, self._last, self._low, self._high]

    def restore(self, state: list[Any]) -> None:
        """Go on from `snapshot` as if never interrupted."""
        self._rows, self._quick, self._slow, self._step, self._last, self._low, self._high = state
