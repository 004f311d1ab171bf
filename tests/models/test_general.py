"""One series of any kind: what each kind of change looks like, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.detect.bank import Floats
from models.detect.general import GeneralSeries
from models.detect.states import UnseenState

STEP = 5 * MINUTE_MS
DAY = DAY_MS // STEP
START = 1_772_409_600_000


def alerts(values: Floats, step_ms: int = STEP, threshold: float = 3.0) -> list[int]:
    """The rows of which somebody would be notified."""
    series = GeneralSeries(step_ms, threshold)
    return [row for row, value in enumerate(values.tolist()) if series.take(value, START + row * step_ms).speaks]


def usual(seed: int, days: int = 8, amplitude: float = 0.0) -> Floats:
    """A level with noise, and a shape of the day where there is an amplitude."""
    rows = np.arange(days * DAY)
    noise = np.random.default_rng(seed).standard_normal(len(rows))
    return 100.0 + amplitude * np.sin(2 * np.pi * rows / DAY) + 2.0 * noise


AT = 6 * DAY


def shift(values: Floats) -> None:
    values[AT:] += 25.0


def spike(values: Floats) -> None:
    values[AT : AT + 3] += 60.0


def dip(values: Floats) -> None:
    values[AT : AT + 3] -= 60.0


def noisier(values: Floats) -> None:
    values[AT:] += 12.0 * np.random.default_rng(5).standard_normal(len(values) - AT)


@pytest.mark.parametrize("change", [shift, spike, dip, noisier], ids=lambda change: str(change.__name__))
@pytest.mark.parametrize("seed", [1, 2])
def test_each_kind_of_change_is_told_within_half_an_hour(change: Callable[[Floats], None], seed: int) -> None:
    values = usual(seed)
    change(values)
    told = alerts(values)
    assert any(AT <= row < AT + 6 for row in told)
    assert len([row for row in told if row >= AT]) <= 4
    assert len([row for row in told if 2 * DAY <= row < AT]) <= 1


@pytest.mark.parametrize("amplitude", [10.0, 50.0])
def test_a_shape_of_the_day_is_not_told_once_it_is_known(amplitude: float) -> None:
    told = alerts(usual(3, amplitude=amplitude))
    assert len([row for row in told if row < 2 * DAY]) <= 2
    assert len([row for row in told if row >= 2 * DAY]) <= 1


def test_a_ramp_is_told_once_and_not_in_every_row() -> None:
    values = usual(4)
    values[AT : AT + 30] += np.linspace(0.0, 300.0, 30)
    values[AT + 30 :] += 300.0
    assert 1 <= len([row for row in alerts(values) if row >= AT]) <= 4


def test_after_a_gap_nothing_is_judged_at_once() -> None:
    series = GeneralSeries(STEP)
    values = usual(6, amplitude=40.0).tolist()
    for row in range(4 * DAY):
        series.take(values[row], START + row * STEP)
    late = [series.take(values[row], START + row * STEP + 50 * HOUR_MS) for row in range(4 * DAY, 4 * DAY + 12)]
    assert [found.score for found in late[:3]] == [None] * 3
    assert not any(found.speaks for found in late)


def test_a_second_row_of_one_time_is_not_judged_and_teaches_nothing() -> None:
    one, other = GeneralSeries(STEP), GeneralSeries(STEP)
    values = usual(7, days=1).tolist()
    for row, value in enumerate(values):
        found = one.take(value, START + row * STEP)
        assert found == other.take(value, START + row * STEP)
        if row == 100:
            assert other.take(1e6, START + row * STEP).score is None


def test_rows_that_all_have_one_time_are_judged_all_the_same() -> None:
    series = GeneralSeries(MINUTE_MS)
    found = [series.take(100.0 + row % 5, START) for row in range(100)]
    assert found[-1].score is not None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1e-6, 1.0, 1e6]))
def test_states_are_free_of_units_and_resume_as_if_never_interrupted(seed: int, scale: float) -> None:
    values = (100.0 + np.random.default_rng(seed).standard_normal(120)).tolist()
    whole, scaled, after = UnseenState(), UnseenState(), UnseenState()
    for row, value in enumerate(values):
        if row == 80:
            after.restore(json.loads(json.dumps(whole.snapshot())))
        score = whole.score_one({"value": value})
        assert score == pytest.approx(scaled.score_one({"value": scale * value}), rel=1e-3, abs=1e-6)
        if row >= 80:
            assert after.score_one({"value": value}) == score
            after.learn_one({"value": value})
        whole.learn_one({"value": value})
        scaled.learn_one({"value": scale * value})


def test_a_constant_series_is_in_no_new_state_and_nothing_that_is_no_number_is_learned() -> None:
    model = UnseenState()
    for _ in range(100):
        model.learn_one({"value": 7.0})
    model.learn_one({"value": float("nan")})
    assert model.rows == 100
    assert model.score_one({"value": 7.0}) == 0.0 == model.score_one({"value": float("inf")})
