"""Counts on weekends: a level of their own, that costs no alert on Monday."""

from __future__ import annotations

import numpy as np
import pytest

from livewarden.times import HOUR_MS
from models.detect.enforcement import EnforcementBank
from models.detect.weekend import factor, is_weekend

MONDAY = 1_772_409_600_000
"""2026-03-02."""
BUCKET = HOUR_MS // 2
DAY = 48


def judged(weekend: float, days: int, rate: float = 40.0, seed: int = 1) -> tuple[EnforcementBank, list[float]]:
    """A bank that has seen those days of one lone series, and the score of each bucket."""
    bank = EnforcementBank(BUCKET)
    rows = bank.add(np.array([-1]))
    rng = np.random.default_rng(seed)
    scores = []
    for bucket in range(days * DAY):
        at = MONDAY + bucket * BUCKET
        value = np.array([float(rng.poisson(rate * (weekend if is_weekend(at) else 1.0)))])
        scores.append(float(bank.judge(rows, value, at).score[0]))
        bank.learn(rows, value, at)
    return bank, scores


@pytest.mark.parametrize("weekend", [0.5, 1.6])
def test_a_known_weekend_and_the_monday_after_it_are_ordinary(weekend: float) -> None:
    bank, scores = judged(weekend, 22)
    assert max(scores[12 * DAY :]) < 4.0
    times, unsure = factor(bank._columns, np.array([0]), np.array([-1]))
    assert times[0] == pytest.approx(weekend, rel=0.1)
    assert unsure[0] < 0.01


def test_the_level_of_working_days_is_kept_over_the_weekend() -> None:
    bank, _ = judged(0.5, 14)
    monday = bank.judge(np.array([0]), np.array([40.0]), MONDAY + 14 * DAY * BUCKET)
    assert monday.expected[0] == pytest.approx(40.0, rel=0.15)


def test_a_rise_on_a_weekend_is_found() -> None:
    bank, _ = judged(0.5, 12)
    at = MONDAY + 12 * DAY * BUCKET
    scores = []
    for bucket in range(4):
        value = np.array([60.0])
        scores.append(float(bank.judge(np.array([0]), value, at + bucket * BUCKET).score[0]))
        bank.learn(np.array([0]), value, at + bucket * BUCKET)
    assert max(scores) > 7.0
