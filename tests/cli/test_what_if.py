"""What would it have said: other values for a monitor's keys, one by one and as a grid."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli import main
from sources.recordings import shipped

GRID = "product-actions.min_volume=200,200000"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The measures of the shipped recording of the last months of 2024."""
    path = tmp_path_factory.mktemp("recording") / "short.jsonl"
    lines = gzip.decompress(shipped().read_bytes()).splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"time":"2024-1' in line))
    return str(path)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "1")


def test_a_point_of_the_grid_says_what_a_replay_with_these_values_says(
    recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trade-off", recording, "--over", GRID, "--chart", "c.svg", "--json"]) == 0
    as_it_is, low, high = json.loads(capsys.readouterr().out)
    assert (as_it_is["set"], low["set"], high["set"]) == (
        [],
        ["product-actions.min_volume=200"],
        ["product-actions.min_volume=200000"],
    )
    for point, more in ((as_it_is, []), (high, ["--set", "product-actions.min_volume=200000"])):
        assert main(["replay", recording, *more, "--out", str(len(more)), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["alerts_by_monitor"].get("product-actions", 0) == point["alerts"]
    assert as_it_is["alerts"] == low["alerts"] == low["kept"] > high["alerts"] == high["kept"]
    assert main(["diff", "0", "2", "--json"]) == 1
    (summary,) = [each for each in json.loads(capsys.readouterr().out)["monitors"] if each["added"] or each["removed"]]
    assert (summary["monitor"], summary["removed"]) == ("product-actions", as_it_is["alerts"] - high["alerts"])
    drawn = ElementTree.fromstring(Path("c.svg").read_text("utf-8"))
    labels = {each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"as it is · min_volume=200", "min_volume=200000"} <= labels


def test_a_grid_is_a_table_with_a_line_a_configuration(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trade-off", recording, "--over", GRID, "--from", "2024-12-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["product-actions.min_volume", "as", "200", "200000"]
    assert [line.split()[-2:] for line in lines[1:]] == [["1", "0"], ["1", "0"], ["0", "0"]]
    assert [line.count("█") for line in lines] == [0, 20, 20, 0]


WRONG = {
    "an unknown key": (["--over", "product-actions.min_effct=1"], "did you mean 'min_effect'?"),
    "a chart of another kind": (["--over", GRID, "--chart", "c.png"], "a chart ends in .svg"),
    "too many": (["--over", "product-actions.min_volume=" + ",".join(map(str, range(201)))], "at most 200"),
    "a range without an event": (["--over", GRID, "--from", "2031-01-01"], "no event from 2031-01-01"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line(what: str, recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, expected = WRONG[what]
    assert main(["trade-off", recording, *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert expected in err
    assert list(Path().iterdir()) == []


def test_a_mistake_of_set_ends_a_replay_before_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "there-is-none.jsonl", "--set", "live-orders.bucket=7m"]) == 2
    assert capsys.readouterr().err.startswith("live-orders.bucket=7m: bucket: from 10s to 1d")
