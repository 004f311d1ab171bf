"""The weekly update: what is news in it, every number computed again, and what it said before restated."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli import main
from cli.week import fact_ids
from livewarden.times import DAY_MS, HOUR_MS, format_ms
from sinks.report.weekly import WEEK_MS, week_of
from sinks.report.word import text_of
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from tests.cli.test_response import run, settle
from tests.clickhouse_fixtures import fresh_database, server_address
from tests.console_fixtures import HOSTILE, alert_row, event_row

pytestmark = pytest.mark.clickhouse
WEEK: Final = week_of("2026-W10")
QUIET: Final = (101, 96, 104, 99, 107, 95, 102, 98)


def measures(offset: int, at: int, policy: str, weight: int) -> dict[str, Any]:
    data = {"action_id": f"a{offset}", "policy_id": policy, "market": "DE"}
    return event_row(offset, event_time=at, weight=weight, data=json.dumps(data))


def history(case_id: str, number: int, at: int, what: str, state: str, **details: str) -> dict[str, Any]:
    row = {"case_id": case_id, "number": number, "at": at, "who": "ana", "what": what, "from_state": "", "why": ""}
    return row | {"to_state": state, "details": json.dumps(details), "action_id": ""}


def reading(cell: str, estimate: float) -> dict[str, Any]:
    row = {"day": WEEK + 5 * DAY_MS, "cell": cell, "version": 1, "depth": 2, "measures": 900, "appealed": 90}
    row |= {"reversed": 20, "estimate": estimate, "low": estimate - 10, "high": estimate + 20, "maturity": 0.5}
    return row | {"jump": None, "note": "", "reading": "{}"}


def rows() -> dict[str, list[dict[str, Any]]]:
    events, alerts = [], []
    for number, n in enumerate(QUIET):
        start = WEEK - (len(QUIET) - number) * WEEK_MS
        events += [
            measures(10 * number, start + DAY_MS, "p7", n),
            measures(10 * number + 1, start + DAY_MS, "p8", 3 * n),
        ]
        alerts += [alert_row(window_start=start + each * HOUR_MS, alert_id=f"{number}-{each}") for each in range(6)]
    events += [measures(900, WEEK + DAY_MS, "p7", 100), measures(901, WEEK + DAY_MS, "p8", 900)]
    alerts += [alert_row(window_start=WEEK + each * HOUR_MS, alert_id=f"now-{each}") for each in range(6)]
    return {
        "events": events,
        "alerts": alerts,
        "misjudgement_readings": [reading(f"policy p{n} · market DE", 50.0 + n) for n in range(7)],
        "case_history": [
            history("c1", 1, WEEK - 9 * DAY_MS, "created", "candidate"),
            history("c1", 2, WEEK + DAY_MS, "overdue", "candidate"),
            history("c2", 1, WEEK + DAY_MS, "created", "candidate"),
            history("c2", 2, WEEK + 2 * DAY_MS, "moved", "dismissed", resolution=HOSTILE),
            history("c2", 3, WEEK + 8 * DAY_MS, "reopened", "open"),
        ],
    }


@pytest.fixture(scope="module")
def address() -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))
    address = loop.run_until_complete(database.__aenter__())
    loop.run_until_complete(write(address, rows()))
    yield address
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


async def write(address: Address, tables: dict[str, list[dict[str, Any]]]) -> None:
    store = await ClickHouseStore.connect(*dataclasses.astuple(address))
    for name, found in tables.items():
        await store.write(name, found)
    await store.close()


@pytest.fixture(scope="module")
def written(address: Address, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The update as a page and as a document."""
    folder = tmp_path_factory.mktemp("updates")
    paths = {form: folder / f"update.{form}" for form in ("html", "docx")}
    with pytest.MonkeyPatch.context() as patch:
        settle(patch, address)
        for path in paths.values():
            assert main(["report", "week", "--week", "2026-W10", "--out", str(path)]) == 0
    return paths


@pytest.fixture(autouse=True)
def _settled(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, address)


def test_what_was_planted_is_the_first_sentence_and_the_rest_is_a_table(
    written: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(run(capsys, "report", "week", "--week", "2026-W10", "--json")[1])
    sections = {each["title"]: each for each in found["sections"]}
    (changed,) = sections["What changed"]["lines"]
    assert changed.startswith("900 measures were taken (policy p8), more than the 2")
    assert len(sections["Most measures that turn out wrong"]["lines"]) == 5
    assert "policy p6 · market DE: 56 measures turn out wrong (46 to 76" in str(sections)
    assert "1 case open past their due date." in str(sections["Open cases"])
    assert "1 case open for 7 to 28 days." in str(sections["Open cases"])
    assert "1 cases were resolved or dismissed." in str(sections["Cases that ended, by outcome"])


def test_every_form_says_the_same_and_computes_again(
    written: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "900 measures were taken (policy p8)" in text_of(written["docx"])
    for path in written.values():
        code, out, err = run(capsys, "report", "verify", str(path))
        assert (code, err) == (0, ""), out
        assert out.startswith("intact: ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("900 measures were taken (policy p8)", "800 measures were taken (policy p8)"), "not what the update said"),
        (("[f-", "[f-0000000000] [f-"), "never said this"),
    ],
)
def test_a_number_changed_by_hand_is_found(
    written: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], said: str
) -> None:
    text = written["html"].read_text()
    assert change[0] in text
    path = tmp_path / "update.html"
    path.write_text(text.replace(*change, 1))
    code, out, _ = run(capsys, "report", "verify", str(path))
    assert code == 1
    assert said in out


@given(st.uuids(), st.from_regex(r"f-[0-9a-f]{10}", fullmatch=True))
@example(UUID("5d2fa1c4-0b1e-4d1a-9c3f-ccd50c80fbab"), "f-0123456789")
def test_the_name_of_an_update_is_no_fact(update: UUID, fact: str) -> None:
    assert fact_ids(f"Made now, update {update}. 100 measures [{fact}], \\[{fact}\\]") == {fact}


def test_what_is_no_update_of_here_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.md").write_text("# Notes")
    for name, said in (
        ("notes.md", "no update of this database"),
        ("none.md", "No such file"),
        ("a.txt", "none of .md"),
    ):
        if name == "a.txt":
            (tmp_path / name).write_text("x")
        code, _, err = run(capsys, "report", "verify", str(tmp_path / name))
        assert code == 2
        assert said in err
    assert run(capsys, "report", "week", "--week", "2099-W01")[0] == 2, "a week that is not over"


def test_what_came_later_is_found_and_restated_in_the_next_update(
    written: dict[str, Path], address: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(write(address, {"events": [measures(999, WEEK + 2 * DAY_MS, "p7", 11)]}))
    code, out, _ = run(capsys, "report", "verify", str(written["docx"]))
    assert code == 1
    assert "measures p7 was 100 / – / –, is 111 / – / –" in out
    found = json.loads(run(capsys, "report", "week", "--week", "2026-W11", "--json")[1])
    lines = found["sections"][0]["lines"]
    day = format_ms(WEEK)[:10]
    said = (
        f"We said that in the week of {day} 100 measures were taken (policy p7); it is 111 now: events that came later."
    )
    assert any(each.startswith(said) for each in lines)
