"""`livewarden sample`: drawn the same anywhere, reviewed blind, reported with intervals, and nothing swapped unseen."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Final

import pytest

from cli import main
from sinks.evidence.sample import read_sample
from sources.recording import write
from sources.simulate.misjudged_events import MisjudgedMonths, misjudged_months

GOLDEN: Final = {f"golden-{number}": "WRONG" if number % 2 else "RIGHT" for number in range(24)}


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("months") / "months.jsonl"
    write(path, misjudged_months(MisjudgedMonths(days=6, release_day=90, rollback_day=95)))
    return path


@pytest.fixture
def drawn(months: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps(GOLDEN))
    file = tmp_path / "w11.sample.zip"
    assert run("draw", str(months), "--size", "150", "--seed", "w11", "--golden", str(golden), "--out", str(file)) == 0
    capsys.readouterr()
    return file


def run(*args: str) -> int:
    return main(["sample", *args])


def found(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert run(*args, "--json") in (0, 1)
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def reviewed(sample: Path, who: str, monkeypatch: pytest.MonkeyPatch, keys: str, *more: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{key}\n" for key in keys)))
    assert run("review", str(sample), "--as", who, *more) == 0


def served(sample: Path, who: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Every item in the order in which a reviewer gets them."""
    reviewed(sample, who, monkeypatch, "u" * 400)
    text = capsys.readouterr().out
    return [line.split("  ")[1].split(" ")[0] for line in text.splitlines() if "[r]ight" in line]


def test_the_same_plan_and_frame_give_the_same_file(months: Path, drawn: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    golden = str(tmp_path / "golden.json")
    run("draw", str(months), "--size", "150", "--seed", "w11", "--golden", golden, "--out", str(again))
    assert again.read_bytes() == drawn.read_bytes()
    assert run("draw", str(months), "--out", str(again)) == 2


def test_reviewers_see_ids_only_and_golden_items_among_them(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    items = served(drawn, "rev-1", monkeypatch, capsys)
    assert len(items) == len(read_sample(drawn)[0].draw) + len(GOLDEN)
    places = [number for number, item in enumerate(items) if item in GOLDEN]
    assert places[0] < 30
    assert places[-1] > len(items) - 30
    assert served(drawn, "rev-1", monkeypatch, capsys) == []


def test_two_reviewers_differ_a_third_settles_it_and_the_report_counts_it(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    number = len(read_sample(drawn)[0].draw) + len(GOLDEN)
    reviewed(drawn, "rev-1", monkeypatch, "r" * number)
    reviewed(drawn, "rev-2", monkeypatch, "r" * (number - 20) + "w" * 20)
    before = found(capsys_cleared(capsys), "report", str(drawn))
    assert before["disputed"] > 0
    assert before["agreement"]["raw"] == pytest.approx((number - 20) / number, abs=1e-6)
    reviewed(drawn, "rev-3", monkeypatch, "w" * 60, "--adjudicate")
    after = found(capsys_cleared(capsys), "report", str(drawn))
    assert after["disputed"] == 0
    assert after["reviewed"] == after["drawn"]
    assert sum(each["wrong"] for each in after["strata"]) == before["disputed"]
    low, high = after["precision"]["wilson"]
    assert low < after["precision"]["share"] < high < 1
    assert "better than chance" in after["corrected"]["refused"] or after["corrected"]["wrong"] is not None


def capsys_cleared(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    capsys.readouterr()
    return capsys


def test_a_closed_sample_is_intact_and_nothing_can_be_swapped_unseen(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewed(drawn, "rev-1", monkeypatch, "r" * 100 + "w" * 20)
    closed = tmp_path / "closed.zip"
    digest = found(capsys_cleared(capsys), "report", str(drawn), "--out", str(closed))["digest"]
    assert run("verify", str(closed), "--digest", digest) == 0
    assert run("verify", str(closed), "--digest", "0" * 64) == 1

    data = bytearray(closed.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "flipped.zip").write_bytes(data)
    assert run("verify", str(tmp_path / "flipped.zip")) in (1, 2)


def test_a_measure_swapped_after_the_draw_is_found_though_every_hash_is_right(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    file, _ = read_sample(drawn)
    inside = {each[0] for each in file.draw}
    other = next(each for each in file.frame if each[0] not in inside and each[1] == file.draw[0][1])
    swapped = replace(file, draw=[(other[0], *file.draw[0][1:]), *file.draw[1:]])
    swapped.write(tmp_path / "swapped.zip")
    answer = found(capsys_cleared(capsys), "verify", str(tmp_path / "swapped.zip"))
    assert answer["intact"] is False
    assert "swapped" in answer["problems"][0]


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04"])
def test_what_is_no_sample_is_one_line(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    assert run("verify", str(tmp_path / "x.zip")) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_answer_that_is_no_verdict_keeps_what_was_said(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("r\nw\nmaybe\n"))
    assert run("review", str(drawn), "--as", "rev-1") == 2
    assert "2 were kept" in capsys.readouterr().err
    assert found(capsys, "report", str(drawn))["agreement"] is None
