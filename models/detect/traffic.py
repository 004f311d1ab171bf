"""Is this bucket of traffic off? A bank of online models for sums, rates, ratios and distinct counts of any unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livewarden.times import HOUR_MS, MINUTE_MS
from models.detect.bank import Bank, Floats, Judgements, Rows
from models.detect.columns import Columns, Field

PACES = np.array([0.04, 0.08, 1.0])
"""Weights of the newest bucket in the running means: some 25 buckets, some 12, and the bucket before alone."""
WEIGHTS = np.array([1.1, 1.0, 0.9])
"""How much a distance to each mean counts."""
EXTREME = 0.94
"""The extreme of a distance is this quantile of it, on each side of the mean for itself."""
RISE, FALL = 1.0 + 0.03 * EXTREME, 1.0 - 0.03 * (1.0 - EXTREME)
"""How an extreme follows: a distance beyond it lifts it by 3 %, any other lowers it 16 times less."""
TYPICAL = 4.0
"""How many mean distances count beside the extreme: keeps few, coarse or mostly idle values from looking anomalous."""
OWN_SIDE = 0.7
"""How far each side is measured by its own distances: traffic leaps up more often than it falls."""
MEMORY = 1_000
"""Changes of the value over which the mean distance is taken."""
RESTLESS = np.array([0.03, 0.0005])
"""Weights of the newest distance in the noise of late, and in the noise of days."""
RESTFUL, WILD = 0.2**0.5, 8.0**0.5
"""Bounds of the root of their ratio, which says how restless a series is now."""
CLIP = 2.0
"""How many units away a value may be and still be learned in full."""
ALONE, TOGETHER = 0.8, 1.5
"""Weight of one anomalous bucket, and of the mean of four."""
FULL, MOST, PART = 0.7, 1.5, 0.35
"""Up to here one of the four counts in full; from here to there by this part; what is beyond is not counted."""
AGAINST = 0.25
"""What a bucket on the other side takes away from the mean of four, of its own."""
SETTLE = 3
"""Buckets after a gap that are not judged; the one nearest to the level before it is the level to go on from."""
WARM_UP, WITH_PARENT = 20, 4
"""Buckets before the first judgement of a series, without and with a parent that knows what is usual."""
FILLING = 8.0
"""Up to this age the means of a series with a parent are the bucket before: a room that fills leaves a mean behind."""
GROWN = FILLING / 0.04
"""From this age on the means have their own pace."""
OPENING = 4
"""Buckets that teach the level alone: a room that fills is not noise."""
KNOWN = 200
"""Buckets after which a parent knows what is usual."""
YOUNG = 3.0
"""Own buckets that count as much as the parent's units."""
HABIT, HABIT_GAIN = 0.4, 0.2
"""An hour whose oddest bucket is usually below this has no such habit; and the weight of the newest day in it."""
SHAPE_HOURS = 48
"""Hours after which the shape of the day is used."""
SHAPE_GAIN, LEVEL_HOURS = 0.2, 168
"""Weight of the newest day (or week) in the shape, and the hours over which its level is taken."""
TRUST_GAIN, TRUST_RIDGE = 0.0005, 0.05
"""How fast it is learned whether the shape predicts the values, and how much a weak shape is shrunk."""
DISTRUST = 0.95
"""How slowly the looseness after an announced change fades: by its twentieth part a bucket."""
HABIT_MOST = 1.0
"""How anomalous the most anomalous bucket of an hour counts at most: a real incident must not excuse the next."""
IN_SHIFT = 0.45
"""From this oddness on a bucket counts as part of a shift."""
HUGE = 1e150
"""Values beyond it, of which a square would be infinite, are no measurements."""
ODDNESS = np.array([0.0, 0.3, 0.5, 0.7, 1.0, 1.4, 1.8, 40.0])
SCORE = np.array([0.0, 1.2, 2.15, 2.9, 3.85, 4.95, 6.0, 100.0])
"""Oddness to score: fitted to how often ordinary buckets of real traffic reach an oddness anew;
beyond 5 it is a straight line.
"""

