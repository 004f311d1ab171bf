"""Are there suddenly more (or fewer) decisions than usual? A bank of count models for enforcement series."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.detect import swings, weekend
from models.detect.bank import Bank, Floats, Judgements, Rows
from models.detect.columns import Columns, Field

RISES = (1.8, 3.0, 6.0, 11.0, 20.0, 50.0)
"""How many times the usual a rise may be: each is tried all the time."""
FALLS = (0.4, 0.15, 0.02)
"""The same for a fall."""
FACTORS = np.array([*RISES, *FALLS])
KEEP = 0.998
"""What evidence is worth a bucket later: what stopped six hours of minutes ago counts half."""
SHIFT = 0.65
"""Added to evidence of at least one power of ten (less to less),
so that a score of S is reached anew by at most one ordinary bucket in 10^S; found by simulation.
"""
ENOUGH_SAID = 10.0
"""Powers of ten of evidence that are carried on: more would take long to fade."""
SURPRISING = 1.0
"""From this evidence on (powers of ten), it is asked whether windows of that length ever held so much."""
HIGHEST = 50.0
"""Scores end here: no model of counts is believed further out."""
A0, B0 = 0.5, 5.0
"""The prior of a rate: half an event in five buckets."""
EVENTS = 300.0
"""Events that make a level: it remembers as many buckets as hold them …"""
SHORTEST_DAYS, LONGEST_DAYS = 0.25, 4.0
"""… from a quarter of a day to four days, and at least 96 buckets."""
CLIP = 3.0
"""How many standard deviations above its mean a bucket is learned in full."""
ANOMALOUS = 5.0
"""Evidence (powers of ten) from which on the level follows as slowly as it can."""
DOUBT, SHARED_ERROR = 1.0, 0.02
"""How many standard errors of the mean evidence is discounted by, and the squared relative error of any mean."""
LATE, ENOUGH, FAMILY_DRIFT = 0.8, 50.0, 1.7
"""What the rest of the family did of late (five buckets) is believed from some 50 events on, up to this factor."""
FAMILY_SPREAD, LONE_SPREAD = 0.02, 0.15
"""How far the hours of a series are from its parent's, and from no shape at all: variances of the factor."""
MOST_DAYS, HOUR_GAIN = 6.0, 0.15
"""Days by which the shape of a day is at most believed, and the weight of the newest."""
LOOSE_MS = 2 * HOUR_MS
"""What is still believed of the level after a declared change."""
YOUNG = 5
"""Buckets before the first judgement of a series whose parent knows the shape of the day."""
LN10 = float(np.log(10.0))


class _Look(NamedTuple):
    """What judging and learning both need to know of a bucket."""

    value: Floats
    usable: NDArray[np.bool_]
    factor: Floats
    mean: Floats
    level: Floats
    dispersion: Floats
    evidence: Floats
    weekend: Floats


