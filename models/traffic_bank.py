"""Is this bucket of traffic off? A bank of online models for sums, rates, ratios and distinct counts of any unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.bank import Floats, Judgements, Rows
from models.columns import Columns, Field

PACES = np.array([0.04, 0.1, 1.0])
"""Weights of the newest bucket in the running means: some 25 buckets, some 10, and the bucket before alone."""
WEIGHTS = np.array([1.1, 1.0, 1.0])
"""How much a distance to each mean counts."""
EXTREME = 0.97
"""The extreme of a distance is this quantile of it, on each side of the mean for itself."""
RISE, FALL = 1.0 + 0.03 * EXTREME, 1.0 - 0.03 * (1.0 - EXTREME)
"""How an extreme follows: a distance beyond it lifts it by 3 %, any other lowers it 32 times less."""
TYPICAL = 4.0
"""How many mean distances count beside the extreme: keeps few, coarse or mostly idle values from looking odd."""
OWN_SIDE = 0.9
"""How far each side is measured by its own distances: traffic leaps up more often than it falls."""
MEMORY = 1_000
"""Changes of the value over which the mean distance is taken."""
RESTLESS, USUAL_REST = 0.02, 0.0005
"""Weights of the newest distance in the noise of late, and in the noise of days; their ratio says how restless a series is now."""
CLIP = 3.0
"""How many units away a value may be and still be learned in full."""
ALONE, TOGETHER, MOST_EACH = 0.8, 1.3, 0.8
"""Weight of one odd bucket, weight of the mean of four, and how much one of the four may bring."""
AGAINST = 0.5
"""What a bucket on the other side takes away from the mean of four."""
SETTLE = 3
"""Buckets after a gap that are not judged; the one nearest to the level before it is the level to go on from."""
WARM_UP, WITH_PARENT = 20, 4
"""Buckets before the first judgement of a series, without and with a parent that knows what is usual."""
KNOWN = 200
"""Buckets after which a parent knows what is usual."""
YOUNG = 15.0
"""Own buckets that count as much as the parent's units."""
HABIT, HABIT_GAIN = 0.3, 0.2
"""An hour whose oddest bucket is usually below this has no such habit; and the weight of the newest day in it."""
SHAPE_HOURS = 48
"""Hours after which the shape of the day is used."""
SHAPE_GAIN, LEVEL_HOURS = 0.2, 168
"""Weight of the newest day (or week) in the shape, and the hours over which its level is taken."""
TRUST_GAIN, TRUST_RIDGE = 0.002, 0.1
"""How fast it is learned whether the shape predicts the values, and how much a weak shape is shrunk."""
DISTRUST = 0.95
"""How slowly the looseness after an announced change fades: by its twentieth part a bucket."""
HUGE = 1e300
"""Values beyond it, of which a difference would be infinite, are no measurements."""
SCALE = (
    np.array([0.0, 0.2, 0.4, 0.6, 1.0, 1.6, 3.0, 20.0]),
    np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 15.0]),
)
"""Oddness to score. Fitted to how often ordinary buckets of real traffic reach an oddness anew."""

(
    SEEN,
    MOVED,
    AGE,
    LAST,
    LATE,
    LONG,
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
    TOGETHER_XY,
    TOGETHER_XX,
    TOGETHER_YY,
) = range(19)
"""Places in the column `state`."""

BALANCE_DOWN, BALANCE_UP, VALUE, EXPECTED = range(4)
"""What is kept of each of the last three buckets."""


class Look(NamedTuple):
    """What judging and learning both need to know of a bucket."""

    value: Floats
    usable: NDArray[np.bool_]
    state: Floats
    means: Floats
    lags: Floats
    shape: Floats
    trust: Floats
    away: Floats
    expected: Floats
    distance: Floats
    up: NDArray[np.bool_]
    unit: Floats
    odd: Floats
    balance: tuple[Floats, Floats]
    recent: Floats
    oddness: Floats
    rising: NDArray[np.bool_]