(
    SEEN,
    MOVED,
    AGE,
    LAST,
    LATE,
    LONG,
    CALM,
    _,
    _,
    LOOSE,
    SETTLING,
    CANDIDATE,
    SLOT,
    PEAK,
    HOUR_SUM,
    HOUR_COUNT,
    HOURS,
    LEVEL,
    SIZE,
    TIED_XY,
    TIED_XX,
    TIED_YY,
) = range(22)
"""Places in the column `state`."""
BALANCE_DOWN, BALANCE_UP, VALUE, EXPECTED = range(4)
"""What is kept of each of the last three buckets."""

SIDES = np.array([[False], [True]])
"""Whether the first and the second half of what is kept for two sides is for rises."""

Mask = NDArray[np.bool_]


class Look(NamedTuple):
    """What judging and learning both need to know of a bucket. Columns of three: one a running mean."""

    value: Floats
    usable: Mask
    state: Floats
    means: Floats
    lags: Floats
    lag: Floats
    shape: Floats | None
    trust: Floats
    expected: Floats
    away: Floats
    distance: Floats
    up: Mask
    unit: Floats
    balance_down: Floats
    balance_up: Floats
    recent: Floats
    oddness: Floats
    rises: Mask


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
        fields = {
            "state": Field("f8", 22),
            "means": Field("f8", 3),
            "lags": Field("f8", 3, np.nan),
            "extremes": Field("f8", 6),
            "usual": Field("f8", 6),
            "units": Field("f8", 6, 1e-12),
            "recent": Field("f8", 12),
        }
        self._slots = {"none": 0, "day": 24, "week": 168}[season]
        if self._slots:
            fields |= {"habit": Field("f2", 24), "shape": Field("f2", self._slots, np.nan)}
        self._columns = Columns(fields)
        self._parents = Columns({"row": Field("i8", 0, -1)})
        self._looked: tuple[object, Look] | None = None

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        return self._columns.bytes_per_row + self._parents.bytes_per_row

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent."""
        self._looked = None
        rows = self._columns.add(len(parents))
        self._columns["state"][rows, CALM : CALM + 3] = 1.0
        self._columns["state"][rows, SLOT] = -1.0
        self._parents.add(len(parents))
        self._parents["row"][rows] = parents
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        self._looked = None
        self._columns.drop(rows)
        self._parents.drop(rows)

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge a bucket; not one of the first 20 (4 with a parent), none of the three after a gap,
        and no value that is no number.
        """
        look = self._look(rows, values, time_ms, exposure)
        self._looked = _call(rows, values, time_ms, exposure), look
        state, oddness = look.state, look.oddness
        if self._slots:
            hour, habit = self._slot(time_ms) % 24, self._columns["habit"]
            usual = np.maximum(np.maximum(habit[rows, hour - 1], habit[rows, hour]), habit[rows, (hour + 1) % 24])
            oddness = oddness / (1.0 + np.maximum(usual.astype(float) - HABIT, 0.0))
        ready = look.usable & (state[:, SEEN] >= WARM_UP) & (state[:, SETTLING] == 0.0)
        if np.count_nonzero(ready) < len(rows):
            young = (state[:, SEEN] >= WITH_PARENT) & self._parent_knows(rows)
            ready |= young & look.usable & (state[:, SETTLING] == 0.0)
        score = np.interp(oddness, ODDNESS, SCORE) * ready
        buckets, observed, expected = _scan(look)
        if exposure is None:
            return Judgements(score, look.rises, look.expected, ready, buckets, observed, expected)
        return Judgements(
            score, look.rises, look.expected * exposure, ready, buckets, observed * exposure, expected * exposure
        )

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket, clipped to two units around each mean; a value that is no number below 10¹⁵⁰ is left out."""
        look = self._known(rows, values, time_ms, exposure)
        columns, state = self._columns, look.state
        plain = look.usable & (state[:, SETTLING] == 0.0)
        if np.count_nonzero(plain) < len(rows):
            settles = look.usable & ~plain
            self._settle(rows[settles], look.value[settles])
            if np.count_nonzero(plain):
                self.learn(rows[plain], values[plain], time_ms, None if exposure is None else exposure[plain])
            return
        if self._slots:
            self._learn_hour(rows, look, self._slot(time_ms))
        moved = (look.value != state[:, LAST]) & (state[:, SEEN] >= OPENING)
        state[:, MOVED] += moved
        reach, gain = CLIP * look.unit, self._gain(rows, state)
        if np.count_nonzero(loose := state[:, LOOSE, None]):
            reach, gain = reach * (1.0 + 20.0 * loose), np.maximum(gain, 0.5 * loose)
        if np.count_nonzero(cold := state[:, MOVED] <= WARM_UP):
            reach[cold] = np.inf
        distance = np.minimum(look.distance, reach)
        off = np.copysign(distance, look.away)
        self._learn_units(rows, state, look.means[:, 0], distance, look.up, moved)
        means = look.means + gain * off
        if look.shape is not None:
            means += PACES * (look.trust[:, None] * look.lag)
            lags = np.where(np.isnan(look.lags), look.shape[:, None], look.lags + PACES * look.lag)
            columns["lags"][rows] = np.where(np.isnan(look.shape)[:, None], np.nan, lags)
            _learn_trust(state, look.lag[:, 0], look.trust, off[:, 0])
        if self._slots:
            state[:, HOUR_SUM] += look.expected + np.minimum(np.maximum(off[:, 0], -look.unit[:, 0]), look.unit[:, 0])
            state[:, HOUR_COUNT] += 1.0
        columns["means"][rows] = means
        recent = np.empty_like(look.recent)
        recent[:, :8] = look.recent[:, 4:]
        recent[:, 8 + BALANCE_DOWN], recent[:, 8 + BALANCE_UP] = look.balance_down, look.balance_up
        recent[:, 8 + VALUE], recent[:, 8 + EXPECTED] = look.value, look.expected
        columns["recent"][rows] = recent
        state[:, LAST] = look.value
        state[:, SEEN] += 1.0
        state[:, AGE] += 1.0
        state[:, LOOSE] *= DISTRUST
        columns["state"][rows] = state

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """A traffic series begins with its first value: nothing is learned."""

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: the next three buckets are not judged, and the one nearest to the level before is the level to
        go on from.
        """
        self._looked = None
        seen = self._columns["state"][rows, SEEN] > 0
        self._columns["state"][rows, SETTLING] = np.where(seen, SETTLE, 0)

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: what is expected becomes what the last three buckets held,
        and the shape of hours scales with it.
        """
        self._looked = None
        columns = self._columns
        means, lags, state = columns["means"][rows], columns["lags"][rows], columns["state"][rows]
        last = columns["recent"][rows].reshape(-1, 3, 4).sum(axis=1)
        held, expected = last[:, VALUE], last[:, EXPECTED]
        scales = (
            (held * expected > 0.0) & (np.abs(held) < 1e3 * np.abs(expected)) & (np.abs(expected) < 1e3 * np.abs(held))
        )
        ratio = np.where(scales, held / np.where(scales, expected, 1.0), 1.0)
        off = np.where(scales, 0.0, (held - expected) / 3.0)
        state[:, [SIZE, LEVEL]] *= ratio[:, None]
        state[:, AGE] = np.minimum(state[:, AGE], SETTLE)
        columns["state"][rows] = state
        columns["means"][rows] = (means[:, 0] * ratio + off)[:, None]
        columns["lags"][rows] = (lags[:, 0] * ratio)[:, None]
        columns["recent"][rows] = 0.0

    def widen(self, rows: Rows) -> None:
        """The platform said that it changed something here: for some 20 buckets units are wider and the level follows
        at once.
        """
        self._looked = None
        self._columns["state"][rows, LOOSE] = 1.0

    def snapshot(self, row: int) -> str:
        """All state of a series but its parent: base64 of its bytes."""
        return self._columns.dump(row)

    def restore(self, row: int, state: str) -> None:
        """Go on from `snapshot` as if never interrupted. A state of another layout raises ValueError."""
        self._looked = None
        self._columns.load(row, state)

    def _known(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> Look:
        """The look that judging took, where this is what was judged last and nothing was changed since;
        else a fresh one.
        """
        looked, self._looked = self._looked, None
        if looked is not None and looked[0] == _call(rows, values, time_ms, exposure):
            return looked[1]
        return self._look(rows, values, time_ms, exposure)

    def _look(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> Look:
        columns = self._columns
        value = values if exposure is None else _per(values, exposure)
        usable = np.abs(value) < HUGE
        state, means, lags = columns["state"][rows], columns["means"][rows], columns["lags"][rows]
        if np.count_nonzero(usable) < len(rows):
            value = np.where(usable, value, means[:, 0])
        if np.count_nonzero(state[:, SEEN]) < len(rows):
            means = np.where(state[:, SEEN, None] == 0.0, value[:, None], means)
        shape, trust = self._shape(rows, state, means[:, 0], time_ms) if self._slots else (None, state[:, SLOT])
        if shape is None:
            lag, away, expected = lags, value[:, None] - means, means[:, 0].copy()
        else:
            lag = shape[:, None] - lags
            lag[np.isnan(lag)] = 0.0
            ahead = means + lag * trust[:, None]
            away, expected = value[:, None] - ahead, ahead[:, 0]
        distance, up, units = np.abs(away), away > 0.0, columns["units"][rows]
        unit = self._unit(rows, state, means, up, np.where(up, units[:, 3:], units[:, :3]))
        anomalous = distance / unit * WEIGHTS
        rising = anomalous * up
        falling = anomalous - rising
        high = np.maximum(np.maximum(rising[:, 0], rising[:, 1]), rising[:, 2])
        low = np.maximum(np.maximum(falling[:, 0], falling[:, 1]), falling[:, 2])
        each_high = (1.0 - PART) * np.minimum(high, FULL) + PART * np.minimum(high, MOST)
        each_low = (1.0 - PART) * np.minimum(low, FULL) + PART * np.minimum(low, MOST)
        balance_down, balance_up = each_low - AGAINST * each_high, each_high - AGAINST * each_low
        recent = columns["recent"][rows]
        before = recent[:, 0:2] + recent[:, 4:6] + recent[:, 8:10]
        low = np.maximum(ALONE * low, TOGETHER / 4.0 * (before[:, BALANCE_DOWN] + balance_down))
        high = np.maximum(ALONE * high, TOGETHER / 4.0 * (before[:, BALANCE_UP] + balance_up))
        return Look(
            value,
            usable,
            state,
            means,
            lags,
            lag,
            shape,
            trust,
            expected,
            away,
            distance,
            up,
            unit,
            balance_down,
            balance_up,
            recent,
            np.maximum(high, low),
            high >= low,
        )

    def _unit(self, rows: Rows, state: Floats, means: Floats, up: Mask, unit: Floats) -> Floats:
        """Units as they count: wider after an announced change, and near those of the parent while a series is
        young.
        """
        loose = state[:, LOOSE]
        if np.count_nonzero(loose):
            unit = unit * (1.0 + 5.0 * loose[:, None])
        young = state[:, MOVED] < 4.0 * YOUNG
        if np.count_nonzero(young):
            young &= self._parent_knows(rows)
            parent = self._parents["row"][rows]
            units, level = self._columns["units"][parent], np.abs(self._columns["means"][parent][:, :1])
            own = np.maximum(np.abs(means[:, :1]), 1e-12)
            thinner = np.clip(np.sqrt(np.sqrt(level / own)), 1.0, 4.0)
            lent = np.where(up, units[:, 3:], units[:, :3]) * (own / np.maximum(level, 1e-12) * thinner)
            weight = state[:, MOVED, None] / (state[:, MOVED, None] + YOUNG)
            unit = np.where(young[:, None], weight * unit + (1.0 - weight) * lent, unit)
        return unit

    def _parent_knows(self, rows: Rows) -> Mask:
        parent = self._parents["row"][rows]
        known: Mask = (parent >= 0) & (self._columns["state"][parent, SEEN] >= KNOWN)
        return known

    def _slot(self, time_ms: int) -> int:
        return time_ms // HOUR_MS % self._slots

    def _shape(self, rows: Rows, state: Floats, level: Floats, time_ms: int) -> tuple[Floats | None, Floats]:
        """What the hour says of the value, up to a constant (NaN where it is not known), and how far it is to be
        believed.

        None as long as it is known of no series.
        """
        hours, source, size = state[:, HOURS], rows, state[:, SIZE]
        young = hours < SHAPE_HOURS
        if np.count_nonzero(young):
            lender = self._parents["row"][rows]
            borrows = young & (lender >= 0)
            if not np.count_nonzero(borrows) and np.count_nonzero(young) == len(rows):
                return None, hours
            source = np.where(borrows, lender, rows)
            state = self._columns["state"][source]
            size = np.where(borrows, np.abs(level), size)
            size[state[:, HOURS] < SHAPE_HOURS] = np.nan
        table = self._columns["shape"]
        if self.bucket_ms >= HOUR_MS:
            shape = table[source, self._slot(time_ms)].astype(float)
        else:
            hour, rest = divmod(time_ms + self.bucket_ms // 2 - HOUR_MS // 2, HOUR_MS)
            shape = table[source, hour % self._slots].astype(float)
            shape += rest / HOUR_MS * (table[source, (hour + 1) % self._slots] - shape)
        tied = state[:, TIED_XX] + TRUST_RIDGE * state[:, TIED_YY] + 1e-300
        return size * shape, np.minimum(np.maximum(state[:, TIED_XY] / tied, 0.0), 1.0)

    def _gain(self, rows: Rows, state: Floats) -> Floats:
        """Weights of this bucket in the means: those of a series that began or was set anew are averages,
        or follow a room that fills.
        """
        age = state[:, AGE]
        if not np.count_nonzero(age < GROWN):
            return PACES
        begun = np.where(self._parents["row"][rows] >= 0, FILLING, 1.0) / (age + 1.0)
        gain: Floats = np.maximum(PACES, np.minimum(begun, 1.0)[:, None])
        return gain

    def _learn_units(self, rows: Rows, state: Floats, mean: Floats, distance: Floats, up: Mask, moved: Mask) -> None:
        """Extremes and mean distances, each on its side, relative to how restless the series is;
        then the units they make.
        """
        columns = self._columns
        extremes = columns["extremes"][rows].reshape(-1, 2, 3)
        usual = columns["usual"][rows].reshape(-1, 2, 3)
        side = (up[:, None, :] == SIDES) & moved[:, None, None]
        far = (distance / state[:, CALM : CALM + 3])[:, None, :]
        if np.count_nonzero(extremes) < extremes.size:
            nothing = extremes == 0.0
            both = (nothing[:, :1] & nothing[:, 1:]) & moved[:, None, None]
            extremes = np.where(both | (nothing & side), far, extremes)
            usual = np.where(both, far, usual)
        extremes = extremes * (1.0 + side * (FALL - 1.0 + (RISE - FALL) * (far > extremes)))
        changes = np.maximum(state[:, MOVED], 1.0)
        usual = usual + side * (far - usual) / np.minimum(changes, MEMORY)[:, None, None]
        columns["extremes"][rows], columns["usual"][rows] = extremes.reshape(-1, 6), usual.reshape(-1, 6)
        noise = state[:, LATE : LONG + 1]
        pace = np.maximum(RESTLESS, (1.0 / changes)[:, None]) * moved[:, None]
        noise += pace * (distance[:, 1:2] - noise)
        some = np.maximum(noise, 1e-300)
        calm = np.sqrt(some[:, 0] / some[:, 1])
        state[:, CALM] = state[:, CALM + 1] = np.minimum(np.maximum(calm, RESTFUL), WILD)
        sides = extremes + TYPICAL * usual
        sides = OWN_SIDE * sides + (0.5 * (1.0 - OWN_SIDE)) * (sides[:, :1] + sides[:, 1:])
        units = sides * state[:, None, CALM : CALM + 3]
        floor = 1e-3 * np.abs(mean) + 1e-12
        columns["units"][rows] = units.reshape(-1, 6) + floor[:, None]

    def _learn_hour(self, rows: Rows, look: Look, slot: int) -> None:
        """The oddest bucket of an hour, and its mean, are learned when the next hour begins."""
        state = look.state
        over = state[:, SLOT] != slot
        if np.count_nonzero(over):
            done = over & (state[:, SLOT] >= 0.0)
            self._end_hour(rows[done], state, done)
            state[over, SLOT] = slot
            state[over, PEAK] = state[over, HOUR_SUM] = state[over, HOUR_COUNT] = 0.0
        judged = np.minimum(look.oddness, HABIT_MOST) * (state[:, SEEN] >= WARM_UP)
        state[:, PEAK] = np.maximum(state[:, PEAK], judged)

    def _end_hour(self, rows: Rows, state: Floats, done: Mask) -> None:
        habit, shape = self._columns["habit"], self._columns["shape"]
        ended = state[done]
        slot = ended[:, SLOT].astype(np.intp)
        known = habit[rows, slot % 24].astype(float)
        grown = known + HABIT_GAIN * (ended[:, PEAK] - known)
        habit[rows, slot % 24] = np.where(ended[:, SEEN] >= WARM_UP, grown, known)
        mean = ended[:, HOUR_SUM] / np.maximum(ended[:, HOUR_COUNT], 1.0)
        gain = np.maximum(1.0 / LEVEL_HOURS, 1.0 / (ended[:, HOURS] + 1.0))
        ended[:, LEVEL] += gain * (mean - ended[:, LEVEL])
        ended[:, SIZE] += gain * (np.abs(mean) - ended[:, SIZE])
        relative = np.clip((mean - ended[:, LEVEL]) / (ended[:, SIZE] + 1e-300), -1e4, 1e4)
        was = shape[rows, slot].astype(float)
        shape[rows, slot] = np.where(np.isnan(was), relative, was + SHAPE_GAIN * (relative - was))
        ended[:, HOURS] += 1.0
        state[done] = ended
        own = rows[ended[:, HOURS] == SHAPE_HOURS]
        if len(own):
            self._columns["lags"][own] = np.nan

    def _settle(self, rows: Rows, value: Floats) -> None:
        """After a gap: of three buckets the one that is nearest to the level before is where the means go on."""
        columns = self._columns
        state, before = columns["state"][rows], columns["means"][rows, 0]
        nearer = np.abs(value - before) < np.abs(state[:, CANDIDATE] - before)
        state[:, CANDIDATE] = np.where((state[:, SETTLING] == SETTLE) | nearer, value, state[:, CANDIDATE])
        state[:, SETTLING] -= 1.0
        done = state[:, SETTLING] == 0.0
        state[done, LAST] = state[done, CANDIDATE]
        state[done, AGE] = 1.0
        columns["state"][rows] = state
        columns["means"][rows[done]] = state[done, CANDIDATE, None]
        columns["lags"][rows[done]] = np.nan
        columns["recent"][rows[done]] = 0.0


def _per(values: Floats, exposure: Floats) -> Floats:
    """Infinite or no number, which is not judged, where there was no exposure."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return values / exposure


