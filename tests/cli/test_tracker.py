"""The round trip of the workbook: exported from ClickHouse, edited by another tool, imported as requests that hold."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from cli import main
from cli.local_response import LocalResponse
from livewarden.action import ACTION, Action, Answer, Submit
from livewarden.clock import ManualClock, SystemClock
from livewarden.settings import Settings
from livewarden.times import DAY_MS, format_ms
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.memory import MemoryStore
from sinks.store.reader import Reader
from sinks.store.tables import Row
from tests.cli.test_response import run, settle
from tests.clickhouse_fixtures import fresh_database, server_address
from tests.response_fixtures import PLAN, policy
from tests.sheets import Rows, edit, setting

pytestmark = pytest.mark.clickhouse
NOW: Final = SystemClock().now_ms()


class Response:
    """The response stage over ClickHouse, and requests of others beside those of the commands."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._memory = MemoryStore()
        self._stored: list[Row] = []
        self.local = LocalResponse(PLAN, policy(), self._memory, ManualClock(NOW))
        self.sent: list[Action] = []
        self.beside: list[dict[str, Any]] = []

    def ask(self, *requests: dict[str, Any]) -> None:
        async def asked() -> None:
            async with self._store() as store:
                for each in requests:
                    await self._ask(**each)
                await self._flush(store)

        asyncio.run(asked())

    async def _ask(self, do: str, **fields: Any) -> None:
        stamp = {"do": do, "action_id": f"o{len(self.local.log)}", "who": "zoe", "at": format_ms(NOW)}
        await self.local.submit(ACTION.validate_python(stamp | fields, strict=False))

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[ClickHouseStore]:
        """Every command has an event loop of its own, so a connection, too."""
        store = await ClickHouseStore.connect(*dataclasses.astuple(self._address))
        yield store
        await store.close()

    async def _flush(self, store: ClickHouseStore) -> None:
        for name in ("cases", "case_history", "actions"):
            fresh = [row for row in self._memory.rows(name) if row not in self._stored]
            if fresh:
                await store.write(name, fresh)
            self._stored += fresh

    @asynccontextmanager
    async def sending(self, settings: Settings, reader: Reader) -> AsyncIterator[Submit]:
        async with self._store() as store:

            async def submit(action: Action) -> Answer:
                self.sent.append(action)
                answer = await self.local.submit(action)
                while self.beside:
                    await self._ask(**self.beside.pop())
                await self._flush(store)
                return answer

            yield submit


@pytest.fixture(scope="module")
def address() -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))
    yield loop.run_until_complete(database.__aenter__())
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


@pytest.fixture(scope="module")
def stage(address: Address) -> Response:
    made = Response(address)
    due = format_ms(NOW + DAY_MS)
    names = [f"c{number}" for number in range(6)]
    made.ask(
        *({"do": "open_case", "case_id": name, "title": f"=case {name}"} for name in names),
        *({"do": "assign_case", "case_id": name, "owner": "ana", "due_at": due} for name in names),
    )
    return made


@pytest.fixture
def response(stage: Response, address: Address, monkeypatch: pytest.MonkeyPatch) -> Response:
    settle(monkeypatch, address)
    monkeypatch.setattr("cli.act.sending", stage.sending)
    stage.sent.clear()
    return stage


