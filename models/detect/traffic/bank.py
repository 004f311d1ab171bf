"""A bank of online models for sums, rates, ratios and distinct counts of any unit: is this bucket of traffic off?"""

from __future__ import annotations

from typing import Final

import numpy as np

from livewarden.times import MINUTE_MS
from models.detect.bank import Bank, Floats, Judgements, Rows
from models.detect.traffic.hours import learn_oddness, learn_trust, usually
from models.detect.traffic.look import Look, look_at, shift
from models.detect.traffic.state import Mask, Recent, State, TrafficSeries
from models.detect.traffic.units import learn_units

PACES: Final = np.array([0.04, 0.08, 1.0])
"""Weights of the newest bucket in the running means: some 25 buckets, some 12, and the bucket before alone."""
CLIP: Final = 2.0
"""How many units away a value may be and still be learned in full."""
SETTLE: Final = 3
"""Buckets after a gap that are not judged; the one nearest to the level before it is the level to go on from."""
WARM_UP, WITH_PARENT = 20, 4
"""Buckets before the first judgement of a series, without and with a parent that knows what is usual."""
FILLING: Final = 8.0
"""Up to this age the means of a series with a parent are the bucket before: a room that fills leaves a mean behind."""
GROWN: Final = FILLING / 0.04
"""From this age on the means have their own pace."""
OPENING: Final = 4
"""Buckets that teach the level alone: a room that fills is not noise."""
DISTRUST: Final = 0.95
"""How slowly the looseness after an announced change fades: by its twentieth part a bucket."""
ODDNESS: Final = np.array([0.0, 0.3, 0.5, 0.7, 1.0, 1.4, 1.8, 40.0])
SCORE: Final = np.array([0.0, 1.2, 2.15, 2.9, 3.85, 4.95, 6.0, 100.0])
"""Oddness to score: fitted to how often ordinary buckets of real traffic reach an oddness anew;
beyond 5 it is a straight line.
"""


