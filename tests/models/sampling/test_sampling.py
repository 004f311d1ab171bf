"""Quality samples: the same anywhere, weighted back to the truth, intervals that hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sampling.agreement import agreement
from models.sampling.draw import Drawn, draw, serving_order
from models.sampling.interval import clopper_pearson, rogan_gladen, sample_size, wilson
from models.sampling.plan import SamplePlan
from models.sampling.precision import precision


def plan(seed: str = "7", size: int = 400, **more: object) -> SamplePlan:
    return SamplePlan(sample_id="s", seed=seed, frame="all", size=size, **more)  # type: ignore[arg-type]


@given(st.permutations([f"a{number}" for number in range(60)]))
def test_the_order_of_the_frame_changes_nothing(ids: list[str]) -> None:
    frame = {each: f"h{int(each[1:]) % 3}" for each in ids}
    assert draw(plan(size=20, floor=3), frame) == draw(plan(size=20, floor=3), dict(sorted(frame.items())))


def test_another_seed_is_another_sample_and_another_plan_another_digest() -> None:
    frame = {f"a{number}": "x" for number in range(500)}
    assert draw(plan("7", 50), frame) != draw(plan("8", 50), frame)
    digests = {plan().digest, plan("8").digest, plan(size=9).digest, plan(golden={"g": "WRONG"}).digest}
    assert len(digests) == 4


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 900), min_size=1), st.integers(1, 500))
def test_no_stratum_gives_more_than_it_has_and_each_its_floor(sizes: dict[str, int], size: int) -> None:
    made = plan(size=size)
    found = made.allocate(sizes)
    assert all(min(made.floor, sizes[name]) <= found[name] <= sizes[name] for name in sizes)
    least = sum(min(made.floor, each) for each in sizes.values())
    assert sum(found.values()) == min(sum(sizes.values()), max(least, round(size * 0.85)))


def test_golden_items_stand_among_the_others_and_are_no_part_of_the_sample() -> None:
    frame = {f"a{number}": "x" for number in range(100)}
    made = plan(size=20, golden={"g1": "WRONG", "g2": "RIGHT"})
    sample = draw(made, frame)
    order = serving_order(made, sample)
    assert {"g1", "g2"} <= set(order)
    assert {"g1", "g2"}.isdisjoint(each.action_id for each in sample)
    assert order[-2:] != ["g1", "g2"]


def audits(runs: int, rates: dict[str, tuple[int, float]], **how: object) -> tuple[float, float, float]:
    """Simulated audits of one world: how often the interval held the truth, the mean error, that of the raw share."""
    rng = np.random.default_rng(11)
    frame = {f"{name}{number}": name for name, (size, _) in rates.items() for number in range(size)}
    ids = list(frame)
    held, error, raw_error = 0, 0.0, 0.0
    for run in range(runs):
        right = dict(zip(ids, (rng.random(len(ids)) >= [rates[frame[each]][1] for each in ids]).tolist(), strict=True))
        truth = sum(right.values()) / len(right)
        made = plan(f"run-{run}", **how)  # type: ignore[arg-type]
        found = precision(draw(made, frame), right)
        assert found is not None
        held += found.wilson[0] <= truth <= found.wilson[1]
        error += found.share - truth
        raw_error += found.raw - truth
    return held / runs, error / runs, raw_error / runs


def test_a_planted_oversampling_is_weighted_away() -> None:
    # the bad stratum is expected to be the worst by far, so it is drawn about four times as often
    rates = {"a": (900, 0.02), "b": (300, 0.30)}
    _, error, raw = audits(60, rates, size=200, expected={"a": 0.006, "b": 0.5}, simple=0.0, floor=10)
    assert abs(error) < 0.006
    assert raw < -0.03


def test_intervals_hold_what_they_say() -> None:
    held, _, _ = audits(150, {"a": (900, 0.05), "b": (300, 0.12)}, size=150)
    assert 0.90 <= held <= 0.99


def test_an_unreviewed_rest_does_not_shift_the_result() -> None:
    sample = [Drawn(f"a{n}", "a", 0.1) for n in range(100)] + [Drawn(f"b{n}", "b", 0.1) for n in range(100)]
    right = {f"a{n}": True for n in range(100)} | {f"b{n}": False for n in range(10)}
    found = precision(sample, right)
    assert found is not None
    assert found.share == pytest.approx(0.5)
    assert found.raw == pytest.approx(100 / 110)
    assert precision(sample, {}) is None


def test_intervals_of_the_literature() -> None:
    assert [round(each, 3) for each in wilson(97, 100)] == [0.915, 0.990]
    assert [round(each, 3) for each in clopper_pearson(97, 100)] == [0.915, 0.994]
    assert clopper_pearson(0, 50)[1] == pytest.approx(0.0711, abs=1e-4)
    assert clopper_pearson(299, 299, 0.90)[0] > 0.99
    assert sample_size(0.96, 0.02) == 369


def test_a_corrected_share_is_refused_where_it_would_be_invented() -> None:
    with pytest.raises(ValueError, match="no better than chance"):
        rogan_gladen(0.1, 0.5, 0.5)
    with pytest.raises(ValueError, match="not those of this auditor"):
        rogan_gladen(0.01, 0.9, 0.95)


def test_the_paradox_table_and_its_opposite() -> None:
    table = [("ok", "ok")] * 90 + [("ok", "bad")] * 5 + [("bad", "ok")] * 5
    found = agreement({str(n): {"a": one, "b": other} for n, (one, other) in enumerate(table)})
    assert found is not None
    assert [round(each, 2) for each in (found.raw, found.alpha, found.ac1)] == [0.9, -0.05, 0.89]
    same = agreement({str(n): {"a": "ok", "b": "ok"} for n in range(9)})
    assert same is not None
    assert (same.raw, same.ac1) == (1.0, 1.0)
    assert np.isnan(same.alpha)
    assert agreement({"1": {"a": "ok"}}) is None


def test_alpha_with_missing_reviews_is_krippendorffs() -> None:
    # Krippendorff 2011, "Computing Krippendorff's alpha-reliability", example C, nominal: 0.743
    a = ["1", "2", "3", "3", "2", "1", "4", "1", "2", ".", ".", "."]
    b = ["1", "2", "3", "3", "2", "2", "4", "1", "2", "5", ".", "3"]
    c = [".", "3", "3", "3", "2", "3", "4", "2", "2", "5", "1", "."]
    d = ["1", "2", "3", "3", "2", "4", "4", "1", "2", "5", "1", "."]
    units = {
        str(n): {name: values[n] for name, values in zip("abcd", (a, b, c, d), strict=True) if values[n] != "."}
        for n in range(12)
    }
    found = agreement(units)
    assert found is not None
    assert round(found.alpha, 3) == 0.743
