"""The confidence sequence holds at every look together, and ends where the answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from livewarden.blast_radius import Sibling
from models.misjudgement.blast_radius import blast_radius, extent, review_order, sequence


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_looking_after_every_review_misses_the_truth_in_at_most_one_of_twenty(rate: float) -> None:
    rng = np.random.default_rng(int(rate * 100))
    missed = 0
    for _ in range(150):
        found = np.cumsum(rng.random(120) < rate)
        bounds = (sequence(int(each), number) for number, each in enumerate(found, start=1))
        missed += any(not low <= rate <= high for low, high in bounds)
    assert missed <= 0.05 * 150 + 7


def test_it_stops_where_the_answer_is_plain() -> None:
    assert extent(1_000, 0, 0).verdict == "go on"
    assert extent(1_000, 12, 12).verdict == "widespread"
    assert extent(1_000, 200, 0).verdict == "contained"
    whole = extent(30, 30, 4)
    assert whole.wrong == (4, 4, 4)


def test_wrong_lies_between_what_was_found_and_all() -> None:
    for reviewed, found in ((1, 0), (1, 1), (50, 3), (99, 99)):
        reach = extent(100, reviewed, found)
        assert found <= reach.wrong[1] <= reach.wrong[0] <= reach.wrong[2] <= found + 100 - reviewed


def test_the_order_is_by_case_and_nobody_chooses() -> None:
    ids = [f"a{number}" for number in range(50)]
    assert review_order("c1", ids) == review_order("c1", reversed(ids))
    assert review_order("c1", ids) != review_order("c2", ids)


def test_only_what_was_reviewed_without_a_gap_counts_and_what_was_taken_back_since_stays() -> None:
    siblings = [Sibling(f"a{number}", "s", "", 0, "bulk_rollback" if number < 3 else "", 1) for number in range(9)]
    order = blast_radius("c", (), siblings, {}).order
    assert len(order) == 6
    gap = blast_radius("c", (), siblings, {order[0]: "WRONG", order[2]: "WRONG"})
    assert (gap.reviewed, gap.found_wrong, gap.waiting) == (1, 1, [order[1], *order[3:]])
    differ = blast_radius("c", (), siblings, {order[0]: "WRONG", order[1]: None, order[2]: "RIGHT"})
    assert (differ.reviewed, differ.found_wrong, differ.unclear) == (2, 1, 1)
    back = blast_radius("c", (), siblings, {"a0": "WRONG", **dict.fromkeys(order, "RIGHT")})
    assert (back.reviewed, back.found_wrong, back.waiting, back.verdict) == (7, 1, [], "contained")
