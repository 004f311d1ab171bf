"""Tickets of merchants from a file to a problem statement, and nothing stored that names anybody."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import json
import random
from pathlib import Path
from typing import Any, Final

import pytest

from livewarden.times import DAY_MS, HOUR_MS, format_ms
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.cli.test_response import run, settle
from tests.clickhouse_fixtures import fresh_database, server_address
from tests.console_fixtures import change_row, event_row
from tests.feedback_fixtures import START, Ticket, background, planted
from tests.models.feedback.test_feedback import KINDS
from tests.sheets import write_sheets

pytestmark = pytest.mark.clickhouse
ONSET: Final = START + 20 * DAY_MS
SECRETS: Final = [kind(random.Random(n)) for n, kind in enumerate(KINDS * 12)][:100]
HEAD: Final = (
    "ticket_id",
    "shop_id",
    "shop_name",
    "market",
    "language",
    "opened_at",
    "answered_at",
    "action_id",
    "text",
)


def measure(number: int, queue: str, at: int) -> dict[str, Any]:
    data = {"action_id": f"m{number}", "policy_id": "p7", "market": "DE", "queue_id": queue, "shop_id": f"p{number}"}
    return event_row(number, event_time=at, weight=1, data=json.dumps(data))


def line(number: int, ticket: Ticket) -> list[str]:
    secret = SECRETS[number % 100]
    loud = ticket.ticket_id.startswith("planted")
    answered = format_ms(ticket.at_ms + 2 * HOUR_MS) if loud and number % 2 else ""
    text = f"{ticket.text}. {secret}"
    measure_id = f"m{number}" if loud else ""
    return [ticket.ticket_id, ticket.shop, "Chez Léa", ticket.market, ticket.language, format_ms(ticket.at_ms),
            answered, measure_id, text]  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tickets") / "tickets.csv"
    rows = [line(n, each) for n, each in enumerate(planted(ONSET) + background(250, days=20))]
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([HEAD, *rows])
    path.with_suffix(".txt").write_text("Blumen Maier\nTech-Corner 24\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def address(file: Path) -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))
    address = loop.run_until_complete(database.__aenter__())

    async def fill() -> None:
        store = await ClickHouseStore.connect(*dataclasses.astuple(address))
        taken = [measure(n, "q-live" if n < 40 else "q-other", ONSET - HOUR_MS) for n in range(200)]
        await store.write("events", [*taken, change_row(999, ONSET - HOUR_MS, change_id="ch-live")])
        await store.close()

    loop.run_until_complete(fill())
    yield address
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


@pytest.fixture(autouse=True)
def _settled(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, address)


def test_from_a_file_to_a_problem_statement(file: Path, address: Address, capsys: pytest.CaptureFixture[str]) -> None:
    names = str(file.with_suffix(".txt"))
    code, out, err = run(capsys, "feedback", "import", str(file), "--names", names, "--dry-run")
    assert (code, err) == (0, "")
    assert out.startswith("290 tickets would be stored")
    assert json.loads(run(capsys, "feedback", "themes", "--from", "2026-01-01", "--json")[1]) == []
    assert run(capsys, "feedback", "import", str(file), "--names", names)[0] == 0

    stored = asyncio.run(everything(address))
    assert "planted0" in stored
    assert [each for each in SECRETS if each in stored] == []
    assert "Léa" not in stored

    at = format_ms(ONSET + 7 * HOUR_MS)
    code, out, _ = run(capsys, "feedback", "bursts", "--at", at, "--json")
    assert code == 1
    assert {each["theme"] for each in json.loads(out)} == {"live-cut"}
    assert run(capsys, "feedback", "bursts", "--at", format_ms(ONSET))[:2] == (0, "nothing bursts\n")

    span = ("--from", format_ms(ONSET), "--to", format_ms(ONSET + DAY_MS))
    found = json.loads(run(capsys, "feedback", "statement", "live-cut", *span, "--json")[1])
    facts = {each["title"]: dict(each["facts"]) for each in found["sections"]}
    assert facts["Who"] == {"shops": "25", "markets": "DE, FR, IE"}
    assert facts["Where"]["queue"].startswith("q-live: 40 of 40 (of all measures 20%)")
    assert "ch-live" in facts["Since when"]["changes shortly before"]
    assert facts["Answered"]["tickets"] == "20 of 40, half of these within 2 h"
    assert facts["Asked of whom"] == {"team": "unknown", "done when": "unknown"}
    code, out, _ = run(capsys, "feedback", "statement", "live-cut", *span, "--out", str(file.with_suffix(".docx")))
    assert code == 0
    assert out.startswith("Problem statement: ")


def test_what_no_theme_fits_is_proposed_and_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    span = ("--from", format_ms(START), "--to", format_ms(ONSET + DAY_MS))
    run(capsys, "feedback", "import", str(file))
    assert run(capsys, "feedback", "themes", "--propose", *span)[0] == 0
    found = json.loads(run(capsys, "feedback", "themes", *span, "--json")[1])
    proposed = [each for each in found if each["name"] == "(proposed)"]
    assert proposed
    theme = proposed[0]["theme_id"]
    assert run(capsys, "feedback", "name", theme, "Labels")[1] == f"{theme} is called Labels\n"
    again = json.loads(run(capsys, "feedback", "themes", "--propose", *span, "--json")[1])
    assert {each["theme_id"]: each["tickets"] for each in again if each["name"] == "Labels"} == {
        theme: proposed[0]["tickets"]
    }
    assert run(capsys, "feedback", "name", "t-none", "x")[0] == 2


async def everything(address: Address) -> str:
    async with await Reader.connect(*dataclasses.astuple(address)) as reader:
        rows = [
            await reader.select(f"SELECT * FROM {name} WHERE {name}.stored_at > 0")
            for name in ("feedback_tickets", "feedback_themes", "actions", "dead_letters")
        ]
    return json.dumps(rows, ensure_ascii=False, default=str)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["t1", "a@b.example", "", "DE", "de", "2026-03-06", "", "", "x"], "row 2: shop_id: no opaque id"),
        (["", "s1", "", "DE", "de", "2026-03-06", "", "", "x"], "row 2: ticket_id: missing"),
        (["t1", "s1", "", "DE", "de", "yesterday", "", "", "x"], "row 2: opened_at: no RFC 3339 time"),
        (["t1", "s1", "", "Germany!", "de", "2026-03-06", "", "", "x"], "row 2: market: no code"),
    ],
)
def test_a_mistake_refuses_the_file_with_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: list[str], said: str
) -> None:
    path = tmp_path / "tickets.xlsx"
    write_sheets(path, {"tickets": [HEAD, row]})
    code, out, err = run(capsys, "feedback", "import", str(path))
    assert (code, out) == (1, "")
    assert said in err


def test_what_is_no_file_of_tickets_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("ticket_id,text\n1,x\n")
    (tmp_path / "a.txt").write_text("x")
    for name, said in (("a.csv", "no column shop_id"), ("a.txt", "none of .csv, .xlsx"), ("no.csv", "No such file")):
        code, _, err = run(capsys, "feedback", "import", str(tmp_path / name))
        assert code == 2
        assert said in err
