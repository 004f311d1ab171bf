"""The traffic bank: conformance, the same alone and together, and what each kind of change looks like to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.detect.bank import Floats, Judgements
from models.detect.checks import START_MS, yield_checks
from models.detect.novelty import TrafficNovelty
from models.detect.traffic.bank import SETTLE, TrafficBank
from tests.models.test_detectors import GENERAL, NOT_OURS, ON_DATA, dataset

FACTORIES = [
    ("none", partial(TrafficNovelty, "none"), MINUTE_MS),
    ("day", TrafficNovelty, MINUTE_MS),
    ("week", partial(TrafficNovelty, "week", HOUR_MS), HOUR_MS),
    ("days", partial(TrafficNovelty, "week", DAY_MS), DAY_MS),
]
OURS = [
    pytest.param(check, id=f"{name}-{check.__name__}")
    for name, factory, bucket_ms in FACTORIES
    for check in yield_checks(factory, "traffic", bucket_ms)
]
ALONE = np.array([-1])


@pytest.mark.parametrize("check", OURS)
def test_conformance(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", GENERAL, ids=lambda check: str(check.__name__))
def test_river_general(check: Callable[[Any], None]) -> None:
    check(TrafficNovelty())


@pytest.mark.parametrize("check", ON_DATA, ids=lambda check: str(check.__name__))
def test_river_on_data(check: Callable[[Any, Any], None]) -> None:
    check(TrafficNovelty(), dataset())


@pytest.mark.parametrize("check", NOT_OURS, ids=lambda check: str(check.__name__))
def test_a_bucket_without_value_or_time_is_loud(check: Callable[[Any, Any], None]) -> None:
    with pytest.raises(KeyError):
        check(TrafficNovelty(), dataset())


def noise(buckets: int, seed: int, level: float = 1000.0, share: float = 0.03) -> Floats:
    return level * (1.0 + share * np.random.default_rng(seed).standard_normal(buckets))


class Run:
    """A bank of one series, fed bucket after bucket."""

    def __init__(self, season: str = "none", bucket_ms: int = MINUTE_MS) -> None:
        self.bank = TrafficBank(season, bucket_ms)
        self.rows = self.bank.add(ALONE)
        self.time_ms = START_MS
        self.bucket_ms = bucket_ms

    def feed(self, values: Floats) -> list[Judgements]:
        notified = []
        for value in np.asarray(values, dtype=float):
            notified.append(self.bank.judge(self.rows, np.array([value]), self.time_ms))
            self.bank.learn(self.rows, np.array([value]), self.time_ms)
            self.time_ms += self.bucket_ms
        return notified

    def score(self, value: float) -> float:
        return float(self.bank.judge(self.rows, np.array([value]), self.time_ms).score[0])


def scores(notified: list[Judgements]) -> list[float]:
    return [float(one.score[0]) for one in notified]


# One series among many


def test_together_is_alone_bit_by_bit() -> None:
    """Whoever else is judged with it, in whatever order and number: the same judgements and the same state."""
    rng = np.random.default_rng(3)
    seasons, count = 10.0 + 5.0 * np.sin(np.arange(900) / 46.0), 7
    together = TrafficBank()
    rows = together.add(np.full(count, -1))
    alone = [TrafficBank() for _ in range(count)]
    places = [bank.add(ALONE) for bank in alone]
    for minute in range(900):
        there = rng.permutation(np.flatnonzero(rng.random(count) < 0.9))
        if not len(there):
            continue
        values = seasons[minute] * (there + 1.0) + rng.standard_normal(len(there))
        if rng.random() < 0.02:
            values[0] = rng.choice([np.nan, 0.0, 500.0])
        time_ms = START_MS + 5 * minute * MINUTE_MS
        if minute % 397 == 0:
            together.forget_recent(rows[there])
        judged = together.judge(rows[there], values, time_ms)
        together.learn(rows[there], values, time_ms)
        for at, (series, value) in enumerate(zip(there, values, strict=True)):
            if minute % 397 == 0:
                alone[series].forget_recent(places[series])
            own = alone[series].judge(places[series], np.array([value]), time_ms)
            assert judged.one(at) == own.one(0) or np.isnan(value)
            alone[series].learn(places[series], np.array([value]), time_ms)
    for row, bank in zip(rows, alone, strict=True):
        assert together.snapshot(int(row)) == bank.snapshot(0)


def test_learning_is_the_same_whether_or_not_it_was_judged_before() -> None:
    judged, unjudged = Run("day"), Run("day")
    values = noise(300, 1)
    judged.feed(values)
    for value in values:
        unjudged.bank.learn(unjudged.rows, np.array([value]), unjudged.time_ms)
        unjudged.time_ms += MINUTE_MS
    assert judged.bank.snapshot(0) == unjudged.bank.snapshot(0)


def test_judging_something_else_in_between_does_not_confuse_learning() -> None:
    """What judging worked out is used again by learning the same bucket, and by nothing else."""
    plain, asked = Run(), Run()
    for run in (plain, asked):
        run.feed(noise(300, 1))
    value = np.array([1234.0])
    for change in (TrafficBank.widen, TrafficBank.reanchor, TrafficBank.forget_recent):
        asked.bank.judge(asked.rows, value, asked.time_ms)
        for run in (plain, asked):
            change(run.bank, run.rows)
            run.bank.learn(run.rows, value, run.time_ms)
        assert plain.bank.snapshot(0) == asked.bank.snapshot(0)
    asked.score(1e6)
    for run in (plain, asked):
        run.bank.learn(run.rows, value, run.time_ms)
    assert plain.bank.snapshot(0) == asked.bank.snapshot(0)


def test_what_was_judged_stays_as_it_was_told() -> None:
    run = Run()
    run.feed(noise(100, 1))
    notified = run.bank.judge(run.rows, np.array([500.0]), run.time_ms)
    before = notified.one(0)
    run.bank.learn(run.rows, np.array([500.0]), run.time_ms)
    assert notified.one(0) == before


def test_a_state_goes_on_in_another_place_of_another_bank() -> None:
    run, other = Run("week", HOUR_MS), TrafficBank("week", HOUR_MS)
    run.feed(noise(500, 1))
    row = other.add(np.full(5, -1))[3:4]
    other.restore(3, run.bank.snapshot(0))
    for value in noise(50, 2):
        expected = run.feed(np.array([value]))[0].one(0)
        assert other.judge(row, np.array([value]), run.time_ms - HOUR_MS).one(0) == expected
        other.learn(row, np.array([value]), run.time_ms - HOUR_MS)


def test_a_state_of_another_layout_is_refused() -> None:
    run = Run("day")
    with pytest.raises(ValueError, match="bytes"):
        run.bank.restore(0, Run("week").bank.snapshot(0))


def test_a_row_that_was_dropped_begins_anew() -> None:
    bank = TrafficBank()
    rows = bank.add(np.full(3, -1))
    empty = bank.snapshot(0)
    for minute in range(30):
        bank.learn(rows, np.array([1.0, 2.0, 3.0]) * (1 + minute % 3), START_MS + minute * MINUTE_MS)
    bank.drop(rows[1:2])
    again = bank.add(ALONE)
    assert again.tolist() == [1]
    assert bank.snapshot(1) == empty


def test_state_is_below_a_kilobyte() -> None:
    assert max(TrafficBank(season).bytes_per_row for season in ("none", "day", "week")) <= 1000


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(width=64), min_size=25, max_size=80),
    st.sampled_from(["none", "day", "week"]),
    st.sampled_from([10_000, MINUTE_MS, 6 * HOUR_MS]),
)
def test_whatever_comes_scores_are_finite(values: list[float], season: str, bucket_ms: int) -> None:
    run = Run(season, bucket_ms)
    notified = run.feed(np.array(values))
    notified += run.feed(noise(60, 1))
    assert np.all(np.isfinite(scores(notified)))
    assert min(scores(notified)) >= 0.0


# What a change looks like


def test_spike_is_told_against_shift_by_how_many_buckets_are_odd() -> None:
    run = Run()
    run.feed(noise(500, 1))
    spike = run.feed(np.array([3000.0, *noise(3, 2)]))
    run.feed(noise(50, 3))
    shift = run.feed(noise(4, 4, level=400.0))
    assert spike[0].score[0] > 5
    assert (spike[0].up[0], spike[0].scan_buckets[0]) == (True, 1)
    assert spike[3].score[0] < 3
    assert shift[3].score[0] > 5
    assert (shift[3].up[0], shift[3].scan_buckets[0]) == (False, 4)
    assert shift[3].scan_observed[0] == pytest.approx(4 * 400, rel=0.1)
    assert shift[3].scan_expected[0] > 2 * shift[3].scan_observed[0]


def test_a_shift_that_stays_may_be_smaller_than_a_spike() -> None:
    run = Run()
    run.feed(noise(2000, 1))
    off = run.feed(np.full(4, 890.0))
    assert off[0].score[0] + 0.5 < off[-1].score[0]


def test_quiet_hours_are_measured_by_quiet_hours() -> None:
    """Noise that comes and goes: half the usual noise makes the same fall odder."""
    loud, quiet = Run(), Run()
    for run, share in ((loud, 0.1), (quiet, 0.02)):
        run.feed(noise(3000, 1, share=0.1))
        run.feed(noise(200, 2, share=share))
    assert quiet.feed(noise(4, 3, 600.0, 0.02))[-1].score[0] > loud.feed(noise(4, 3, 600.0, 0.02))[-1].score[0] + 0.5


def test_each_side_has_its_own_measure() -> None:
    """A series that leaps up now and then and never falls: a fall is odder than a leap of the same size."""
    values = noise(4000, 1)
    values[::25] += 500.0
    run = Run()
    run.feed(values)
    assert run.score(500.0) > run.score(1500.0) + 1.0


def test_slow_evening_is_no_anomaly_and_is_followed() -> None:
    evening = 1000.0 + 2000.0 * np.sin(np.linspace(0.0, np.pi / 2, 240)) ** 2
    run = Run()
    run.feed(noise(1000, 1))
    notified = run.feed(evening * noise(240, 2, level=1.0))
    assert max(scores(notified)) < 5
    assert notified[-1].expected[0] == pytest.approx(3000, rel=0.1)


def test_lasting_level_is_learned_within_two_hours_and_an_incident_is_not() -> None:
    run = Run()
    run.feed(noise(1000, 1))
    incident = run.feed(noise(10, 2, level=300.0))
    assert incident[-1].expected[0] > 800
    notified = run.feed(noise(110, 3, level=300.0))
    assert notified[-1].expected[0] == pytest.approx(300, rel=0.1)
    assert max(scores(notified[-20:])) < 3


@pytest.mark.parametrize("piled", [[], [0], [0, 1], [1, 2], [2]])
def test_gap_of_forty_days_leaves_the_baseline(piled: list[int]) -> None:
    """What piled up is not judged, is not the new level, and what comes after it is no drop."""
    run = Run("day")
    run.feed(noise(4000, 1))
    run.time_ms += 40 * DAY_MS
    run.bank.forget_recent(run.rows)
    values = noise(60, 2)
    values[piled] *= 40.0
    notified = run.feed(values)
    assert [bool(one.ready[0]) for one in notified[: SETTLE + 1]] == [False] * SETTLE + [True]
    assert max(scores(notified)) < 3
    assert notified[SETTLE].expected[0] == pytest.approx(1000, rel=0.2)
    assert run.score(300.0) > 5


def test_reanchor_takes_the_level_of_late_and_keeps_the_shape() -> None:
    hours = np.tile(1.0 + 0.8 * np.sin(np.arange(24) * 2 * np.pi / 24), 30)
    run = Run("day", HOUR_MS)
    run.feed(1000.0 * hours * noise(720, 1, 1.0, 0.02))
    run.feed(100.0 * hours[:12] * noise(12, 2, 1.0, 0.02))
    run.bank.reanchor(run.rows)
    usual = 100.0 * np.roll(hours, -12)[:24]
    notified = run.feed(usual * noise(24, 3, 1.0, 0.02))
    assert max(scores(notified)) < 3
    assert [float(one.expected[0]) for one in notified[4:]] == pytest.approx(usual[4:].tolist(), abs=60)


def test_reanchor_of_a_series_about_zero_moves_it() -> None:
    run = Run()
    run.feed(noise(300, 1) - 1000.0)
    run.feed(noise(20, 2) - 1300.0)
    run.bank.reanchor(run.rows)
    assert run.feed(np.array([-300.0]))[0].expected[0] == pytest.approx(-300, abs=40)


def test_after_an_announced_change_a_new_level_is_learned_at_once() -> None:
    notified, unnotified = Run(), Run()
    for run in (notified, unnotified):
        run.feed(noise(1000, 1))
    notified.bank.widen(notified.rows)
    after = [run.feed(noise(10, 2, level=1500.0)) for run in (notified, unnotified)]
    assert after[0][-1].expected[0] == pytest.approx(1500, rel=0.05)
    assert after[1][-1].expected[0] < 1300
    assert max(scores(after[0])) < max(scores(after[1])) / 1.5


# The shape of the day and of the week


def shaped(slots: int, periods: int, seed: int) -> Floats:
    shape = np.where(np.arange(slots) % slots > slots * 5 // 7, 0.2, 1.0)
    return np.tile(shape, periods) * noise(slots * periods, seed, level=1000.0)


@pytest.mark.parametrize(("season", "slots"), [("day", 24), ("week", 168)])
def test_shape_is_expected_and_its_absence_is_odd(season: str, slots: int) -> None:
    values = shaped(slots, 12, 1)
    run, plain = Run(season, HOUR_MS), Run("none", HOUR_MS)
    run.time_ms = plain.time_ms = 0
    normal, loud = (max(scores(each.feed(values))[9 * slots :]) for each in (run, plain))
    assert normal < 3
    assert normal < loud
    assert run.score(200.0) > 5
    run.feed(values[: slots * 5 // 7 + 2])
    assert run.score(1000.0) > 3 > run.score(200.0)


def test_shape_that_is_not_there_costs_nothing() -> None:
    run, plain = Run("day"), Run("none")
    values = noise(6 * 1440, 1)
    run.feed(values)
    plain.feed(values)
    for value in (400.0, 800.0, 1300.0):
        assert run.score(value) > 0.9 * plain.score(value)


def test_hour_that_is_odd_every_day_counts_for_less() -> None:
    values = noise(1440 * 14, 1)
    for day, minute in itertools.product(range(14), (0, 1, 2)):
        values[day * 1440 + 600 + minute] *= 3.0
    run = Run("day")
    run.time_ms = 0
    notified = scores(run.feed(values))
    first, last = max(notified[1440 + 600 : 1440 + 605]), max(notified[13 * 1440 + 600 : 13 * 1440 + 605])
    assert last < first - 1.0


# Ratios and exposure


def test_exposure_divides_before_judging_and_multiplies_the_expectation() -> None:
    plain, out_of = Run(), Run()
    exposure = np.random.default_rng(5).uniform(0.5, 3.0, 301)
    values = noise(301, 1)
    for value, factor in zip(values[:-1], exposure[:-1], strict=True):
        plain.bank.learn(plain.rows, np.array([value]), START_MS)
        out_of.bank.learn(out_of.rows, np.array([value * factor]), START_MS, np.array([factor]))
    fall = 0.5 * values[-1]
    one = plain.bank.judge(plain.rows, np.array([fall]), START_MS).one(0)
    other = out_of.bank.judge(out_of.rows, np.array([fall * 4.0]), START_MS, np.array([4.0])).one(0)
    assert other.score == pytest.approx(one.score)
    assert other.expected == pytest.approx(4.0 * one.expected)
    assert other.scan_observed == pytest.approx(4.0 * one.scan_observed)


def test_without_exposure_nothing_is_judged() -> None:
    run = Run()
    run.feed(noise(100, 1))
    before = run.bank.snapshot(0)
    for value in (0.0, 5.0):
        notified = run.bank.judge(run.rows, np.array([value]), run.time_ms, np.array([0.0]))
        assert not notified.ready[0]
        run.bank.learn(run.rows, np.array([value]), run.time_ms, np.array([0.0]))
    assert run.bank.snapshot(0) == before


# A room and its market


def family(known: int = 1000) -> tuple[TrafficBank, Any, int]:
    """A bank with a market that is known, and a room that opens now."""
    bank = TrafficBank()
    market = bank.add(ALONE)
    for minute, value in enumerate(noise(known, 1, level=50_000.0, share=0.02)):
        bank.learn(market, np.array([value]), START_MS + minute * MINUTE_MS)
    return bank, bank.add(market), START_MS + known * MINUTE_MS


@pytest.mark.parametrize(("known", "first"), [(1000, 4), (50, 20)])
def test_a_room_is_judged_from_its_fifth_bucket_where_its_market_is_known(known: int, first: int) -> None:
    bank, room, time_ms = family(known)
    ready = []
    for minute, value in enumerate(noise(30, 2, level=800.0)):
        ready.append(bool(bank.judge(room, np.array([value]), time_ms + minute * MINUTE_MS).ready[0]))
        bank.learn(room, np.array([value]), time_ms + minute * MINUTE_MS)
    assert ready == [False] * first + [True] * (30 - first)


def test_fall_in_the_sixth_minute_of_a_room_is_found_and_its_noise_is_not() -> None:
    for seed in range(10):
        bank, room, time_ms = family()
        worst = 0.0
        for minute, value in enumerate(noise(6, seed, level=800.0, share=0.05)):
            at = time_ms + minute * MINUTE_MS
            worst = max(worst, float(bank.judge(room, np.array([value]), at).score[0]))
            bank.learn(room, np.array([value]), at)
        fall = bank.judge(room, np.array([200.0]), time_ms + 6 * MINUTE_MS)
        assert worst < 4 < fall.score[0]
        assert not fall.up[0]
