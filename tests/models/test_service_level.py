"""Cases from templates, clocks in business time that stand still while a case waits, and escalation chains."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from livewarden.errors import PolicyError
from livewarden.times import DAY_MS, HOUR_MS, to_ms
from models.response.policy_file import parse_policy
from tests.response_fixtures import PLAN, Desk

FILE: Final = """
[sla.warning]
triage = "1h"
resolve = "8h"
calendar = "office"
chain = "governance"

[[calendar]]
name = "office"
timezone = "Europe/Berlin"
hours = ["mon-fri 09:00-17:00"]
country = "DE"

[[duty]]
name = "governance-on-duty"
timezone = "Europe/Berlin"
turn = [{ hours = "mon-fri 09:00-17:00", people = ["ana", "ben"], start = 2026-03-02 }, { people = ["night desk"] }]

[[chain]]
name = "governance"
step = [{ after = "0m", to = "governance-on-duty" }, { after = "2h", to = "policy-board" }]

[[template]]
name = "wrong-enforcement"
roles = { lead = "ana", policy = "policy-board" }
task = [
  { text = "Sample ten of them", role = "lead" },
  { text = "Ask the policy team", role = "policy" },
  { text = "Thank whoever found it", mandatory = false },
]
questions = ["Which change caused it?"]
evidence = ["The release note"]
"""


def at(day: int, hour: int, minute: int = 0) -> int:
    """An instant of March 2026 in Berlin, before clocks are put forward."""
    return to_ms(datetime(2026, 3, day, hour - 1, minute, tzinfo=UTC))


def desk_at(now_ms: int, extra: str = "") -> Desk:
    return Desk(parse_policy(f'fallback = ["log"]\n{extra}[[channel]]\nname = "log"\nfile = "x.jsonl"\n{FILE}'), now_ms)


async def opened(desk: Desk) -> dict[str, Any]:
    assert await desk.ask("open_case", case_id="c1", title="Wrong", template="wrong-enforcement") == (
        True,
        "the case is open",
    )
    return dict(desk.one("cases"))


async def test_a_case_from_a_template_closes_when_what_is_mandatory_is_done() -> None:
    desk = desk_at(at(6, 10))
    case = await opened(desk)
    tasks = json.loads(case["tasks"])
    assert [(each["kind"], each["owner"], each["mandatory"]) for each in tasks] == [
        ("task", "ana", True),
        ("task", "policy-board", True),
        ("task", None, False),
        ("question", None, True),
        ("evidence", None, True),
    ]
    assert case["template"] == "wrong-enforcement"
    ids = [each["id"] for each in tasks]
    assert await desk.ask("use_template", case_id="c1", template="wrong-enforcement") == (
        True,
        "0 things of wrong-enforcement are to be done",
    )
    assert (await desk.ask("use_template", case_id="c1", template="other"))[1] == (
        "there is no template other, only wrong-enforcement"
    )
    await desk.ask("move_case", case_id="c1", to="resolved", resolution="FIXED", why="rolled back")
    assert (await desk.ask("move_case", case_id="c1", to="closed"))[1] == (
        "it cannot be closed yet: 4 tasks are not done: Sample ten of them"
    )
    done = "finish_task"
    assert (await desk.ask(done, case_id="c1", task_id=ids[0]))[0]
    assert (await desk.ask(done, case_id="c1", task_id=ids[1], unnecessary=True))[1] == "say why it is not necessary"
    unnecessary = {"task_id": ids[1], "unnecessary": True, "why": "the rule did not change"}
    assert await desk.ask(done, case_id="c1", **unnecessary) == (True, "the task is not necessary")
    assert (await desk.ask(done, case_id="c1", task_id=ids[3]))[1] == "say the answer"
    assert (await desk.ask(done, case_id="c1", task_id=ids[3], why="release 7.2"))[0]
    assert (await desk.ask(done, case_id="c1", task_id=ids[4]))[1] == "say where the evidence is"
    assert (await desk.ask(done, case_id="c1", task_id=ids[4], why="wiki/7.2"))[0]
    assert await desk.ask("move_case", case_id="c1", to="closed") == (True, "the case is closed")
    kept = {each["id"]: each for each in json.loads(desk.one("cases")["tasks"])}
    assert (kept[ids[1]]["unnecessary"], kept[ids[1]]["answer"]) == (True, "the rule did not change")
    assert kept[ids[2]]["done_by"] is None, "what is not mandatory holds nothing up"


async def test_a_clock_counts_business_time_and_stands_still_while_it_waits() -> None:
    desk = desk_at(at(6, 16))  # Friday, an hour before the weekend
    case = await opened(desk)
    assert case["due_at"] == at(9, 16)
    assert (await desk.ask("move_case", case_id="c1", to="waiting"))[1] == "say what it waits for"
    desk.clock.advance(minutes=30)
    await desk.ask("move_case", case_id="c1", to="waiting", why="the merchant is asked")
    assert desk.one("cases")["due_at"] is None
    desk.clock.advance(minutes=(at(10, 9) - at(6, 16, 30)) / 60_000)
    await desk.wait()
    assert not desk.one("cases")["overdue"], "it waits for others"
    await desk.ask("move_case", case_id="c1", to="open")
    case = dict(desk.one("cases"))
    assert case["due_at"] == at(10, 16, 30)
    clock = json.loads(case["clock"])
    assert (clock["used_ms"], clock["pauses"], clock["calendar"]) == (HOUR_MS // 2, 1, "office")
    assert "8 h of mon-fri 09:00-17:00 Europe/Berlin without the holidays of DE" in clock["how"]
    await desk.ask("assign_case", case_id="c1", owner="ben")
    assert desk.one("cases")["due_at"] == case["due_at"], "who has it changes nothing"
    header, entries = desk.local.stage.responder.snapshot(full=True)
    desk.local.stage.responder.restore(header, entries)
    await desk.ask("move_case", case_id="c1", to="escalated", to_whom="lead")
    assert desk.one("cases")["due_at"] == case["due_at"], "nor does a restart or an escalation"


async def test_an_overdue_case_goes_up_its_chain() -> None:
    desk = desk_at(at(6, 9))
    await opened(desk)
    await desk.wait(minutes=8 * 60)  # Friday at five: it is due now
    assert desk.one("cases")["overdue"]
    said = [each.title for each in desk.notified]
    assert said == ["[overdue] overdue, open, maria: Wrong", "[overdue] night desk: overdue, open, maria: Wrong"]
    assert desk.one("cases")["escalated_to"] == "night desk"
    await desk.wait(minutes=DAY_MS / 60_000)
    assert len(desk.notified) == 2, "two hours of business time later is Monday"
    desk.clock.advance(minutes=(at(9, 11) - at(7, 17)) / 60_000)
    await desk.wait()
    assert desk.notified[-1].title == "[overdue] policy-board: overdue, open, maria: Wrong"
    called = [row for row in desk.rows("case_history") if row["what"] == "called"]
    assert [json.loads(row["details"])["to_whom"] for row in called] == ["night desk", "policy-board"]
    assert not desk.local.stage.responder.cases.waits


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            '[sla.info]\ntriage = "1h"\nresolve = "2h"\ncalendar = "offise"',
            "none is named 'offise'; did you mean 'office'?",
        ),
        ('[[calendar]]\nname = "office"\ntimezone = "UTC"', "'office' is taken by another calendar"),
        ('[[calendar]]\nname = "x"\ntimezone = "UTC"\nhours = ["9-5"]', "is not of the kind"),
        ('[[chain]]\nname = "x"\nstep = [{ after = "2h", to = "a" }, { after = "1h", to = "b" }]', "later than"),
        ('[[template]]\nname = "x"\ntask = [{ text = "a", role = "r" }]', "there is no role 'r'"),
    ],
)
def test_mistakes_of_the_file_are_named_by_their_line(wrong: str, said: str) -> None:
    with pytest.raises(PolicyError) as raised:
        parse_policy(f"{FILE}\n{wrong}", "response", PLAN.monitors)
    assert "line " in str(raised.value)
    assert said in str(raised.value)
