"""Distinct counts: of a set of items, however they came together."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.aggregate.distinct import Distinct, count_distinct


def sketch(items: list[str], text: str = "") -> str:
    made = Distinct(text)
    for item in items:
        made.add(item)
    return made.to_text()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3000).map(str), max_size=400), st.integers(1, 7), st.randoms(use_true_random=False))
def test_count_depends_on_the_set_of_items_alone(items: list[str], parts: int, rng: random.Random) -> None:
    whole = count_distinct([sketch(items)])
    shuffled = rng.sample(items, len(items))
    cut = [sketch(shuffled[part::parts]) for part in range(parts)]
    assert count_distinct(cut) == whole
    assert count_distinct([*reversed(cut), *cut, ""]) == whole
    assert count_distinct([sketch(shuffled[len(items) // 2 :], sketch(shuffled[: len(items) // 2]))]) == whole


@pytest.mark.parametrize("count", [0, 1, 2, 9, 100, 5_000, 50_000])
def test_error_is_small(count: int) -> None:
    estimate = count_distinct([sketch([f"shop-{index}" for index in range(count)])])
    assert abs(estimate - count) <= (0 if count < 10 else 0.06 * count)


def test_nothing_is_nothing() -> None:
    assert count_distinct([]) == count_distinct([""]) == 0


def test_sketch_is_small() -> None:
    assert len(sketch([str(index) for index in range(100_000)])) < 2500
    assert len(sketch(["one"])) < 100
