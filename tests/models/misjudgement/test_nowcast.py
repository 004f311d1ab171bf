"""The nowcast on simulated cells: near the truth, honest about it, quick to see a jump and a shift of the delay.

Small versions of `make bench-governance`, which has the figures; bounds are wide enough for the few seeds.
"""

from __future__ import annotations

import numpy as np
import pytest

from models.misjudgement.delay import Delay, delay_of
from models.misjudgement.delay_shift import find_shift
from models.misjudgement.nowcast import nowcast
from models.misjudgement.reading import Appeals, Reading, read_cell
from models.misjudgement.spread import count_quantile
from models.misjudgement.triangle import Counts, Triangle
from sources.simulate.misjudged import MisjudgedWorld, misjudged_days, triangle_counts

DAYS = 260


def until(measures: Counts, counts: Counts, days: int) -> Triangle:
    """The first days, as they stood on the last of them."""
    known = counts[:days, : min(days, counts.shape[1])].copy()
    known[np.arange(known.shape[1])[None, :] > np.arange(days - 1, -1, -1)[:, None]] = 0
    return Triangle(0, measures[:days], known)


class Cell:
    """One simulated cell."""

    def __init__(
        self, seed: int, per_day: float = 2_000, release: int | None = None, button: int | None = None
    ) -> None:
        world = MisjudgedWorld(
            seed=seed, days=DAYS, per_day=per_day, appealed=0.06, granted=0.3, release_day=release, button_day=button
        )
        drawn = misjudged_days(world)
        self.measures, self.granted = triangle_counts(drawn, DAYS)
        self.upheld = triangle_counts(drawn, DAYS, granted=False)[1]

    def read(self, days: int, since: tuple[int, ...] = ()) -> Reading | None:
        granted = until(self.measures, self.granted, days)
        return read_cell(granted, Appeals(granted, until(self.measures, self.granted + self.upheld, days)), since)


def test_it_is_near_the_truth_and_its_interval_holds_it() -> None:
    estimate, truth, inside = np.zeros(31), np.zeros(31), []
    for seed in (9_001, 9_002, 9_003):
        cell = Cell(seed)
        final = cell.granted.sum(axis=1)
        for days in range(215, DAYS, 15):
            reading = cell.read(days)
            assert reading is not None
            young = np.arange(days - 4, days - 32, -1)
            cast = reading.nowcast
            estimate[3:31] += cast.estimate[young]
            truth[3:31] += final[young]
            inside += ((cast.low <= final[:days]) & (final[:days] <= cast.high))[young].tolist()
    assert abs(estimate.sum() / truth.sum() - 1) < 0.05
    assert 0.82 <= np.mean(inside) <= 0.98


def test_a_jump_is_seen_in_days_and_none_where_there_is_none() -> None:
    jumped, quiet = Cell(9_011, release=220), Cell(9_012)
    seen = next(days for days in range(1, 12) if (found := jumped.read(220 + days, (days,))) and found.jump)
    assert seen <= 7
    later = [quiet.read(220 + days) for days in range(1, 40, 6)]
    assert all(found is not None and found.jump is None for found in later)


def test_a_new_appeal_button_is_a_shift_of_the_delay_and_no_jump() -> None:
    cell = Cell(9_021, button=220)
    readings = [cell.read(220 + days) for days in (9, 12, 15, 20)]
    assert any(found is not None and found.shift is not None and found.shift.pace > 1.1 for found in readings)
    assert not any(found is not None and found.jump for found in readings)


def test_too_few_say_nothing_of_their_own() -> None:
    assert Cell(9_031, per_day=5).read(DAYS) is None
    assert Cell(9_001).read(40) is None


def test_a_shift_is_none_where_nothing_moved() -> None:
    counts = np.rint(2_000 * np.diff(1 - np.exp(-np.arange(62) / 8.0)))
    triangle = until(np.full(120, 10_000), np.tile(counts.astype(np.int64), (120, 1)), 120)
    assert find_shift(triangle, 1.0) is None


FIGURES = ((120, 60, 30, 8), (133, 71, 22, 0), (98, 55, 0, 0), (141, 0, 0, 0))
CHAINLADDER = (1.5299145299145298, 1.1354166666666667, 1.0380952380952382)
"""What the package chainladder 0.10.1 says of these: Development(average="volume").fit(triangle).ldf_."""


def test_factors_are_those_of_the_chain_ladder() -> None:
    delay = delay_of(Triangle(0, np.full(4, 1_000), np.array(FIGURES)))
    assert delay is not None
    steps = delay.seen_by[1:] / delay.seen_by[:-1]
    assert steps == pytest.approx(CHAINLADDER, abs=1e-9)


def test_with_nothing_seen_it_says_the_usual_rate_and_with_all_seen_what_was_seen() -> None:
    one = Triangle(0, np.array([1_000]), np.array([[9]]))
    young, old = (nowcast(one, np.array([share]), rate=0.02) for share in (0.0, 1.0))
    assert young.estimate[0] == pytest.approx(9 + 1_000 * 23 / 700)
    assert (old.estimate[0], old.low[0], old.high[0]) == (9, 9, 9)


@pytest.mark.parametrize("pace", [0.5, 1.0, 2.0])
def test_a_share_grows_with_age_and_with_pace(pace: float) -> None:
    delay = Delay(np.array([0.1, 0.3, 0.6, 0.9, 1.0]), 50)
    shares = delay.share(np.arange(9), pace)
    assert (np.diff(shares) >= 0).all()
    assert (shares <= delay.share(np.arange(9), pace * 1.2) + 1e-12).all()


def test_quantiles_are_those_of_many_draws() -> None:
    rng = np.random.default_rng(5)
    mean, variance = 40.0, 120.0
    size = mean * mean / (variance - mean)
    draws = rng.poisson(rng.gamma(size, mean / size, 200_000))
    for level in (0.05, 0.5, 0.95):
        assert (
            abs(float(count_quantile(np.array([mean]), np.array([variance]), level)[0]) - np.quantile(draws, level))
            <= 1
        )
