"""What workers stored in ClickHouse replays as the recording did that they were fed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import astuple, dataclass, field
from pathlib import Path

import pytest

from cli import main
from livewarden.contracts import TOPICS
from livewarden.settings import Settings
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sources.codec import encode
from sources.delivery import deliver
from sources.recording import read
from sources.recordings import shipped
from streams.stages import Ingest
from tests.clickhouse_fixtures import NODES, SERVERS, environment_of

pytestmark = pytest.mark.clickhouse


@dataclass
class Wire:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp: int = 0


async def store_recording(address: Address) -> None:
    """What the aggregate stage of two partitions a topic would store of the shipped recording, and a late event."""
    partitions = dict.fromkeys(TOPICS, 2)
    plan = Plan(parse_monitors(Path(__file__).parents[2].joinpath("livewarden/monitors.toml").read_text()))
    stages = {place: Ingest(plan, "live.aggregates", place, 2, 30_000) for place in range(2)}
    events = list(deliver(read(shipped()), partitions))
    for event in [*events, events[1]]:
        stage = stages[event.partition]
        stage.process([Wire(event.topic, event.partition, stage.next_offset, *encode(event))])
    assert sum(stage.outcomes.get("late", 0) for stage in stages.values()) == 1
    store = await ClickHouseStore.connect(*astuple(address))
    for stage in stages.values():
        await store.write("events", stage.output.rows["events"])
    await store.close()


@pytest.mark.parametrize("clickhouse_server", [*SERVERS, NODES], indirect=True)
def test_a_replay_from_clickhouse_equals_that_of_the_recording(
    clickhouse: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(store_recording(clickhouse))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "2")
    for name, value in environment_of(clickhouse).items():
        monkeypatch.setenv(name, value)
    assert main(["replay", str(shipped()), "--out", "file"]) == 0
    capsys.readouterr()
    assert main(["replay", "clickhouse", "--out", "stored", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["late"], summary["duplicate"], summary["dead"]) == (0, 0, 0)
    assert summary["alerts"] > 40
    assert main(["diff", "file", "stored"]) == 0


def test_an_empty_archive_is_one_line(
    clickhouse: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("url", "user", "password", "database"):
        monkeypatch.setenv(f"LIVEWARDEN_CLICKHOUSE_{name.upper()}", getattr(clickhouse, name))
    assert main(["replay", "clickhouse"]) == 2
    assert "holds no events" in capsys.readouterr().err
    assert Settings().clickhouse_database == clickhouse.database
