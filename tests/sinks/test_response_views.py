"""What the views of the response say, over a response stage on ClickHouse."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from cli.local_response import LocalResponse
from livewarden.times import MINUTE_MS
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from streams.stages import alert_row
from tests.clickhouse_fixtures import NODES, SERVERS
from tests.response_fixtures import NOW, PLAN, Desk, alert, policy

pytestmark = pytest.mark.clickhouse


@pytest.fixture
async def desk(clickhouse: Address) -> AsyncIterator[Desk]:
    """A response stage whose tables are ClickHouse's."""
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    made = Desk()
    made.local = LocalResponse(PLAN, policy(), store, made.clock)
    yield made
    await store.close()


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as opened:
        yield opened


@pytest.mark.parametrize("clickhouse_server", [*SERVERS, NODES], indirect=True)
async def test_why_was_i_not_paged_is_one_query(desk: Desk, reader: Reader, clickhouse: Address) -> None:
    wide, narrow = alert(), alert("views", {"market": "DE", "traffic_source": "SEARCH"})
    cool = alert("orders", {"market": "FR"}, suppressed_by="cooldown")
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await store.write("alerts", [alert_row(each, "live") for each in (wide, narrow, cool)])
    await store.close()
    await desk.alerts(wide, narrow, cool)
    await desk.wait(seconds=6)
    columns, rows = await reader.query(
        "SELECT outcome, by, reason, series['market'] AS market FROM why_not_paged ORDER BY outcome"
    )
    assert columns == ["outcome", "by", "reason", "market"]
    assert rows == [
        ["inhibited", wide.alert_id, "DE says it too: 100, expected 1,000", "DE"],
        ["suppressed", "detection", "cooldown", "FR"],
    ]


async def test_precision_counts_what_was_judged_however_late(desk: Desk, reader: Reader, clickhouse: Address) -> None:
    old, new = alert(at=NOW - MINUTE_MS), alert()
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await store.write("alerts", [alert_row(each, "live") for each in (old, new)])
    await store.close()
    await desk.alerts(new)
    await desk.ask("feedback", alert_id=new.alert_id, verdict="true")
    await desk.ask("feedback", alert_id=old.alert_id, verdict="false")  # it is remembered in ClickHouse only
    _, rows = await reader.query("SELECT monitor, true_alerts, false_alerts, precision FROM precision_by_monitor")
    assert [[row[0], int(row[1]), int(row[2]), row[3]] for row in rows] == [["orders", 1, 1, 0.5]]


async def test_how_long_it_took_to_be_acknowledged(desk: Desk, reader: Reader) -> None:
    await desk.alerts(alert())
    await desk.wait(minutes=7)
    (incident,) = await reader.rows("incidents")
    await desk.ask("acknowledge", incident_id=incident["incident_id"])
    await desk.wait(minutes=3)
    await desk.ask("resolve_incident", incident_id=incident["incident_id"])
    _, rows = await reader.query("SELECT status, seconds_to_acknowledge, seconds_to_resolve FROM incidents_history")
    assert [[row[0], int(row[1]), int(row[2])] for row in rows] == [["resolved", 420, 600]]
