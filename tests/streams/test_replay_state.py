"""A replay that was interrupted, or that begins late, says what one that was not says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import cli.replay_state as states
from cli import main
from cli.common import load_plan, load_settings
from cli.replay_source import opened
from cli.replay_state import fed, folder_of, made_of, newest
from livewarden.event import Event
from sources.recording import write
from streams.replay import Replay
from tests.replay_world import delivered, events, fresh, said

WORLD = delivered()
WHOLE = said(fresh(), [WORLD])


def test_there_is_something_to_say() -> None:
    assert {alert["monitor"] for alert in WHOLE.alerts} == {"measures", "shops"}
    assert WHOLE.cases


@settings(max_examples=6, deadline=None, phases=[Phase.generate])
@given(st.integers(0, len(WORLD)), st.integers(0, len(WORLD)))
def test_a_state_that_was_saved_anywhere_changes_nothing(one: int, two: int) -> None:
    first, second = sorted((one, two))
    driver = fresh()
    for part in (WORLD[:first], WORLD[first:second], WORLD[second:]):
        other = fresh()
        other.restore(json.loads(json.dumps(driver.snapshot())))
        driver = other
        for _ in driver.feed(part):
            pass
    assert said(driver, []) == WHOLE


def interrupted(at: int) -> Iterator[Event]:
    yield from WORLD[:at]
    raise KeyboardInterrupt


@pytest.mark.parametrize("at", [40, 200])
def test_an_interrupted_replay_goes_on_where_its_last_state_stands(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "EVERY_EVENTS", 30)
    made: dict[str, Any] = {"monitors": "m"}
    with pytest.raises(KeyboardInterrupt):
        fed(fresh(), interrupted(at), tmp_path / "states", made, None, keep=False)
    begun = newest(tmp_path / "states", made)
    assert begun.events == at // 30 * 30
    assert len(list((tmp_path / "states").iterdir())) == 1
    resumed = fresh()
    fed(resumed, WORLD, tmp_path / "states", made, begun, keep=False)
    assert resumed.result() == WHOLE
    assert resumed.result() != said(fresh(), [WORLD[:at]])


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The small world as a file; states are kept every 50 events."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "1")
    monkeypatch.setattr(states, "EVERY_EVENTS", 50)
    (tmp_path / "m.toml").write_text(
        '[[monitor]]\nname = "measures"\nevent = "enforcement.action"\nbucket = "1h"\ndetector = "enforcement"\n'
        'series = 1\ngroup_by = ["market"]\nmin_volume = 5\n'
    )
    write(tmp_path / "r.jsonl", events())
    return "r.jsonl"


FROM = ["--from", "2026-03-04T12:00:00Z"]


def alerts_of(folder: str) -> str:
    return (Path(folder) / "alerts.jsonl").read_text()


def summary(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "summary.json").read_text())
    return found


def test_a_range_begins_with_all_events_a_warm_up_or_a_state_and_says_which(
    recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replay = ["replay", recording, "--monitors", "m.toml"]
    assert main([*replay, "--out", "all", "--keep-states", *FROM]) == 0
    assert main([*replay, "--out", "state", "--state", "all", *FROM]) == 0
    assert main([*replay, "--out", "warm", "--warm-up", "30h", *FROM]) == 0
    assert alerts_of("all").count("\n") == alerts_of("warm").count("\n") == 2
    assert alerts_of("all") == alerts_of("state")
    assert summary("all")["known_from"] == "all events, from 2026-03-02T00:00:00Z"
    assert summary("warm")["known_from"] == "warmed up from 2026-03-03T06:00:00Z"
    assert summary("state")["known_from"] == "the state of all after 150 events, at 2026-03-04T01:00:02Z"
    assert summary("all")["events"] == summary("state")["events"] > summary("warm")["events"]
    what_if = ["--set", "measures.budget_per_day=0.5", "--out", "other"]
    assert main([*replay, "--state", "all", *what_if, *FROM]) == 0
    assert alerts_of("other").count("\n") == 2
    assert sorted(path.name for path in Path().iterdir() if path.name.startswith(".")) == []


def test_a_replay_that_was_killed_is_resumed_at_a_terminal(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    replay = ["replay", recording, "--monitors", "m.toml"]
    assert main([*replay, "--out", "whole"]) == 0
    plan, configured = load_plan(Path("m.toml")), load_settings()
    driver = Replay(plan, configured.partitions_by_topic(), configured.lateness_ms(), ahead_ms=configured.ahead_ms())

    def killed(events: Iterable[Event]) -> Iterator[Event]:
        yield from islice(events, 220)
        raise KeyboardInterrupt

    with opened([Path(recording)], configured, None) as read:
        made = made_of(read.paths, plan, configured, (None, None))
        with pytest.raises(KeyboardInterrupt):
            fed(driver, killed(read.events()), folder_of(Path("again")), made, None, keep=False)
    assert main([*replay, "--out", "again", "--resume", "--set", "measures.min_volume=9"]) == 2
    assert "had other monitors: begin again without --resume" in capsys.readouterr().err
    assert main([*replay, "--out", "again", "--resume"]) == 0
    assert main(["diff", "whole", "again"]) == 0
    assert summary("again") == summary("whole")
    assert alerts_of("again").count("\n") == 2
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


WRONG = {
    "nothing to resume": (["--resume"], "there is nothing to resume"),
    "a warm-up without a beginning": (["--warm-up", "7d"], "say --from, too"),
    "both": (["--warm-up", "7d", "--state", "x", *FROM], "say one of them"),
    "no duration": (["--warm-up", "long", *FROM], "--warm-up: a duration is"),
    "a run without states": (["--state", "nowhere", *FROM], "nowhere/ kept no state before --from"),
    "offsets of a file": (["--offsets", "live.traffic/0:1-2"], "--offsets is about Kafka"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line(what: str, recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, expected = WRONG[what]
    assert main(["replay", recording, *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert expected in err


def test_states_of_another_replay_and_of_one_that_fails_are_no_use(
    recording: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {"recordings": [], "monitors": {}, "shape": [], "span": []}
    monkeypatch.setattr(states, "EVERY_EVENTS", 100)
    with pytest.raises(KeyboardInterrupt):
        fed(fresh(), interrupted(300), Path(".replay.states"), made, None, keep=True)
    assert main(["replay", recording, "--monitors", "m.toml", "--resume"]) == 2
    assert "had other recordings, monitors, shape, span" in capsys.readouterr().err
    with Path(recording).open("a") as file:
        file.write('{"specversion": "1.0", "id"')
    assert main(["replay", recording, "--monitors", "m.toml"]) == 2
    assert "the file ends inside this line" in capsys.readouterr().err
    assert [path.name for path in Path().iterdir() if "replay" in path.name] == []
