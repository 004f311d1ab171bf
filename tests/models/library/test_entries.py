"""An entry of a case's facts, old cases of a table, recurrence, risk, and what people do to patterns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.library import CaseFacts
from livewarden.library_entry import Harm, LibraryEntry
from livewarden.times import DAY_MS
from models.library.from_case import entry_of
from models.library.old_cases import FIELDS, Mapped, old_cases
from models.library.pattern_book import PatternBook
from models.library.recurrence import QUARTER_MS, WEEK_MS, recurrence
from models.library.risk import Risks
from models.library.shelf import Shelf
from tests.response_fixtures import Desk

FACTS: Final = CaseFacts(
    case_id="c1",
    title="Warnings · DE: 257 in 15 min, expected 60",
    kind="ENFORCEMENT_SPIKE",
    state="closed",
    resolution="WRONG_ENFORCEMENT",
    reason="the model took price tags for claims",
    started_ms=0,
    closed_ms=2 * DAY_MS,
    series=({"market": "DE", "policy_id": "p7"}, {"market": "AT", "policy_id": "p7"}),
    verdicts=("MODEL", "MODEL", "POLICY", "INSUFFICIENT_EVIDENCE"),
    changes=("ch-7", "ch-7"),
    measured={"policy_id": "p9", "queue_id": "q1", "model_id": "m", "model_version": "7.2", "subject_type": "ROOM"},
    measures=257,
    wrong_measures=191,
    shops=12,
    links=(("ticket", "OPS-7", ""), ("playbook", "enforcement@1", "solved")),
    packages=("ab" * 32,),
)


def test_an_entry_is_what_the_facts_say() -> None:
    entry = entry_of(FACTS)
    assert (entry.policy_clause, entry.queue, entry.model_version) == ("p7", "q1", "m 7.2")
    assert entry.markets == ("AT", "DE")
    assert (entry.cause, entry.enforcement, entry.changes) == ("MODEL", "wrong", ("ch-7",))
    assert entry.playbooks == ("enforcement@1 solved",)
    assert entry.evidence == ("ab" * 32, "ticket OPS-7", "playbook enforcement@1")
    assert entry.summary == (
        "Warnings · DE: 257 in 15 min, expected 60. The evidence spoke for model. Beside its onset: ch-7."
        ' 257 measures of 12 shops, 191 taken back. Ended after 2 d: wrong enforcement. "the model took price tags for'
        ' claims"'
    )


def test_what_is_not_known_is_not_said() -> None:
    bare = entry_of(CaseFacts("c2", "Opened by hand", "MANUAL", "dismissed", "FALSE_ALERT", "", 0, None))
    assert bare.summary == "Opened by hand. Ended: false alert."
    unknown = bare.model_dump(exclude={"entry_id", "title", "summary", "kind", "resolution", "started_at"})
    assert unknown == LibraryEntry(entry_id="x", title="t").model_dump(
        exclude={"entry_id", "title", "summary", "kind", "resolution", "started_at"}
    )


def test_long_values_are_cut_and_refused_nowhere() -> None:
    long = {"policy_id": "p" * 900, "model_id": "m" * 200, "model_version": "v" * 200, "market": "DE" * 200}
    facts = replace(FACTS, series=(long,), verdicts=("V" * 900,), changes=("c" * 900, "ch-7", "a b"), kind="k" * 900)
    entry = entry_of(replace(facts, title="t" * 900, reason="r" * 9_000, links=(("url", "u" * 900, ""),)))
    assert (len(entry.policy_clause), len(entry.model_version), len(entry.cause)) == (200, 200, 200)
    assert (entry.changes, entry.markets) == (("ch-7",), ())


@pytest.mark.parametrize("state", ["candidate", "triage", "open", "escalated", "resolved", "merged"])
def test_what_is_not_over_makes_no_entry(state: str) -> None:
    with pytest.raises(ValueError, match=f"the case is {state}"):
        entry_of(replace(FACTS, state=state))


HEADER: Final = ["ref", "Subject", "Land", "outcome", "measures", "started_at", "comment"]
MAPPED: Final = Mapped(
    {"title": "Subject", "markets": "Land", "resolution": "outcome"},
    {"resolution": {"rolled back": "ROLLED_BACK"}, "markets": {"Germany": "DE"}},
)


def row(**changes: Any) -> dict[str, Any]:
    usual = {"ref": 1201.0, "Subject": "Streams cut", "Land": "Germany, AT", "outcome": "rolled back"}
    return usual | {"measures": 40.0, "started_at": datetime(2025, 3, 6), "comment": "aside"} | changes  # noqa: DTZ001


def test_old_cases_are_read_as_the_mapping_says() -> None:
    (entry,), mistakes = old_cases([(2, row()), (3, dict.fromkeys(HEADER, ""))], HEADER, MAPPED, "old.xlsx")
    assert mistakes == []
    assert (entry.title, entry.markets, entry.resolution, entry.measures) == (
        "Streams cut",
        ("DE", "AT"),
        "ROLLED_BACK",
        40,
    )
    assert entry.source == "1201: old.xlsx row 2"
    assert entry.started_at == datetime(2025, 3, 6, tzinfo=UTC)
    # a corrected row of the same number is the same entry, in whatever row it stands
    (again,), _ = old_cases([(9, row(Subject="Streams were cut"))], HEADER, MAPPED, "old.xlsx")
    assert again.entry_id == entry.entry_id


def test_every_mistake_is_named_by_its_row() -> None:
    rows = [
        (2, row(ref=1)),
        (3, row(ref=2, outcome="gone", measures="1,5")),
        (4, row(ref=1)),
        (5, row(ref=3, Subject="")),
        (6, row(ref=4, started_at="6.3.2025", Land="Deutschland")),
    ]
    entries, mistakes = old_cases(rows, HEADER, MAPPED, "old.csv")
    assert [each.source for each in entries] == ["1: old.csv row 2"]
    assert [str(each) for each in mistakes] == [
        "row 3: measures: '1,5' is no whole number",
        "row 4: it is the same case as row 2",
        "row 5: Subject: is empty",
        "row 6: started_at: '6.3.2025' is no time such as 2026-03-06 or 2026-03-06T18:30:00Z",
    ]
    assert str(old_cases([(3, row(outcome="gone"))], HEADER, MAPPED, "f")[1][0]).startswith(
        "row 3: outcome: 'gone' is not 'FIXED', 'ROLLED_BACK'"
    )


def test_a_mapping_that_does_not_fit_is_said() -> None:
    assert Mapped({"titel": "Subject"}).mistakes(HEADER) == [
        "columns.titel: there is no such field; did you mean 'title'?"
    ]
    assert Mapped().mistakes(["ref"]) == ["columns: say which column is the title"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30)), max_size=5))
def test_any_cells_are_entries_or_mistakes_and_no_crash(rows: list[dict[str, str]]) -> None:
    entries, mistakes = old_cases(list(enumerate(rows, start=2)), list(FIELDS), Mapped(), "f")
    filled = sum(any(each.strip() for each in cells.values()) for cells in rows)
    assert len(entries) + len({each.row for each in mistakes}) == filled


def test_three_cases_on_one_day_do_not_recur() -> None:
    now = 200 * WEEK_MS
    assert recurrence([now - DAY_MS] * 9, now) is None
    assert recurrence([now - DAY_MS, now - 8 * DAY_MS], now) is None
    weekly = [now - each * WEEK_MS - 1 for each in range(6)]
    assert (recurrence(weekly, now) or 0) > 0.95
    assert 0.4 < (recurrence([*weekly, *(each - QUARTER_MS for each in weekly)], now) or 0) < 0.6
    # twice as many cases out of twice as many measures is nothing new
    before = [each - QUARTER_MS for each in weekly[:3]]
    assert (recurrence([*weekly, *before], now, 2.0) or 0) < 0.6 < (recurrence([*weekly, *before], now) or 0)


def entry(number: int, **changes: Any) -> LibraryEntry:
    usual = {"entry_id": f"c{number}", "title": "t", "started_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return LibraryEntry.model_validate(usual | changes)


def test_the_parts_of_a_risk_make_the_whole() -> None:
    dear = [entry(n, wrong_measures=100, harm=Harm(gmv_minor=50_000)) for n in range(6)]
    cheap = [entry(n, wrong_measures=5, harm=Harm(gmv_minor=50)) for n in range(6)]
    unknown = [entry(9)]
    risks = Risks([dear, cheap, unknown], weeks=13)
    high, low, few = (risks.of(each) for each in (dear, cheap, unknown))
    assert high.wrong_week == pytest.approx(high.cases_week * high.wrong_per_case)
    assert high.gmv_minor_week == pytest.approx(high.wrong_week * (high.gmv_minor_per_measure or 0))
    assert (high.gmv_minor_week or 0) > 10 * (low.gmv_minor_week or 0)
    assert few.few
    assert low.wrong_per_case < few.wrong_per_case < high.wrong_per_case, "what is not known is as all are"
    assert Risks([unknown], weeks=13).of(unknown).gmv_minor_week is None


IDS: Final = st.sampled_from(["a", "b", "c"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["merge", "split", "name"]), IDS, IDS, st.integers(0, 9)), max_size=12))
def test_every_old_id_leads_to_patterns_in_force_and_every_entry_is_in_one_of_them(
    steps: list[tuple[str, str, str, int]],
) -> None:
    book, said = PatternBook(), {"by": "ana", "why": "", "at_ms": 0}
    for number, (what, one, other, entry_number) in enumerate(steps):
        now, then = book.leads_to(one)[0], book.leads_to(other)[-1]
        if what == "merge" and now != then:
            book.merge(now, then, **said)  # type: ignore[arg-type]
        elif what == "split":
            book.split(now, [f"e{entry_number}"], "x", "y", f"a{number}", **said)  # type: ignore[arg-type]
        elif what == "name":
            book.name(now, "z", **said)  # type: ignore[arg-type]
    for pattern_id in {"a", "b", "c", *book.by_id}:
        leads = book.leads_to(pattern_id)
        assert leads
        for each in leads:
            assert not book[each].merged_into
            assert not book[each].split_into
        assert all(book.pattern_of(pattern_id, f"e{number}") in leads for number in range(10))


def test_what_is_no_longer_in_force_is_left_alone() -> None:
    book, said = PatternBook(), {"by": "ana", "why": "", "at_ms": 0}
    book.merge("a", "b", **said)  # type: ignore[arg-type]
    for wrong in (
        lambda: book.merge("a", "c", **said),  # type: ignore[arg-type]
        lambda: book.merge("c", "a", **said),  # type: ignore[arg-type]
        lambda: book.merge("b", "b", **said),  # type: ignore[arg-type]
        lambda: book.name("a", "x", **said),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="merged"):
            wrong()


async def test_the_response_keeps_patterns_over_a_restart() -> None:
    desk = Desk()
    entry_ = {"entry_id": "c1", "title": "Warnings", "pattern_id": "p"}
    assert await desk.ask("add_entry", entry=entry_) == (True, "it is in the library")
    assert desk.one("library_entries")["pattern_id"] == "p"
    await desk.ask("open_case", case_id="c2", title="By hand")
    assert await desk.ask("add_entry", entry=entry_ | {"entry_id": "c2"}) == (
        False,
        "the case is open: only one that is closed or dismissed goes into the library",
    )
    assert await desk.ask("name_pattern", pattern_id="p", name="Warnings") == (True, "the pattern is called Warnings")
    assert (await desk.ask("split_pattern", pattern_id="p", entry_ids=["c1"], name="one", rest="two", why="apart"))[0]
    states = {each["pattern_id"]: each for each in desk.rows("patterns")}
    assert len(states) == 3
    taken, rest = states["p"]["split_into"]
    assert (states[taken]["name"], states[rest]["name"], states["p"]["name"]) == ("one", "two", "Warnings")
    stage = desk.local.stage
    header, entries = stage.responder.snapshot(full=True)
    stage.responder.restore(header, entries)
    assert await desk.ask("name_pattern", pattern_id="p", name="again") == (
        False,
        f"the pattern was split into {taken} and {rest}",
    )
    assert (await desk.ask("merge_pattern", "vic", "viewer", pattern_id=taken, into=rest))[0] is False
    assert (await desk.ask("merge_pattern", pattern_id=taken, into=rest))[0]


def test_a_shelf_follows_merges_and_splits() -> None:
    book = PatternBook()
    said: dict[str, Any] = {"by": "ana", "why": "", "at_ms": 0}
    book.merge("a", "b", **said)
    _, taken, rest = book.split("b", ["c2"], "one", "two", "x", **said)
    entries = [entry(n, pattern_id="a" if n < 3 else "b") for n in range(5)]
    shelf = Shelf(entries, book.by_id.values())
    assert {each.entry_id for each in shelf.members("a")} == {"c0", "c1", "c2", "c3", "c4"}
    assert [each.entry_id for each in shelf.members(taken.pattern_id)] == ["c2"]
    assert {each.pattern_id for each in shelf.patterns(0)} == {taken.pattern_id, rest.pattern_id}
    assert shelf.name(rest.pattern_id) == "two"
