"""How far counts swing beyond chance: learned by series and family; a burst of a bursty series is no news."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from livewarden.times import MINUTE_MS
from models.detect import swings
from models.detect.columns import Columns, Field
from models.detect.enforcement import EnforcementBank

FIELDS = {"parent": Field("i8", 0, -1), "a": Field("f8", 0, 300.0), **swings.FIELDS}
RATE = 0.5
"""Events a minute that are expected."""


def learned(children: int, days: int, restless: float, seed: int = 1) -> tuple[Columns, NDArray[np.intp]]:
    """A family whose rates stay for an hour at a factor of that variance."""
    columns = Columns(FIELDS)
    parent, rows = columns.add(1), columns.add(children)
    columns["parent"][rows] = parent[0]
    rng = np.random.default_rng(seed)
    for _ in range(days * 24):
        factor = rng.gamma(1 / restless, restless, children) if restless else np.ones(children)
        for _ in range(60):
            swings.learn(columns, rows, rng.poisson(RATE * factor) - RATE, np.full(children, RATE))
    return columns, rows


@pytest.fixture(scope="module")
def calm() -> tuple[Columns, NDArray[np.intp]]:
    return learned(12, 4, 0.0)


@pytest.fixture(scope="module")
def restless() -> tuple[Columns, NDArray[np.intp]]:
    return learned(12, 4, 0.3)


def surprise(family: tuple[Columns, NDArray[np.intp]], buckets: float, held: float, meant: float) -> float:
    columns, rows = family
    return float(swings.surprise(columns, rows[:1], *(np.array([each]) for each in (buckets, held, meant, 0.05)))[0])


def test_what_swings_is_learned_by_the_length_of_a_block(restless: tuple[Columns, NDArray[np.intp]]) -> None:
    found = swings.learned(*restless).mean(axis=0)
    assert found[:2] == pytest.approx([0.3, 0.3], rel=0.3)
    assert found[2] == pytest.approx(0.3 / 4, rel=0.6)


def test_chance_alone_is_no_swing(calm: tuple[Columns, NDArray[np.intp]]) -> None:
    assert swings.learned(*calm).max() < 0.06


def test_a_child_that_is_new_swings_as_its_family(restless: tuple[Columns, NDArray[np.intp]]) -> None:
    columns, rows = restless
    new = columns.add(1)
    columns["parent"][new] = columns["parent"][rows[:1]]
    assert swings.learned(columns, new)[0, 0] == pytest.approx(0.3, rel=0.3)
    lone = columns.add(1)
    assert swings.learned(columns, lone)[0] == pytest.approx(swings.PRIOR)


def test_the_same_excess_is_less_unusual_where_blocks_swing(
    calm: tuple[Columns, NDArray[np.intp]], restless: tuple[Columns, NDArray[np.intp]]
) -> None:
    assert surprise(calm, 60, 90, 30) > surprise(restless, 60, 90, 30) + 3
    assert surprise(restless, 60, 300, 30) > 5
    assert surprise(restless, 60, 0, 60) > surprise(restless, 60, 30, 60)


def test_surprise_is_about_the_tail_of_a_negative_binomial() -> None:
    from scipy.special import betainc

    columns = Columns(FIELDS)
    row = columns.add(1)
    columns["a"][row] = 1e9
    swing = float(swings.PRIOR[0])
    for held in (20, 30, 45):
        found = swings.surprise(columns, row, *(np.array([each]) for each in (15.0, float(held), 7.5, 0.1)))
        tail = betainc(held, 1 / swing, 7.5 / (7.5 + 1 / swing))
        assert float(found[0]) - np.log10(15 / swings.LOOKS) == pytest.approx(-np.log10(tail), abs=0.5)


def test_a_gap_begins_a_new_block_and_one_block_says_only_so_much() -> None:
    columns = Columns(FIELDS)
    row = columns.add(1)
    before = swings.learned(columns, row)[0, 0]
    for _ in range(15):
        swings.learn(columns, row, np.array([1000.0]), np.array([RATE]))
    most = swings.MOST * (15 * RATE + before * (15 * RATE) ** 2)
    assert before < swings.learned(columns, row)[0, 0] < before + most / swings.PRIOR_WEIGHT
    swings.learn(columns, row, np.array([1000.0]), np.array([RATE]))
    columns.reset(row, swings.RECENT)
    assert columns["block_off"][row].max() == 0.0


def test_one_more_a_minute_for_half_an_hour_is_found_in_a_thin_series() -> None:
    bank = EnforcementBank()
    rows = bank.add(bank.add(np.array([-1]))[[0, 0]])
    rng = np.random.default_rng(4)
    usual = rng.poisson(0.05, (1_530, 2)).astype(float)
    usual[1_500:, 0] += 1.0
    scores = []
    for minute, values in enumerate(usual):
        at = minute * MINUTE_MS
        scores.append(bank.judge(rows, values, at).score)
        bank.learn(rows, values, at)
        bank.learn(np.array([0]), values.sum(keepdims=True), at)
    found = np.array(scores)[1_500:]
    assert found[:, 0].max() > 7.0
    assert found[:, 1].max() < 3.0
