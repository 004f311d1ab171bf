"""What people do at a terminal: look at incidents, alerts, silences and cases, and act on them,
each answer as it comes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from io import StringIO
from typing import Any, Final, cast

import pytest
from typer.main import get_command

from cli import app, main
from cli.common import print_table
from cli.local_response import LocalResponse
from livewarden.action import ACTION, Action, Answer, Silence, Submit
from livewarden.case_state import RESOLUTIONS
from livewarden.clock import ManualClock, SystemClock
from livewarden.errors import RetryLater
from livewarden.settings import Settings
from livewarden.times import HOUR_MS, to_ms
from models.monitors.plan import Plan
from models.response.policy import Policy
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sinks.store.store import Store
from sinks.store.tables import Row
from tests.clickhouse_fixtures import clickhouse, clickhouse_server, fresh_database, server_address
from tests.console_fixtures import HOSTILE
from tests.evening_fixtures import ALERTS, CASES, INCIDENTS, SILENCES, TASKS, fill

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse

NOW: Final = SystemClock().now_ms()
LISTS: Final = {
    "incident": "no incident",
    "alert": "no alert",
    "silence": "no silence",
    "case": "no case",
    "outbox": "no channel was used yet",
}


@pytest.fixture(scope="module")
def addresses() -> Any:
    """A database with the evening in it, and an empty one."""
    loop = asyncio.new_event_loop()
    server = server_address("embedded")
    full, empty = fresh_database(server), fresh_database(server)

    async def start() -> tuple[Address, Address]:
        address = await full.__aenter__()
        store = await ClickHouseStore.connect(*dataclasses.astuple(address))
        await fill(store, NOW)
        await store.close()
        return address, await empty.__aenter__()

    async def end() -> None:
        await full.__aexit__(None, None, None)
        await empty.__aexit__(None, None, None)

    yield loop.run_until_complete(start())
    loop.run_until_complete(end())
    loop.close()


def settle(monkeypatch: pytest.MonkeyPatch, address: Address) -> None:
    for name in ("url", "user", "password", "database"):
        monkeypatch.setenv(f"LIVEWARDEN_CLICKHOUSE_{name.upper()}", getattr(address, name))
    monkeypatch.setenv("LOGNAME", "ana")


@pytest.fixture
def evening(addresses: tuple[Address, Address], monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, addresses[0])


@pytest.fixture
def nothing(addresses: tuple[Address, Address], monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, addresses[1])


class Stage:
    """Stands for the response: takes requests, and answers as it is notified."""

    def __init__(self) -> None:
        self.requests: list[Action] = []
        self.answer = Answer(True, "done")
        self.fails: Exception | None = None

    async def submit(self, action: Action) -> Answer:
        if self.fails is not None:
            raise self.fails
        self.requests.append(action)
        return self.answer

    @asynccontextmanager
    async def sending(self, settings: Settings, reader: Reader) -> AsyncIterator[Submit]:
        yield self.submit


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, evening: None) -> Stage:
    stage = Stage()
    monkeypatch.setattr("cli.act.sending", stage.sending)
    return stage


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(list(args))
    return code, *capsys.readouterr()


CASE, OTHER, INCIDENT, ALERT = CASES[1][:8], CASES[2][:8], INCIDENTS[0][:8], ALERTS[0][:8]
ACTIONS: Final[dict[str, dict[str, Any]]] = {
    f"incident ack {INCIDENT} --why mine --expects 1": {
        **{"do": "acknowledge", "incident_id": INCIDENTS[0], "why": "mine", "expects": 1}
    },
    f"incident resolve {INCIDENT}": {"do": "resolve_incident", "incident_id": INCIDENTS[0], "why": ""},
    f"alert feedback {ALERT} expected --cause campaign": {
        **{"do": "feedback", "alert_id": ALERTS[0], "verdict": "expected", "cause": "campaign"}
    },
    f"silence expire {SILENCES[0][:8]} --as ben": {"do": "expire_silence", "silence_id": SILENCES[0], "who": "ben"},
    f"case open {CASE}": {"do": "move_case", "case_id": CASES[1], "to": "open", "role": "operator"},
    f"case open --title T --alert {ALERT} --alert {ALERTS[1]}": {
        **{"do": "open_case", "title": "T", "severity": "warning", "alert_ids": ALERTS[:2]}
    },
    f"case triage {CASE}": {"do": "move_case", "to": "triage"},
    f"case wait {CASE} --why asked": {"do": "move_case", "to": "waiting", "why": "asked"},
    f"case template {CASE} wrong-enforcement": {"do": "use_template", "template": "wrong-enforcement"},
    f"case done {CASE} {TASKS[0][:8]} --not-necessary --why same": {
        **{"do": "finish_task", "task_id": TASKS[0], "unnecessary": True, "why": "same"}
    },
    f"case link {CASE} playbook appeals@1 --outcome solved": {
        **{"do": "link", "kind": "playbook", "ref": "appeals@1", "outcome": "solved"}
    },
    f"case escalate {CASE} --to board": {"do": "move_case", "to": "escalated", "to_whom": "board"},
    f"case resolve {CASE} --resolution FIXED --why so": {
        **{"do": "move_case", "to": "resolved", "resolution": "FIXED", "why": "so"}
    },
    f"case dismiss {CASE} --resolution BELOW_THRESHOLD": {
        "do": "move_case",
        "to": "dismissed",
        "resolution": "BELOW_THRESHOLD",
    },
    f"case close {CASE}": {"do": "move_case", "to": "closed", "force": False, "role": "operator"},
    f"case close {CASE} --force": {"do": "move_case", "to": "closed", "force": True, "role": "admin"},
    f"case reopen {OTHER}": {"do": "move_case", "case_id": CASES[2], "to": "open"},
    f"case assign {CASE} --to ben --due 2026-03-09": {
        **{"do": "assign_case", "owner": "ben", "due_at": "2026-03-09T00:00:00Z"}
    },
    f"case review {CASE} a0 wrong": {"do": "review_measure", "measure_id": "a0", "verdict": "WRONG"},
    f"case note {CASE} seen": {"do": "note", "why": "seen"},
    f"case task {CASE} undo --owner ben": {"do": "add_task", "text": "undo", "owner": "ben", "due_at": None},
    f"case done {CASE} {TASKS[0][:8]}": {"do": "finish_task", "task_id": TASKS[0]},
    f"case link {CASE} ticket OPS-4711": {"do": "link", "kind": "ticket", "ref": "OPS-4711"},
    f"case link {CASE} alert {ALERT}": {"do": "link", "kind": "alert", "ref": ALERTS[0]},
    f"case merge {OTHER} --into {CASE}": {"do": "merge_case", "case_id": CASES[2], "into": CASES[1]},
}


@pytest.mark.parametrize("line", ACTIONS)
def test_an_action_says_what_was_asked(line: str, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *line.split()) == (0, "done\n", "")
    (request,) = stage.requests
    asked = json.loads(ACTION.dump_json(request))
    assert {name: asked[name] for name in ACTIONS[line]} == ACTIONS[line]
    assert asked["who"] == ("ben" if "--as" in line else "ana")


def test_every_action_has_a_command() -> None:
    groups = get_command(app).commands  # type: ignore[attr-defined]
    commands = {f"{group} {name}" for group in LISTS for name in groups[group].commands}
    acting = {line.rsplit(" --")[0].split()[0] + " " + line.split()[1] for line in ACTIONS} | {"silence add"}
    looking = {f"{group} list" for group in LISTS} | {f"{group} show" for group in ("incident", "alert", "case")}
    looking |= {"alert why", "case resolutions"}
    assert commands == acting | looking


def test_a_silence_holds_from_when_to_when_it_is_said(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["silence", "add", "--match", "market=DE", "--match", "monitor~traffic-*", "--reason", "it's; DROP"]
    words.append("--yes")
    code, out, err = run(capsys, *words, "--for", "2h")
    assert (code, out) == (0, "done\n")
    assert err == "It matches no alert that fires now, and none of the last day.\n"
    timed = ["--from", "2026-03-06T21:00:00Z", "--to", "2026-03-06T23:00:00+01:00"]
    assert main([*words, *timed, "--kind", "maintenance", "--annotate", "--owner", "team", "--remind", "0s"]) == 0
    first, second = stage.requests
    assert isinstance(first, Silence)
    assert isinstance(second, Silence)
    assert [str(each) for each in first.matchers] == ["market=DE", "monitor~traffic-*"]
    assert first.ends_at - first.starts_at == timedelta(hours=2)
    assert first.starts_at == first.at
    assert (first.owner, first.effect, first.remind_s, first.why) == ("ana", "mute", 900, "it's; DROP")
    assert second.ends_at - second.starts_at == timedelta(hours=1)
    assert (second.kind, second.owner, second.effect, second.remind_s) == ("maintenance", "team", "annotate", 0)
    assert first.silence_id != second.silence_id


def test_many_cases_are_dismissed_or_merged_at_once(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "case", "dismiss", CASE, OTHER, "--resolution", "FALSE_ALERT")
    assert (code, len(out.splitlines())) == (0, 2)
    assert out.splitlines()[0] == f"{CASES[1][:8]}: done"
    assert run(capsys, "case", "merge", CASE, OTHER, "--into", CASES[0][:8])[0] == 0
    asked = [json.loads(ACTION.dump_json(each)) for each in stage.requests]
    assert [each["do"] for each in asked] == ["move_case", "move_case", "merge_case", "merge_case"]
    assert len({each["action_id"] for each in asked}) == 4
    stage.answer = Answer(False, "there is no such case")
    assert run(capsys, "case", "dismiss", CASE, OTHER, "--resolution", "FALSE_ALERT")[0] == 1
    assert run(capsys, "case", "merge", CASE, OTHER, "--into", CASES[0][:8], "--expects", "3")[0] == 2


def test_a_silence_says_what_it_would_mute_and_asks(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["silence", "add", "--match", "monitor=measures", "--for", "2h", "--reason", "r"]
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert "It matches " in err
    assert "of the last day: measures " in err
    assert err.endswith("nobody is there to be asked: say --yes\n")
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert run(capsys, *words)[0] == 2
    assert stage.requests == []
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert run(capsys, *words)[:2] == (0, "done\n")
    assert len(stage.requests) == 1


class Terminal(StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_a_due_date_may_be_so_long_from_now(stage: Stage) -> None:
    assert main(["case", "assign", CASE, "--due", "2h"]) == 0
    (request,) = stage.requests
    asked = json.loads(ACTION.dump_json(request))
    due_at = ACTION.validate_python(request.model_dump()).due_at  # type: ignore[union-attr]
    assert to_ms(due_at) - to_ms(request.at) == 2 * HOUR_MS  # type: ignore[arg-type]
    assert asked["owner"] is None


def test_a_refusal_is_exit_1_with_the_sentence_on_stderr(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.answer = Answer(False, "the case has changed: version 4, you saw 3")
    words = ["case", "triage", CASE, "--expects", "3"]
    assert run(capsys, *words) == (1, "", "the case has changed: version 4, you saw 3\n")
    code, out, err = run(capsys, *words, "--json")
    assert (code, err) == (1, "the case has changed: version 4, you saw 3\n")
    notified = json.loads(out)
    assert (notified["accepted"], notified["target"]) == (False, CASES[1])
    assert notified["action_id"] == stage.requests[1].action_id != stage.requests[0].action_id


def test_no_answer_in_time_is_said_with_the_id_of_the_wish(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.fails = RetryLater("no answer within 10 s: is a worker running?")
    code, out, err = run(capsys, "incident", "ack", INCIDENT)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no answer within 10 s" in err
    assert "action_id" in err


@pytest.mark.kafka
def test_kafka_not_there_is_one_clear_line(
    evening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as held:  # bound, and nothing listens
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("LIVEWARDEN_KAFKA", f"127.0.0.1:{held.getsockname()[1]}")
        code, out, err = run(capsys, "incident", "ack", INCIDENT)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "set LIVEWARDEN_KAFKA" in err


WRONG: Final = {
    f"incident ack {CASE}": "no incident has an id that begins with",
    "incident show nope": "no incident has an id that begins with 'nope' (see livewarden incident list --all)",
    "case show ''": "no case has an id",
    f"case done {CASE} nope": "no task has an id that begins with 'nope'",
    f"case link {CASE} alert nope": "no alert has an id",
    f"case merge {CASE} --into nope": "no case has an id",
    f"case resolve {CASE}": "Missing option '--resolution'",
    f"case resolve {CASE} --resolution BORED": "'BORED' is not one of 'FIXED'",
    f"case escalate {CASE}": "Missing option '--to'",
    f"case assign {CASE}": "--owner",
    f"case assign {CASE} --due soon": "--due: 'soon' is no RFC 3339 time",
    f"case note {CASE} ''": "why: String should have at least 1 character",
    "case open": "name a case, or give --title",
    f"case open {CASE} --title T": "name a case, or give --title",
    f"case triage {CASE} --expects 0": "--expects",
    f"case triage {CASE} --wyh x": "No such option: --wyh",
    f"alert feedback {ALERT} perhaps": "'perhaps' is not one of",
    "silence add --match market=DE --reason r": "--for, or until when with --to",
    "silence add --match market --for 2h --reason r": "--match: 'market' is no condition; write name=value",
    "silence add --match market=DE --for 2 --reason r": "--for: '2': a duration is",
    "silence add --match market=DE --for 0s --reason r": "ends_at: must be after starts_at",
    "silence add --for 2h --reason r": "Missing option '--match'",
    "silence add --match market=DE --for 2h --reason ''": "why: String should have at least 1 character",
    "alert why --from yesterday": "--from: 'yesterday'",
    "case frobnicate": "No such command 'frobnicate'",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_exit_2_and_not_sent(
    line: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("''", "") for word in line.split()]
    code, out, err = run(capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert WRONG[line] in err
    assert stage.requests == []


def test_an_id_that_begins_several_is_not_guessed(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    several = sorted(each for each in ALERTS if each.startswith("b"))
    assert len(several) == 3
    code, out, err = run(capsys, "alert", "feedback", "b", "true")
    assert (code, out, stage.requests) == (2, "", [])
    assert err == f"several alerts have an id that begins with 'b': {', '.join(several)}\n"


@pytest.mark.parametrize("group", LISTS)
def test_nothing_is_said_to_be_nothing(group: str, nothing: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, group, "list")[:2] == (
        0,
        LISTS[group] + ("\n\nNotifications\nno notification\n" if group == "outbox" else "\n"),
    )
    found = json.loads(run(capsys, group, "list", "--json")[1])
    assert found == ({"channels": [], "notifications": []} if group == "outbox" else [])


def test_why_nobody_was_paged_of_nothing(nothing: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "alert", "why") == (0, "no alert was kept back\n", "")


def shown(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    """The first column of a list, without its head."""
    code, out, err = run(capsys, *args)
    assert (code, err) == (0, "")
    return [line.split()[0] for line in out.splitlines()[1:]]


def short(ids: list[str]) -> list[str]:
    return [each[:8] for each in ids]


def test_lists_show_what_is_open_and_all_on_request(evening: None, capsys: pytest.CaptureFixture[str]) -> None:
    critical, taken, over, unnotified = INCIDENTS
    assert shown(capsys, "incident", "list") == short([critical, unnotified, taken])
    assert shown(capsys, "incident", "list", "--all") == short([critical, unnotified, taken, over])
    assert shown(capsys, "incident", "list", "--status", "resolved") == short([over])
    assert shown(capsys, "incident", "list", "--severity", "warning") == short(INCIDENTS[1:2])
    assert set(shown(capsys, "alert", "list")) == set(short(ALERTS[:3]))
    assert set(shown(capsys, "alert", "list", "--all")) == set(short(ALERTS))
    assert shown(capsys, "alert", "list", "--monitor", "stalls") == short(ALERTS[2:3])
    assert shown(capsys, "alert", "list", "--slice", "policy_id=p7") == short(ALERTS[:1])
    assert shown(capsys, "silence", "list") == short([SILENCES[0], SILENCES[2]])
    assert shown(capsys, "silence", "list", "--all") == short([SILENCES[0], SILENCES[2], SILENCES[1]])
    assert set(shown(capsys, "case", "list")) == set(short([*CASES[:3], CASES[5]]))
    assert set(shown(capsys, "case", "list", "--all")) == set(short(CASES))
    assert shown(capsys, "case", "list", "--overdue") == short(CASES[1:2])
    assert shown(capsys, "case", "list", "--state", "merged") == short(CASES[4:5])
    assert shown(capsys, "case", "list", "--owner", "ana") == short(CASES[1:2])
    channels, _, sent = run(capsys, "outbox", "list")[1].partition("\n\nNotifications\n")
    assert [line.split()[0] for line in channels.splitlines()] == ["channel", "on-call", "team"]
    assert [" pending " in line for line in sent.splitlines()] == [False, True, False]
    assert run(capsys, "outbox", "list", "--state", "given_up")[1].endswith("\nno notification\n")
    assert run(capsys, "outbox", "list", "--channel", "team")[1].count(" sent ") == 2
    assert set(shown(capsys, "alert", "why")) == set(short(ALERTS[1:4]))
    assert shown(capsys, "alert", "why", "--outcome", "silenced") == short(ALERTS[2:3])
    assert shown(capsys, "alert", "why", "--monitor", "measures", "--from", "2h") == short(ALERTS[1:2])
    assert run(capsys, "alert", "why", "--from", "30m")[1] == "no alert was kept back\n"


def test_json_has_instants_and_what_is_inside(evening: None, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "case", "show", CASE, "--json")[1])
    assert found["case"]["version"] == 4
    assert found["case"]["due_at"].endswith("Z")
    assert [each["id"] for each in found["case"]["tasks"]] == TASKS
    assert [each["number"] for each in found["history"]] == [1, 2, 3]
    assert {each["alert_id"] for each in found["alerts"]} == set(ALERTS[:2])
    incident = json.loads(run(capsys, "incident", "show", INCIDENTS[0], "--json")[1])
    assert {each["alert_id"] for each in incident["alerts"]} == set(ALERTS[:2])
    assert incident["dispositions"][ALERTS[1]]["outcome"] == "inhibited"
    assert {each["state"] for each in incident["notifications"]} == {"sent", "pending"}
    alert = json.loads(run(capsys, "alert", "show", ALERT, "--json")[1])
    assert alert["alert"]["explanation"]["verdict"]["verdict"] == "POLICY"
    assert alert["feedback"]["verdict"] == "true"


def test_pages_say_what_is_to_be_known(evening: None, capsys: pytest.CaptureFixture[str]) -> None:
    page = run(capsys, "incident", "show", INCIDENTS[1])[1]
    assert "acknowledged, version 2" in page
    assert "ana has it" in page
    assert "campaign spring-sale" in run(capsys, "incident", "show", INCIDENTS[2])[1]
    page = run(capsys, "alert", "show", ALERT)[1]
    assert "30, expected 4.0" in page or "30, expected 4" in page
    assert "Policy p7 carries it" in page
    assert "notified as a new incident" in page
    page = run(capsys, "case", "show", CASE)[1]
    assert "open, version 4" in page
    assert ", overdue" in page
    assert "first line second line" in page
    assert RESOLUTIONS["ROLLED_BACK"] in run(capsys, "case", "show", OTHER)[1]
    assert "inhibited at " in run(capsys, "alert", "why", ALERTS[1])[1]
    assert run(capsys, "case", "resolutions")[1].count("\n") == 1 + len(RESOLUTIONS)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_screen_of_any_width_loses_nothing(
    columns: int, evening: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is markup, SQL or an escape in a title stays text."""

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", screen)
    for line in ("incident list", "case list", f"case show {CASE}", f"incident show {INCIDENT}", "alert why"):
        assert main(line.split()) == 0
    text = "".join(re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).split())
    assert text.count("".join(HOSTILE.split())) >= 5
    for each in (INCIDENTS[0], CASES[1]):
        assert each in text


