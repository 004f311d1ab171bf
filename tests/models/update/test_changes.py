"""What is news in weeks in which nothing was planted, and in weeks in which something was."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from models.update.band import band
from models.update.changes import WeekChange, WeekSeries, changes

WEEKS: Final = 12
NAMES: Final = [(name, key) for name in "abcde" for key in ("", "k1", "k2", "k3", "k4", "k5")]


def weeks(seed: int, count: int, dispersion: float) -> list[list[WeekSeries]]:
    """So many weeks of thirty counts, 3 to 3,000 a week: Poisson, or wider by `dispersion`."""
    random = np.random.default_rng(seed)
    means = np.exp(random.uniform(1, 8, len(NAMES)))
    rate = random.gamma(1 / dispersion, dispersion, (WEEKS + count, len(NAMES))) if dispersion else 1.0
    drawn = random.poisson(means * rate, (WEEKS + count, len(NAMES)))
    return [
        [
            WeekSeries(*name, tuple(int(n) for n in drawn[week : week + WEEKS, place]), int(drawn[week + WEEKS, place]))
            for place, name in enumerate(NAMES)
        ]
        for week in range(count)
    ]


def notable(found: list[WeekChange]) -> list[WeekChange]:
    return [each for each in found if each.notable]


@pytest.mark.parametrize("dispersion", [0.0, 0.05, 0.3])
def test_quiet_weeks_have_at_most_one_sentence_in_five(dispersion: float) -> None:
    said = [sum(len(notable(changes(week))) for week in weeks(seed, 20, dispersion)) for seed in range(10)]
    assert np.mean(said) <= 4, said
    assert np.quantile(said, 0.9) <= 6, said


@pytest.mark.parametrize("dispersion", [0.0, 0.05])
def test_planted_changes_are_among_the_first_five(dispersion: float) -> None:
    for seed in range(20):
        (week,) = weeks(100 + seed, 1, dispersion)
        planted = [each for each in week if each.key and np.mean(each.before) > 50][:2]
        moved = [
            WeekSeries(each.name, each.key, each.before, int(3 * np.mean(each.before))) if each in planted else each
            for each in week
        ]
        first = [(each.series.name, each.series.key) for each in notable(changes(moved))[:5]]
        assert {(each.name, each.key) for each in planted} <= set(first)


def test_a_total_is_not_said_where_a_part_says_it() -> None:
    before = (100, 104, 96, 99, 110, 95)
    part, total = WeekSeries("alerts", "m", before, 300), WeekSeries("alerts", "", before, 300)
    assert [each.series.key for each in notable(changes([total, part]))] == ["m"]
    fell = WeekSeries("alerts", "", before, 10)
    assert {each.series.key for each in notable(changes([fell, part]))} == {"", "m"}


def test_too_few_weeks_or_too_few_things_have_no_band() -> None:
    assert band([1, 2, 3], 9, outside=0.1) is None
    assert changes([WeekSeries("a", "", (100, 100, 100), 900), WeekSeries("b", "", (0, 1, 2, 0), 4)]) == []
