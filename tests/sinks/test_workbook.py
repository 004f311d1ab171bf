"""A workbook written, and read again as it came, sorted, filtered, or rewritten by another tool."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

import pytest

from livewarden.errors import SetupError
from livewarden.times import DAY_MS
from livewarden.tracker import EDITABLE, TrackerExport, TrackerRow, digest_of
from models.tracker.merge import merge
from sinks.export.workbook import Workbook
from sinks.export.workbook_file import WorkbookFile, read_workbook
from tests.sheets import Rows, edit, read_sheets, setting, write_sheets

SHOWN: Final = ("case_id", "title", *EDITABLE, "alerts")
HARD: Final = ["=1+1", "@SUM(A1)", "-1", "007", "1e5", "2026-03-06", "مرحبا", "TRUE", " two  spaces ", "ana"]
ROWS: Final = [
    TrackerRow("0001", 1, "open", owner="007", due_ms=DAY_MS + 250),
    TrackerRow("1e5", 2, "escalated", escalated_to="=board"),
    *(TrackerRow(f"case-{n}", n, "triage", owner=HARD[n % len(HARD)], due_ms=n * DAY_MS) for n in range(40)),
    TrackerRow("done", 9, "resolved", "FIXED", "board", "ana"),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("books") / "cases.xlsx"
    export = TrackerExport("e1", 0, "ana", len(ROWS), digest_of(ROWS))
    texts = [[row.case_id, "=title", *row.written, row.owner, row.due, "", "3"] for row in ROWS]
    Workbook(path).write(export, ROWS, SHOWN, texts)
    return path


def asked(found: WorkbookFile) -> list[Any]:
    merged = merge(found.base, found.rows, {row.case_id: row for row in ROWS})
    assert not merged.refused, merged.mistakes
    return [(step.case_id, dict(step.values)) for step in merged.steps]


def test_unedited_it_asks_for_nothing(book: Path) -> None:
    found = read_workbook(book, SHOWN)
    assert list(found.base) == ROWS
    assert (asked(found), found.aside) == ([], [])


def shuffled(rows: Rows) -> Rows:
    body = rows[1:]
    random.Random(3).shuffle(body)
    return [rows[0], *body]


def as_numbers(rows: Rows) -> Rows:
    """What a sheet does that guesses: texts of digits become numbers."""

    def guess(cell: Any) -> Any:
        try:
            return float(cell)
        except ValueError:
            return cell

    return [rows[0], *([guess(cell) for cell in row] for row in rows[1:])]


def without_columns(rows: Rows) -> Rows:
    kept = [place for place, name in enumerate(rows[0]) if name not in ("due_at", "title")]
    return [[row[place] for place in kept] for row in rows]


def with_columns(rows: Rows) -> Rows:
    new = ["x" * 100_000, "مرحبا بالعالم", "{=1+1}"]
    return [["mine", *rows[0]], *([new[n % 3], *row] for n, row in enumerate(rows[1:]))]


@pytest.mark.parametrize(
    "change", [lambda rows: rows, shuffled, as_numbers, without_columns, with_columns, lambda rows: rows[:5]]
)
def test_rewritten_by_another_tool_it_asks_for_nothing(book: Path, change: Any) -> None:
    found = read_workbook(edit(book, change), SHOWN)
    assert asked(found) == []
    assert found.aside == (["mine"] if change is with_columns else [])


def test_edits_come_through_any_tool(book: Path) -> None:
    change = setting(owner={"0001": "=ben", "1e5": "مريم"}, note={"case-3": "a\nb & <c>"})
    edited = edit(book, lambda rows: shuffled(change(rows)))
    assert sorted(asked(read_workbook(edited, SHOWN)), key=str) == [
        ("0001", {"owner": "=ben"}),
        ("1e5", {"owner": "مريم"}),
        ("case-3", {"note": "a\nb & <c>"}),
    ]


def without(name: str) -> Any:
    return lambda sheets: {each: rows for each, rows in sheets.items() if each != name}


def changed(sheet: str, row: int, place: int, value: str) -> Any:
    def change(sheets: dict[str, Rows]) -> dict[str, Rows]:
        sheets[sheet][row][place] = value
        return sheets

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("~Baseline"), "~Baseline is missing"),
        (without("~Export"), "~Export is missing"),
        (changed("~Baseline", 1, 5, "ben"), "hidden sheets were changed"),
        (lambda sheets: sheets | {"~Baseline": sheets["~Baseline"][:-1]}, "baseline is not what was exported"),
        (changed("~Export", 0, 1, "2"), "its format"),
        (changed("~Export", 2, 1, "yesterday"), "hidden sheets were changed"),
        (changed("Cases", 0, 0, "id"), "case_id stands nowhere"),
        (changed("Cases", 0, 1, "owner"), "owner stands twice"),
    ],
)
def test_what_is_no_whole_export_is_refused(book: Path, tmp_path: Path, change: Any, said: str) -> None:
    out = tmp_path / "broken.xlsx"
    write_sheets(out, change(read_sheets(book)))
    with pytest.raises(SetupError, match=said):
        read_workbook(out, SHOWN)


def test_what_is_no_workbook_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.xlsx"
    path.write_text("case_id,owner\n")
    with pytest.raises(SetupError, match="no workbook that can be read"):
        read_workbook(path, SHOWN)
    with pytest.raises(SetupError, match="no workbook that can be read"):
        read_workbook(tmp_path / "none.xlsx", SHOWN)
