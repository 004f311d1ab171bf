"""River models in monitors: judged, saved and taken back, and guarded."""

from __future__ import annotations

import json
import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river.anomaly import GaussianScorer
from river.base import AnomalyDetector

from models.detect.bank import Rows
from models.detect.river_bank import MOST_BYTES, WARM_UP, RiverBank
from models.monitors.file import parse_monitors
from models.monitors.river_model import load, make, save

MINUTE = 60_000
MODELS = [
    pytest.param("anomaly.GaussianScorer", {}, ("value",), id="scorer"),
    pytest.param(
        "anomaly.HalfSpaceTrees", {"anomaly.HalfSpaceTrees": {"n_trees": 4, "height": 4}}, ("value",), id="trees"
    ),
    pytest.param("preprocessing.MinMaxScaler | anomaly.HalfSpaceTrees", {}, ("value",), id="pipeline"),
    pytest.param(
        "preprocessing.StandardScaler | linear_model.LinearRegression", {}, ("value", "hour"), id="regression"
    ),
    pytest.param("preprocessing.StandardScaler | anomaly.GaussianScorer", {}, ("value", "hour"), id="supervised"),
    pytest.param("time_series.HoltWinters", {"time_series.HoltWinters": {"alpha": 0.3}}, ("value",), id="forecast"),
]


def ordinary(count: int, seed: int = 3) -> list[float]:
    rng = random.Random(seed)
    return [100.0 + rng.gauss(0, 5) for _ in range(count)]


def taught(bank: RiverBank, values: list[float]) -> Rows:
    row = bank.add(np.array([-1], dtype=np.intp))
    for minute, value in enumerate(values):
        bank.learn(row, np.array([value]), minute * MINUTE)
    return row


def scored(bank: RiverBank, row: Rows, value: float, minute: int) -> float:
    return float(bank.judge(row, np.array([value]), minute * MINUTE).score[0])


@pytest.mark.parametrize(("model", "parameters", "features"), MODELS)
def test_a_saved_model_goes_on_as_if_never_interrupted(
    model: str, parameters: dict[str, Any], features: tuple[str, ...]
) -> None:
    values = ordinary(400)
    bank = RiverBank(lambda: make(model, parameters), features)
    row = taught(bank, values)
    other = RiverBank(lambda: make(model, parameters), features)
    place = other.add(np.array([-1], dtype=np.intp))
    other.restore(int(place[0]), json.loads(json.dumps(bank.snapshot(int(row[0])))))
    assert not bank.faults
    for minute, value in enumerate([*ordinary(50, 9), 180.0, 20.0], 400):
        assert scored(bank, row, value, minute) == scored(other, place, value, minute)
        for each, where in ((bank, row), (other, place)):
            each.learn(where, np.array([value]), minute * MINUTE)
    assert bank.snapshot(int(row[0]))["scores"] == other.snapshot(int(place[0]))["scores"]


@pytest.mark.parametrize(("model", "parameters", "features"), [MODELS[0], MODELS[3], MODELS[4], MODELS[5]])
def test_what_is_far_off_is_told_and_what_is_ordinary_is_not(
    model: str, parameters: dict[str, Any], features: tuple[str, ...]
) -> None:
    bank = RiverBank(lambda: make(model, parameters), features)
    row = taught(bank, ordinary(600))
    assert scored(bank, row, 400.0, 600) > 4
    usual = sorted(scored(bank, row, value, 600) for value in ordinary(1000, 21))
    assert usual[500] < 1.5
    assert usual[-10] < 3.5


def test_a_series_is_not_judged_before_it_is_known() -> None:
    bank = RiverBank(GaussianScorer)
    row = taught(bank, ordinary(WARM_UP - 1))
    assert not bank.judge(row, np.array([900.0]), 0).ready[0]
    for minute, value in enumerate(ordinary(WARM_UP, 5), WARM_UP):
        bank.learn(row, np.array([value]), minute * MINUTE)
    assert bank.judge(row, np.array([900.0]), 0).ready[0]


