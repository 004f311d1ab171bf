"""`livewarden library`: a closed case goes in, old cases are imported, both are found again; patterns."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

import pytest
import xlsxwriter

from livewarden.times import DAY_MS, MINUTE_MS
from models.library.stored import library_row
from tests.cli.library_fixtures import Terminal, database, terminal
from tests.console_fixtures import ENTRIES, HOSTILE, T0, alert_row, event_row
from tests.evening_fixtures import case

__all__ = ["database", "terminal"]
pytestmark = pytest.mark.clickhouse

EXPLANATION: Final = '{"verdict": {"verdict": "MODEL"}, "changes": [{"change_id": "ch-7"}]}'


async def closed(terminal: Terminal, **changes: Any) -> None:
    """A closed case with an alert over three measures, one of them taken back."""
    body = '{{"action_id": "a{n}", "market": "DE", "policy_id": "p7", "shop_id": "s{n}", "action_type": "WARNING"}}'
    measures = [event_row(n, weight=1, data=body.format(n=n)) for n in range(3)]
    back = '{"action_id": "a1", "reason": "MODEL_ERROR"}'
    await terminal.store.write("events", [*measures, event_row(9, type="enforcement.reversed", data=back)])
    await terminal.store.write("alerts", [alert_row(case_id="case-1", explanation=EXPLANATION)])
    row = case(0, T0, state="closed", resolution="WRONG_ENFORCEMENT", reason=HOSTILE, alert_ids=["alert-1"])
    row |= {"case_id": "case-1", "closed_at": T0 + DAY_MS, "resolved_at": T0 + DAY_MS - MINUTE_MS}
    await terminal.store.write("cases", [row | changes])


async def test_a_closed_case_goes_in_and_is_found_again(terminal: Terminal) -> None:
    await closed(terminal, state="resolved")
    assert "the case is resolved: only one that is closed" in await terminal.run("library", "add", "case-1", code=2)
    await closed(terminal, version=9)
    assert "it is in the library" in await terminal.run("library", "add", "case-1")
    assert (await terminal.json("library", "add", "case-1"))["accepted"], "twice is once"
    found = await terminal.json("library", "search", "img src", "--facet", "policy=p7", "--facet", "market=DE")
    assert found["count"] == 1
    (entry,) = found["entries"]
    assert (entry["measures"], entry["wrong_measures"], entry["shops"]) == (3, 1, 3)
    assert (entry["action_type"], entry["cause"], entry["changes"]) == ("WARNING", "MODEL", ["ch-7"])
    assert entry["pattern_id"]
    for facet in ("policy=p8", "market=FR", "enforcement=right", "cause=POLICY"):
        assert (await terminal.json("library", "search", "--facet", facet))["count"] == 0
    shown = await terminal.run("library", "show", "case")
    assert "3 measures of 3 shops, 1 taken back" in shown
    assert "nothing is alike" in shown
    patterns = await terminal.json("library", "patterns")
    assert [each["cases"] for each in patterns["patterns"]] == [1]
    assert patterns["covered"] == 1.0
    assert "--facet 'colour=red'" in await terminal.run("library", "search", "--facet", "colour=red", code=2)


def written(path: Path, rows: list[list[Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=";").writerows(rows)
        return path
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Old cases")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


HEAD: Final = ["No", "Subject", "Country", "policy_clause", "action_type", "cause", "Outcome", "measures", "owner"]
OLD: Final = [
    HEAD,
    [1201, "Warnings doubled after a model release", "DE", "p7", "WARNING", "MODEL", "wrong", 40, "x"],
    [1202, "Warnings doubled again", "DE", "p7", "WARNING", "MODEL", "wrong", 30, "x"],
    [1203, "Shops closed on one day", "FR", "p9", "SHOP_CLOSED_TEMPORARY", "POLICY", "wrong", 5, "x"],
    [1204, "Nothing after all", "DE", "p7", "WARNING", "MODEL", "false", 1, "x"],
]
MAPPING: Final = """
[columns]
ref = "No"
title = "Subject"
markets = "Country"
resolution = "Outcome"
[values.resolution]
wrong = "WRONG_ENFORCEMENT"
false = "FALSE_ALERT"
"""


@pytest.mark.parametrize("name", ["old.csv", "old.xlsx"])
async def test_old_cases_come_in_whole_or_not_at_all(terminal: Terminal, tmp_path: Path, name: str) -> None:
    mapping = tmp_path / "columns.toml"
    mapping.write_text(MAPPING)
    command = ("library", "import", str(written(tmp_path / name, OLD)), "--mapping", str(mapping))
    tried = await terminal.json(*command, "--dry-run")
    assert (tried["entries"], tried["new"], tried["stored"]) == (4, 4, False)
    assert tried["columns_left_aside"] == ["owner"]
    assert (await terminal.json("library", "search"))["count"] == 0

    broken = [*OLD[:3], [1203, "Shops", "France", "p9", "", "", "gone", -5, ""], *OLD[4:]]
    wrong = written(tmp_path / f"broken-{name}", broken)
    said = await terminal.run("library", "import", str(wrong), "--mapping", str(mapping), code=1)
    assert "row 4: Outcome: 'gone' is not" in said
    assert "row 4: Country: 'France' is not" in said
    assert "nothing was stored" in said
    assert (await terminal.json("library", "search"))["count"] == 0

    assert (await terminal.json(*command))["new"] == 4
    assert (await terminal.json(*command))["new"] == 0, "twice is once"
    found = await terminal.json("library", "search")
    assert found["count"] == 4
    by_title = {each["title"]: each for each in found["entries"]}
    first, again = by_title[str(OLD[1][1])], by_title[str(OLD[2][1])]
    assert first["pattern_id"] == again["pattern_id"] != by_title[str(OLD[3][1])]["pattern_id"]
    assert by_title[str(OLD[4][1])]["pattern_id"] == "", "a false alert is in no pattern"
    page = await terminal.json("library", "show", first["entry_id"])
    assert page["similar"][0]["entry"]["entry_id"] == again["entry_id"]
    assert "policy p7" in page["similar"][0]["matched"]


async def test_patterns_are_named_merged_and_split(terminal: Terminal, tmp_path: Path) -> None:
    mapping = tmp_path / "columns.toml"
    mapping.write_text(MAPPING)
    await terminal.run("library", "import", str(written(tmp_path / "old.csv", OLD)), "--mapping", str(mapping))
    lines = (await terminal.json("library", "patterns"))["patterns"]
    ids = {each["cases"]: each["pattern_id"] for each in lines}
    await terminal.run("library", "name", ids[2], "Warnings after a model release")
    assert "Warnings after a model release" in await terminal.run("library", "patterns")
    assert (await terminal.json("library", "merge", ids[1], "--into", ids[2], "--why", "same"))["accepted"]
    assert [each["cases"] for each in (await terminal.json("library", "patterns"))["patterns"]] == [3]
    old = await terminal.json("library", "show", ids[1])
    assert (old["leads_to"], len(old["entries"])) == ({ids[2]: "Warnings after a model release"}, 3)
    refused = await terminal.json("library", "merge", ids[1], "--into", ids[2], code=1)
    assert refused["answer"] == f"the pattern was merged into {ids[2]}"
    entry = old["entries"][0]["entry_id"]
    split = ("library", "split", ids[2], "--entry", entry, "--name", "one", "--rest", "others")
    assert (await terminal.json(*split, "--why", "two things"))["accepted"]
    lines = (await terminal.json("library", "patterns"))["patterns"]
    assert {each["name"]: each["cases"] for each in lines} == {"one": 1, "others": 2}
    for each in ids.values():
        assert len((await terminal.json("library", "show", each))["entries"]) == 3, "old links are resolvable"


async def test_the_update_names_closed_cases_like_those_that_are_open(terminal: Terminal) -> None:
    await terminal.store.write("alerts", [alert_row(case_id="case-1", explanation=EXPLANATION)])
    open_case = case(0, T0, state="open", title="Measures taken DE p7", kind="ENFORCEMENT_SPIKE", alert_ids=["alert-1"])
    await terminal.store.write("cases", [open_case | {"case_id": "case-1"}])
    title = "Open cases, and closed ones like them"
    assert title not in await terminal.run("report", "week"), "there is no library yet"
    await terminal.store.write("library_entries", [library_row(each, "ana", T0) for each in ENTRIES])
    update = await terminal.run("report", "week")
    part = update[update.index(title) :]
    assert "policy p7" in part
    assert "wrong enforcement" in part
    assert "enforcement@1 solved" in part
