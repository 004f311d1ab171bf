"""Any one series, row by row: how odd for now, how new as a state, and whether to say so once."""

from __future__ import annotations

from statistics import median
from typing import Final, NamedTuple

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.detect.novelty import TrafficNovelty
from models.detect.states import UnseenState

NEW: Final = 0.15
"""From this many ranges outside of all that was seen a row counts in full."""
OLD: Final = 0.2
"""What is left of the score of a row in a state that is well known."""
ALONE: Final = 2.0
"""Score of a row one range outside of all that was seen, whatever is odd for now: what drifts slowly ends there."""
KNOWN_ROWS: Final = 500
"""Rows after which half is believed of what states are known."""
COARSE_MS: Final = 2 * MINUTE_MS
"""From this step on states, age and the long hold count: a series of minutes goes through more states than it shows."""
HOLD_MS: Final = 13 * HOUR_MS
"""How slowly what was said fades; at least 8 and at most 160 rows …"""
HOLD_ROWS: Final = 40.0
"""… and in this many rows where the steps are finer."""
MARGIN, FINE_MARGIN = 2.0, 1.0
"""How many times worse than what was said something is before it is said again; the second for finer steps."""
GAP: Final = 5.0
"""Time between two rows, in usual steps, from which on it is a gap."""
FIRST_STEPS: Final = 9
"""Rows from which the usual step is known."""
YOUNG_MS: Final = 2 * DAY_MS
"""Until a series of steps below an hour is so old, a shape of the day cannot be kept apart from oddness …"""
YOUNG: Final = 0.5
"""… and its scores count half at first."""


class Verdict(NamedTuple):
    """`oddness`: how odd the row is, None where it was not judged; `score`: the same where it is news, else 0."""

    oddness: float | None
    score: float | None
    speaks: bool


class Hold:
    """Whether to speak: of what is `margin` times worse than what was said last, which fades with every row.

    >>> hold = Hold()
    >>> [hold.score(oddness, rows=40, margin=2.0) for oddness in (1.0, 4.0, 5.0, 9.0, 8.0)]
    [1.0, 4.0, 0.0, 9.0, 0.0]
    """

    def __init__(self) -> None:
        self._said = 0.0

    def score(self, oddness: float, rows: float, margin: float) -> float:
        """The oddness of a row where it is to be said anew, else 0; `rows`: in how many the memory of it fades."""
        self._said -= self._said / rows
        if oddness <= margin * self._said:
            return 0.0
        self._said = oddness
        return oddness


class GeneralSeries:
    """Judges one series of any kind: the traffic model's score, discounted where the state is well known.

    A row counts in full where it lies at least `NEW` ranges outside of all that the series has shown
    (`models.detect.states`); inside, a fifth is left of its score, as far as the states are known (n / (n + 500) after
    n rows). What is several ranges outside counts by itself. The first two days of a series of steps below an hour
    count half: a shape of the day is not known by then. All this holds for steps of two minutes or more; in finer ones
    the traffic model's score stands as it is. A gap (more than five usual steps) begins the running means anew, and a
    second row of one time is not judged. Bad where the same incident comes again within some 1,500 rows, as it is a
    known state then, and at ramps over more than some 50 rows.

    >>> series = GeneralSeries(60_000)
    >>> for minute in range(300):
    ...     _ = series.take(100.0 + minute % 5, minute * 60_000)
    >>> series.take(20.0, 300 * 60_000).score > 3
    True
    """

    def __init__(self, step_ms: int, threshold: float = 3.0, season: str = "day") -> None:
        self._residual = TrafficNovelty(season, step_ms)
        self._states = UnseenState()
        self._hold = Hold()
        self._threshold = threshold
        self._step_ms = step_ms
        self._steps: list[int] = []
        self._first_ms: int | None = None
        self._last_ms = 0
        self._again = 0

    def take(self, value: float, time_ms: int) -> Verdict:
        """Judge a row by those before it, then learn it."""
        if self._first_ms is None:
            self._first_ms = time_ms
        elif not self._moves_on(value, time_ms):
            return Verdict(None, None, False)
        x = {"value": value, "time_ms": time_ms}
        judgement, new = self._residual.judge_one(x), self._states.score_one(x)
        coarse = self._step_ms >= COARSE_MS
        known = self._states.rows / (self._states.rows + KNOWN_ROWS) if coarse else 0.0
        self._residual.learn_one(x)
        self._states.learn_one(x)
        if not judgement.ready:
            return Verdict(None, None, False)
        oddness = judgement.score * (1.0 - known * (1.0 - OLD) * (1.0 - min(1.0, new / NEW)))
        oddness = max(oddness, known * ALONE * new**0.5) * self._age(time_ms)
        rows = min(max(HOLD_MS / self._step_ms, 8.0), 160.0) if coarse else HOLD_ROWS
        score = self._hold.score(oddness, rows, MARGIN if coarse else FINE_MARGIN)
        return Verdict(oddness, score, score > 0.0 and score >= self._threshold)

    def _age(self, time_ms: int) -> float:
        if not COARSE_MS <= self._step_ms < HOUR_MS or self._first_ms is None:
            return 1.0
        return YOUNG + (1.0 - YOUNG) * min(1.0, max(0.0, (time_ms - self._first_ms) / YOUNG_MS))

    def _moves_on(self, value: float, time_ms: int) -> bool:
        """Takes note of the time; False for a row of a time that was judged, where such rows are rare."""
        passed = time_ms - self._last_ms if self._steps or self._again else time_ms - (self._first_ms or 0)
        self._last_ms = time_ms
        if passed <= 0:
            self._again += 1
            return self._again * 20 > self._states.rows
        if len(self._steps) < FIRST_STEPS:
            self._steps.append(passed)
            self._step_ms = int(median(self._steps))
        elif passed > GAP * self._step_ms:
            self._residual.forget_recent()
            self._states.forget_recent(value)
        return True
