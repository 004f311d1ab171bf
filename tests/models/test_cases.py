"""Cases: who may do what when, the closure gate, recurrence, merging, the service level, and a history that adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.case_state import MOVES
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from tests.response_fixtures import NOW, Desk, alert, policy

SLA = {"critical": {"triage": "30m", "resolve": "1d"}, "warning": {"triage": "4h", "resolve": "3d"}}


async def filed(desk: Desk | None = None) -> tuple[Desk, Alert, str]:
    """A desk with one candidate."""
    desk = desk or Desk(policy(sla=SLA, fallback=("log",)))
    first = alert()
    await desk.alerts(first)
    await desk.candidate(first, "Orders · DE: 100, expected 1,000")
    assert first.case_id is not None
    return desk, first, first.case_id


async def moved(desk: Desk, case_id: str, *states: str, **fields: Any) -> None:
    for state in states:
        extra: dict[str, Any] = {"resolution": "FIXED"} if state in ("resolved", "dismissed") else {}
        extra |= {"to_whom": "lead"} if state == "escalated" else {}
        assert await desk.ask("move_case", case_id=case_id, to=state, **{**extra, **fields}) == (
            True,
            f"the case is {state}",
        )


async def test_a_candidate_is_a_case_that_nobody_has_taken_up() -> None:
    desk, first, case_id = await filed()
    case = desk.one("cases")
    assert (case["case_id"], case["state"], case["owner"], case["severity"]) == (case_id, "candidate", None, "critical")
    assert case["title"] == "Orders · DE: 100, expected 1,000"
    assert (case["alert_ids"], case["firing_count"]) == ([first.alert_id], 1)
    assert case["due_at"] == desk.clock.now_ms() + 30 * MINUTE_MS
    (entry,) = desk.rows("case_history")
    assert (entry["number"], entry["what"], entry["who"]) == (1, "created", "livewarden")


async def test_from_candidate_to_closed_with_a_history_of_who_and_why() -> None:
    desk, first, case_id = await filed()
    await moved(desk, case_id, "triage", why="looks real")
    assert desk.one("cases")["due_at"] == desk.clock.now_ms() + DAY_MS
    await moved(desk, case_id, "open")
    assert await desk.ask("assign_case", case_id=case_id, owner="omar") == (
        True,
        f"the case is omar's, due at {format_ms(desk.clock.now_ms() + DAY_MS)}",
    )
    assert await desk.ask("add_task", case_id=case_id, task_id="t1", text="tell the merchants") == (
        True,
        "the task is added",
    )
    assert await desk.ask("link", case_id=case_id, kind="ticket", ref="OPS-7") == (True, "ticket OPS-7 is linked")
    assert await desk.ask("link", case_id=case_id, kind="ticket", ref="OPS-7") == (False, "it is linked already")
    await moved(desk, case_id, "escalated", "open", "resolved", why="rolled back")
    accepted, answer = await desk.ask("move_case", case_id=case_id, to="closed")
    assert not accepted
    assert answer == "it cannot be closed yet: 1 of its alerts still fires; 1 task is not done: tell the merchants"
    await desk.ask("finish_task", "omar", case_id=case_id, task_id="t1")
    await desk.resolve(first)
    assert (await desk.ask("move_case", case_id=case_id, to="closed"))[1] == (
        "it cannot be closed yet: orders: not normal for long enough yet"
    )
    await desk.judged("orders", first.window_end_ms + 5 * MINUTE_MS + 3 * MINUTE_MS - 1)
    assert not (await desk.ask("move_case", case_id=case_id, to="closed"))[0]
    await desk.judged("orders", first.window_end_ms + 5 * MINUTE_MS + 3 * MINUTE_MS)
    digest = "0" * 64
    await desk.ask("add_evidence", case_id=case_id, name="c.zip", digest=digest, size=9)
    await moved(desk, case_id, "closed")
    case = desk.one("cases")
    assert (case["state"], case["resolution"], case["owner"], case["open_tasks"]) == ("closed", "FIXED", "omar", 0)
    assert (case["due_at"], case["closed_at"]) == (None, desk.clock.now_ms())
    assert json.loads(case["evidence"])[0]["digest"] == digest
    history = desk.rows("case_history")
    assert [entry["number"] for entry in history] == list(range(1, len(history) + 1))
    assert [entry["what"] for entry in history] == [
        "created",
        "moved",
        "moved",
        "assigned",
        "task_added",
        "linked",
        "moved",
        "moved",
        "moved",
        "task_done",
        "ended",
        "evidence_added",
        "moved",
    ]
    assert (history[1]["from_state"], history[1]["to_state"], history[1]["why"]) == (
        "candidate",
        "triage",
        "looks real",
    )


async def test_an_admin_may_set_the_gate_aside_and_it_stands_in_the_history() -> None:
    desk, _, case_id = await filed()
    await moved(desk, case_id, "open", "resolved")
    assert not (await desk.ask("move_case", case_id=case_id, to="closed", force=True))[0]
    assert (await desk.ask("move_case", "ada", "admin", case_id=case_id, to="closed", force=True))[0]
    assert json.loads(desk.rows("case_history")[-1]["details"]) == {"in_spite_of": ["1 of its alerts still fires"]}


@pytest.mark.parametrize("to", ["triage", "open", "escalated", "resolved", "closed", "dismissed"])
async def test_only_the_moves_of_the_table_are_made(to: str) -> None:
    desk, _, case_id = await filed()
    accepted, answer = await desk.ask("move_case", case_id=case_id, to=to, resolution="BELOW_THRESHOLD", to_whom="lead")
    assert accepted == (to in MOVES["candidate"])
    if not accepted:
        assert answer == f"a case that is candidate cannot be {to}, only triage, open, dismissed"


async def test_what_a_move_needs_is_asked_for() -> None:
    desk, _, case_id = await filed()
    assert (await desk.ask("move_case", case_id=case_id, to="dismissed"))[1] == (
        "say why it is dismissed: a resolution is missing"
    )
    await moved(desk, case_id, "open")
    assert (await desk.ask("move_case", case_id=case_id, to="escalated"))[1] == "say to whom it is escalated"
    assert (await desk.ask("move_case", case_id="c0", to="open"))[1] == "there is no such case"
    assert (await desk.ask("assign_case", case_id=case_id))[1] == "say who owns it, or when it is due"


async def test_of_two_who_saw_the_same_version_the_second_is_told() -> None:
    desk, _, case_id = await filed()
    seen = desk.one("cases")["version"]
    assert (await desk.ask("move_case", "maria", case_id=case_id, to="open", expects=seen))[0]
    accepted, answer = await desk.ask(
        "move_case", "omar", case_id=case_id, to="dismissed", resolution="BELOW_THRESHOLD", expects=seen
    )
    assert (accepted, answer) == (False, f"the case has changed: it is at version {seen + 1}, you saw {seen}")
    assert desk.one("cases")["state"] == "open"
    assert (await desk.ask("note", "omar", case_id=case_id, why="I looked, too"))[0]  # a note loses nobody's work


async def test_what_detection_adds_makes_nobody_look_again() -> None:
    desk, first, case_id = await filed()
    seen = desk.one("cases")["version"]
    await desk.candidate(first, "Orders · DE: 40, expected 1,000")
    assert desk.one("cases")["version"] == seen + 1
    assert (await desk.ask("move_case", case_id=case_id, to="open", expects=seen))[0]


async def test_a_closed_case_that_comes_back_is_open_again() -> None:
    desk, first, case_id = await filed()
    await moved(desk, case_id, "open", "resolved")
    await desk.resolve(first)
    again = alert(at=NOW + DAY_MS)
    await desk.alerts(again)
    await desk.candidate(again)
    case = desk.one("cases", case_id=case_id)
    assert (case["state"], case["reopened"], case["resolution"]) == ("open", 1, "")
    assert case["alert_ids"] == [first.alert_id, again.alert_id]
    assert desk.rows("case_history", case_id=case_id)[-1]["what"] == "recurred"
    other = desk.one("cases", case_id=again.case_id)
    assert (other["state"], other["merged_into"]) == ("merged", case_id)


@pytest.mark.parametrize(("state", "days"), [("resolved", 15), ("dismissed", 1)])
async def test_long_after_or_dismissed_it_is_another_case(state: str, days: int) -> None:
    desk, first, case_id = await filed()
    await moved(desk, case_id, "open", state)
    await desk.resolve(first)
    desk.clock.advance(minutes=days * 24 * 60)
    await desk.alerts(alert(at=NOW + days * DAY_MS))
    assert [row["state"] for row in desk.rows("cases")].count("candidate") == 1
    assert desk.one("cases", case_id=case_id)["reopened"] == 0


async def test_a_merged_case_hands_over_what_it_has_and_gets() -> None:
    desk, _, case_id = await filed()
    other = alert("measures", {"policy_id": "P1"}, observed=500, expected=10)
    await desk.alerts(other)
    assert other.case_id is not None
    assert (await desk.ask("merge_case", case_id=other.case_id, into=case_id, why="one cause"))[0]
    assert (await desk.ask("merge_case", case_id=case_id, into=case_id))[1] == (
        "there is no other case of that id to merge into"
    )
    assert (await desk.ask("move_case", case_id=other.case_id, to="open"))[1] == f"the case was merged into {case_id}"
    await desk.resolve(other)
    case = desk.one("cases", case_id=case_id)
    assert (len(case["alert_ids"]), case["firing_count"], case["monitors"]) == (2, 1, ["measures", "orders"])


async def test_a_measure_is_reviewed_until_the_case_is_closed() -> None:
    desk, first, case_id = await filed()
    verdict = {"case_id": case_id, "measure_id": "m1", "verdict": "WRONG"}
    assert await desk.ask("review_measure", **verdict) == (True, "m1: wrong")
    await desk.resolve(first)
    await moved(desk, case_id, "open", "resolved")
    await moved(desk, case_id, "closed", force=True, role="admin")
    assert await desk.ask("review_measure", **verdict) == (False, "the case is closed: open it again first")


async def test_what_is_not_done_in_time_is_overdue_once_and_those_in_charge_hear_of_it() -> None:
    desk, _, case_id = await filed()
    await desk.wait(minutes=31)
    assert desk.one("cases")["overdue"] == 1
    assert [entry["what"] for entry in desk.rows("case_history")] == ["created", "overdue"]
    await moved(desk, case_id, "triage")
    assert desk.one("cases")["overdue"] == 0
    await desk.wait(minutes=24 * 60)
    await desk.wait(minutes=24 * 60)
    assert [each.cause for each in desk.notified if not each.incident_id] == ["overdue"]


async def test_a_case_is_opened_by_hand() -> None:
    desk = Desk(policy(sla=SLA))
    asked = {"case_id": "mine", "title": "<b>Strange</b> refunds", "alert_ids": ["x1"], "severity": "warning"}
    assert (await desk.ask("open_case", **asked))[0]
    assert (await desk.ask("open_case", **asked))[1] == "there is a case of that id"
    case = desk.one("cases")
    assert (case["state"], case["owner"], case["title"]) == ("open", "maria", "<b>Strange</b> refunds")
    assert json.loads(case["links"])[0]["ref"] == "x1"
    await moved(desk, "mine", "resolved", "closed")


async def test_a_case_opened_by_hand_follows_the_alerts_that_it_was_given() -> None:
    desk, first, _ = await filed()
    await desk.ask("open_case", case_id="mine", title="two markets", alert_ids=[first.alert_id, "unknown"])
    case = desk.one("cases", case_id="mine")
    assert (case["alert_ids"], case["firing_count"], case["kind"]) == ([first.alert_id], 1, "MANUAL")
    assert [link["ref"] for link in json.loads(case["links"])] == ["unknown"]
    await moved(desk, "mine", "resolved")
    assert (await desk.ask("move_case", case_id="mine", to="closed"))[1] == (
        "it cannot be closed yet: 1 of its alerts still fires"
    )
    await desk.resolve(first)
    assert desk.one("cases", case_id="mine")["firing_count"] == 0
    assert desk.one("cases", case_id=first.case_id)["firing_count"] == 0


async def test_the_severity_of_a_case_follows_its_candidate() -> None:
    desk, first, _ = await filed()
    await desk.candidate(first, severity="info", kind="MIXED")
    assert (desk.one("cases")["severity"], desk.one("cases")["kind"]) == ("info", "MIXED")


STEPS = st.sampled_from(
    ["triage", "open", "escalated", "resolved", "closed", "dismissed", "note", "task", "again", "end", "wait"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
async def test_whatever_happens_the_history_and_the_case_agree(steps: list[str]) -> None:
    desk, first, case_id = await filed()
    for number, step in enumerate(steps):
        if step in MOVES:
            await desk.ask("move_case", case_id=case_id, to=step, resolution="FIXED", to_whom="lead")
        elif step == "note":
            await desk.ask("note", case_id=case_id, why="seen")
        elif step == "task":
            await desk.ask("add_task", case_id=case_id, task_id=f"t{number}", text="do it")
        elif step == "again":
            await desk.alerts(replace(alert(at=NOW + number * HOUR_MS), episode_id=first.episode_id, case_id=case_id))
        elif step == "end":
            await desk.resolve(first)
        else:
            await desk.wait(minutes=40)
    case = desk.one("cases", case_id=case_id)
    history = desk.rows("case_history", case_id=case_id)
    state = "candidate"
    for number, entry in enumerate(history, start=1):
        assert entry["number"] == number
        assert entry["from_state"] == state
        if entry["from_state"] != entry["to_state"]:
            assert entry["to_state"] in MOVES[entry["from_state"]]
        state = entry["to_state"]
    assert case["state"] == state
    refused = [row for row in desk.rows("actions") if row["outcome"] == "refused"]
    assert not {row["action_id"] for row in refused} & {entry["action_id"] for entry in history}
    accepted = {row["action_id"] for row in desk.rows("actions", outcome="accepted")}
    assert accepted == {entry["action_id"] for entry in history if entry["action_id"]}


async def test_a_closed_case_takes_no_part_in_a_merge() -> None:
    desk, _, case_id = await filed()
    await desk.ask("open_case", case_id="mine", title="by hand")
    await moved(desk, "mine", "resolved", "closed")
    refusal = "a closed or merged case takes no part in a merge: open it again first"
    assert await desk.ask("merge_case", case_id=case_id, into="mine") == (False, refusal)
    assert await desk.ask("merge_case", case_id="mine", into=case_id) == (False, refusal)


async def test_who_saw_a_case_before_it_came_back_is_to_look_again() -> None:
    desk, first, case_id = await filed()
    await moved(desk, case_id, "open", "resolved")
    await desk.resolve(first)
    seen = desk.one("cases")["version"]
    await desk.alerts(alert(at=NOW + DAY_MS))
    accepted, answer = await desk.ask("assign_case", case_id=case_id, owner="omar", expects=seen)
    assert not accepted
    assert answer.startswith("the case has changed")


async def test_candidates_that_nobody_touched_call_nobody() -> None:
    sla = {"critical": {"triage": "30m", "resolve": "1d"}, "warning": {"triage": "30m", "resolve": "1d"}}
    desk = Desk(policy([], fallback=("log",), sla=sla))
    for number in range(49):
        found = alert("orders", {"market": f"M{number}"}, suppressed_by="cooldown")
        await desk.candidate(found, case_id=f"c{number}")
    await desk.wait(minutes=31)
    await desk.wait(minutes=31)
    assert desk.notified == []
    assert all(row["overdue"] for row in desk.rows("cases"))
    accepted, _ = await desk.ask("move_case", case_id="c7", to="triage")
    assert accepted
    await desk.wait(minutes=24 * 60)
    await desk.wait(seconds=1)
    assert [each.cause for each in desk.notified] == ["overdue"]
