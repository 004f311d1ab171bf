"""The detectors: our conformance checks, River's, and what each is for."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from river.checks import common

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.detect.bank import Judgements
from models.detect.checks import START_MS, Kind, ordinary, yield_checks
from models.detect.daily import DailyCounts
from models.detect.enforcement import A0, B0, LONGEST_DAYS, EnforcementBank
from models.detect.judgement import Detector, Judgement
from models.detect.novelty import TrafficNovelty
from models.detect.scan import EnforcementScan

FACTORIES: list[tuple[str, Callable[[], Any], Kind, int]] = [
    ("traffic", partial(TrafficNovelty, "none"), "traffic", MINUTE_MS),
    ("traffic-day", TrafficNovelty, "traffic", MINUTE_MS),
    ("traffic-week", partial(TrafficNovelty, "week"), "traffic", 5 * MINUTE_MS),
    ("enforcement-minute", EnforcementScan, "enforcement", MINUTE_MS),
    ("enforcement-ten-seconds", partial(EnforcementScan, 10_000), "enforcement", 10_000),
    ("enforcement-hour", partial(EnforcementScan, HOUR_MS), "enforcement", HOUR_MS),
    ("enforcement-day", DailyCounts, "enforcement", DAY_MS),
]
OURS = [
    pytest.param(check, id=f"{name}-{check.__name__}")
    for name, factory, kind, bucket_ms in FACTORIES
    for check in yield_checks(factory, kind, bucket_ms)
]
ESTIMATORS = pytest.mark.parametrize(
    "model", [TrafficNovelty(), EnforcementScan(), DailyCounts()], ids=lambda model: type(model).__name__
)


@pytest.mark.parametrize("check", OURS)
def test_conformance(check: Callable[[], None]) -> None:
    check()


# River's own checks. `river.checks.check_estimator` cannot run as a whole: its list downloads the credit card data set
# and its datasets and ROC check need scikit-learn, neither of which is ours. Its checks take any data set, so ours is
# given.
GENERAL = [
    common.check_repr,
    common.check_str,
    common.check_tags,
    common.check_clone_same_class,
    common.check_clone_is_idempotent,
    common.check_init_has_default_params_for_tests,
    common.check_init_default_params_are_not_mutable,
    common.check_doc,
    common.check_clone_changes_memory_addresses,
    common.check_mutate_can_be_idempotent,
    common.check_pickling_supports_roundtrip,
    common.check_repr_roundtrips_clone,
    common.check_clone_with_new_params_applies,
    common.check_get_params_matches_signature,
]
ON_DATA = [
    common.check_learn_one,
    common.check_pickling,
    common.check_shuffle_features_no_impact,
    common.check_predict_one_pure,
    common.check_predict_one_before_any_learn,
    common.check_no_state_aliasing_with_input,
    common.check_clone_is_independent,
    common.check_bounded_memory_growth,
]
NOT_OURS = [
    common.check_emerging_features,
    common.check_disappearing_features,
    common.check_radically_disappearing_features,
]


def dataset(buckets: int = 400) -> list[tuple[dict[str, float], bool]]:
    rows = enumerate(ordinary("enforcement", buckets))
    return [({"value": value, "time_ms": START_MS + index * MINUTE_MS}, False) for index, value in rows]


@ESTIMATORS
@pytest.mark.parametrize("check", GENERAL, ids=lambda check: str(check.__name__))
def test_river_general(model: Any, check: Callable[[Any], None]) -> None:
    check(model.clone())


@ESTIMATORS
@pytest.mark.parametrize("check", ON_DATA, ids=lambda check: str(check.__name__))
def test_river_on_data(model: Any, check: Callable[[Any, Any], None]) -> None:
    check(model.clone(), dataset())


@ESTIMATORS
@pytest.mark.parametrize("check", NOT_OURS, ids=lambda check: str(check.__name__))
def test_river_checks_that_do_not_apply(model: Any, check: Callable[[Any, Any], None]) -> None:
    """They take features away. A bucket always has a value and a start: one without is a mistake, and must be loud."""
    with pytest.raises(KeyError):
        check(model.clone(), dataset())


@ESTIMATORS
def test_odd_buckets_rank_above_ordinary_ones(model: Any) -> None:
    """What River's ROC check asks, without scikit-learn."""
    model, rng = model.clone(), random.Random(5)
    anomalous: list[float] = []
    usual: list[float] = []
    for x, _ in dataset(2500):
        strange = rng.random() < 0.01
        bucket = x | {"value": 6.0 * x["value"]} if strange else x
        if model.judge_one(bucket).ready:
            (anomalous if strange else usual).append(model.score_one(bucket))
        model.learn_one(bucket)
    above = sum(score > other for score in anomalous for other in usual)
    assert len(anomalous) > 5
    assert above / (len(anomalous) * len(usual)) > 0.95


