"""The three-way merge of a workbook, held against a model that looks at one cell at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.times import DAY_MS, HOUR_MS, format_ms
from livewarden.tracker import SheetCell, SheetRow, TrackerRow
from models.tracker.cell import ms_of, text_of
from models.tracker.merge import Merge, merge, steps_of

WAS: Final = TrackerRow("c1", 3, "open", owner="ana", due_ms=DAY_MS)
OWNERS: Final = ("", "ana", "ben", "=eva", "007")
DUES: Final = (None, DAY_MS, 2 * DAY_MS + HOUR_MS)
DECIDED: Final = (("open", "", ""), ("resolved", "FIXED", ""), ("escalated", "", "board"), ("triage", "", ""))


def naive(*parts: int) -> datetime:
    """A time as a sheet has it: of no zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def sheet(row: TrackerRow, number: int = 2, **changes: SheetCell) -> SheetRow:
    """A row as the export writes it, with what somebody changed."""
    cells: dict[str, SheetCell] = {"case_id": row.case_id, "state": row.state, "resolution": row.resolution}
    cells |= {"escalated_to": row.escalated_to, "owner": row.owner, "due_at": row.due, "note": ""}
    return SheetRow(number, cells | changes)


def one(ours: TrackerRow = WAS, base: TrackerRow = WAS, **changes: SheetCell) -> Merge:
    return merge([base], [sheet(base, **changes)], {ours.case_id: ours})


def asked(found: Merge) -> list[dict[str, Any]]:
    return [dict(step.values) for step in found.steps]


rows = st.builds(
    lambda decided, owner, due: TrackerRow("", 1, *decided, owner, due),
    st.sampled_from(DECIDED),
    st.sampled_from(OWNERS),
    st.sampled_from(DUES),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(rows, rows, rows), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_every_cell_is_applied_kept_agreed_or_in_conflict_as_the_model_says(
    cases: list[tuple[TrackerRow, TrackerRow, TrackerRow]], random: Any
) -> None:
    base, theirs, ours = (
        [replace(each[place], case_id=f"c{number}") for number, each in enumerate(cases)] for place in range(3)
    )
    lines = [sheet(each, number) for number, each in enumerate(theirs, start=2)]
    random.shuffle(lines)
    found = merge(base, lines, {each.case_id: each for each in ours})
    counts = {"apply": 0, "agreed": 0, "kept": 0, "conflict": 0}
    for b, t, o in zip(base, theirs, ours, strict=True):
        for was, file, here in ((b.decided, t.decided, o.decided), (b.owner, t.owner, o.owner), (b.due, t.due, o.due)):
            if file == was:
                counts["kept"] += here != was
            else:
                counts["agreed" if file == here else "apply" if here == was else "conflict"] += 1
    applied = sum(len(step.values) for step in found.steps)
    assert (applied, found.agreed, found.kept, len(found.conflicts)) == tuple(counts.values())
    again = merge(base, lines, {each.case_id: each for each in ours}, steps_of(base, lines))
    assert (again.steps, again.conflicts, again.mistakes) == ((), (), ())


def test_nothing_edited_asks_for_nothing() -> None:
    found = one()
    assert (found.steps, found.refused, found.kept) == ((), False, 0)
    assert one(replace(WAS, owner="ben", version=9)).kept == 1


def test_an_edit_is_asked_for_in_the_order_that_lets_it_stand() -> None:
    found = one(owner="ben", due_at="1970-01-05", state="resolved", resolution="FIXED", note="rolled back")
    assert asked(found) == [
        {"state": ("resolved", "FIXED", ""), "note": "rolled back"},
        {"owner": "ben", "due_at": 4 * DAY_MS},
    ]
    assert asked(one(note="seen")) == [{"note": "seen"}]


def test_a_conflict_refuses_the_file_and_names_both_values() -> None:
    other = replace(WAS, case_id="c2")
    lines = [sheet(WAS, 2, owner="ben"), sheet(other, 3, owner="eva")]
    found = merge([WAS, other], lines, {"c1": replace(WAS, owner="zoe"), "c2": other})
    assert found.refused
    assert [str(each) for each in found.conflicts] == [
        "row 2, case c1: owner was 'ana', is 'ben' in the file and 'zoe' here"
    ]
    assert asked(found) == [{"owner": "eva"}]


def test_what_was_done_before_is_done_even_where_it_was_changed_since() -> None:
    lines = [sheet(WAS, owner="ben")]
    found = merge([WAS], lines, {"c1": replace(WAS, owner="zoe")}, steps_of([WAS], lines))
    assert (found.done, found.refused, found.steps) == (1, False, ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "closed"}, "a case that is open cannot be closed, only resolved, escalated, "),
        ({"state": "resolved"}, "resolution: none is none of FIXED"),
        ({"state": "escalated"}, "say to whom"),
        ({"resolution": "FIXED"}, "given with a new state"),
        ({"owner": ""}, "keeps its owner"),
        ({"owner": "x" * 101}, "more than 100"),
        ({"due_at": ""}, "keeps its due date"),
        ({"due_at": "next week"}, "due_at:"),
        ({"due_at": 45_000.0}, "is no time"),
        ({"note": "n" * 10_001}, "10,001 characters"),
        ({"case_id": "c9", "owner": "ben"}, "was not exported"),
        ({"case_id": None, "owner": "ben"}, "has no case"),
    ],
)
def test_what_cannot_be_done_refuses_the_file_with_its_row(changes: dict[str, SheetCell], said: str) -> None:
    found = one(**changes)
    assert found.refused
    assert "row 2" in found.mistakes[0]
    assert said in found.mistakes[0]


