"""Counts by the day: together as alone, and what a reader of the chart would stop at."""

from __future__ import annotations

import numpy as np
import pytest

from livewarden.times import DAY_MS
from models.detect.checks import START_MS
from models.detect.daily import DailyBank, DailyCounts
from models.detect.judgement import Judgement


def feed(model: DailyCounts, values: list[float], first: int = 0) -> list[Judgement]:
    judged = []
    for index, value in enumerate(values, start=first):
        x = {"value": value, "time_ms": START_MS + index * DAY_MS}
        judged.append(model.judge_one(x))
        model.learn_one(x)
    return judged


def noisy(level: float, days: int, seed: int = 1) -> list[float]:
    return [float(count) for count in np.random.default_rng(seed).poisson(level, days)]


def test_together_as_alone_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    counts = np.floor(np.exp(rng.normal(3.0, 2.0, (120, 20))))
    bank = DailyBank()
    rows = bank.add(np.full(20, -1))
    singles = [DailyCounts() for _ in rows]
    for day, row in enumerate(counts):
        together = bank.judge(rows, row, START_MS + day * DAY_MS)
        for index, single in enumerate(singles):
            x = {"value": float(row[index]), "time_ms": START_MS + day * DAY_MS}
            assert single.judge_one(x) == together.one(index)
            single.learn_one(x)
        bank.learn(rows, row, START_MS + day * DAY_MS)
    assert [bank.snapshot(int(row)) for row in rows] == [single.snapshot() for single in singles]


def test_first_burst_is_odd_and_a_monthly_one_is_not() -> None:
    model = DailyCounts()
    month = [*noisy(3, 29), 1000.0]
    first = feed(model, month * 2)[-31]
    again = feed(model, month * 5, first=60)[-1]
    assert first.score > 4 > 3 > again.score
    assert model.judge_one({"value": 1e6, "time_ms": START_MS + 300 * DAY_MS}).score > 4


def test_one_incident_makes_no_habit() -> None:
    model = DailyCounts()
    feed(model, [*noisy(3, 60), 50_000.0, *noisy(3, 30, 2)])
    assert model.judge_one({"value": 50_000.0, "time_ms": START_MS + 91 * DAY_MS}).score > 4


def test_fall_that_stays_is_told_on_its_day_and_learned_after_reanchor() -> None:
    model = DailyCounts()
    feed(model, noisy(24_000, 90))
    fall = feed(model, noisy(700, 7, 2), first=90)
    assert fall[0].score > 5
    assert fall[0].direction == "DOWN"
    model.reanchor()
    after = feed(model, noisy(700, 20, 3), first=97)
    assert max(judged.score for judged in after) < 3
    assert after[0].expected == pytest.approx(700, rel=0.1)


def test_habit_of_single_days_does_not_hide_a_fall_that_lasts() -> None:
    model = DailyCounts()
    feed(model, [*noisy(500, 39), 0.0] * 5)
    fall = feed(model, [*noisy(500, 20), 0.0, 0.0, 0.0], first=200)[-3:]
    assert fall[0].score < 3 < fall[2].score


def test_late_filing_is_no_spike() -> None:
    model = DailyCounts()
    feed(model, noisy(1000, 60))
    late = feed(model, [100.0, 100.0, 2800.0], first=60)
    assert late[0].score > 3
    assert late[2].score < 1


def test_what_piled_up_in_a_gap_of_forty_days_is_no_spike_and_the_baseline_survives() -> None:
    model = DailyCounts()
    feed(model, noisy(1000, 60))
    model.forget_recent()
    back = feed(model, [6000.0, *noisy(1000, 10, 2)], first=100)
    assert max(judged.score for judged in back) < 3
    assert back[-1].expected == pytest.approx(1000, rel=0.05)


def test_shape_of_the_week_is_learned_where_it_is_there() -> None:
    shaped, plain = DailyCounts(), DailyCounts()
    feed(shaped, [count * (0.1 if day % 7 in (5, 6) else 1.0) // 1 for day, count in enumerate(noisy(2000, 140))])
    feed(plain, noisy(2000, 140))
    weekend, weekday = ({"value": 200.0, "time_ms": START_MS + day * DAY_MS} for day in (145, 142))
    assert shaped.score_one(weekend) < 1 < 3 < plain.score_one(weekend)
    assert shaped.score_one(weekday) > 3


def test_quiet_past_is_learned_as_if_each_day_had_been() -> None:
    at_once, one_by_one = DailyCounts(), DailyCounts()
    at_once.learn_quiet(100)
    feed(one_by_one, [0.0] * 100)
    x = {"value": 500.0, "time_ms": START_MS + 100 * DAY_MS}
    assert at_once.score_one(x) == pytest.approx(one_by_one.score_one(x))
    assert at_once.score_one(x) > 4


def test_declared_change_passes_for_ordinary() -> None:
    notified, unnotified = DailyCounts(), DailyCounts()
    for model in (notified, unnotified):
        feed(model, noisy(1000, 60))
    notified.widen()
    x = {"value": 300.0, "time_ms": START_MS + 60 * DAY_MS}
    assert notified.score_one(x) < 2 < 3 < unnotified.score_one(x)


def test_child_is_judged_after_a_week_with_its_parent() -> None:
    bank = DailyBank()
    (parent,) = bank.add(np.array([-1]))
    for day in range(60):
        bank.learn(np.array([parent]), np.array([1000.0 + day % 7]), START_MS + day * DAY_MS)
    pair = bank.add(np.array([parent, -1]))
    for day in range(60, 68):
        bank.learn(pair, np.array([100.0, 100.0]), START_MS + day * DAY_MS)
    judged = bank.judge(pair, np.array([20_000.0, 20_000.0]), START_MS + 68 * DAY_MS)
    assert judged.ready.tolist() == [True, False]
    assert judged.score[0] > 3


def test_state_fits() -> None:
    assert DailyBank().bytes_per_row <= 1000
