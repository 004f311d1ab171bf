"""`livewarden detect`: what an analyst gets for a spreadsheet export, and what is said where it cannot be read."""

from __future__ import annotations

import csv
import io
import json
import math
import tracemalloc
from pathlib import Path

import pytest

from cli import main
from cli.detect import judged

HEADER = "timestamp,value,score,alert"
OPTIONS = ["--time", "minute", "--value", "viewers"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cells(rows: int) -> list[str]:
    """About 1,000 viewers, with a fall to 300 in row 60 that lasts 5 minutes and a minute without a value before it."""
    values = [f"{1000 + minute * 37 % 50}" for minute in range(rows)]
    values[50:51] = [""]
    values[60:65] = ["300"] * 5
    return values[:rows]


def table(values: list[str], header: str = "minute,viewers") -> str:
    rows = (f"2026-03-06T{20 + minute // 60}:{minute % 60:02}:00Z,{value}" for minute, value in enumerate(values))
    return "\n".join([header, *rows, ""])


def detect(text: str, *options: str) -> int:
    Path("t.csv").write_text(text)
    return main(["detect", "t.csv", *OPTIONS, *options])


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_come_out_as_they_went_in_with_score_and_alert(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect(table(cells(90))) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == HEADER
    rows = rows_of(shown)
    assert [row["value"] for row in rows] == cells(90)
    assert (rows[0]["timestamp"], rows[89]["timestamp"]) == ("2026-03-06T20:00:00Z", "2026-03-06T21:29:00Z")
    unjudged = [number for number, row in enumerate(rows) if row["score"] == ""]
    assert unjudged == [*range(20), 50]
    assert [number for number, row in enumerate(rows) if row["alert"] == "1"] == [60]
    assert {row["alert"] for row in rows} == {"0", "1"}


GOLDEN = """\
2026-03-06T20:58:00Z,1046,0,0,0.859901
2026-03-06T20:59:00Z,1033,0,0,0.496362
2026-03-06T21:00:00Z,300,19.055,1,19.055
2026-03-06T21:01:00Z,300,0,0,16.1385
2026-03-06T21:02:00Z,300,0,0,15.9663
2026-03-06T21:03:00Z,300,0,0,15.7942
2026-03-06T21:04:00Z,300,0,0,15.6221
2026-03-06T21:05:00Z,1005,0,0,8.7821
"""


def test_known_scores(capsys: pytest.CaptureFixture[str]) -> None:
    detect(table(cells(66)), "--oddness")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{HEADER},oddness"
    assert "\n".join(lines[-8:]) + "\n" == GOLDEN
    detect(table(cells(66)))
    assert [line.rsplit(",", 1)[0] for line in lines] == capsys.readouterr().out.splitlines()


def test_a_score_has_at_most_six_digits(capsys: pytest.CaptureFixture[str]) -> None:
    detect(table([str(math.pi * float(cell or 0)) for cell in cells(90)]))
    scores = [row["score"] for row in rows_of(capsys.readouterr().out) if row["score"]]
    assert all(f"{float(score):.6g}" == score for score in scores)
    assert any(len(score) >= 6 for score in scores)


@pytest.mark.parametrize("known", [1, 19, 50, 61, 89])
def test_no_row_depends_on_later_ones(known: int, capsys: pytest.CaptureFixture[str]) -> None:
    detect(table(cells(90)))
    whole = capsys.readouterr().out.splitlines()
    other = [*cells(90)[:known], *("5", "-1e9", "") * 20]
    detect(table(other))
    changed = capsys.readouterr().out.splitlines()
    assert changed[: known + 1] == whole[: known + 1]
    assert changed[known + 1 :] != whole[known + 1 :]
    detect(table(cells(90)[:known]))
    assert capsys.readouterr().out.splitlines() == whole[: known + 1]


def test_a_lasting_incident_is_told_again_only_when_it_gets_worse(capsys: pytest.CaptureFixture[str]) -> None:
    values = [f"{1000 + minute * 37 % 50}" for minute in range(60)]
    detect(table([*values, "600", "600", "600", "100", "100"]))
    notified = [number for number, row in enumerate(rows_of(capsys.readouterr().out)) if row["alert"] == "1"]
    assert notified == [60, 63]


def test_the_threshold_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    alerts = []
    for threshold in ("0.5", "3", "90"):
        detect(table(cells(90)), "--threshold", threshold)
        alerts.append(sum(row["alert"] == "1" for row in rows_of(capsys.readouterr().out)))
    assert alerts[0] > alerts[1] > alerts[2] == 0


@pytest.mark.parametrize("kind", ["{:d}", "{:d}.0", "{:d}000", "noon {:d}"])
def test_times_of_any_kind_give_the_same_scores(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    detect(table(cells(90)))
    usual = [row["score"] for row in rows_of(capsys.readouterr().out)]
    start = 1_772_827_200
    lines = [f"{kind.format(start + 60 * minute)},{cell}" for minute, cell in enumerate(cells(90))]
    detect("\n".join(["minute,viewers", *lines]))
    rows = rows_of(capsys.readouterr().out)
    assert rows[1]["timestamp"] == kind.format(start + 60)
    assert [row["score"] for row in rows] == usual


@pytest.mark.parametrize("word", ["", " ", "NaN", "null", "N/A"])
def test_a_row_without_a_value_stays_and_teaches_nothing(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    values = cells(40)
    detect(table([*values[:30], word, *values[30:]]))
    rows = rows_of(capsys.readouterr().out)
    assert (rows[30]["value"], rows[30]["score"], rows[30]["alert"]) == (word, "", "0")
    detect(table(values))
    assert [row["score"] for row in rows_of(capsys.readouterr().out)] == [
        row["score"] for number, row in enumerate(rows) if number != 30
    ]


def test_what_a_spreadsheet_writes_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'minute,"viewers, all",note\r\n' + "".join(
        f'2026-03-06 20:{minute:02},"{cell}","said ""so"""\r\n' for minute, cell in enumerate(cells(40))
    )
    Path("sheet.csv").write_text("\ufeff" + text, newline="")
    assert main(["detect", "sheet.csv", "--time", "minute", "--value", "viewers, all"]) == 0
    assert len(rows_of(capsys.readouterr().out)) == 40


def test_out_holds_what_standard_output_would(capsys: pytest.CaptureFixture[str]) -> None:
    detect(table(cells(90)))
    shown = capsys.readouterr().out
    assert detect(table(cells(90)), "--out", "judged.csv") == 0
    assert capsys.readouterr().out == "90 rows, 69 judged, alerts: 1; in judged.csv\n"
    assert Path("judged.csv").read_text() == shown
    assert sorted(path.name for path in Path().iterdir()) == ["judged.csv", "t.csv"]


def test_json_is_a_line_a_row_or_the_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert detect(table(cells(90)), "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"timestamp": "2026-03-06T20:00:00Z", "value": 1000.0, "score": None, "alert": False}
    assert rows[50]["value"] is None
    assert [number for number, row in enumerate(rows) if row["alert"]] == [60]
    assert detect(table(cells(90)), "--json", "--out", "judged.csv") == 0
    sums = json.loads(capsys.readouterr().out)
    assert sums == {"out": "judged.csv", "threshold": 3.0, "rows": 90, "judged": 69, "alerts": 1}


WRONG = {
    "an empty file": ("", "t.csv: line 1: empty"),
    "no rows": ("minute,viewers\n", "t.csv: line 2: no row"),
    "another column": ("minute,viewer\n1,2\n", "line 1: no column is named 'viewers'; did you mean 'viewer'?"),
    "a column twice": ("minute,viewers,viewers\n1,2,3\n", "line 1: 2 columns are named 'viewers'"),
    "no number": ("minute,viewers\n1,2\n2,many\n", "t.csv: line 3: 'many' in column 'viewers' is no number"),
    "an infinity": ("minute,viewers\n1,inf\n", "line 2: 'inf' in column"),
    "digits in groups": ("minute,viewers\n1,1_000\n", "line 2: '1_000' in column"),
    "too few cells": ("minute,viewers\n1,2\n\n2\n", "line 4: 1 cells where the header names 2"),
    "too many cells": ("minute,viewers\n1,1,000\n", "line 2: 3 cells where the header names 2"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("options", [[], ["--out", "judged.csv"]], ids=["stdout", "out"])
def test_a_bad_table_is_one_line_and_exit_2(what: str, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text, expected = WRONG[what]
    assert detect(text, *options) == 2
    err = capsys.readouterr().err
    assert expected in err
    assert err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_what_is_no_table_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("latin.csv").write_bytes("minute,viewers\n1,2\nfrüh,3\n".encode("latin-1"))
    Path("folder").mkdir()
    for name, expected in (("none.csv", "no such file"), ("latin.csv", "not UTF-8"), ("folder", "directory")):
        assert main(["detect", name, *OPTIONS]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"{name}: ")
        assert expected in err


@pytest.mark.parametrize("out", ["folder", "none/judged.csv", "t.csv/judged.csv"])
def test_where_nothing_can_be_written_is_said(out: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    assert detect(table(cells(30)), "--out", out) == 2
    assert capsys.readouterr().err.startswith(f"{out}: ")


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for hours in (6, 48):
        Path("t.csv").write_text(table([str(minute % 97) for minute in range(60 * hours)]))
        tracemalloc.start()
        assert sum(1 for _ in judged(Path("t.csv"), "minute", "viewers", 3.0)) == 60 * hours
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
