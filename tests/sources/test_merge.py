"""Several recordings as one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import main
from livewarden.event import Event
from livewarden.times import DAY_MS, MINUTE_MS
from sources.merge import merged, read_all
from sources.recording import write
from tests.core_fixtures import T0, action, beat


def source(name: str, *minutes: float) -> list[Event]:
    """Actions of one source, not in Kafka yet."""
    times = (T0 + int(minute * MINUTE_MS) for minute in minutes)
    return [fresh(action(f"{name}{n}", at, source=f"/{name}")) for n, at in enumerate(times)]


def fresh(event: Event) -> Event:
    return replace(event, partition=-1, offset=-1)


def ids(events: Iterator[Event]) -> list[str]:
    return [event.id for event in events]


def test_events_come_by_time_and_a_late_one_stays_as_late_as_it_was() -> None:
    first, second = source("a", 0, 5, 1, 6), source("b", 2, 4, 5.5)
    assert ids(merged([first, second])) == ["a0", "b0", "b1", "a1", "a2", "b2", "a3"]


def test_a_wrong_clock_and_a_promise_hold_nothing_back() -> None:
    wrong = replace(action("wrong", T0 + 900 * DAY_MS), logged_ms=T0)
    assert ids(merged([[wrong, *source("a", 1)], source("b", 0, 2)])) == ["wrong", "b0", "a0", "b1"]
    promise = beat(T0, T0 + 3 * MINUTE_MS)
    assert [e.source for e in merged([[*source("a", 1), promise], source("b", 2, 4)])] == [
        "/a",
        "/b",
        promise.source,
        "/b",
    ]


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=4))
def test_nothing_is_lost_and_each_recording_keeps_its_order(drawn: list[list[int]]) -> None:
    recordings = [source(f"s{n}-", *minutes) for n, minutes in enumerate(drawn)]
    out = list(merged(recordings))
    for events in recordings:
        assert [event for event in out if event in events] == events
    assert len(out) == sum(map(len, recordings))


def test_one_event_of_each_recording_is_held() -> None:
    read: list[str] = []

    def reading(events: list[Event]) -> Iterator[Event]:
        for event in events:
            read.append(event.id)
            yield event

    out = merged([reading(source(name, *range(100))) for name in "ab"])
    for _ in range(50):
        next(out)
    assert len(read) <= 52


def test_the_order_of_arguments_changes_nothing_and_nothing_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "1")
    monkeypatch.setenv("LIVEWARDEN_LATENESS_S", "0")
    for name, shift in (("a", 0.0), ("b", 0.3), ("c", 0.0)):
        write(tmp_path / f"{name}.jsonl", source(name, *(n + shift for n in range(200))))
    outcomes = set()
    for turn, paths in enumerate(itertools.permutations(["a.jsonl", "b.jsonl", "c.jsonl"])):
        assert main(["replay", *paths, "--out", str(turn), "--json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert (summary["late"], summary["duplicate"], summary["events"]) == (0, 0, 601)
        outcomes.add(tuple((tmp_path / str(turn) / name).read_bytes() for name in ("alerts.jsonl", "summary.json")))
        assert ids(read_all([Path(each) for each in paths])) == ids(
            read_all([Path("c.jsonl"), Path("a.jsonl"), Path("b.jsonl")])
        )
    assert len(outcomes) == 1


def test_clickhouse_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "clickhouse", "a.jsonl"]) == 2
    assert capsys.readouterr().err.startswith("clickhouse stands alone")
