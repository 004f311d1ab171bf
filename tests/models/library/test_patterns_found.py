"""Patterns and similar cases on generated ones. Constants were chosen on seeds 1 to 3, these are others."""

from __future__ import annotations

from typing import Final, NamedTuple

import pytest

from livewarden.library_entry import LibraryEntry
from models.library.assignment import Assignment
from models.library.likeness import LikenessIndex, floor_of
from tests.models.library.generated import Generated, pair_f1

SEEDS: Final = (101, 102)
CASES: Final = 2_000


class Filled(NamedTuple):
    generated: Generated
    assignment: Assignment
    cases: list[LibraryEntry]
    truth: list[int]
    found: list[str]


def filled(seed: int, cases: int = CASES) -> Filled:
    generated, assignment = Generated(seed), Assignment()
    drawn = [generated.case() for _ in range(cases)]
    assigned = [assignment.assign(entry) for entry, _ in drawn]
    found = [each.pattern_id for each in assigned if each is not None]
    return Filled(generated, assignment, [entry for entry, _ in drawn], [kind for _, kind in drawn], found)


@pytest.fixture(scope="module", params=SEEDS)
def library(request: pytest.FixtureRequest) -> Filled:
    return filled(request.param)


def test_cases_of_one_kind_are_of_one_pattern(library: Filled) -> None:
    assert pair_f1(library.found, library.truth) >= 0.90


def test_similar_cases_are_of_the_same_kind(library: Filled) -> None:
    kind = dict(zip((each.entry_id for each in library.cases), library.truth, strict=True))
    hits = []
    for _ in range(200):
        entry, truth = library.generated.case()
        hits.append(sum(kind[each.entry_id] == truth for each in library.assignment.index.alike(entry)) / 5)
    assert sum(hits) / len(hits) >= 0.90


def test_where_nothing_is_alike_hardly_anything_is_shown(library: Filled) -> None:
    shown = sum(bool(library.assignment.index.alike(library.generated.foreign())) for _ in range(400))
    assert shown / 400 < 0.05


def test_a_tenth_more_cases_change_no_id(library: Filled) -> None:
    more = [library.generated.case()[0] for _ in range(CASES // 10)]
    again = Assignment()
    # those that are stored come with the pattern that they have, in whatever order they are read
    stored = zip(library.cases, library.found, strict=True)
    for entry, pattern_id in sorted(stored, key=lambda each: each[0].entry_id):
        again.known(entry.model_copy(update={"pattern_id": pattern_id}))
    for entry in more:
        again.assign(entry)
    assert [again.pattern_of[each.entry_id] for each in library.cases] == library.found
    anew = Assignment()
    for entry in [*library.cases, *more]:
        anew.assign(entry)
    assert [anew.pattern_of[each.entry_id] for each in library.cases] == library.found


def test_a_rejected_case_is_found_and_is_in_no_pattern() -> None:
    generated, assignment = Generated(7), Assignment()
    first, _ = generated.case()
    rejected = first.model_copy(update={"entry_id": "r", "resolution": "FALSE_ALERT"})
    assert assignment.assign(rejected) is None
    assert assignment.index.alike(first)[0].entry_id == "r"
    found = assignment.assign(first)
    assert found is not None
    assert found.new, "what was rejected founds no pattern, and nobody joins it"
    assert "r" not in assignment.pattern_of


def test_what_matched_is_said_and_nothing_under_the_floor() -> None:
    index = LikenessIndex()
    assert index.alike(LibraryEntry(entry_id="x", title="t")) == []
    facts = {"policy_clause": "p7", "markets": ("DE",), "cause": "MODEL", "queue": "q1", "model_version": "7.2"}
    index.add(LibraryEntry(entry_id="c1", title="streams cut off", **facts), "p")  # type: ignore[arg-type]
    index.add(LibraryEntry(entry_id="c2", title="payouts held", policy_clause="p7"), "q")
    found = index.alike(LibraryEntry(entry_id="c3", title="streams are cut again and again", **facts))  # type: ignore[arg-type]
    assert [each.entry_id for each in found] == ["c1"]
    assert found[0].matched[:3] == ("policy p7", "queue q1", "model 7.2")
    assert "words streams, cut" in found[0].matched
    assert found[0].score >= floor_of(2)
