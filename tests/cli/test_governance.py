"""`livewarden blast-radius` and `livewarden entity` over stored measures."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import json
from pathlib import Path
from typing import Any, Final

import pytest

from cli import main
from livewarden.event import Event
from livewarden.times import DAY_MS
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sources.simulate.misjudged_events import MONTHS_START_MS, MisjudgedMonths, misjudged_months
from tests.cli.test_overturns import row
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import alert_row
from tests.evening_fixtures import case

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse

MONTHS: Final = MisjudgedMonths(days=30, release_day=10, rollback_day=20)
SERIES: Final = {"market": "DE", "policy_id": "sim-policy-counterfeit", "model_version": "2026.02"}


@pytest.fixture(scope="module")
def months() -> list[Event]:
    return list(misjudged_months(MONTHS))


@pytest.fixture
async def stored(months: list[Event], clickhouse: Address, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    start = MONTHS_START_MS + MONTHS.release_day * DAY_MS
    alert = alert_row(series=SERIES, case_id="case-1", window_start=start, window_end=start + 10 * DAY_MS)
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await store.write("events", [row(number, each) for number, each in enumerate(months)])
    await store.write("alerts", [alert])
    await store.write("cases", [{**case(0, start), "case_id": "case-1"}])
    await store.close()
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_URL", clickhouse.url)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_USER", clickhouse.user)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_PASSWORD", clickhouse.password)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_DATABASE", clickhouse.database)
    return months


async def found(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    capsys.readouterr()
    assert await asyncio.to_thread(main, [*args, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


async def test_the_siblings_are_those_of_the_slice_and_window(
    stored: list[Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = MONTHS_START_MS + MONTHS.release_day * DAY_MS
    mine = {
        body["action_id"]: body["shop_id"]
        for each in stored
        if each.type_name == "enforcement.action"
        and (body := each.data.model_dump())["model_version"] == "2026.02"
        and body["market"] == "DE"
        and start <= int(body["informed_at"].timestamp() * 1_000) < start + 10 * DAY_MS
    }
    told = await found(capsys, "blast-radius", "case-1", "--out", str(tmp_path / "siblings.csv"))
    assert told["siblings"] == len(mine) > 1_000
    assert told["shops"] == len(set(mine.values()))
    assert told["reversed"]["bulk_rollback"] > 300
    assert told["standing"] == told["siblings"] - sum(told["reversed"].values())
    assert told["verdict"] == "go on"
    with (tmp_path / "siblings.csv").open(newline="") as file:
        order = [each["action_id"] for each in csv.DictReader(file)]
    assert order == told["order"]

    with (tmp_path / "reviewed.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("action_id", "verdict"), *((each, "WRONG") for each in order[:40])])
    told = await found(capsys, "blast-radius", "case-1", "--reviewed", str(tmp_path / "reviewed.csv"))
    assert (told["reviewed"], told["verdict"], told["next"][0]) == (40, "widespread", order[40])
    assert told["wrong"][1] > 0.5 * told["standing"]
    narrowed = await found(capsys, "blast-radius", "case-1", "--where", f"shop_id={mine[order[0]]}")
    assert 0 < narrowed["siblings"] < told["siblings"]
    assert await asyncio.to_thread(main, ["blast-radius", "case-1", "--where", "colour=red"]) == 2


async def test_an_entity_is_one_time_line(stored: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    shop = next(each.data.model_dump()["shop_id"] for each in stored if each.type_name == "enforcement.action")
    told = await found(capsys, "entity", shop)
    actions = {each["data"]["action_id"] for each in told["timeline"] if each["type"] == "enforcement.action"}
    wanted = {
        each.data.model_dump()["action_id"]
        for each in stored
        if each.type_name == "enforcement.action" and each.data.model_dump()["shop_id"] == shop
    }
    assert actions == wanted
    about = {
        each.id
        for each in stored
        if each.type_name != "enforcement.action" and each.data.model_dump().get("action_id") in wanted
    }
    assert {each["id"] for each in told["timeline"] if each["type"] != "enforcement.action"} == about
    assert told["timeline"] == sorted(told["timeline"], key=lambda each: each["at"])
    one = await found(capsys, "entity", next(iter(wanted)))
    assert one["timeline"][0]["type"] == "enforcement.action"
    assert await asyncio.to_thread(main, ["entity", "nobody"]) == 2