def feed(detector: Detector, values: list[float], bucket_ms: int = MINUTE_MS, first: int = 0) -> list[Judgement]:
    judged = []
    for index, value in enumerate(values, start=first):
        x = {"value": value, "time_ms": START_MS + index * bucket_ms}
        judged.append(detector.judge_one(x))
        detector.learn_one(x)
    return judged


def test_slow_burn_is_found_in_a_longer_window() -> None:
    detector = EnforcementScan()
    feed(detector, ordinary("enforcement", 3000))
    burn = feed(detector, [35.0] * 5, first=3000)
    assert burn[0].score + 0.5 < burn[-1].score
    assert (burn[0].scan_buckets, burn[-1].scan_buckets) == (1, 5)
    assert burn[-1].scan_observed == 175.0 > 1.5 * burn[-1].scan_expected
    assert burn[-1].direction == "UP"


def test_silence_of_a_busy_series_is_a_drop() -> None:
    detector = EnforcementScan()
    feed(detector, ordinary("enforcement", 3000))
    drop = feed(detector, [0.0] * 5, first=3000)[-1]
    assert drop.direction == "DOWN"
    assert drop.score > 3


@pytest.mark.parametrize("buckets", [1, 10, 2000])
def test_quiet_past_is_learned_as_if_each_bucket_had_been(buckets: int) -> None:
    at_once = EnforcementScan()
    at_once.learn_quiet(buckets)
    a, b, keep = A0, B0, 1.0 - 1.0 / (LONGEST_DAYS * 1440)
    for _ in range(buckets):
        a, b = keep * a, keep * b + 1.0
    judged = at_once.judge_one({"value": 0.0, "time_ms": START_MS})
    assert judged.expected == pytest.approx(a / b)


def feed_bank(
    bank: EnforcementBank, rows: NDArray[np.intp], values: NDArray[np.float64], first: int = 0, step_ms: int = MINUTE_MS
) -> list[Judgements]:
    """Judge, then teach, one row of `values` a bucket."""
    judged = []
    for index, now in enumerate(values, start=first):
        judged.append(bank.judge(rows, now, START_MS + index * step_ms))
        bank.learn(rows, now, START_MS + index * step_ms)
    return judged


