"""Commands about what the workers have saved: what a new monitors file costs, and a watermark in the future."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

import pytest

from cli import main
from livewarden.times import HOUR_MS
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from streams.stages import Detect, Ingest
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.core_fixtures import T0, TOPIC
from tests.streams.test_mend import FAR_MS, MINUTES, minutes, run, wire
from tests.streams.test_stages import action

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(120)]

FILE = """
[[monitor]]
name = "{name}"
event = "enforcement.action"
detector = "enforcement"
group_by = ["market"]
budget_per_day = {budget}
season = "{season}"

[[monitor]]
name = "silence"
event = "enforcement.action"
detector = "silence"
"""


def monitors(name: str = "measures", budget: float = 1.0, season: str = "day") -> str:
    return FILE.format(name=name, budget=budget, season=season)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clickhouse: Address) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in dataclasses.asdict(clickhouse).items():
        if value:
            monkeypatch.setenv(f"LIVEWARDEN_CLICKHOUSE_{name.upper()}", value)
    (tmp_path / "live.toml").write_text(monitors())
    monkeypatch.setenv("LIVEWARDEN_MONITORS", "live.toml")
    return tmp_path


async def saved(address: Address, *, far: bool) -> None:
    plan = Plan(parse_monitors(monitors()))
    ingest, detect = Ingest(plan, TOPIC, 0, 1, 0, 2**60), Detect(plan, "livewarden.partials", 0)
    run(ingest, detect, minutes(0, MINUTES, 0))
    if far:
        run(ingest, detect, [wire(MINUTES, action("f", FAR_MS)), wire(MINUTES + 1, action("g", FAR_MS + HOUR_MS))])
    store = await ClickHouseStore.connect(*dataclasses.astuple(address))
    try:
        for stage in (ingest, detect):
            await store.save(stage.checkpoint())
    finally:
        await store.close()


def test_against_live_says_which_monitors_begin_anew_and_why(
    folder: Path, clickhouse: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--against", "live"]) == 2
    assert "nothing is live to compare with" in capsys.readouterr().err
    asyncio.run(saved(clickhouse, far=False))
    assert main(["check", "--against", "live"]) == 0
    assert "2 of 2 monitors are as they were" in capsys.readouterr().out
    for text, line in (
        (monitors(budget=0.5), "goes on with the new settings"),
        (monitors(season="none"), "learns anew; until then its buckets are insufficient"),
        (monitors(name="others"), "is new: begins with the first bucket"),
    ):
        (folder / "new.toml").write_text(text)
        assert main(["check", "new.toml", "--against", "live"]) == 0
        out = capsys.readouterr().out
        assert line in out
        assert "1 of 2 monitors are as they were" in out
    assert "measures is gone" in " ".join(out.split())
    (folder / "new.toml").write_text(monitors(season="none"))
    assert main(["check", "new.toml", "--against", "live", "--json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert change == {"monitor": "measures", "what": "model", "why": 'season: "day", now "none"'}


def test_a_watermark_in_the_future_is_mended_and_shown(
    folder: Path, clickhouse: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(saved(clickhouse, far=True))
    assert main(["positions", "--json"]) == 0
    before = {row["stage"]: row["watermark"] for row in json.loads(capsys.readouterr().out)["positions"]}
    assert main(["positions", "--mend-watermarks", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["stage"], each["was_ms"]) for each in told["mended"]] == [
        ("ingest", FAR_MS + HOUR_MS),
        ("detect", FAR_MS + HOUR_MS),
    ]
    after = {row["stage"]: row["watermark"] for row in told["positions"]}
    assert all(after[stage] < before[stage] for stage in ("ingest", "detect"))
    assert main(["positions", "--mend-watermarks"]) == 0
    assert "no watermark stands in the future" in capsys.readouterr().out


async def test_a_checkpoint_that_is_set_back_is_the_one_that_counts(clickhouse: Address) -> None:
    await saved(clickhouse, far=True)
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    try:
        newest = await store.load("ingest", TOPIC, 0)
        assert newest is not None
        back = dataclasses.replace(newest, watermark_ms=T0, header='{"v": 1}', topic_id="t")
        for _ in range(2):
            await store.set_back(back)
            assert await store.load("ingest", TOPIC, 0) == back
        ahead = dataclasses.replace(back, next_offset=newest.next_offset + 1, watermark_ms=T0 + HOUR_MS)
        await store.save(ahead)
        assert await store.load("ingest", TOPIC, 0) == ahead
    finally:
        await store.close()