class EnforcementBank(Bank):
    """Evidence for a rise or a fall of counts, against a level, a shape of the day and a dispersion that are learned
    online.

    A bucket is expected to hold m = level · shape · exposure. For each of six rises and three falls by a factor f the
    log likelihood ratio of a negative binomial with mean f·m over one with mean m is added up, fading by 0.2 % a bucket
    and never below 0 (a CUSUM for each f: Page 1954; Lorden 1971); the largest, in powers of ten, is the score: up to a
    shift, −log₁₀ of how often ordinary buckets reach it anew. A rise is held against a mean that is larger by its own
    standard error, a fall against one that is smaller; and where the rest of the family rose too, by up to ×1.7, that
    is no rise of this series. No score is higher than the window that it was found over is unusual by itself, given how
    far blocks of that length swing beyond chance (`models.detect.swings`): bursts and wandering levels are no news.

    The level is Gamma(a, b) with a memory of some 300 events, the shape the mean of each hour relative to the day's,
    joined by straight lines. How far a series believes its own hours follows from how well it can know them: thin ones
    take their parent's, those without a parent a flat day. What is anomalous is learned only up to three standard
    deviations. Source: conjugate Gamma–Poisson updating with discounting, West & Harrison, Bayesian Forecasting (1997).

    Judges after a day (24 to 1,440 buckets), with a parent that has seen one from the fifth bucket on. `scan_buckets`,
    `scan_observed` and `scan_expected` tell since when the evidence has grown. State below 0.5 kB a series.

    Bad at a step of the whole family by more than ×1.7 (a first weekend), at falls of series with fewer than some 20
    events an hour, at rises below some ×1.6 (they are drift), and at a bucket of a day (see `models.detect.daily`).

    >>> bank = EnforcementBank()
    >>> rows = bank.add(np.array([-1, -1]))
    >>> for minute in range(1500):
    ...     bank.learn(rows, np.array([minute % 3, 20.0]), minute * 60_000)
    >>> judged = bank.judge(rows, np.array([25.0, 21.0]), 1500 * 60_000)
    >>> judged.score[0] > 7, judged.score[1] < 1, judged.up[0]
    (np.True_, np.True_, np.True_)
    """

    def __init__(self, bucket_ms: int = MINUTE_MS) -> None:
        self.bucket_ms = bucket_ms
        self._warm_up = max(24, min(1440, DAY_MS // bucket_ms))
        self._memory = max(LONGEST_DAYS * DAY_MS / bucket_ms, 192.0)
        self._shortest = max(SHORTEST_DAYS * DAY_MS / bucket_ms, 96.0)
        many = len(FACTORS)
        self._columns = Columns(
            {
                "parent": Field("i8", 0, -1),
                "seen": Field("f8"),
                "a": Field("f8", 0, A0),
                "b": Field("f8", 0, B0),
                "excess": Field("f8"),
                "square": Field("f8", 0, 1e-6),
                **swings.FIELDS,
                "late_held": Field("f8"),
                "late_meant": Field("f8"),
                "hour": Field("f8", 0, -1),
                "hour_held": Field("f8"),
                "hour_buckets": Field("f8"),
                "hours_seen": Field("f8"),
                **weekend.FIELDS,
                "usual": Field("f8"),
                "hours": Field("f4", 24, 1.0),
                "evidence": Field("f4", many),
                "buckets": Field("f4", many),
                "held": Field("f4", many),
                "meant": Field("f4", many),
            }
        )

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        return self._columns.bytes_per_row

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent."""
        rows = self._columns.add(len(parents))
        self._columns["parent"][rows] = parents
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        self._columns.drop(rows)

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge a bucket; not ready in the first day (the first five with a parent that knows),
        nor for a value that is not finite.
        """
        c = self._columns
        look = self._look(rows, values, time_ms, exposure)
        best = np.argmax(look.evidence, axis=1)
        at = np.arange(len(rows))
        evidence = look.evidence[at, best]
        powers = evidence / LN10
        going = (c["evidence"][rows, best] > 0.0) & (evidence > 0.0)
        buckets = np.where(going, c["buckets"][rows, best] + 1.0, 1.0)
        held = np.where(going, c["held"][rows, best], 0.0) + look.value
        meant = np.where(going, c["meant"][rows, best], 0.0) + look.mean
        score = np.minimum(powers + SHIFT * np.minimum(powers, 1.0), HIGHEST)
        near = np.flatnonzero(powers > SURPRISING)
        if len(near):
            window = rows[near], buckets[near], held[near], meant[near], look.dispersion[near]
            score[near] = np.minimum(score[near], np.maximum(swings.surprise(c, *window), SURPRISING))
        ready = (c["seen"][rows] > self._warm_up) | ((c["seen"][rows] >= YOUNG) & self._lent(rows))
        ready &= look.usable
        return Judgements(
            np.where(ready, score, 0.0),
            np.where(evidence > 0.0, best < len(RISES), look.value >= look.mean),
            look.mean,
            ready,
            buckets.astype(np.int64),
            held,
            meant,
        )

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket, clipped; a value that is not finite is left out."""
        usable = np.isfinite(values)
        if not usable.all():
            rows, values = rows[usable], values[usable]
            exposure = None if exposure is None else exposure[usable]
        c = self._columns
        self._turn(rows, time_ms)
        look = self._look(rows, values, time_ms, exposure)
        seen = c["seen"][rows]
        spread = look.dispersion + 1.0 / (c["a"][rows] + 0.5)
        limit = look.mean + CLIP * np.sqrt(look.mean + spread * look.mean * look.mean) + 1.0
        anomalous = look.evidence.max(axis=1) > ANOMALOUS * LN10
        known = np.where(seen >= self._warm_up // 3, np.minimum(values, limit), values)
        gain = np.maximum(1.0 / (seen + 1.0), 1.0 / 4000.0)
        off = known - look.mean
        anomalous_hour = anomalous & (c["hours_seen"][rows] >= 24.0)
        gain = np.where(anomalous_hour, 0.0, gain)
        c["excess"][rows] += gain * (off * off - look.mean - c["excess"][rows])
        c["square"][rows] = np.maximum(c["square"][rows] + gain * (look.mean * look.mean - c["square"][rows]), 1e-6)
        for name, now in (("late_held", look.value), ("late_meant", look.mean)):
            c[name][rows] = LATE * c[name][rows] + now
        settled = seen >= self._warm_up // 6
        swings.learn(c, rows[settled], off[settled], look.mean[settled])
        c["hour_held"][rows] += np.where(anomalous_hour, 0.0, known / look.weekend)
        c["hour_buckets"][rows] += np.where(anomalous_hour, 0.0, 1.0)
        self._learn_level(rows, known, look, anomalous, time_ms)
        going = look.evidence > 0.0
        c["evidence"][rows] = np.minimum(look.evidence, ENOUGH_SAID * LN10)
        c["buckets"][rows] = np.where(going, c["buckets"][rows] + 1.0, 0.0)
        c["held"][rows] = np.where(going, c["held"][rows] + look.value[:, None], 0.0)
        c["meant"][rows] = np.where(going, c["meant"][rows] + look.mean[:, None], 0.0)
        c["seen"][rows] = seen + 1.0

    def _learn_level(self, rows: Rows, known: Floats, look: _Look, anomalous: NDArray[np.bool_], time_ms: int) -> None:
        """A weekend teaches what weekends are to working days, and leaves the level of these as it is."""
        c = self._columns
        if weekend.is_weekend(time_ms):
            apart = weekend.settled(c, rows)
            learns = apart & ~anomalous
            weekend.learn(c, rows[learns], known[learns], (look.mean / look.weekend)[learns])
            rows, known, anomalous = rows[~apart], known[~apart], anomalous[~apart]
            factor, level = look.factor[~apart], look.level[~apart]
        else:
            weekend.learn_working_hours(c, rows, self.bucket_ms / HOUR_MS)
            factor, level = look.factor, look.level
        memory = np.clip(EVENTS / level, self._shortest, self._memory)
        keep = 1.0 - 1.0 / np.where(anomalous, 4.0 * self._memory, memory)
        c["a"][rows] = keep * c["a"][rows] + known
        c["b"][rows] = keep * c["b"][rows] + factor

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """Learn that many empty buckets at once, in closed form, with the longest memory."""
        c = self._columns
        keep = (1.0 - 1.0 / self._memory) ** buckets
        c["a"][rows] *= keep
        c["b"][rows] = keep * c["b"][rows] + (1.0 - keep) * self._memory
        c["seen"][rows] += buckets

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: evidence and the unfinished hour begin anew; level and shape stay."""
        self._columns.reset(
            rows,
            (
                *("evidence", "buckets", "held", "meant", "late_held", "late_meant"),
                *swings.RECENT,
                *("hour", "hour_held", "hour_buckets"),
            ),
        )

    def reanchor(self, rows: Rows) -> None:
        """Take what came since the evidence began to grow as the level; the shape stays."""
        c = self._columns
        best = np.argmax(c["evidence"][rows], axis=1)
        buckets = c["buckets"][rows, best].astype(float)
        found = buckets > 0.0
        rows, best, buckets = rows[found], best[found], buckets[found]
        ratio = (c["held"][rows, best] + 0.5) / (c["meant"][rows, best] + 0.5)
        level = c["a"][rows] / c["b"][rows] * ratio
        b = np.minimum(buckets, self._memory)
        c["a"][rows], c["b"][rows] = level * b, b
        self._columns.reset(rows, ("evidence", "buckets", "held", "meant", "excess", "square"))

    def widen(self, rows: Rows) -> None:
        """A change was declared: keep two hours' worth of what is known of the level,
        so that a new one is learned by then.
        """
        c = self._columns
        b = np.minimum(c["b"][rows], max(LOOSE_MS / self.bucket_ms, 10.0))
        c["a"][rows] *= b / c["b"][rows]
        c["b"][rows] = b

    def snapshot(self, row: int) -> str:
        """All state of a series but its parent: base64 of its bytes."""
        return self._columns.dump(row)

    def restore(self, row: int, state: str) -> None:
        """Go on from `snapshot` as if never interrupted. A state of another layout raises ValueError."""
        parent = self._columns["parent"][row]
        self._columns.load(row, state)
        self._columns["parent"][row] = parent

    def _look(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None) -> _Look:
        c = self._columns
        usable = np.isfinite(values)
        value = np.where(usable, values, 0.0)
        factor = self._shape(rows, time_ms)
        times, unsure = np.ones(len(rows)), np.zeros(len(rows))
        if weekend.is_weekend(time_ms):
            times, unsure = weekend.factor(c, rows, c["parent"][rows].astype(np.intp))
            factor = factor * times
        if exposure is not None:
            factor = factor * exposure
        a, b = c["a"][rows], c["b"][rows]
        level = a / b
        mean = np.maximum(level * factor, 1e-6)
        dispersion = self._dispersion(rows)
        doubt = DOUBT * np.sqrt(1.0 / (a + 0.5) + SHARED_ERROR + unsure)
        family_drift = self._family_drift(rows)
        high = (mean * (1.0 + doubt) * np.maximum(family_drift, 1.0))[:, None]
        low = (mean / (1.0 + doubt) * np.minimum(family_drift, 1.0))[:, None]
        size = (1.0 / np.maximum(dispersion, 1e-4))[:, None]
        rises, falls = FACTORS[: len(RISES)], FACTORS[len(RISES) :]
        gained = np.concatenate(
            [_likelier(value[:, None], high, rises, size), _likelier(value[:, None], low, falls, size)], axis=1
        )
        evidence = np.maximum(0.0, KEEP * c["evidence"][rows] + gained)
        return _Look(value, usable, factor, mean, level, dispersion, evidence, times)

    def _dispersion(self, rows: Rows) -> Floats:
        c = self._columns
        seen = c["seen"][rows]
        own = np.clip(c["excess"][rows] / c["square"][rows], 0.0, 2.0)
        dispersion: Floats = np.where(seen < self._warm_up // 3, 1.0, own)
        return dispersion

    def _shape(self, rows: Rows, time_ms: int) -> Floats:
        """The factor of the moment: the series' own as far as it is known, else the parent's."""
        c = self._columns
        days = np.minimum(c["hours_seen"][rows] // 24.0, MOST_DAYS)
        own, usual = self._own_shape(rows, time_ms), np.ones(len(rows))
        spread = np.full(len(rows), LONE_SPREAD)
        parent = c["parent"][rows].astype(np.intp)
        lent = np.flatnonzero(parent >= 0)
        lent = lent[c["hours_seen"][parent[lent]] >= 24.0]
        if len(lent):
            usual[lent] = self._own_shape(parent[lent], time_ms)
            spread[lent] = FAMILY_SPREAD
        per_hour = max(1.0, HOUR_MS / self.bucket_ms)
        noise = (
            1.0 / (per_hour * np.maximum(c["a"][rows] / c["b"][rows], 1e-9)) + self._dispersion(rows) / per_hour
        ) / np.maximum(days, 1e-9)
        weight: Floats = np.where(days > 0, spread / (spread + noise), 0.0)
        return weight * own + (1.0 - weight) * usual

    def _family_drift(self, rows: Rows) -> Floats:
        """By how much the others of the family are above or below their usual right now;
        1 without a parent that knows.
        """
        c = self._columns
        family_drift = np.ones(len(rows))
        known = self._lent(rows)
        lent = rows[known]
        if len(lent):
            parent = c["parent"][lent].astype(np.intp)
            held = np.maximum(c["late_held"][parent] - c["late_held"][lent], 0.0)
            meant = np.maximum(c["late_meant"][parent] - c["late_meant"][lent], 0.0)
            family_drift[known] = np.clip((held + ENOUGH) / (meant + ENOUGH), 1.0 / FAMILY_DRIFT, FAMILY_DRIFT)
        return family_drift

    def _own_shape(self, rows: Rows, time_ms: int) -> Floats:
        c = self._columns
        hours = c["hours"]
        if self.bucket_ms >= HOUR_MS:
            whole: Floats = hours[rows, time_ms // HOUR_MS % 24].astype(np.float64)
            return whole
        hour, rest = divmod(time_ms + self.bucket_ms // 2 - HOUR_MS // 2, HOUR_MS)
        before: Floats = hours[rows, hour % 24].astype(np.float64)
        after: Floats = hours[rows, (hour + 1) % 24].astype(np.float64)
        return before + rest / HOUR_MS * (after - before)

    def _turn(self, rows: Rows, time_ms: int) -> None:
        """When an hour is over, its factor is learned."""
        c = self._columns
        hour = time_ms // HOUR_MS % 24
        over = rows[c["hour"][rows] != hour]
        if not len(over):
            return
        done = over[(c["hour"][over] >= 0) & (c["hour_buckets"][over] > 0)]
        if len(done):
            at = c["hour"][done].astype(np.intp)
            mean = c["hour_held"][done] / c["hour_buckets"][done]
            seen = c["hours_seen"][done] + 1.0
            usual, old = c["usual"][done], c["hours"][done, at].astype(float)
            known = seen > 24.0
            gain = np.maximum(1.0 / (seen // 24.0 + 1.0), HOUR_GAIN)
            moved = old + gain * (np.clip(mean / np.maximum(usual, 1e-12), 0.02, 50.0) - old)
            c["hours"][done, at] = np.where(known, moved, mean)
            c["usual"][done] = np.where(known, usual + (mean / np.maximum(moved, 0.02) - usual) / 48.0, usual)
            c["hours_seen"][done] = seen
            first = done[seen == 24.0]
            if len(first):
                usual = np.maximum(c["hours"][first].mean(axis=1).astype(float), 1e-9)
                c["hours"][first] = c["hours"][first] / usual[:, None]
                c["usual"][first] = usual
                alone = first[~self._lent(first)]
                c["a"][alone] = c["usual"][alone] * c["b"][alone]
                c["evidence"][alone] = 0.0
        c["hour"][over] = hour
        c["hour_held"][over] = c["hour_buckets"][over] = 0.0

    def _lent(self, rows: Rows) -> NDArray[np.bool_]:
        c = self._columns
        parent = c["parent"][rows].astype(np.intp)
        return (parent >= 0) & (c["hours_seen"][parent] >= 24.0)


def _likelier(value: Floats, mean: Floats, factors: Floats, size: Floats) -> Floats:
    """Log likelihood of a negative binomial count at `factors` times the mean over that at the mean."""
    ratio: Floats = np.log((size + factors * mean) / (size + mean))
    return value * (np.log(factors) - ratio) - size * ratio
