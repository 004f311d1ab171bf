"""The view `complaint_watch`: how complaints were answered, and what of that ought to be looked at."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from livewarden.times import DAY_MS, HOUR_MS, format_ms
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import T0, event_row

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse


def appeal(number: int, at_ms: int, state: str, **more: Any) -> dict[str, Any]:
    body = {"appeal_id": "p1", "action_id": "a1", "attempt": 1, "state": state, "at": format_ms(at_ms)} | more
    return event_row(
        number, topic="live.appeals", type="appeal.lifecycle", event_time=at_ms, weight=1, data=json.dumps(body)
    )


def measure(number: int, action_id: str, reviewer: str) -> dict[str, Any]:
    body = {"action_id": action_id, "reviewer_type": reviewer, "decided_at": format_ms(T0)}
    return event_row(number, event_time=T0, data=json.dumps(body))


@pytest.fixture
async def watched(clickhouse: Address) -> AsyncIterator[dict[str, dict[str, Any]]]:
    rows = [
        measure(0, "a1", "AUTOMATED"),
        measure(1, "a2", "HUMAN"),
        measure(11, "a3", "AUTOMATED"),
        appeal(2, T0, "SUBMITTED"),
        appeal(3, T0 + 20_000, "RESOLVED", outcome="UPHELD", decided_by="r1", automated=False),
        appeal(4, T0 + HOUR_MS, "SUBMITTED", appeal_id="p2", attempt=2),
        appeal(5, T0 + 2 * HOUR_MS, "RESOLVED", appeal_id="p2", attempt=2, outcome="UPHELD", decided_by="r1"),
        appeal(6, T0, "SUBMITTED", appeal_id="p3", action_id="a3"),
        appeal(7, T0 + 10_000, "RESOLVED", appeal_id="p3", action_id="a3", outcome="UPHELD", automated=True),
        appeal(8, T0, "SUBMITTED", appeal_id="p4", action_id="a2", channel="ODS_BODY"),
        appeal(9, T0, "SUBMITTED", appeal_id="p5", action_id="a2"),
        appeal(10, T0 + HOUR_MS, "WITHDRAWN", appeal_id="p5", action_id="a2"),
    ]
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await store.write("events", rows)
    await store.close()
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        yield {row["appeal_id"]: row for row in await reader.select("SELECT * FROM complaint_watch")}


async def test_each_appeal_is_one_row_with_what_ought_to_be_looked_at(watched: dict[str, dict[str, Any]]) -> None:
    flags = ("implausibly_fast", "same_reviewer_twice", "automated_twice", "waiting")
    found = {name: [flag for flag in flags if row[flag]] for name, row in watched.items()}
    assert found == {
        "p1": ["implausibly_fast"],
        "p2": ["same_reviewer_twice"],
        "p3": ["automated_twice"],
        "p4": ["waiting"],
        "p5": [],
    }
    assert watched["p1"]["seconds_to_decide"] == 20
    assert watched["p4"]["due_at"] == T0 + 90 * DAY_MS
    assert watched["p4"]["decided_at"] is None
    assert watched["p5"]["seconds_to_decide"] is None
