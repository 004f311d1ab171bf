"""`livewarden overturns`: the same bytes from a recording and from what workers stored, in whatever order it came."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cli import main
from livewarden.event import Event
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sources.codec import to_line
from sources.recording import write
from sources.simulate.misjudged_events import LINES, MisjudgedMonths, misjudged_months
from streams.radar import Radar
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.response_fixtures import Desk

__all__ = ["clickhouse", "clickhouse_server"]

MONTHS: Final = MisjudgedMonths(
    days=100, release_day=84, rollback_day=96, lines=tuple(line._replace(per_day=line.per_day / 2) for line in LINES)
)


@pytest.fixture(scope="module")
def months() -> list[Event]:
    return list(misjudged_months(MONTHS))


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["overturns", *args]) == 0
    return capsys.readouterr().out


def test_the_bad_release_jumps_before_its_appeals_are_in(
    months: list[Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "months.jsonl", months)
    found = json.loads(said(capsys, str(tmp_path / "months.jsonl"), "--depth", "2", "--json"))
    cells = {tuple(each["cell"].values()): each for each in found["cells"]}
    bad = cells["sim-policy-counterfeit", "DE"]
    assert bad["jump"] is not None
    assert bad["jump"]["factor"] > 1.25
    assert "sim-change-release" in bad["changes"]
    assert bad["counted"]["bulk_rollback"] > 100
    quiet = [each for each in cells.values() if "sim-policy-misleading-claims" in each["cell"].values()]
    assert quiet
    assert not any(each["jump"] for each in quiet)
    small = cells["sim-policy-non-delivery", "DE"]
    assert (small["sufficient"], small["wrong"]) == (False, None)
    assert small["see"] == {}
    table = said(capsys, str(tmp_path / "months.jsonl"))
    assert "JUMP ×" in table
    assert "too few or too young: see everything" in table


def test_no_measures_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], months: list[Event]) -> None:
    write(tmp_path / "none.jsonl", [each for each in months if each.type_name == "platform.change"])
    assert main(["overturns", str(tmp_path / "none.jsonl")]) == 2
    assert "no measure is known" in capsys.readouterr().err


@pytest.mark.clickhouse
async def test_live_and_from_a_recording_it_is_the_same_bytes(
    months: list[Event], clickhouse: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "months.jsonl", months)
    recorded = said(capsys, str(tmp_path / "months.jsonl"), "--depth", "5", "--json")
    stored = [*months, *months[::7]]
    random.Random(3).shuffle(stored)
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await store.write("events", [row(number, each) for number, each in enumerate(stored)])
    await the_radar_calls_once(clickhouse, store)
    await store.close()
    monkey = pytest.MonkeyPatch()
    monkey.setenv("LIVEWARDEN_CLICKHOUSE_USER", clickhouse.user)
    monkey.setenv("LIVEWARDEN_CLICKHOUSE_PASSWORD", clickhouse.password)
    monkey.setenv("LIVEWARDEN_CLICKHOUSE_DATABASE", clickhouse.database)
    try:
        await asyncio.to_thread(main, ["overturns", "--url", clickhouse.url, "--depth", "5", "--json"])
    finally:
        monkey.undo()
    assert capsys.readouterr().out == recorded


async def the_radar_calls_once(clickhouse: Address, store: ClickHouseStore) -> None:
    """Of what is stored it says an alert, which is notified like any other; asked again it says nothing more."""
    said: list[Any] = []

    async def say(messages: Sequence[Any]) -> None:
        said.extend(messages)

    def connect() -> AbstractAsyncContextManager[Reader]:
        return reading_at(clickhouse)

    eye = Radar(1.0, connect, lambda: True, say, store.write)
    found = await eye.turn()
    assert {(alert.series["policy_id"], alert.status) for alert in found} == {("sim-policy-counterfeit", "firing")}
    assert await eye.turn() == []
    assert [each.alert for each in said] == [replace(alert, explanation=None) for alert in found]
    desk = Desk(at=found[0].window_end_ms)
    await desk.local.say(said)
    await desk.wait(minutes=10)
    first = desk.notified[0]
    assert "sim-policy-counterfeit" in first.title
    assert "expected" in first.title
    assert "What changed: CHANGE of sim-model-counterfeit" in first.body
    assert "roll the model back" in first.body


@asynccontextmanager
async def reading_at(address: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(*dataclasses.astuple(address)) as reader:
        yield reader


def row(number: int, event: Event) -> dict[str, Any]:
    return {
        "topic": event.topic,
        "partition": number % 3,
        "offset": number,
        "event_id": event.id,
        "type": event.type_name,
        "source": event.source,
        "event_time": event.time_ms,
        "precision": event.data.time_precision,
        "weight": event.data.weight,
        "late": number % 2,
        "duplicate": 0,
        "key": event.data.key(),
        "data": json.dumps(json.loads(to_line(event))["data"]),
    }