class TrafficBank(Bank):
    """Distance to three running means, each in units of what was extreme and usual for it, on its side, of late.

    With m an exponentially weighted mean and r = |x − m|: z = r / (e + 4·r̄ + 10⁻³·|m|), e being the fading 94 %
    quantile of r (multiplied by 1.0282 when r exceeds it, else by 0.9982) and r̄ its mean over some 1,000 changes, both
    kept for rises and falls apart (and mixed with those of both at 7 to 3). The units of the two slow means shrink and
    grow with the square root of how restless the series is now against its usual: an hour of the night is measured by
    nights. What counts is the largest z of this bucket (× 0.8), or the mean of the last four (× 1.5), in which what one
    has beyond 0.7 counts in part and beyond 1.5 not at all, and a bucket on the other side takes a quarter of itself
    away: a shift that stays may be half as far out as a spike.

    With a `season` the mean of each hour of the day (of the week: `week`) is learned, relative to the size of the
    series, and what the running means lag behind that shape is added to them, as far as it has proved to predict the
    values (a regression through the origin, shrunk, from 0 to 1): a shape that is not there costs nothing. An hour in
    which something anomalous is seen day after day counts for less: z is divided by 1 + max(0, h − 0.4), h being the
    usual maximum of z, at most 1, in that hour of the day and its neighbours.

    The score is −log₁₀ of the share of ordinary buckets that reach such an oddness anew, measured on real traffic
    (docs/detect.md). A value is learned at most two units away from its means, so that an incident is followed slowly
    and a lasting one is, after an hour or so, the new level: go on learning during an episode. Judges from the 20th
    bucket on, with a parent that has seen 200 from the fifth: until it knows its own units, those of the parent count,
    relative to the level, and wider by the fourth root of how much smaller the series is. `scan_buckets` says how many
    of the last four were anomalous on the same side: 1 is a spike so far.

    `bucket_ms` tells only whether hours are joined smoothly (below an hour) or are steps. State: about 0.6 kB a series
    (0.9 with `week`). Bad at drifts slower than 50 buckets (they are followed), at what is wrong from the first bucket
    on, and at incidents that recur at the same hour for days.

    >>> bank = TrafficBank("none")
    >>> rows = bank.add(np.array([-1, -1]))
    >>> for minute in range(200):
    ...     bank.learn(rows, np.array([100.0 + minute % 5, 7.0]), minute * 60_000)
    >>> judged = bank.judge(rows, np.array([20.0, 7.0]), 200 * 60_000)
    >>> judged.score[0] > 5, judged.up[0], judged.score[1] < 1
    (np.True_, np.False_, np.True_)
    """

    def __init__(self, season: str = "day", bucket_ms: int = MINUTE_MS) -> None:
        self.season = season
        self.bucket_ms = bucket_ms
        self._series = TrafficSeries({"none": 0, "day": 24, "week": 168}[season])
        self._looked: tuple[object, Look] | None = None

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        return self._series.bytes_per_row + self._series.bytes_per_parent

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent."""
        self._looked = None
        return self._series.open(parents)

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        self._looked = None
        self._series.drop(rows)

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge a bucket; not one of the first 20 (4 with a parent), none of the three after a gap,
        and no value that is no number.
        """
        look = self._look(rows, values, time_ms, exposure)
        self._looked = _call(rows, values, time_ms, exposure), look
        oddness, seen = look.oddness, look.state.seen
        if self._series.slots:
            oddness = oddness / (1.0 + usually(self._series, rows, time_ms))
        settled = look.usable & (look.state.settling == 0.0)
        ready = settled & (seen >= WARM_UP)
        if np.count_nonzero(ready) < len(rows):
            ready |= settled & (seen >= WITH_PARENT) & self._series.parent_knows(rows)
        score = np.interp(oddness, ODDNESS, SCORE) * ready
        buckets, observed, expected = shift(look)
        if exposure is None:
            return Judgements(score, look.rises, look.expected, ready, buckets, observed, expected)
        return Judgements(
            score, look.rises, look.expected * exposure, ready, buckets, observed * exposure, expected * exposure
        )

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket, clipped to two units around each mean; a value that is no number below 10¹⁵⁰ is left out."""
        look = self._known(rows, values, time_ms, exposure)
        plain = look.usable & (look.state.settling == 0.0)
        if np.count_nonzero(plain) < len(rows):
            settles = look.usable & ~plain
            self._settle(rows[settles], look.value[settles])
            if np.count_nonzero(plain):
                self.learn(rows[plain], values[plain], time_ms, None if exposure is None else exposure[plain])
            return
        series, state = self._series, look.state
        seen = state.seen
        if series.slots:
            learn_oddness(series, rows, state, look.oddness, seen >= WARM_UP, time_ms)
        moved = (look.value != state.last) & (seen >= OPENING)
        state.moved += moved
        self._learn_means(rows, look, moved)
        recent = look.recent.then(look.balance_down, look.balance_up, look.value, look.expected)
        series["recent"][rows] = recent.block
        state.last = look.value
        seen += 1.0
        state.age += 1.0
        state.loose *= DISTRUST
        series.keep(rows, state)

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """A traffic series begins with its first value: nothing is learned."""

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: the next three buckets are not judged, and the one nearest to the level before is the level to
        go on from.
        """
        self._looked = None
        state = self._series.state(rows)
        state.settling = np.where(state.seen > 0, SETTLE, 0)
        self._series.keep(rows, state)

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: what is expected becomes what the last three buckets held,
        and the shape of hours scales with it.
        """
        self._looked = None
        series = self._series
        means, lags, state, recent = (
            series["means"][rows],
            series["lags"][rows],
            series.state(rows),
            Recent(series["recent"][rows]),
        )
        held, expected = recent.value.sum(axis=1), recent.expected.sum(axis=1)
        scales = (
            (held * expected > 0.0) & (np.abs(held) < 1e3 * np.abs(expected)) & (np.abs(expected) < 1e3 * np.abs(held))
        )
        ratio = np.where(scales, held / np.where(scales, expected, 1.0), 1.0)
        off = np.where(scales, 0.0, (held - expected) / 3.0)
        state.size *= ratio
        state.level *= ratio
        state.age = np.minimum(state.age, SETTLE)
        series.keep(rows, state)
        series["means"][rows] = (means[:, 0] * ratio + off)[:, None]
        series["lags"][rows] = (lags[:, 0] * ratio)[:, None]
        series["recent"][rows] = 0.0

    def widen(self, rows: Rows) -> None:
        """The platform said that it changed something here: for some 20 buckets units are wider and the level follows
        at once.
        """
        self._looked = None
        state = self._series.state(rows)
        state.loose = 1.0
        self._series.keep(rows, state)

    def snapshot(self, row: int) -> str:
        """All state of a series but its parent: base64 of its bytes."""
        return self._series.dump(row)

    def restore(self, row: int, state: str) -> None:
        """Go on from `snapshot` as if never interrupted. A state of another layout raises ValueError."""
        self._looked = None
        self._series.load(row, state)

    def _known(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> Look:
        """The look that judging took, where this is what was judged last and nothing was changed since;
        else a fresh one.
        """
        looked, self._looked = self._looked, None
        if looked is not None and looked[0] == _call(rows, values, time_ms, exposure):
            return looked[1]
        return self._look(rows, values, time_ms, exposure)

    def _look(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> Look:
        return look_at(self._series, rows, values, time_ms, exposure, self.bucket_ms)

    def _learn_means(self, rows: Rows, look: Look, moved: Mask) -> None:
        """Learn the units, then the running means and what the hour is relative to them, from a clipped value."""
        series, state = self._series, look.state
        reach, gain = CLIP * look.unit, self._gain(rows, state)
        if np.count_nonzero(loose := state.loose[:, None]):
            reach, gain = reach * (1.0 + 20.0 * loose), np.maximum(gain, 0.5 * loose)
        if np.count_nonzero(cold := state.moved <= WARM_UP):
            reach[cold] = np.inf
        distance = np.minimum(look.distance, reach)
        off = np.copysign(distance, look.away)
        learn_units(series, rows, state, look.means[:, 0], distance, look.up, moved)
        means = look.means + gain * off
        if look.shape is not None:
            day = look.shape
            means += PACES * (day.trust[:, None] * look.lag)
            lags = np.where(np.isnan(look.lags), day.value[:, None], look.lags + PACES * look.lag)
            series["lags"][rows] = np.where(np.isnan(day.value)[:, None], np.nan, lags)
            learn_trust(state, look.lag[:, 0], day.trust, off[:, 0])
        if series.slots:
            state.hour_sum += look.expected + np.minimum(np.maximum(off[:, 0], -look.unit[:, 0]), look.unit[:, 0])
            state.hour_count += 1.0
        series["means"][rows] = means

    def _gain(self, rows: Rows, state: State) -> Floats:
        """Weights of this bucket in the means: those of a series that began or was set anew are averages,
        or follow a room that fills.
        """
        age = state.age
        if not np.count_nonzero(age < GROWN):
            return PACES
        begun = np.where(self._series.parents(rows) >= 0, FILLING, 1.0) / (age + 1.0)
        gain: Floats = np.maximum(PACES, np.minimum(begun, 1.0)[:, None])
        return gain

    def _settle(self, rows: Rows, value: Floats) -> None:
        """After a gap: of three buckets the one that is nearest to the level before is where the means go on."""
        series = self._series
        state, before = series.state(rows), series["means"][rows, 0]
        nearer = np.abs(value - before) < np.abs(state.candidate - before)
        state.candidate = np.where((state.settling == SETTLE) | nearer, value, state.candidate)
        state.settling -= 1.0
        done = state.settling == 0.0
        state.last[done] = state.candidate[done]
        state.age[done] = 1.0
        series.keep(rows, state)
        series["means"][rows[done]] = state.candidate[done, None]
        series["lags"][rows[done]] = np.nan
        series["recent"][rows[done]] = 0.0


def _call(rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> tuple[bytes, bytes, int, bytes | None]:
    return rows.tobytes(), values.tobytes(), time_ms, None if exposure is None else exposure.tobytes()