def _call(rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> tuple[bytes, bytes, int, bytes | None]:
    return rows.tobytes(), values.tobytes(), time_ms, None if exposure is None else exposure.tobytes()


def _scan(look: Look) -> tuple[NDArray[np.int64], Floats, Floats]:
    """How many of the last four buckets were anomalous on the side of this one, it included;
    what they held, and were expected to.
    """
    recent = look.recent.reshape(-1, 3, 4)
    anomalous = recent[:, :, :2] > IN_SHIFT
    buckets = np.ones(len(recent), dtype=np.int64)
    if not np.count_nonzero(anomalous):
        return buckets, look.value, look.expected
    anomalous = np.where(look.rises[:, None], anomalous[:, :, BALANCE_UP], anomalous[:, :, BALANCE_DOWN])
    observed, expected = recent[:, :, VALUE] * anomalous, recent[:, :, EXPECTED] * anomalous
    observed = look.value + (observed[:, 0] + observed[:, 1] + observed[:, 2])
    expected = look.expected + (expected[:, 0] + expected[:, 1] + expected[:, 2])
    return buckets + anomalous[:, 0] + anomalous[:, 1] + anomalous[:, 2], observed, expected


def _learn_trust(state: Floats, lag: Floats, trust: Floats, off: Floats) -> None:
    """Whether the shape predicts what the slow mean alone misses; nothing is learned while it says nothing."""
    missed = off + trust * lag
    products = np.empty((len(lag), 3))
    products[:, 0], products[:, 1], products[:, 2] = missed * lag, lag * lag, missed * missed
    tied = state[:, TIED_XY : TIED_YY + 1]
    tied += (TRUST_GAIN * (lag != 0.0))[:, None] * (products - tied)