def test_judging_changes_nothing_and_numbers_that_are_none_reach_no_model() -> None:
    bank = RiverBank(GaussianScorer)
    row = taught(bank, ordinary(200))
    before = bank.snapshot(int(row[0]))
    for value in (math.nan, math.inf, -math.inf, 5.0, 1e9):
        bank.judge(row, np.array([value]), MINUTE)
    for value in (math.nan, math.inf, -math.inf):
        bank.learn(row, np.array([value]), MINUTE)
    assert bank.snapshot(int(row[0])) == before
    assert not bank.faults


class Raises(AnomalyDetector):
    def learn_one(self, x: dict[str, float]) -> None: ...

    def score_one(self, x: dict[str, float]) -> float:
        raise ZeroDivisionError("nobody divides\nby zero")


class AnswersNothing(Raises):
    def score_one(self, x: dict[str, float]) -> float:
        return math.nan


class Grows(Raises):
    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def learn_one(self, x: dict[str, float]) -> None:
        self.kept.append(bytes(str(x["value"]), "ascii") * 200)

    def score_one(self, x: dict[str, float]) -> float:
        return x["value"]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Raises, "ZeroDivisionError: nobody divides by zero"),
        (AnswersNothing, "it answered nan"),
        (Grows, "it grew to"),
    ],
)
def test_a_model_that_fails_is_given_up_and_the_others_go_on(model: Callable[[], Any], why: str) -> None:
    made = iter([model, GaussianScorer])
    bank = RiverBank(lambda: next(made)())
    rows = bank.add(np.array([-1, -1], dtype=np.intp))
    for minute, value in enumerate(ordinary(400)):
        bank.learn(rows, np.array([value, value]), minute * MINUTE)
    assert list(bank.faults) == [int(rows[0])]
    assert bank.faults[int(rows[0])].startswith(why)
    assert bank.judge(rows, np.array([900.0, 900.0]), 0).ready.tolist() == [False, True]
    assert len(json.dumps(bank.snapshot(int(rows[0])))) < MOST_BYTES


class Evil:
    def __reduce__(self) -> Any:
        return print, ("a state ran a program",)


@pytest.mark.parametrize("what", [Evil(), print, random.SystemRandom])
def test_a_state_is_no_program(what: Any, capsys: pytest.CaptureFixture[str]) -> None:
    import base64

    state = save(GaussianScorer()) | {"model": base64.b64encode(pickle.dumps(what)).decode()}
    with pytest.raises(ValueError, match="no state of a River model"):
        load(state)
    assert capsys.readouterr().out == ""


def test_a_state_of_another_river_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a state of River 0\.1"):
        load(save(GaussianScorer()) | {"river": "0.1"})


MONITOR = """
[[monitor]]
name = "tried"
event = "enforcement.action"
detector = "river"
{more}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "line 5: monitor 'tried': model: the river detector needs one"),
        ('model = "anomaly.GausianScorer"', "is not a River model"),
        ('model = "datasets.Phishing"', "is not a River model"),
        ('model = "preprocessing.StandardScaler"', "neither scores nor predicts"),
        ('model = "anomaly.GaussianScorer"\nparameters = {"anomaly.GaussianScorer" = {window = 3}}', "window"),
        (
            'model = "anomaly.GaussianScorer"\nparameters = {"anomaly.LODA" = {seed = 3}}',
            "which the model does not have",
        ),
    ],
)
def test_a_mistake_in_a_monitor_is_named(more: str, said: str) -> None:
    from livewarden.errors import MonitorsError

    with pytest.raises(MonitorsError) as caught:
        parse_monitors(MONITOR.format(more=more))
    assert said.rpartition(": ")[2] in str(caught.value)
    assert "Traceback" not in str(caught.value)
