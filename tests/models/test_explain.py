"""The slice search: planted causes are found, common moves are not blamed on anyone, and the parts add up."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.explain import Row, explain
from models.explain.leaves import HEAVY, collect

DIMS = ("cdn", "bitrate", "device", "isp")
VALUES = (("1", "2", "3", "4"), ("500", "2000", "4000"), ("ios", "adr", "web"), ("x", "y"))
MOMENTS = 6
Rate = Callable[[Mapping[str, str]], float]


def usual(slice_: Mapping[str, str]) -> float:
    """Rates that differ by value, as real ones do."""
    return 0.02 * (2 if slice_["bitrate"] == "4000" else 1) * (1.5 if slice_["cdn"] == "2" else 1)


def rows(moment: int, rate: Rate, seed: int, size: int = 400) -> list[Row]:
    """One moment: Poisson counts around a rate per slice."""
    draw = np.random.default_rng((seed, moment))
    found = []
    for values in product(*VALUES):
        count = int(draw.poisson(size / (1 + VALUES[0].index(values[0]))))
        found.append(
            Row(moment, values, float(draw.poisson(rate(dict(zip(DIMS, values, strict=True))) * count)), count)
        )
    return found


def table(rate: Rate, seed: int = 1) -> tuple[list[Row], list[Row]]:
    before = [row for moment in range(MOMENTS) for row in rows(moment, usual, seed)]
    return before, rows(MOMENTS, rate, seed)


def planted(*causes: Mapping[str, str], rate: float = 0.3) -> Rate:
    return lambda at: rate if any(cause.items() <= at.items() for cause in causes) else usual(at)


@pytest.mark.parametrize(
    "cause",
    [
        {"cdn": "3"},
        {"isp": "y"},
        {"cdn": "1", "bitrate": "500"},
        {"bitrate": "2000", "device": "web"},
        {"cdn": "2", "device": "ios", "isp": "x"},
        {"cdn": "1", "bitrate": "4000", "device": "adr"},
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_single_cause_is_first_and_alone(cause: dict[str, str], seed: int) -> None:
    found = explain(DIMS, *table(planted(cause), seed))
    assert [c.slice for c in found.causes] == [cause]
    first = found.causes[0]
    assert first.share == pytest.approx(1, abs=0.25)
    assert first.without == pytest.approx(1, abs=0.25)
    assert first.risk_ratio > 5
    assert not found.none


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_causes_come_before_the_parts_of_the_first(seed: int) -> None:
    causes: list[dict[str, str]] = [{"cdn": "1", "bitrate": "500"}, {"device": "web", "isp": "y"}]
    found = explain(DIMS, *table(planted(*causes), seed))
    assert len(found.causes) == 2
    assert all(cause.slice in causes for cause in found.causes)
    assert sum(cause.share for cause in found.causes) == pytest.approx(1, abs=0.25)
    assert all(0.2 < cause.without < 0.9 for cause in found.causes)
    assert all(cause.slice not in causes for cause in found.alternatives)


def test_a_slice_that_recovers_is_found_too() -> None:
    before = [row for moment in range(MOMENTS) for row in rows(moment, planted({"cdn": "3"}), 1)]
    found = explain(DIMS, before, rows(MOMENTS, usual, 1))
    assert [cause.slice for cause in found.causes] == [{"cdn": "3"}]
    assert found.causes[0].share == pytest.approx(1, abs=0.25)
    assert found.rate < 0


@pytest.mark.parametrize("factor", [1.0, 1.3, 2.0, 5.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_none_of_the_dimensions_where_all_move_alike(factor: float, seed: int) -> None:
    found = explain(DIMS, *table(lambda at: factor * usual(at), seed))
    assert found.none
    assert found.ranked == ()


def test_none_where_only_the_mix_moved() -> None:
    def shifted(moment: int, size: int) -> list[Row]:
        return [Row(moment, ("a",), 0.1 * (1000 - size), 1000 - size), Row(moment, ("b",), 0.01 * size, size)]

    found = explain(("d",), [row for moment in range(5) for row in shifted(moment, 800)], shifted(5, 200))
    assert found.none
    assert found.rate == pytest.approx(0, abs=2)
    assert found.volume == 0
    assert found.mix == pytest.approx(54, abs=2)


def test_the_first_minutes_of_the_incident_are_no_baseline() -> None:
    broken = planted({"cdn": "3"})
    before = [row for moment in range(MOMENTS) for row in rows(moment, broken if moment > 3 else usual, 1)]
    first = explain(DIMS, before, rows(MOMENTS, broken, 1)).causes[0]
    clean = [row for row in before if isinstance(row.moment, int) and row.moment <= 3]
    assert first == explain(DIMS, clean, rows(MOMENTS, broken, 1)).causes[0]


def test_a_direction_takes_the_other_moments_for_usual() -> None:
    broken = planted({"cdn": "3"}, rate=0.5)
    worse = planted({"cdn": "1"}, rate=0.15)
    before = [row for moment in range(MOMENTS) for row in rows(moment, broken if moment % 2 else usual, 1)]
    before += rows(MOMENTS, broken, 1)
    now = rows(MOMENTS + 1, worse, 1)
    assert [c.slice for c in explain(DIMS, before, now, direction="UP").causes] == [{"cdn": "1"}]
    assert [c.slice for c in explain(DIMS, before, now, direction="DOWN").causes] == [{"cdn": "3"}]
    assert explain(DIMS, rows(0, usual, 1), now, direction="DOWN").none


def test_what_is_nearly_everything_is_not_blamed() -> None:
    before = [Row(t, (isp, cdn), 10, 500) for t in range(5) for isp in ("big",) * 9 + ("small",) for cdn in "ab"]
    now = [Row(5, (r.values[0], r.values[1]), 100 if r.values[1] == "b" else 10, 500) for r in before if r.moment == 0]
    assert explain(("isp", "cdn"), before, now).ranked[0].slice == {"cdn": "b"}


def test_two_names_of_the_same_rows_are_told_once() -> None:
    before, now = table(planted({"cdn": "3"}))
    twice = [
        [Row(row.moment, (*row.values, f"c{row.values[0]}"), row.value, row.count) for row in part]
        for part in (before, now)
    ]
    found = explain((*DIMS, "name"), twice[0], twice[1], top=20)
    assert found.ranked[0].slice == {"cdn": "3"}
    assert not any(cause.slice in ({"name": "c3"}, {"cdn": "3", "name": "c3"}) for cause in found.ranked)


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_does_not_matter(shuffle: random.Random) -> None:
    before, now = table(planted({"cdn": "1", "bitrate": "500"}, {"device": "web"}))
    before = [Row(r.moment, r.values, r.value / 3, r.count / 7) for r in before]
    now = [Row(r.moment, r.values, r.value / 3, r.count / 7) for r in now]
    expected = explain(DIMS, before, now)
    shuffle.shuffle(before)
    shuffle.shuffle(now)
    assert explain(DIMS, before, now) == expected


def amounts(moments: Iterable[int]) -> st.SearchStrategy[list[Row]]:
    row = st.builds(
        Row,
        st.sampled_from(list(moments)),
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy")),
        st.integers(0, 1000).map(float),
        st.integers(0, 1000).map(float),
    )
    return st.lists(row, min_size=1, max_size=30).filter(lambda rows: sum(row.count for row in rows) > 0)


@given(amounts([0]), amounts([1]), st.sampled_from([None, "UP", "DOWN"]))
@settings(max_examples=200, deadline=None)
def test_rate_volume_and_mix_add_up(before: list[Row], now: list[Row], direction: None) -> None:
    found = explain(("a", "b"), before, now, direction=direction)
    change = sum(row.value for row in now) - sum(row.value for row in before)
    assert found.rate + found.volume + found.mix == pytest.approx(change, abs=1e-5)


@given(amounts(range(4)), amounts([9]))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_the_answer_is_in_order(before: list[Row], now: list[Row]) -> None:
    found = explain(("a", "b"), before, now, top=4)
    scores = [cause.score for cause in found.ranked]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) <= 4
    assert all(np.isfinite([c.share, c.risk_ratio, c.score, c.without]).all() for c in found.ranked)


def test_the_parts_name_what_changed() -> None:
    before, now = table(planted({"cdn": "3"}))
    more = [Row(row.moment, row.values, 3 * row.value, 3 * row.count) for row in rows(MOMENTS, usual, 1)]
    dearer, busier = explain(DIMS, before, now), explain(DIMS, before, more)
    assert dearer.rate > 10 * (abs(dearer.volume) + abs(dearer.mix))
    assert busier.volume > 5 * (abs(busier.rate) + abs(busier.mix))


def wide(moment: int, bad: str | None) -> Iterator[Row]:
    for shop in range(10_000):
        for room in "ab":
            value = 30.0 if f"s{shop}" == bad and room == "b" else float((shop + moment) % 3 == 0)
            yield Row(moment, (f"s{shop}", room), value, 50)


def test_a_dimension_with_ten_thousand_values_stays_within_bounds() -> None:
    before = [row for moment in range(4) for row in wide(moment, None)]
    now = list(wide(4, "s9999"))
    leaves = collect(before, now)
    assert len(leaves.v0) <= (HEAVY + 1) * 2
    assert leaves.v1.sum() == sum(row.value for row in now)
    assert leaves.c0.sum() == sum(row.count for row in before)
    first = explain(("shop", "room"), before, now).ranked[0]
    assert first.slice == {"shop": "s9999", "room": "b"}


def test_rows_may_come_from_anything_that_is_read_once() -> None:
    before, now = table(planted({"cdn": "3"}))
    assert explain(DIMS, iter(before), iter(now)) == explain(DIMS, before, now)


def test_depth_and_length_are_kept() -> None:
    before, now = table(planted({"cdn": "2", "device": "ios", "isp": "x"}))
    assert {len(cause.slice) for cause in explain(DIMS, before, now, max_depth=1).ranked} == {1}
    assert len(explain(DIMS, before, now, top=2).ranked) == 2


@pytest.mark.parametrize(
    ("dims", "before", "now", "said"),
    [
        (("a",), [], [Row(1, ("x",), 1, 2)], "before"),
        (("a",), [Row(0, ("x",), 1, 2)], [], "now"),
        (("a",), [Row(0, ("x",), 1, 0)], [Row(1, ("x",), 1, 2)], "before"),
        (("a", "b"), [Row(0, ("x",), 1, 2)], [Row(1, ("x",), 1, 2)], "2 dimensions"),
    ],
)
def test_what_cannot_be_explained_is_an_error(
    dims: tuple[str, ...], before: list[Row], now: list[Row], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        explain(dims, before, now)