class Reconnecting:
    """A store that any event loop may use, because each write has a connection of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        store = await ClickHouseStore.connect(*dataclasses.astuple(self._address))
        await store.write(name, rows)
        await store.close()


@pytest.fixture
async def response(clickhouse: Address, monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The response itself behind the command line, its log in memory. Its clock."""
    settle(monkeypatch, clickhouse)
    clock = ManualClock(NOW)
    local = LocalResponse(Plan([]), Policy(), cast(Store, Reconnecting(clickhouse)), clock)

    @asynccontextmanager
    async def sending(settings: Settings, reader: Reader) -> AsyncIterator[Submit]:
        yield local.submit

    monkeypatch.setattr("cli.act.sending", sending)
    return clock


def test_a_case_from_open_to_closed(response: ManualClock, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "case", "open", "--title", "Warnings doubled", "--json")
    case = json.loads(out)["target"]
    assert code == 0
    steps = (
        ("assign CASE --to ben --due 2d", 0, "the case is ben's"),
        ("task CASE undo", 0, "the task is added"),
        ("link CASE ticket OPS-4711", 0, "ticket OPS-4711 is linked"),
        ("note CASE seen", 0, "it is noted"),
        ("escalate CASE --to board --expects 1", 1, "changed"),
        ("resolve CASE --resolution FIXED --why so", 0, "the case is resolved"),
        ("close CASE", 1, "it cannot be closed yet"),
        ("done CASE TASK", 0, "the task is done"),
        ("close CASE", 0, "the case is closed"),
        ("done CASE TASK", 1, "done it already"),
        ("reopen CASE", 0, "the case is open"),
        ("dismiss CASE --resolution BELOW_THRESHOLD", 0, "the case is dismissed"),
    )
    for line, expected, text in steps:
        page = json.loads(run(capsys, "case", "show", case, "--json")[1])["case"]
        task = page["tasks"][0]["id"][:8] if page["tasks"] else ""
        code, out, err = run(capsys, "case", *line.replace("CASE", case[:8]).replace("TASK", task).split())
        assert (code, text in (err if code else out)) == (expected, True), line + out + err
    page = json.loads(run(capsys, "case", "show", case, "--json")[1])
    assert page["case"]["state"] == "dismissed"
    assert page["case"]["tasks"][0]["done_by"] == "ana"
    assert page["case"]["tasks"][0].keys() >= {"id", "text", "owner", "due_at", "done_by", "done_at"}
    assert [each["what"] for each in page["history"]][:4] == ["created", "assigned", "task_added", "linked"]
    assert "by ana" in run(capsys, "case", "show", case)[1]
    assert run(capsys, "case", "list")[1] == "no case\n"


def test_a_silence_from_added_to_expired(response: ManualClock, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["silence", "add", "--match", "market=DE", "--for", "2h", "--reason", "r", "--yes"]) == 0
    capsys.readouterr()
    (silence,) = json.loads(run(capsys, "silence", "list", "--json")[1])
    assert (silence["matchers"], silence["reason"]) == (["market=DE"], "r")
    assert shown(capsys, "silence", "list") == [silence["silence_id"][:8]]
    response.advance(minutes=1)
    assert run(capsys, "silence", "expire", silence["silence_id"][:8])[0] == 0
    (silence,) = json.loads(run(capsys, "silence", "list", "--all", "--json")[1])
    assert silence["ended_by"] == "ana"


@pytest.mark.parametrize("screen", [False, True])
def test_a_cell_is_shown_as_it_is_written(
    screen: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: screen)
    monkeypatch.setenv("COLUMNS", "80")
    print_table(("name", "n"), [(":a: [red]漢[/red]", 7), ("b", 12)], right=("n",))
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert [line.rstrip() for line in text.splitlines()] == [
        "name                n",
        ":a: [red]漢[/red]   7",
        "b                  12",
    ]
