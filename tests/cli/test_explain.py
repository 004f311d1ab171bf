"""`livewarden explain` on tables as people export them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from cli import main

CDNS, RATES = ("1", "2", "3"), ("500", "2000")
HEADER = ("time", "cdn", "bitrate", "stalled", "watching")
Times = Callable[[int], str]


def minute(t: int) -> str:
    return f"2026-03-06T18:{t:02}:00Z"


def table(
    path: Path,
    times: Times = minute,
    last: int = 6,
    bad: frozenset[tuple[str, str]] = frozenset({("3", "2000")}),
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:
    """Seven moments; at the sixth (5) the bad slices stall, at the last all recovers."""
    with path.open("w", newline="", encoding=encoding) as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(HEADER)
        for t, (cdn, rate) in product(range(last + 1), product(CDNS, RATES)):
            stalled = 90 if t == 5 and (cdn, rate) in bad else 4 + t % 2
            writer.writerow((times(t), cdn, rate, stalled, 200))
    return path


def args(path: Path, at: str = minute(5), *more: str) -> list[str]:
    return ["explain", str(path), "--time", "time", "--at", at, "--value", "stalled", "--count", "watching", *more]


def ranked(path: Path, capsys: pytest.CaptureFixture[str], at: str = minute(5), *more: str) -> list[dict[str, object]]:
    assert main(args(path, at, *more, "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


def test_json_is_a_ranked_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = ranked(table(tmp_path / "t.csv"), capsys)
    assert found[0]["slice"] == {"cdn": "3", "bitrate": "2000"}
    assert found[0]["share"] == pytest.approx(1, abs=0.05)
    assert all(set(item) == {"slice", "share", "risk_ratio", "score"} for item in found)
    assert 1 < len(found) <= 5


def test_people_get_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args(table(tmp_path / "t.csv"))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"stalled at {minute(5)}: 115, usually 26; rate +")
    assert lines[3].split()[:4] == ["cdn=3", "·", "bitrate=2000", "cause"]
    assert all(" or " in line for line in lines[4:])


@pytest.mark.parametrize(
    ("times", "at"),
    [
        (lambda t: str(100 + 60 * t), "400"),
        (lambda t: f"{t}.50", "5.5"),
        (lambda t: f"2026-03-{t + 1:02}", "2026-03-06"),
        (lambda t: f"2026-03-06 {t + 9}:00+02:00" if t else "2026-03-06 09:00+02:00", "2026-03-06T12:00Z"),
        (lambda t: f"week {t + 6}", "week 11"),
    ],
)
def test_times_are_numbers_dates_or_text(
    times: Times, at: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nine to eleven sort wrongly as text; a later moment must not count as before."""
    path = table(tmp_path / "t.csv", lambda t: times(t).replace(" 9:", " 09:"))
    assert ranked(path, capsys, at) == ranked(table(tmp_path / "u.csv", last=5), capsys)


def test_dims_direction_and_top_choose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "t.csv")
    assert [item["slice"] for item in ranked(path, capsys, minute(5), "--dims", "cdn")] == [{"cdn": "3"}]
    assert len(ranked(path, capsys, minute(5), "--top", "1")) == 1
    assert ranked(path, capsys, minute(5), "--direction", "down") == []


def test_an_empty_list_says_that_it_is_none_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "t.csv", bad=frozenset(product(CDNS, RATES)))
    assert ranked(path, capsys) == []
    assert main(args(path)) == 0
    assert "None of these dimensions explains it." in capsys.readouterr().out


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8"), ("\t", "utf-8-sig"), (",", "utf-8-sig")])
def test_spreadsheets_write_other_delimiters(
    delimiter: str, encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "t.csv", delimiter=delimiter, encoding=encoding)
    assert ranked(path, capsys) == ranked(table(tmp_path / "u.csv"), capsys)


WRONG = {
    "a wrong column": (["--value", "buffering"], "no column 'buffering'; there are time, cdn"),
    "a wrong dimension": (["--dims", "cdn,isp"], "no column 'isp'"),
    "a column used twice": (["--dims", "cdn,stalled"], "column 'stalled' is named twice"),
    "no rows at the time": (["--at", "2026-03-07T00:00:00Z"], "no row has time = 2026-03-07T00:00:00Z"),
    "no rows before": (["--at", minute(0)], "no row is before time ="),
    "a time of another kind": (["--at", "5"], "line 2: time '2026-03-06T18:00:00Z' is not a time of the kind"),
    "a bad top": (["--top", "0"], "--top"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line_and_exit_2(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more, said = WRONG[what]
    assert main(args(table(tmp_path / "t.csv"), minute(5), *more)) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)


FILES = {
    "not a number": ("time,a,stalled,watching\n1,x,four,9\n", "line 2: stalled 'four' is not a number"),
    "no finite number": ("time,a,stalled,watching\n1,x,4,inf\n", "line 2: watching 'inf' is not a number"),
    "a negative number": ("time,a,stalled,watching\n1,x,-4,9\n", "line 2: stalled '-4' is negative"),
    "a short row": ("time,a,stalled,watching\n1,x,4,9\n2,x\n", "line 3: 2 cells"),
    "nothing counted": ("time,a,stalled,watching\n1,x,4,0\n2,x,4,9\n", "nothing is counted before"),
    "an empty file": ("", "no column 'time'; there are none"),
    "no dimensions": ("time,stalled,watching\n1,4,9\n2,4,9\n", "no column is left to search in"),
    "two columns of a name": ("time,a,a,stalled,watching\n", "column 'a' is named twice"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_bad_file_is_one_line_and_exit_2(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = FILES[what]
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    assert main(args(path, "2")) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize("content", [b"time,a,stalled,watching\n1,\xff,4,9\n", None])
def test_what_cannot_be_read_is_one_line(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(args(path, "2")) == 2
    err = capsys.readouterr().err
    assert str(path) in err
    assert err.count("\n") == 1