class TrafficBank:
    """Distance to three running means, each in units of what was extreme and usual for it, on its side, of late.

    With m an exponentially weighted mean and r = |x − m|: z = r / (e + 4·r̄ + 10⁻³·|m|), e being the fading 97 % quantile of r
    (multiplied by 1.0291 when r exceeds it, else by 0.9991) and r̄ its mean over some 1,000 changes, both kept for rises and falls
    apart. The units of the two slow means shrink and grow with the square root of how restless the series is now against its
    usual: an hour of the night is measured by nights. What counts is the largest z of this bucket (× 0.8), or the mean of the
    last four (× 1.3), in which none brings more than 0.8 and a bucket on the other side takes half of itself away: a shift
    that stays needs to be half as far out as a spike.

    With a `season` the mean of each hour of the day (of the week: `week`) is learned, relative to the size of the series, and
    what the running means lag behind that shape is added to them, as far as it has proved to predict the values (a regression
    through the origin, shrunk, from 0 to 1): a shape that is not there costs nothing. An hour in which something odd is seen day
    after day counts for less: z is divided by 1 + max(0, h − 0.3), h being the usual maximum of z, at most 1, in that hour
    of the day and its neighbours.

    The score is −log₁₀ of the share of ordinary buckets that reach such an oddness anew, measured on real traffic (docs/detect.md).
    A value is learned at most three units away from its means, so that an incident is followed slowly and a lasting one is, after
    an hour or so, the new level: go on learning during an episode. Judges from the 20th bucket on, with a parent that has seen 200
    from the fifth: until it knows its own units, those of the parent count, relative to the level, and wider by the root of how
    much smaller the series is. `scan_buckets` says how many of the last four were odd on the same side: 1 is a spike so far.

    `bucket_ms` tells only whether hours are joined smoothly (below an hour) or are steps. State: about 0.6 kB a series (0.9 with
    `week`). Bad at drifts slower than 50 buckets (they are followed), at what is wrong from the first bucket on, and at
    incidents that recur at the same hour for days.

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
            "state": Field("f8", 19),
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

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        return self._columns.bytes_per_row + self._parents.bytes_per_row

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent."""
        rows = self._columns.add(len(parents))
        self._columns["state"][rows, SLOT] = -1
        self._parents.add(len(parents))
        self._parents["row"][rows] = parents
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        self._columns.drop(rows)
        self._parents.drop(rows)

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge a bucket; not one of the first 20 (4 with a parent), none of the three after a gap, and no value that is no number."""
        look = self._look(rows, values, time_ms, exposure)
        oddness = look.oddness
        if self._slots:
            hour = self._slot(time_ms) % 24
            habit = self._columns["habit"]
            usual = np.maximum(np.maximum(habit[rows, hour - 1], habit[rows, hour]), habit[rows, (hour + 1) % 24])
            oddness = oddness / (1.0 + np.maximum(usual - HABIT, 0.0).astype(float))
        seen = look.state[:, SEEN]
        ready = (seen >= WARM_UP) | ((seen >= WITH_PARENT) & self._parent_knows(rows))
        ready &= look.usable & (look.state[:, SETTLING] == 0)
        score = np.where(ready, np.interp(oddness, *SCALE), 0.0)
        side = np.where(look.rising, BALANCE_UP, BALANCE_DOWN)
        buckets = np.ones(len(rows), dtype=np.int64)
        observed, expected = look.value, look.expected
        at = np.arange(len(rows))
        for back in (0, 4, 8):
            odd = look.recent[at, side + back] > 0.25
            buckets = buckets + odd
            observed = observed + np.where(odd, look.recent[:, back + VALUE], 0.0)
            expected = expected + np.where(odd, look.recent[:, back + EXPECTED], 0.0)
        factor = 1.0 if exposure is None else exposure
        return Judgements(
            score, look.rising, look.expected * factor, ready, buckets, observed * factor, expected * factor
        )

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket, clipped to three units around each mean; a value that is no number below 10³⁰⁰ is left out."""
        look = self._look(rows, values, time_ms, exposure)
        columns, settling = self._columns, look.state[:, SETTLING] > 0
        if settling.any() or not look.usable.all():
            self._settle(rows[settling & look.usable], look.value[settling & look.usable])
            kept = look.usable & ~settling
            if not kept.any():
                return
            if not kept.all():
                given = None if exposure is None else exposure[kept]
                return self.learn(rows[kept], values[kept], time_ms, given)
        state, means, distance, up, unit = look.state, look.means, look.distance, look.up, look.unit
        if self._slots:
            self._learn_hour(rows, look, self._slot(time_ms))
        moved = (look.value != state[:, LAST]) & (state[:, SEEN] > 0)
        state[:, MOVED] += moved
        changes = state[:, MOVED, None]
        loose = state[:, LOOSE, None]
        distance = np.where(changes > WARM_UP, np.minimum(distance, CLIP * (1.0 + 20.0 * loose) * unit), distance)
        off = np.where(up, distance, -distance)
        self._learn_units(rows, state, distance, up, moved)
        gain = np.maximum(np.maximum(PACES, 1.0 / (state[:, AGE, None] + 1.0)), 0.5 * loose)
        lag = look.shape[:, None] - look.lags
        means += gain * off + PACES * np.where(np.isnan(lag), 0.0, look.trust[:, None] * lag)
        columns["means"][rows] = means
        if self._slots:
            columns["lags"][rows] = np.where(
                np.isnan(look.lags), look.shape[:, None], look.lags + np.where(np.isnan(lag), lag, PACES * lag)
            )
            state[:, HOUR_SUM] += look.expected + off[:, 0]
            state[:, HOUR_COUNT] += 1.0
            _learn_trust(state, lag[:, 0], look.trust, off[:, 0])
        recent = np.empty_like(look.recent)
        recent[:, :8] = look.recent[:, 4:]
        recent[:, 8 + BALANCE_DOWN], recent[:, 8 + BALANCE_UP] = look.balance
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
        """After a gap: the next three buckets are not judged, and the one nearest to the level before is the level to go on from."""
        seen = self._columns["state"][rows, SEEN] > 0
        self._columns["state"][rows, SETTLING] = np.where(seen, SETTLE, 0)

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: the means go on from the level of the last ten buckets; the shape of hours scales with it."""
        columns = self._columns
        means, state = columns["means"][rows], columns["state"][rows]
        ratio = np.abs(means[:, 1]) / np.maximum(np.abs(means[:, 0]), 1e-12)
        state[:, SIZE] *= np.clip(ratio, 0.1, 10.0)
        state[:, LEVEL] += means[:, 1] - means[:, 0]
        state[:, AGE] = np.minimum(state[:, AGE], SETTLE)
        columns["state"][rows] = state
        columns["means"][rows] = means[:, 1:2]
        columns["recent"][rows] = 0.0

    def loosen(self, rows: Rows) -> None:
        """The platform said that it changed something here: for some 20 buckets units are wider and the level follows at once."""
        self._columns["state"][rows, LOOSE] = 1.0

    def snapshot(self, row: int) -> str:
        """All state of a series but its parent: base64 of its bytes."""
        return self._columns.dump(row)

    def restore(self, row: int, state: str) -> None:
        """Go on from `snapshot` as if never interrupted. A state of another layout raises ValueError."""
        self._columns.load(row, state)

    def _look(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> Look:
        columns = self._columns
        value = values if exposure is None else values / exposure
        usable = np.abs(value) < HUGE
        state, means, lags = columns["state"][rows], columns["means"][rows], columns["lags"][rows]
        if not usable.all():
            value = np.where(usable, value, means[:, 0])
        fresh = state[:, SEEN] == 0
        if fresh.any():
            means = np.where(fresh[:, None], value[:, None], means)
        units = columns["units"][rows]
        if self._slots:
            shape, trust = self._shape(rows, state, means[:, 0], time_ms)
            lag = shape[:, None] - lags
            ahead = np.where(np.isnan(lag), 0.0, lag * trust[:, None])
            away = value[:, None] - means - ahead
            expected = means[:, 0] + ahead[:, 0]
        else:
            shape = trust = state[:, SLOT]
            away = value[:, None] - means
            expected = means[:, 0]
        distance, up = np.abs(away), away > 0.0
        unit = np.where(up, units[:, 1::2], units[:, 0::2])
        unit = self._unit(rows, state, means, up, unit)
        odd = distance / unit * WEIGHTS
        rising = np.where(up, odd, 0.0)
        high = np.maximum(np.maximum(rising[:, 0], rising[:, 1]), rising[:, 2])
        falling = odd - rising
        low = np.maximum(np.maximum(falling[:, 0], falling[:, 1]), falling[:, 2])
        each_high, each_low = np.minimum(high, MOST_EACH), np.minimum(low, MOST_EACH)
        balance = each_low - AGAINST * each_high, each_high - AGAINST * each_low
        recent = columns["recent"][rows]
        shift_down, shift_up = (
            (TOGETHER / 4.0) * (recent[:, side] + recent[:, 4 + side] + recent[:, 8 + side] + balance[side])
            for side in (BALANCE_DOWN, BALANCE_UP)
        )
        down = np.maximum(ALONE * low, shift_down)
        oddness = np.maximum(ALONE * high, shift_up)
        rises = oddness >= down
        return Look(
            value,
            usable,
            state,
            means,
            lags,
            shape,
            trust,
            away,
            expected,
            distance,
            up,
            unit,
            odd,
            balance,
            recent,
            np.maximum(oddness, down),
            rises,
        )

    def _unit(self, rows: Rows, state: Floats, means: Floats, up: NDArray[np.bool_], unit: Floats) -> Floats:
        """Units as they count: wider after an announced change, and near those of the parent while a series is young."""
        loose = state[:, LOOSE]
        if loose.any():
            unit = unit * (1.0 + 5.0 * loose[:, None])
        young = (state[:, SEEN] < 4 * YOUNG) & (self._parents["row"][rows] >= 0)
        if young.any():
            young &= self._parent_knows(rows)
            parent = self._parents["row"][rows]
            units, level = self._columns["units"][parent], np.abs(self._columns["means"][parent][:, :1])
            own = np.maximum(np.abs(means[:, :1]), 1e-12)
            thinner = np.clip(np.sqrt(level / own), 1.0, 20.0)
            lent = np.where(up, units[:, 1::2], units[:, 0::2]) * own / np.maximum(level, 1e-12) * thinner
            weight = state[:, SEEN, None] / (state[:, SEEN, None] + YOUNG)
            unit = np.where(young[:, None], weight * unit + (1.0 - weight) * lent, unit)
        return unit

    def _parent_knows(self, rows: Rows) -> NDArray[np.bool_]:
        parent = self._parents["row"][rows]
        return (parent >= 0) & (self._columns["state"][parent, SEEN] >= KNOWN)

    def _slot(self, time_ms: int) -> int:
        return time_ms // HOUR_MS % 24 if self._slots == 24 else (time_ms // HOUR_MS) % 168

    def _shape(self, rows: Rows, state: Floats, level: Floats, time_ms: int) -> tuple[Floats, Floats]:
        """What the hour says of the value, up to a constant (NaN where it is not known), and how far it is to be believed."""
        hours = state[:, HOURS]
        source, size = rows, state[:, SIZE]
        young = hours < SHAPE_HOURS
        if young.any():
            lender = self._parents["row"][rows]
            borrows = young & (lender >= 0)
            if not borrows.any() and young.all():
                return np.full(len(rows), np.nan), np.zeros(len(rows))
            source = np.where(borrows, lender, rows)
            state = self._columns["state"][source]
            size = np.where(borrows, np.abs(level), size)
            size = np.where(state[:, HOURS] < SHAPE_HOURS, np.nan, size)
        table = self._columns["shape"]
        if self.bucket_ms >= HOUR_MS:
            shape = table[source, self._slot(time_ms)].astype(float)
        else:
            hour, rest = divmod(time_ms + self.bucket_ms // 2 - HOUR_MS // 2, HOUR_MS)
            before = table[source, hour % self._slots].astype(float)
            shape = before + rest / HOUR_MS * (table[source, (hour + 1) % self._slots] - before)
        tied = state[:, TOGETHER_XX] + TRUST_RIDGE * state[:, TOGETHER_YY] + 1e-300
        return size * shape, np.minimum(np.maximum(state[:, TOGETHER_XY] / tied, 0.0), 1.0)

    def _learn_units(
        self, rows: Rows, state: Floats, distance: Floats, up: NDArray[np.bool_], moved: NDArray[np.bool_]
    ) -> None:
        """Extremes and mean distances, each on its side, relative to how restless the series is; then the units they make."""
        columns = self._columns
        extremes, usual = columns["extremes"][rows].reshape(-1, 3, 2), columns["usual"][rows].reshape(-1, 3, 2)
        calm = _restlessness(state)
        side = np.stack([~up, up], axis=2) & moved[:, None, None]
        far = (distance / calm)[:, :, None]
        first = extremes == 0.0
        if first.any():
            both = first & moved[:, None, None] & (first.all(axis=2, keepdims=True) | side)
            usual = np.where(both & ~side, far, usual)
            follow = np.where(both, far, extremes * np.where(side, np.where(far > extremes, RISE, FALL), 1.0))
        else:
            follow = extremes * np.where(side, np.where(far > extremes, RISE, FALL), 1.0)
        gain = 1.0 / np.minimum(np.maximum(state[:, MOVED], 1.0), MEMORY)
        usual = usual + np.where(side, gain[:, None, None] * (far - usual), 0.0)
        columns["extremes"][rows] = follow.reshape(-1, 6)
        columns["usual"][rows] = usual.reshape(-1, 6)
        late = np.where(moved, distance[:, 1], state[:, LATE])
        changes = np.maximum(state[:, MOVED], 1.0)
        state[:, LATE] += np.maximum(RESTLESS, 1.0 / changes) * (late - state[:, LATE])
        late = np.where(moved, distance[:, 1], state[:, LONG])
        state[:, LONG] += np.maximum(USUAL_REST, 1.0 / changes) * (late - state[:, LONG])
        sides = follow + TYPICAL * usual
        shared = (0.5 * (1.0 - OWN_SIDE)) * (sides[:, :, 0] + sides[:, :, 1])
        units = _restlessness(state)[:, :, None] * (OWN_SIDE * sides + shared[:, :, None])
        floor = 1e-3 * np.abs(columns["means"][rows, 0]) + 1e-12
        columns["units"][rows] = units.reshape(-1, 6) + floor[:, None]

    def _learn_hour(self, rows: Rows, look: Look, slot: int) -> None:
        """The oddest bucket of an hour, and its mean, are learned when the next hour begins."""
        state = look.state
        over = state[:, SLOT] != slot
        if over.any():
            done = over & (state[:, SLOT] >= 0)
            ended, old = rows[done], state[done, SLOT].astype(np.intp)
            habit, shape = self._columns["habit"], self._columns["shape"]
            known = habit[ended, old % 24].astype(float)
            grown = known + HABIT_GAIN * (state[done, PEAK] - known)
            habit[ended, old % 24] = np.where(state[done, SEEN] >= WARM_UP, grown, known)
            mean = state[done, HOUR_SUM] / np.maximum(state[done, HOUR_COUNT], 1.0)
            gain = np.maximum(1.0 / LEVEL_HOURS, 1.0 / (state[done, HOURS] + 1.0))
            level = state[done, LEVEL] + gain * (mean - state[done, LEVEL])
            size = state[done, SIZE] + gain * (np.abs(mean) - state[done, SIZE])
            relative = np.clip((mean - level) / (size + 1e-300), -1e4, 1e4)
            was = shape[ended, old].astype(float)
            shape[ended, old] = np.where(np.isnan(was), relative, was + SHAPE_GAIN * (relative - was))
            state[done, LEVEL], state[done, SIZE] = level, size
            state[done, HOURS] += 1.0
            state[over, SLOT] = slot
            state[over, PEAK] = state[over, HOUR_SUM] = state[over, HOUR_COUNT] = 0.0
        judged = np.where(state[:, SEEN] >= WARM_UP, np.minimum(look.oddness, 1.0), 0.0)
        state[:, PEAK] = np.maximum(state[:, PEAK], judged)

    def _settle(self, rows: Rows, value: Floats) -> None:
        """After a gap: of three buckets the one that is nearest to the level before is where the means go on."""
        if not len(rows):
            return
        columns = self._columns
        state, before = columns["state"][rows], columns["means"][rows, 0]
        nearer = np.abs(value - before) < np.abs(state[:, CANDIDATE] - before)
        take = (state[:, SETTLING] == SETTLE) | nearer
        state[:, CANDIDATE] = np.where(take, value, state[:, CANDIDATE])
        state[:, SETTLING] -= 1.0
        done = state[:, SETTLING] == 0
        state[done, LAST] = state[done, CANDIDATE]
        state[done, AGE] = 1.0
        columns["state"][rows] = state
        columns["means"][rows[done]] = state[done, CANDIDATE, None]
        columns["lags"][rows[done]] = np.nan
        columns["recent"][rows[done]] = 0.0


def _restlessness(state: Floats) -> Floats:
    """By how much the units of the three means are to be multiplied now; columns."""
    ratio = np.minimum(np.maximum(state[:, LATE] / np.maximum(state[:, LONG], 1e-300), 0.2), 4.0)
    ratio = np.where(state[:, LONG] > 0.0, np.sqrt(ratio), 1.0)
    return np.stack([ratio, ratio, np.ones(len(ratio))], axis=1)


def _learn_trust(state: Floats, lag: Floats, trust: Floats, off: Floats) -> None:
    """Whether the shape predicts what the slow mean alone misses."""
    known = ~np.isnan(lag)
    if not known.any():
        return
    x = np.where(known, lag, 0.0)
    y = off + trust * x
    gain = np.where(known, TRUST_GAIN, 0.0)
    state[:, TOGETHER_XY] += gain * (y * x - state[:, TOGETHER_XY])
    state[:, TOGETHER_XX] += gain * (x * x - state[:, TOGETHER_XX])
    state[:, TOGETHER_YY] += gain * (y * y - state[:, TOGETHER_YY])