@pytest.fixture(scope="module")
def exported(stage: Response, address: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of the six cases before anything was edited: each test has a case or two of its own."""
    path = tmp_path_factory.mktemp("tracker") / "cases.xlsx"
    with pytest.MonkeyPatch.context() as patch:
        settle(patch, address)
        assert main(["tracker", "export", str(path)]) == 0
    return path


def imported(capsys: pytest.CaptureFixture[str], path: Path, *args: str) -> tuple[int, dict[str, Any]]:
    code, out, err = run(capsys, "tracker", "import", str(path), "--json", *args)
    assert err == ""
    return code, json.loads(out)


def the_case(capsys: pytest.CaptureFixture[str], case_id: str) -> dict[str, Any]:
    found = json.loads(run(capsys, "case", "show", case_id, "--json")[1])
    assert isinstance(found, dict)
    return found


def test_unedited_it_does_nothing(exported: Path, response: Response, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "tracker", "import", str(edit(exported, lambda rows: rows[:1] + rows[:0:-1])))[::2] == (0, "")
    assert response.sent == []


def test_edits_hold_once_and_a_dry_run_does_nothing(
    exported: Path, response: Response, capsys: pytest.CaptureFixture[str]
) -> None:
    change = setting(
        owner={"c0": "ben"},
        due_at={"c0": "2031-01-05"},
        note={"c0": "all undone", "c1": "seen"},
        state={"c0": "resolved"},
        resolution={"c0": "FIXED"},
    )
    path = edit(exported, change)
    assert imported(capsys, path, "--dry-run")[1]["steps"][0]["do"] == "move"
    assert response.sent == []
    code, found = imported(capsys, path)
    assert (code, [(each["do"], each["accepted"]) for each in found["steps"]]) == (
        0,
        [("move", True), ("assign", True), ("note", True)],
    )
    case = the_case(capsys, "c0")["case"]
    assert (case["state"], case["resolution"], case["reason"], case["owner"]) == (
        "resolved",
        "FIXED",
        "all undone",
        "ben",
    )
    assert case["due_at"] == "2031-01-05T00:00:00Z"
    response.sent.clear()
    code, again = imported(capsys, path)
    assert (code, again["steps"], again["done_before"], response.sent) == (0, [], 5, [])
    assert [each["why"] for each in the_case(capsys, "c1")["history"] if each["what"] == "noted"] == ["seen"]


def test_a_conflict_refuses_the_whole_file(
    exported: Path, response: Response, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edit(exported, setting(owner={"c2": "ben", "c3": "ben"}))
    response.ask(
        {"do": "assign_case", "case_id": "c3", "owner": "eva"},
        {"do": "note", "case_id": "c2", "why": "a note troubles nobody"},
    )
    code, out, err = run(capsys, "tracker", "import", str(path))
    assert (code, out) == (1, "")
    assert "case c3: owner was 'ana', is 'ben' in the file and 'eva' here\nnothing was done" in err
    assert response.sent == []
    code, found = imported(capsys, edit(exported, setting(owner={"c2": "ben"})))
    assert (code, [each["do"] for each in found["steps"]]) == (0, ["assign"])
    assert found["kept"] > 0


def test_who_acts_meanwhile_stops_what_follows_on_that_case(
    exported: Path, response: Response, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edit(exported, setting(state={"c4": "escalated"}, escalated_to={"c4": "board"}, owner={"c4": "ben"}))
    response.beside = [{"do": "assign_case", "case_id": "c4", "owner": "zoe"}]
    code, found = imported(capsys, path)
    assert code == 1
    assert [(each["do"], each["accepted"]) for each in found["steps"]] == [("move", True), ("assign", False)]
    assert the_case(capsys, "c4")["case"]["owner"] == "zoe"
    code, again = imported(capsys, path)
    assert (code, again["done_before"], [each["ours"] for each in again["conflicts"]]) == (1, 1, ["zoe"])


def test_a_refused_request_may_be_asked_for_again(
    exported: Path, response: Response, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edit(exported, setting(state={"c5": "dismissed"}, resolution={"c5": "BELOW_THRESHOLD"}))
    first = _first_id(exported)
    response.ask({"do": "note", "case_id": "none", "why": "refused, as it is nobody's", "action_id": first})
    code, found = imported(capsys, path)
    assert (code, found["steps"][0]["accepted"]) == (0, True)
    assert response.sent[-1].action_id != first


def _first_id(path: Path) -> str:
    from models.tracker.step import Step
    from sinks.export.workbook_file import read_workbook
    from sinks.queries.tracker import SHOWN

    export_id = read_workbook(path, SHOWN).export.export_id
    return Step("c5", "move", {"state": ("dismissed", "BELOW_THRESHOLD", "")}).action_id(export_id)


def test_a_workbook_of_elsewhere_or_of_long_ago_is_refused(
    exported: Path, response: Response, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def renamed(rows: Rows) -> Rows:
        return [[name, "another" if name == "export_id" else value] for name, value in rows]

    code, _, err = run(capsys, "tracker", "import", str(edit(exported, renamed, "~Export")))
    assert (code, err) == (2, "export another was not made here: import it where it was exported\n")
    later = ManualClock(NOW + 32 * DAY_MS)
    monkeypatch.setattr("cli.tracker.SystemClock", lambda: later)
    code, _, err = run(capsys, "tracker", "import", str(exported))
    assert code == 2
    assert "more than 31 days ago" in err
    assert main(["tracker", "export", str(exported)]) == 2, "a file that is there is not replaced"


def test_what_a_meeting_agreed_becomes_notes_and_tasks_once(
    response: Response, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agenda.md"
    assert run(capsys, "report", "meeting", "--out", str(path))[0] == 0
    agenda = path.read_text()
    assert "## Overdue cases" in agenda
    written = agenda.replace("## Decisions\n\nNone.", "## Decisions\n\n- c1: it stays")
    path.write_text(written.replace("## Actions\n\nNone.", "## Actions\n\n- c1: undo it @ben 2031-01-05"))
    assert run(capsys, "report", "follow-up", str(path), "--dry-run")[0] == 0
    assert response.sent == []
    code, out, _ = run(capsys, "report", "follow-up", str(path))
    assert code == 0
    assert [line.partition(", ")[2] for line in out.splitlines()] == [
        "decision: it is noted",
        "action: the task is added",
    ]
    (task,) = the_case(capsys, "c1")["case"]["tasks"]
    assert (task["text"], task["owner"], task["due_at"]) == ("undo it", "ben", "2031-01-05T00:00:00Z")
    response.sent.clear()
    assert run(capsys, "report", "follow-up", str(path))[1].count("done before") == 2
    assert response.sent == []
