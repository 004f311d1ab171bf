"""What a replay is given and cannot use: one clear line, exit code 2, and nothing written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from cli import main
from cli.run_folder import FILES
from sources.recordings import shipped

LINES = gzip.decompress(shipped().read_bytes()).splitlines(keepends=True)[:40]
WHOLE = b"".join(LINES)
OTHER_VERSION = LINES[1].replace(b".v1", b".v9")

WRONG = {
    "cut in a line": ("r.jsonl", WHOLE[:-30], [], "line 40: the file ends inside this line"),
    "cut in a gzip block": ("r.jsonl.gz", gzip.compress(WHOLE, mtime=0)[:-50], [], "damaged gzip file"),
    "mixed versions": ("r.jsonl", LINES[0] + OTHER_VERSION + LINES[2], [], "line 2: eu.liveshop."),
    "a range behind the end": ("r.jsonl", WHOLE, ["--from", "2030-01-01"], "no event from 2030-01-01T00:00:00Z on"),
    "a range before the start": ("r.jsonl", WHOLE, ["--to", "2001-01-01"], "no event before --to, 2001-01-01"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_replay_cannot_use_is_one_line_and_nothing_is_written(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, more, expected = WRONG[what]
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    assert main(["replay", name, *more]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert expected in err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_last_line_without_its_end_is_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "1")
    (tmp_path / "r.jsonl").write_bytes(WHOLE.removesuffix(b"\n"))
    assert main(["replay", "r.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] >= 40


def test_a_run_that_exists_is_refused_before_its_source_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tonight").mkdir()
    (tmp_path / "tonight" / "summary.json").write_text("kept")
    assert main(["replay", "there-is-no-such-file.jsonl", "--run", "tonight"]) == 2
    assert capsys.readouterr().err == ("tonight/ holds a run: choose another with --run or --out, or say --overwrite\n")
    assert (tmp_path / "tonight" / "summary.json").read_text() == "kept"


def test_a_folder_that_cannot_be_written_holds_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.jsonl").write_bytes(WHOLE)
    (tmp_path / "taken").write_text("a file, no folder")
    assert main(["replay", "r.jsonl", "--out", "taken"]) == 2
    assert capsys.readouterr().err.startswith("taken: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.jsonl", "taken"]


def test_a_run_may_be_written_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "1")
    (tmp_path / "r.jsonl").write_bytes(WHOLE)
    assert main(["replay", "r.jsonl", "--out", "."]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "r.jsonl"])
    assert main(["replay", "r.jsonl", "--out", "deep/er"]) == 0
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["er"]
