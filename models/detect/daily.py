"""Is today's count one that a reader of the chart would stop at? For counts reported by the day."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livewarden.times import DAY_MS
from models.detect.bank import Bank, Floats, Judgements, Rows
from models.detect.columns import Columns, Field
from models.detect.one_series import OneSeries

LEVEL: Final = 28
"""How many ordinary buckets the level is the median of."""
ERRORS: Final = 56
"""How many errors of prediction say how far off is usual."""
RECENT: Final = 7
"""How many buckets a new level is read from."""
WARM_UP: Final = 14
EARLY: Final = 7
"""Buckets after which a series with a parent is judged."""
LASTING: Final = 21
"""What is anomalous for that many buckets in a row is normal, whether somebody said so or not."""

USUAL_EDGE, USUAL_TAIL, PRIOR = 0.7, 0.35, 5.0
"""Before much is seen: the error (in logs) that one bucket in ten exceeds, by how much it then does;
worth so many buckets.
"""
LEAST_NOISE: Final = 0.1
"""No series is steadier than this (in logs)."""
CLIP: Final = 2.0
"""So many tail scales beyond the edge an error is remembered."""
ANOMALOUS: Final = 2.5
"""From this score on a bucket is not learned as part of the level."""
NORMAL: Final = 3
"""So many ordinary buckets end a burst; the next one is another."""
BURSTS: Final = 6
"""How many past bursts (and as many dips) are remembered."""
MEMORY: Final = 180.0
"""Buckets after which a past burst has faded to 1/e."""
LIKENESS: Final = 0.5
"""How much larger (in logs) than a past burst one may be and still pass for its like, to 1/e."""
BACKLOG_KEPT: Final = 0.8
BACKLOG_MOST: Final = 7.0
LOOSE_KEPT: Final = 0.9
LOOSE_PRIOR: Final = 500.0
"""For so many buckets counts what is usual before much is seen, right after a declared change;
at 28, a third was still notified.
"""
HIGHEST: Final = 50.0
LN10: Final = float(np.log(10.0))


class _Seen(NamedTuple):
    """What a value is to the baseline of its series; arrays, one entry a series."""

    level: Floats
    week: Floats
    error: Floats
    """Log of what is beyond the level, catch-up taken off."""
    raw: Floats
    edge: Floats
    """How far (log) the error may be on its side …"""
    tail: Floats
    """… and how fast it becomes rare beyond."""
    bare: Floats
    """Score by the last weeks alone."""
    up: NDArray[np.bool_]
    ready: NDArray[np.bool_]


class DailyBank(Bank):
    """Counts in buckets of a day, judged on the log scale against the last weeks and against past bursts.

    *Level*: the median of the last 28 ordinary buckets, and a factor for the day of the week as far as there is one
    (positive-part James–Stein). *Error*: log(1 + count) less the level. Of the last 56 errors, clipped, the one that a
    tenth exceeds is the edge, and their mean excess over it (Hill's estimator) the tail scale; both shrunk to a prior
    and never below the Poisson noise of the level. Beyond the edge the score grows by error/scale: −log₁₀ of an
    exponential tail in logs, a power law in counts. *Bursts*: what was anomalous before, how far and how many buckets
    long, fading with 180 buckets. The second burst that is at most as large and as long as past ones is not as
    anomalous as the first: their recency adds up to a probability, less one, so that one incident does not make a
    habit. *Late filing*: what was missing in the last days is taken off a bucket that holds more than usual. What is
    anomalous is not learned into the level, unless it lasts for 21 buckets or `reanchor` says so.

    Bad at slow growth by less than the edge, at a day that is anomalous only as a share of other series, and at what is
    anomalous within the day. State 608 bytes. Sources: Hill (1975), A simple general approach to inference about the
    tail of a distribution; James & Stein (1961).

    >>> bank = DailyBank()
    >>> rows = bank.add(np.array([-1, -1]))
    >>> for day in range(60):
    ...     bank.learn(rows, np.array([100.0 + day % 5, 0.0]), day * DAY_MS)
    >>> judged = bank.judge(rows, np.array([100.0, 5000.0]), 60 * DAY_MS)
    >>> bool(judged.score[0] < 1), bool(judged.score[1] > 5)
    (True, True)
    """

    def __init__(self, bucket_ms: int = DAY_MS) -> None:
        self.bucket_ms = bucket_ms
        self._state = Columns(
            {
                "parent": Field("i4", 0, -1),
                "seen": Field("i4"),
                "values": Field("f4", LEVEL, np.nan),
                "errors": Field("f4", ERRORS, np.nan),
                "raw": Field("f4", RECENT, np.nan),
                "week": Field("f4", 7),
                "week_seen": Field("f4", 7),
                "noise": Field("f4", 0, USUAL_EDGE**2),
                "burst_size": Field("f4", 2 * BURSTS),
                "burst_length": Field("f4", 2 * BURSTS),
                "burst_weight": Field("f4", 2 * BURSTS),
                "run": Field("f4", 2),
                "run_size": Field("f4", 2),
                "run_normal": Field("f4", 2),
                "backlog": Field("f4"),
                "loose": Field("f4"),
            }
        )

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        return self._state.bytes_per_row

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent."""
        rows = self._state.add(len(parents))
        self._state["parent"][rows] = parents
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        self._state.drop(rows)

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge the day that starts at `time_ms`; ready after a fortnight, with a parent after a week."""
        seen = self._see(rows, values, time_ms, exposure)
        score = np.where(seen.ready, self._with_habit(rows, seen), 0.0)
        expected = np.maximum(np.expm1(seen.level + seen.week), 0.0)
        if exposure is not None:
            expected = expected * exposure
        ones = np.ones(len(rows), dtype=np.int64)
        return Judgements(score, seen.up, expected, seen.ready, ones, values.astype(float), expected)

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a day: the level from what is ordinary, the errors clipped, the bursts when they are over."""
        finite = np.isfinite(values)
        if not finite.all():
            rows, values = rows[finite], values[finite]
            exposure = None if exposure is None else exposure[finite]
        if not len(rows):
            return
        state, seen = self._state, self._see(rows, values, time_ms, exposure)
        warm = state["seen"][rows] >= EARLY
        anomalous = (seen.bare >= ANOMALOUS) & warm
        self._learn_owed(rows, values, seen, exposure)
        self._learn_week(rows, seen, time_ms)
        limit = np.where(warm, seen.edge + CLIP * seen.tail, np.inf)
        error = np.clip(seen.error, -limit, limit)
        _push(state, "raw", rows, seen.level + seen.raw)
        _push(state, "errors", rows, error)
        _push(state, "values", rows[~anomalous], (seen.level + error)[~anomalous])
        self._learn_bursts(rows, seen, anomalous)
        state["loose"][rows] *= LOOSE_KEPT
        state["seen"][rows] += 1
        self.reanchor(rows[(state["run"][rows] >= LASTING).any(axis=1)])

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """Learn that many empty days at once, in closed form."""
        state = self._state
        for name in ("values", "errors", "raw"):
            block = state[name][rows]
            count = min(buckets, block.shape[1])
            if count:
                block[:, :-count] = block[:, count:].copy()
                block[:, -count:] = 0.0
                state[name][rows] = block
        state["burst_weight"][rows] *= (1.0 - 1.0 / MEMORY) ** buckets
        state["seen"][rows] += buckets

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: a burst that was going on is not continued, and what piled up meanwhile is owed."""
        for name in ("run", "run_size", "run_normal"):
            self._state.reset(rows, [name])
        level = np.nan_to_num(self._level(rows)[0])
        self._state["backlog"][rows] = BACKLOG_MOST * np.expm1(level)

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: the last seven days are the level, and how far they scatter;
        the week keeps its shape.
        """
        if not len(rows):
            return
        state = self._state
        recent = state["raw"][rows]
        known = np.isfinite(recent).sum(axis=1)
        state.reset(rows, ["values", "errors", "run", "run_size", "run_normal", "backlog"])
        level = _quantile(np.sort(recent, axis=1), known, 0.5)
        state["values"][rows[:, None], np.arange(LEVEL - RECENT, LEVEL)] = recent
        state["errors"][rows[:, None], np.arange(ERRORS - RECENT, ERRORS)] = recent - level[:, None]

    def widen(self, rows: Rows) -> None:
        """Something was changed on purpose: the last seven days weigh more,
        and for two weeks more passes for ordinary.
        """
        values = self._state["values"][rows]
        values[:, : LEVEL - RECENT] = np.nan
        self._state["values"][rows] = values
        self._state["loose"][rows] = 1.0

    def snapshot(self, row: int) -> Any:
        """All state of a series as text."""
        return self._state.dump(row)

    def restore(self, row: int, state: Any) -> None:
        """Go on from `snapshot`; the parent stays the one that the row was added with."""
        parent = int(self._state["parent"][row])
        self._state.load(row, state)
        self._state["parent"][row] = parent

    def _level(self, rows: Rows) -> tuple[Floats, NDArray[np.int64]]:
        values = self._state["values"][rows]
        known = np.isfinite(values).sum(axis=1)
        return _quantile(np.sort(values, axis=1), known, 0.5), known

    def _season(self, time_ms: int) -> int:
        return time_ms // DAY_MS % 7

    def _week(self, rows: Rows, season: int) -> Floats:
        """The day's factor (log), as far as the days differ by more than chance."""
        state = self._state
        offsets, counts = state["week"][rows].astype(float), state["week_seen"][rows]
        centred = offsets - offsets.mean(axis=1, keepdims=True)
        between = (centred**2).sum(axis=1) / 6.0 + 1e-12
        within = state["noise"][rows] / np.maximum(counts.min(axis=1), 1.0)
        shrink = np.where(counts.min(axis=1) >= 2, np.maximum(0.0, 1.0 - within / between), 0.0)
        return np.asarray(shrink * centred[:, season])

    def _see(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> _Seen:
        state, season = self._state, self._season(time_ms)
        finite = np.isfinite(values)
        counts = np.where(finite, np.maximum(values, 0.0), 0.0)
        if exposure is not None:
            counts = counts / np.maximum(exposure, 1e-9)
        level, known = self._level(rows)
        first = known == 0
        level = np.where(first, np.log1p(counts), level)
        week = self._week(rows, season)
        n = state["seen"][rows]
        parent = state["parent"][rows]
        borrows = (parent >= 0) & (n < LEVEL)
        if borrows.any():
            week = np.where(borrows, self._week(np.maximum(parent, 0), season), week)
        raw = np.log1p(counts) - level - week
        expected = np.maximum(np.expm1(level + week), 0.0)
        kept = np.maximum(np.minimum(counts, expected), counts - state["backlog"][rows])
        error = np.log1p(kept) - level - week
        up = error >= 0
        edge, tail = self._spread(rows, up, level)
        if borrows.any():
            wide = self._spread(np.maximum(parent, 0), up, level)
            edge, tail = (np.where(borrows, np.maximum(a, b), a) for a, b in zip((edge, tail), wide, strict=True))
        bare = np.clip(1.0 + (np.abs(error) - edge) / (tail * LN10), 0.0, HIGHEST)
        borrowing = borrows & (state["seen"][np.maximum(parent, 0)] >= WARM_UP)
        ready = finite & ((n >= WARM_UP) | (borrowing & (n >= EARLY)))
        return _Seen(level, week, error, raw, edge, tail, bare, up, ready)

    def _spread(self, rows: Rows, up: NDArray[np.bool_], level: Floats) -> tuple[Floats, Floats]:
        """How far off one bucket in ten is on that side, and the mean excess of those that are."""
        errors = self._state["errors"][rows] * np.where(up, 1.0, -1.0)[:, None]
        known = np.isfinite(errors).sum(axis=1)
        ordered = np.sort(errors, axis=1)
        edge = np.maximum(_quantile(ordered, known, 0.9), 0.0)
        excess = np.nan_to_num(np.maximum(ordered - edge[:, None], 0.0)).sum(axis=1)
        prior = PRIOR + LOOSE_PRIOR * self._state["loose"][rows]
        edge = (known * edge + prior * USUAL_EDGE) / (known + prior)
        tail = (excess + 0.1 * prior * USUAL_TAIL) / (0.1 * (known + prior))
        noise = np.sqrt(LEAST_NOISE**2 + 1.0 / (np.exp(np.clip(level, 0.0, 50.0)) + 0.0))
        return np.maximum(edge, 1.28 * noise), np.maximum(tail, 0.5 * noise)

    def _with_habit(self, rows: Rows, seen: _Seen) -> Floats:
        state = self._state
        side = np.where(seen.up, 0, 1)
        at = side[:, None] * BURSTS + np.arange(BURSTS)
        size, length, weight = (
            state[name][rows[:, None], at] for name in ("burst_size", "burst_length", "burst_weight")
        )
        longer = length >= state["run"][rows, side][:, None]
        alike = np.exp(np.minimum((size - np.abs(seen.error)[:, None]) / LIKENESS, 0.0)) * longer
        lived = MEMORY * -np.expm1(-np.maximum(state["seen"][rows], WARM_UP) / MEMORY)
        habit = np.maximum((weight * alike).sum(axis=1) - 1.0, 0.0) / lived
        return np.asarray(np.maximum(-np.log10(10.0**-seen.bare + habit), 0.0))

    def _learn_owed(self, rows: Rows, values: Floats, seen: _Seen, exposure: Floats | None) -> None:
        counts = values if exposure is None else values / np.maximum(exposure, 1e-9)
        expected = np.maximum(np.expm1(seen.level + seen.week), 0.0)
        backlog = BACKLOG_KEPT * self._state["backlog"][rows] + (expected - counts)
        self._state["backlog"][rows] = np.clip(backlog, 0.0, BACKLOG_MOST * expected)

    def _learn_week(self, rows: Rows, seen: _Seen, time_ms: int) -> None:
        state, season = self._state, self._season(time_ms)
        old = state["week"][rows, season].astype(float)
        limit = 2.0 * seen.edge + np.abs(old)
        off = np.clip(seen.raw + seen.week, -limit, limit) - old
        count = np.minimum(state["week_seen"][rows, season] + 1.0, 8.0)
        state["week"][rows, season] = old + off / count
        state["week_seen"][rows, season] = count
        gain = 1.0 / LEVEL
        state["noise"][rows] += gain * (np.minimum(off**2, 4.0 * seen.edge**2) - state["noise"][rows])

    def _learn_bursts(self, rows: Rows, seen: _Seen, anomalous: NDArray[np.bool_]) -> None:
        state = self._state
        state["burst_weight"][rows] *= 1.0 - 1.0 / MEMORY
        for side, same in enumerate((seen.up, ~seen.up)):
            run, size, normal = (state[name][rows, side] for name in ("run", "run_size", "run_normal"))
            now = anomalous & same
            length = np.where(now, run + np.where(run > 0, normal, 0.0) + 1.0, run)
            size = np.where(now, np.maximum(size, np.abs(seen.error)), size)
            normal = np.where(now, 0.0, normal + 1.0)
            over = (length > 0) & (normal >= NORMAL)
            if over.any():
                self._remember(rows[over], side, size[over], length[over])
            state["run"][rows, side] = np.where(over, 0.0, length)
            state["run_size"][rows, side] = np.where(over, 0.0, size)
            state["run_normal"][rows, side] = np.where(over, 0.0, np.minimum(normal, NORMAL))

    def _remember(self, rows: Rows, side: int, size: Floats, length: Floats) -> None:
        state, first = self._state, side * BURSTS
        faint = state["burst_weight"][rows, first : first + BURSTS] * state["burst_size"][rows, first : first + BURSTS]
        at = first + np.argmin(faint, axis=1)
        for name, what in (("burst_size", size), ("burst_length", length), ("burst_weight", np.ones(len(rows)))):
            state[name][rows, at] = what


class DailyCounts(OneSeries):
    """`DailyBank` of one series, as a River anomaly detector.

    >>> model = DailyCounts()
    >>> for day in range(60):
    ...     model.learn_one({"value": 24_000.0 + 100 * (day % 9), "time_ms": day * DAY_MS})
    >>> model.score_one({"value": 24_300.0, "time_ms": 60 * DAY_MS}) < 1
    True
    >>> model.score_one({"value": 700.0, "time_ms": 60 * DAY_MS}) > 5
    True
    """

    def __init__(self, bucket_ms: int = DAY_MS) -> None:
        self.bucket_ms = bucket_ms
        super().__init__(DailyBank(bucket_ms))


def _push(state: Columns, name: str, rows: Rows, values: Floats) -> None:
    """Append to the rings of those series; the newest is last."""
    block = state[name][rows]
    block[:, :-1] = block[:, 1:].copy()
    block[:, -1] = values
    state[name][rows] = block


def _quantile(ordered: Floats, known: NDArray[np.int64], share: float) -> Floats:
    """The quantile of the first `known` of each sorted row, between neighbours; 0.0 where nothing is known."""
    place = share * np.maximum(known - 1, 0)
    below = place.astype(np.intp)
    each = np.arange(len(ordered))
    low = ordered[each, below].astype(float)
    high = ordered[each, np.minimum(below + 1, np.maximum(known - 1, 0))]
    return np.asarray(np.where(known > 0, low + (place - below) * (high - low), 0.0))