def family(series: int, minutes: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates with one shape of the day, from a busy hour of ×3 to a quiet one, and Poisson counts around them."""
    rng = np.random.default_rng(seed)
    means = np.geomspace(0.05, 20.0, series)
    shape = 1.0 + 0.8 * np.sin(2 * np.pi * np.arange(minutes) / 1440)
    rates = shape[:, None] * means
    return rates, rng.poisson(rates).astype(np.float64)


def test_series_are_judged_alike_alone_and_together() -> None:
    _, counts = family(7, 1700, 1)
    counts[1600:1605, 3] *= 9
    together, parts = EnforcementBank(), [EnforcementBank() for _ in range(7)]
    rows = together.add(np.full(7, -1))
    lone = [bank.add(np.array([-1])) for bank in parts]
    for minute in range(1700):
        at = START_MS + minute * MINUTE_MS
        asked = minute % 10 == 0 or minute >= 1590
        found = together.judge(rows, counts[minute], at) if asked else None
        for series, (bank, row) in enumerate(zip(parts, lone, strict=True)):
            own = counts[minute, series : series + 1]
            assert found is None or bank.judge(row, own, at).one(0) == found.one(series)
            bank.learn(row, own, at)
        together.learn(rows, counts[minute], at)
    assert [bank.snapshot(int(row[0])) for bank, row in zip(parts, lone, strict=True)] == [
        together.snapshot(int(row)) for row in rows
    ]


def test_thin_series_takes_the_shape_of_its_parent() -> None:
    rates, counts = family(30, 4 * 1440, 2)
    errors = {}
    for parent in (True, False):
        bank = EnforcementBank()
        whole = bank.add(np.array([-1]))
        rows = bank.add(np.full(30, whole[0] if parent else -1))
        expected = np.zeros_like(rates)
        for minute, now in enumerate(counts):
            at = START_MS + minute * MINUTE_MS
            if minute >= len(counts) - 1440:
                expected[minute] = bank.judge(rows, now, at).expected
            bank.learn(rows, now, at)
            if parent:
                bank.learn(whole, np.array([now.sum()]), at)
        thin = np.log(expected[-1440:, :5] / rates[-1440:, :5])
        errors[parent] = float(np.sqrt((thin**2).mean()))
    assert errors[True] < 0.5 * errors[False]


def test_new_series_is_judged_from_its_fifth_bucket_where_its_parent_knows_the_day() -> None:
    _, counts = family(20, 1500, 3)
    bank = EnforcementBank()
    whole = bank.add(np.array([-1]))
    for minute in range(1500):
        bank.learn(whole, counts[minute : minute + 1].sum(axis=1), START_MS + minute * MINUTE_MS)
    rows = bank.add(np.array([whole[0], -1]))
    ready = [
        judged.ready.tolist() for judged in feed_bank(bank, rows, np.array([[2.0, 2.0]] * 7 + [[90.0, 90.0]]), 1500)
    ]
    assert ready == [[False, False]] * 5 + [[True, False]] * 3
    assert bank.judge(rows, np.array([90.0, 90.0]), START_MS + 1508 * MINUTE_MS).score[0] > 6


def test_slow_drift_is_silent_and_a_step_of_the_same_size_is_not() -> None:
    rng = np.random.default_rng(4)
    days = np.arange(6 * 1440) / 1440
    slow = 8.0 * 3.0 ** np.clip((days - 2) / 3, 0, 1)
    sudden = np.where(days < 4, 8.0, 24.0)  # a working day: how a first weekend differs is not known yet
    for rates, anomalous in ((slow, False), (sudden, True)):
        bank = EnforcementBank()
        judged = feed_bank(bank, bank.add(np.array([-1])), rng.poisson(rates)[:, None].astype(np.float64))
        assert (max(float(each.score[0]) for each in judged) > 7) == anomalous


def test_baseline_survives_forty_days_of_silence() -> None:
    _, counts = family(5, 3 * 1440, 5)
    bank = EnforcementBank()
    rows = bank.add(np.full(5, -1))
    feed_bank(bank, rows, counts)
    before = bank.judge(rows, counts[0], START_MS + 3 * 1440 * MINUTE_MS).expected
    bank.forget_recent(rows)
    after = feed_bank(bank, rows, counts[:200], 43 * 1440)
    assert after[0].expected == pytest.approx(before)
    assert max(float(each.score.max()) for each in after) < 5


def test_declared_change_is_learned_sooner_and_only_where_it_touches() -> None:
    rng = np.random.default_rng(6)
    bank = EnforcementBank()
    rows = bank.add(np.array([-1, -1]))
    feed_bank(bank, rows, rng.poisson(5.0, (2000, 2)).astype(np.float64))
    bank.widen(rows[:1])
    feed_bank(bank, rows, rng.poisson(8.0, (120, 2)).astype(np.float64), 2000)
    expected = bank.judge(rows, np.zeros(2), START_MS + 2120 * MINUTE_MS).expected
    assert expected[0] > 6.2 > 6.0 > expected[1]


def test_declared_change_does_not_hide_a_spike() -> None:
    bank = EnforcementBank()
    rows = bank.add(np.array([-1]))
    feed_bank(bank, rows, np.full((2000, 1), 1.0))
    bank.widen(rows)
    assert max(float(each.score[0]) for each in feed_bank(bank, rows, np.full((30, 1), 4.0), 2000)) > 6


def test_more_exposure_explains_more_events() -> None:
    bank = EnforcementBank()
    rows = bank.add(np.array([-1, -1]))
    feed_bank(bank, rows, np.full((1500, 2), 6.0))
    at = START_MS + 1500 * MINUTE_MS
    judged = bank.judge(rows, np.array([40.0, 40.0]), at, np.array([1.0, 5.0]))
    assert judged.score[0] > 6 > 3 > judged.score[1]
    assert judged.expected[1] == pytest.approx(5 * judged.expected[0])


def test_rise_of_the_whole_family_is_none_of_a_series() -> None:
    rng = np.random.default_rng(7)
    scores = {}
    for all_rise in (True, False):
        bank = EnforcementBank()
        whole = bank.add(np.array([-1]))
        rows = bank.add(np.full(40, whole[0]))
        for minute in range(1600):
            at = START_MS + minute * MINUTE_MS
            rates = np.full(40, 10.0)
            rates[slice(None) if all_rise else slice(1)] *= 1.6 if minute >= 1500 else 1.0
            now = rng.poisson(rates).astype(np.float64)
            if minute >= 1500:
                judged = bank.judge(rows, now, at)
                scores[all_rise] = max(scores.get(all_rise, 0.0), float(judged.score[0]))
            bank.learn(rows, now, at)
            bank.learn(whole, np.array([now.sum()]), at)
    assert scores[True] < 0.6 * scores[False]


def test_reanchored_counts_are_the_new_normal() -> None:
    detector = EnforcementScan()
    feed(detector, ordinary("enforcement", 1500))
    lasting = feed(detector, [5 * value for value in ordinary("enforcement", 30, seed=8)], first=1500)
    assert lasting[-1].score > 7
    detector.reanchor()
    after = feed(detector, [5 * value for value in ordinary("enforcement", 60, seed=9)], first=1530)
    assert max(judgement.score for judgement in after) < 0.7 * lasting[-1].score
    assert after[-1].expected == pytest.approx(100, rel=0.15)


def test_season_of_counts_is_the_hour_of_the_day() -> None:
    hourly = EnforcementScan(HOUR_MS)
    feed(hourly, [60.0 if index % 24 > 16 else 15.0 for index in range(24 * 40)], HOUR_MS)
    evening = hourly.judge_one({"value": 60.0, "time_ms": START_MS + (24 * 40 + 20) * HOUR_MS})
    morning = hourly.judge_one({"value": 15.0, "time_ms": START_MS + (24 * 40 + 8) * HOUR_MS})
    assert evening.expected > 3 * morning.expected
