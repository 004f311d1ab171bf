"""Cohorts: exact, whatever the order, the repetitions and the distance of events; every reversal in exactly one
class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.contracts import AppealLifecycle, Contract, EnforcementAction, EnforcementReversed
from models.misjudgement.cohorts import APPEALED, MEASURES, UPHELD
from models.misjudgement.join import Joined
from models.misjudgement.reversal import OF_REASON, ReversalKind

START: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
REASONS: Final = [*OF_REASON, None]

ids = st.integers(0, 6).map(lambda number: f"a{number}")
times = st.integers(0, 5_000).map(lambda hours: START + timedelta(hours=hours))
measures = st.builds(
    lambda id_, at, policy: EnforcementAction(action_id=id_, decided_at=at, policy_id=policy, state="ENFORCED"),
    ids,
    times,
    st.sampled_from(["p1", "p2"]),
)
reversals = st.builds(
    lambda id_, at, reason: EnforcementReversed(action_id=id_, at=at, reason=reason),
    ids,
    times,
    st.sampled_from(REASONS),
)
appeals = st.builds(
    lambda id_, at, attempt, outcome: AppealLifecycle(
        appeal_id=f"{id_}-{attempt}",
        action_id=id_,
        attempt=attempt,
        at=at,
        state="RESOLVED" if outcome else "SUBMITTED",
        outcome=outcome,
    ),
    ids,
    times,
    st.integers(1, 2),
    st.sampled_from([None, "UPHELD", "REVERSED", "PARTLY_REVERSED"]),
)
events = st.lists(st.one_of(measures, reversals, appeals), max_size=40)


def joined(happened: list[Contract]) -> Joined:
    found = Joined()
    for each in happened:
        found.add(each)
    return found


@given(events, st.randoms())
@settings(max_examples=150)
def test_order_and_repetitions_change_nothing(happened: list[Contract], random: object) -> None:
    again = [*happened, *happened[::3]]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert list(joined(again).cohorts().rows()) == list(joined(happened).cohorts().rows())


@given(events)
@settings(max_examples=150)
def test_every_reversed_measure_is_in_exactly_one_class(happened: list[Contract]) -> None:
    found = joined(happened)
    counts = found.cohorts().counts
    kinds = sum(number for key, number in counts.items() if key[3] in set(map(str, ReversalKind)))
    assert kinds == len(found.measures.keys() & found.reversals.keys())
    assert found.unmatched() == len(found.reversals) - kinds


@given(events)
@settings(max_examples=100)
def test_what_is_counted_of_a_cell_is_at_most_its_measures(happened: list[Contract]) -> None:
    cohorts = joined(happened).cohorts()
    per: dict[tuple[object, ...], dict[str, int]] = {}
    for (cell, day, _, outcome), number in cohorts.counts.items():
        sums = per.setdefault((cell, day), {})
        sums[outcome] = sums.get(outcome, 0) + number
    for sums in per.values():
        assert sums.get(APPEALED, 0) <= sums[MEASURES]
        assert sum(sums.get(str(kind), 0) for kind in ReversalKind) <= sums[MEASURES]
        assert sums.get(UPHELD, 0) <= sums[MEASURES]


@given(events)
@settings(max_examples=50)
def test_a_parent_is_the_sum_of_its_children(happened: list[Contract]) -> None:
    cohorts = joined(happened).cohorts()
    by_cell = cohorts.by_cell()
    for depth in range(5):
        total = sum(row.number for cell, rows in by_cell.items() if cell.depth == depth for row in rows)
        assert total == sum(cohorts.counts.values())


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def outcomes(*happened: Contract) -> list[tuple[int, str]]:
    found = joined([EnforcementAction(action_id="a", decided_at=START), *happened]).cohorts()
    return [(row.age, row.outcome) for row in found.rows() if row.outcome != MEASURES]


def test_a_granted_appeal_needs_an_earlier_appeal() -> None:
    taken_back = EnforcementReversed(action_id="a", reason="APPEAL_GRANTED", at=at(4))
    appeal = AppealLifecycle(appeal_id="p", action_id="a", state="SUBMITTED", at=at(2))
    late = AppealLifecycle(appeal_id="p", action_id="a", state="SUBMITTED", at=at(5))
    assert outcomes(taken_back) == [(4, "unexplained")]
    assert outcomes(taken_back, appeal) == [(4, "appeal_granted"), (2, "appealed")]
    assert outcomes(taken_back, late) == [(5, "appealed"), (4, "unexplained")]


def test_the_older_name_of_a_granted_appeal_is_read_as_one() -> None:
    appeal = AppealLifecycle(appeal_id="p", action_id="a", state="SUBMITTED", at=at(1))
    names = [EnforcementReversed(action_id="a", reason=name, at=at(4)) for name in ("APPEAL_UPHELD", "APPEAL_GRANTED")]
    assert outcomes(names[0], appeal) == outcomes(names[1], appeal)


def test_a_second_attempt_adds_no_appeal_and_an_upheld_first_one_stays() -> None:
    first = AppealLifecycle(appeal_id="p", action_id="a", attempt=1, state="RESOLVED", outcome="UPHELD", at=at(2))
    second = AppealLifecycle(appeal_id="q", action_id="a", attempt=2, state="RESOLVED", outcome="REVERSED", at=at(9))
    assert outcomes(first, second) == [(9, "appeal_granted"), (2, "appealed"), (2, "upheld")]


def test_bodies_and_procedure_stand_apart() -> None:
    def resolved(**more: object) -> AppealLifecycle:
        body = {"appeal_id": "p", "action_id": "a", "state": "RESOLVED", "outcome": "REVERSED", "at": at(3)}
        return AppealLifecycle.model_validate(body | {"channel": "ODS_BODY"} | more)

    assert (3, "court_or_out_of_court") in outcomes(resolved())
    assert (3, "procedural") in outcomes(resolved(procedural=True))
    assert outcomes(resolved(implemented=False)) == [(3, "appealed")]


def test_a_late_reversal_moves_its_cohort_and_no_other_day() -> None:
    found = joined([EnforcementAction(action_id="a", decided_at=START)])
    day = int(START.timestamp()) // 86_400
    found.add(EnforcementReversed(action_id="a", reason="MODEL_ERROR", at=at(150)))
    rows = list(found.cohorts().rows())
    assert [(row.day, row.age) for row in rows] == [(day, 0), (day, 150)]
    assert [row.age for row in found.cohorts(before_ms=(day + 150) * 86_400_000).rows()] == [0]


def test_ages_count_from_the_day_people_were_informed() -> None:
    told = EnforcementAction(action_id="a", decided_at=START, informed_at=at(2))
    back = EnforcementReversed(action_id="a", reason="MODEL_ERROR", at=at(3))
    assert [row.age for row in joined([told, back]).cohorts().rows()] == [0, 1]