def test_rows_that_are_gone_or_stand_twice() -> None:
    assert merge([WAS], [], {"c1": WAS}) == Merge()
    same = [sheet(WAS, 2), sheet(WAS, 3, owner="ben"), sheet(WAS, 4, owner="ben")]
    assert asked(merge([WAS], same, {"c1": WAS})) == [{"owner": "ben"}]
    differ = merge([WAS], [*same, sheet(WAS, 5, owner="eva")], {"c1": WAS})
    assert differ.mistakes == ("case c1 stands more than once: owner is 'ben' in row 3 and 'eva' in row 5",)
    sums = SheetRow(9, {"case_id": None, "owner": "", "note": None})
    assert merge([WAS], [sums], {"c1": WAS}) == Merge()


def test_a_case_that_was_merged_or_is_gone_takes_no_edit() -> None:
    assert "was merged" in one(replace(WAS, state="merged"), owner="ben").mistakes[0]
    assert asked(one(replace(WAS, state="merged"), note="see the other")) == [{"note": "see the other"}]
    assert merge([WAS], [sheet(WAS, owner="ben")], {}).mistakes == ("case c1 is not here any more",)
    assert merge([WAS], [sheet(WAS)], {}) == Merge()


@pytest.mark.parametrize(
    ("cell", "base"),
    [
        (7.0, "007"),
        (7, "7"),
        (1e5, "1e5"),
        ("'=eva", "=eva"),
        (" ana", "ana"),
        (naive(1970, 1, 2), "1970-01-02T00:00:00Z"),
        (date(1970, 1, 2), "1970-01-02"),
        (True, "true"),
        ("", ""),
        (None, ""),
    ],
)
def test_what_a_sheet_makes_of_a_text_is_that_text(cell: SheetCell, base: str) -> None:
    assert text_of(cell, base) == base


def test_a_case_is_known_by_its_id_though_the_sheet_made_a_number_of_it() -> None:
    was = replace(WAS, case_id="0012")
    assert asked(merge([was], [sheet(was, case_id=12.0, owner="ben")], {"0012": was})) == [{"owner": "ben"}]


def test_times_of_a_sheet_are_utc_and_near_enough() -> None:
    assert ms_of("1970-01-01T01:00:00+01:00") == 0
    assert ms_of(naive(1970, 1, 1, 0, 0, 0, 900_000), base_ms=500) == 500
    assert ms_of(naive(1970, 1, 1, 0, 0, 2), base_ms=500) == 2_000
    with pytest.raises(ValueError, match="is no time"):
        ms_of(45_000)
    assert format_ms(ms_of(date(2026, 3, 6)) or 0) == "2026-03-06T00:00:00Z"
