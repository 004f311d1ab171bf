"""Time in state: those that still are in it count for as long as they have been."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.time_in_state import time_in_state

LENGTHS = st.lists(st.integers(1, 1_000), min_size=1, max_size=40)


@given(LENGTHS)
@settings(max_examples=60)
def test_where_all_is_over_it_is_the_median_of_all(over: list[int]) -> None:
    found = time_in_state("open", over, [])
    assert found.median_ms == found.naive_ms == sorted(over)[(len(over) + 1) // 2 - 1]


@given(LENGTHS, st.lists(st.integers(1, 1_000), max_size=40))
@settings(max_examples=60)
def test_what_lasts_never_makes_it_shorter(over: list[int], lasting: list[int]) -> None:
    found, alone = time_in_state("open", over, lasting), time_in_state("open", over, [])
    assert alone.median_ms is not None
    assert found.median_ms is None or found.median_ms >= alone.median_ms
    assert found.p90_ms is None or found.median_ms is not None


def test_a_cut_that_hides_what_takes_long_does_not_flatter() -> None:
    rng = np.random.default_rng(4)
    truth = rng.exponential(100, 20_000)
    seen_for = rng.uniform(0, 120, 20_000)
    over = [int(each) for each in truth[truth <= seen_for]]
    lasting = [int(each) for each in seen_for[truth > seen_for]]
    found = time_in_state("open", over, lasting)
    assert found.median_ms is not None
    assert found.naive_ms is not None
    assert abs(found.median_ms - 100 * np.log(2)) < 4
    assert found.naive_ms < 45
