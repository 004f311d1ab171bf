"""On-call load: pages by channel, person and monitor, at which hours, and what share was acted on."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from cli.local_response import LocalResponse
from livewarden.times import DAY_MS, HOUR_MS
from sinks.queries.load import Load, by_channel, by_monitor, by_person
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.response_fixtures import NOW, PLAN, Desk, alert, policy

pytestmark = pytest.mark.clickhouse


@pytest.fixture
async def desk(clickhouse: Address) -> AsyncIterator[Desk]:
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    made = Desk()
    made.local = LocalResponse(PLAN, policy(), store, made.clock)
    yield made
    await store.close()


async def test_pages_by_class_of_hours_and_what_was_acted_on(desk: Desk, clickhouse: Address) -> None:
    await desk.alerts(alert(), alert("measures", {"policy_id": "P1"}, observed=900, expected=9))
    await desk.wait(seconds=6)  # Monday 00:30 UTC
    (fell,) = await _incidents(clickhouse, "orders")
    await desk.wait(minutes=10 * 60)  # Monday 10:30
    await desk.ask("acknowledge", incident_id=fell)
    await desk.alerts(alert("orders", {"market": "FR"}, at=NOW + 10 * HOUR_MS))
    await desk.wait(seconds=6)
    await desk.resolve(alert("orders", {"market": "FR"}, at=NOW + 10 * HOUR_MS), at=NOW + 11 * HOUR_MS)
    await desk.wait(seconds=2)
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        span = NOW - DAY_MS, NOW + DAY_MS
        assert await by_channel(reader, *span) == [Load("log", 1, 0, 0, 2, 3, 1, 0)]
        assert await by_person(reader, *span) == [Load("maria", 1, 0, 0, 0, 1, 1, 0)]
        assert await by_monitor(reader, *span) == [
            Load("orders", 1, 0, 0, 1, 2, 1, 0),
            Load("measures", 0, 0, 0, 1, 1, 0, 0),
        ]
        assert [each.work for each in await by_channel(reader, *span, "Asia/Tokyo")] == [2]
        assert await by_channel(reader, NOW + DAY_MS, NOW + 2 * DAY_MS) == []


async def _incidents(clickhouse: Address, monitor: str) -> list[str]:
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        return [row["incident_id"] for row in await reader.rows("incidents") if monitor in row["monitors"]]
