"""The detectors: our conformance checks, River's, and what each is for."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from river.checks import common

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.checks import START_MS, Kind, ordinary, yield_checks
from models.enforcement_scan import A0, B0, EnforcementScan, tail_above, tail_below
from models.judgement import Detector, Judgement
from models.traffic_residual import TrafficResidual

FACTORIES: list[tuple[str, Callable[[], Any], Kind, int]] = [
    ("traffic", TrafficResidual, "traffic", MINUTE_MS),
    ("traffic-day", partial(TrafficResidual, "day"), "traffic", MINUTE_MS),
    ("traffic-week", partial(TrafficResidual, "week"), "traffic", 5 * MINUTE_MS),
    ("enforcement-minute", EnforcementScan, "enforcement", MINUTE_MS),
    ("enforcement-day", partial(EnforcementScan, DAY_MS), "enforcement", DAY_MS),
]
OURS = [
    pytest.param(check, id=f"{name}-{check.__name__}")
    for name, factory, kind, bucket_ms in FACTORIES
    for check in yield_checks(factory, kind, bucket_ms)
]
ESTIMATORS = pytest.mark.parametrize(
    "model", [TrafficResidual(), EnforcementScan()], ids=lambda model: type(model).__name__
)


@pytest.mark.parametrize("check", OURS)
def test_conformance(check: Callable[[], None]) -> None:
    check()


# River's own checks. `river.checks.check_estimator` cannot run as a whole: its list downloads the credit card data set and
# its datasets and ROC check need scikit-learn, neither of which is ours. Its checks take any data set, so ours is given.
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
    odd: list[float] = []
    usual: list[float] = []
    for x, _ in dataset(2500):
        strange = rng.random() < 0.01
        bucket = x | {"value": 6.0 * x["value"]} if strange else x
        if model.judge_one(bucket).ready:
            (odd if strange else usual).append(model.score_one(bucket))
        model.learn_one(bucket)
    above = sum(score > other for score in odd for other in usual)
    assert len(odd) > 5
    assert above / (len(odd) * len(usual)) > 0.95


def feed(detector: Detector, values: list[float], bucket_ms: int = MINUTE_MS, first: int = 0) -> list[Judgement]:
    judged = []
    for index, value in enumerate(values, start=first):
        x = {"value": value, "time_ms": START_MS + index * bucket_ms}
        judged.append(detector.judge_one(x))
        detector.learn_one(x)
    return judged


@pytest.mark.parametrize(("count", "mean"), [(20, 4.0), (50, 20.0), (300, 150.0)])
def test_upper_tail_is_near_the_exact_poisson_sum(count: int, mean: float) -> None:
    import math

    terms = [math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(count, count + 400)]
    assert tail_above(count, mean, 0.0) == pytest.approx(-math.log10(sum(terms)), abs=0.05)


@pytest.mark.parametrize(("count", "mean", "inflation"), [(2, 20.0, 0.0), (0, 20.0, 0.1), (5, 60.0, 0.1)])
def test_lower_tail_is_near_the_exact_sum(count: int, mean: float, inflation: float) -> None:
    import math

    def term(n: int) -> float:
        if not inflation:
            return math.exp(n * math.log(mean) - mean - math.lgamma(n + 1))
        size = 1 / inflation
        log_p = math.lgamma(n + size) - math.lgamma(size) - math.lgamma(n + 1)
        return math.exp(log_p + size * math.log(size / (size + mean)) + n * math.log(mean / (size + mean)))

    assert tail_below(count, mean, inflation) == pytest.approx(-math.log10(sum(map(term, range(count + 1)))), abs=0.05)


def test_tails_are_zero_on_their_own_side_and_grow_outwards() -> None:
    assert tail_above(3, 4.0, 0.1) == tail_above(0, 0.0, 0.0) == tail_below(5, 4.0, 0.1) == 0.0
    up = [tail_above(count, 10.0, 0.05) for count in range(20, 1000)]
    down = [tail_below(count, 100.0, 0.05) for count in range(50)]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert min(up[0], down[-1]) < 3.0  # from the lowest threshold on


def test_dispersed_counts_need_a_larger_burst() -> None:
    assert tail_above(40, 10.0, 0.5) < tail_above(40, 10.0, 0.05) < tail_above(40, 10.0, 0.0)


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
    at_once, one_by_one = EnforcementScan(), EnforcementScan()
    at_once.learn_quiet(buckets)
    a, b = A0, B0
    keep = 1.0 - 1.0 / one_by_one._memory
    for _ in range(buckets):
        a, b = keep * a, keep * b + 1.0
    assert at_once.snapshot()["rate"] == pytest.approx([a, b])
    assert at_once.snapshot()["seen"] == buckets


def test_new_series_is_odd_at_once_where_its_past_is_known_to_be_quiet() -> None:
    known, unknown = EnforcementScan(DAY_MS), EnforcementScan(DAY_MS)
    known.learn_quiet(100)
    x = {"value": 500.0, "time_ms": START_MS}
    assert known.judge_one(x).score > 7
    assert not unknown.judge_one(x).ready


def test_reanchored_counts_are_the_new_normal() -> None:
    detector = EnforcementScan(DAY_MS)
    feed(detector, [20.0 + index % 3 for index in range(100)], DAY_MS)
    lasting = feed(detector, [500.0 + index % 3 for index in range(7)], DAY_MS, 100)
    assert lasting[-1].score > 3
    detector.reanchor()
    after = feed(detector, [500.0 + index % 3 for index in range(20)], DAY_MS, 107)
    assert max(judgement.score for judgement in after) < 3
    assert after[-1].expected == pytest.approx(500, rel=0.1)


def test_traffic_learns_the_shape_of_the_day() -> None:
    def curve(hour: int) -> list[float]:
        rng = random.Random(hour)
        return [(5000.0 if hour % 24 == 20 else 1000.0) + rng.gauss(0, 20) for _ in range(60)]

    days = [value for hour in range(24 * 8) for value in curve(hour)]
    shaped, plain = TrafficResidual("day"), TrafficResidual("none")
    evening = slice(7 * 1440 + 20 * 60, 7 * 1440 + 20 * 60 + 3)
    worst = [max(j.score for j in feed(each, days)[evening]) for each in (shaped, plain)]
    assert worst[0] < worst[1] / 3


def test_gap_does_not_widen_what_traffic_calls_ordinary() -> None:
    """The first value after a gap has no neighbour: its distance to nothing is not a residual."""
    values = ordinary("traffic", 400)
    steady, interrupted = TrafficResidual(), TrafficResidual()
    feed(steady, values)
    feed(interrupted, values)
    interrupted.forget_recent()
    tail = ordinary("traffic", 60, seed=8)
    feed(steady, tail, first=400)
    feed(interrupted, tail, first=400)
    fall = {"value": 500.0, "time_ms": START_MS + 460 * MINUTE_MS}
    assert interrupted.score_one(fall) > 0.5 * steady.score_one(fall)


def test_season_of_counts_is_the_hour_or_the_day_of_the_week() -> None:
    hourly, weekly = EnforcementScan(HOUR_MS), EnforcementScan(DAY_MS)
    feed(hourly, [60.0 if index % 24 > 16 else 15.0 for index in range(24 * 40)], HOUR_MS)
    feed(weekly, [2.0 if index % 7 in (5, 6) else 50.0 for index in range(7 * 40)], DAY_MS)
    evening = hourly.judge_one({"value": 60.0, "time_ms": START_MS + (24 * 40 + 20) * HOUR_MS})
    morning = hourly.judge_one({"value": 15.0, "time_ms": START_MS + (24 * 40 + 8) * HOUR_MS})
    weekend = weekly.judge_one({"value": 2.0, "time_ms": START_MS + (7 * 40 + 5) * DAY_MS})
    weekday = weekly.judge_one({"value": 50.0, "time_ms": START_MS + (7 * 40 + 1) * DAY_MS})
    assert evening.expected > 3 * morning.expected
    assert weekday.expected > 3 * weekend.expected
