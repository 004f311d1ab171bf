"""A rolling restart of two workers with another monitors file: nothing of what sums and learns the same is left
unjudged.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from livewarden.event import Event
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.kafka_fixtures import Broker, embedded_broker
from tests.live import Process, delivered, deployed, evening, feed, replayed, until

__all__ = ["clickhouse", "clickhouse_server", "embedded_broker"]
pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(240)]

MONITOR = """
[[monitor]]
name = "{name}"
event = "enforcement.action"
group_by = ["market"]
bucket = "1m"
detector = "enforcement"
budget_per_day = {budget}
severity = "{severity}"
"""
OLD = MONITOR.format(name="changed", budget=1.0, severity="warning")
NEW = MONITOR.format(name="changed", budget=0.5, severity="critical") + MONITOR.format(
    name="added", budget=1.0, severity="warning"
)


async def judged(address: Address, monitor: str) -> list[dict[str, Any]]:
    async with await Reader.connect(address.url, address.user, address.password, address.database) as reader:
        return await reader.select(
            "SELECT DISTINCT window_start, series, observed, state FROM judgements FINAL"
            " WHERE monitor = {monitor:String} ORDER BY window_start",
            {"monitor": monitor},
        )


def buckets(rows: Sequence[Any]) -> set[tuple[int, tuple[tuple[str, str], ...], float | None]]:
    return {(row["window_start"], tuple(row["series"].items()), row["observed"]) for row in rows}


async def test_no_bucket_of_a_monitor_with_another_budget_is_left_unjudged(
    embedded_broker: Broker, clickhouse: Address, tmp_path: Path
) -> None:
    settings = await deployed(embedded_broker, partials_partitions=1, lateness_s=0)
    events: list[Event] = [event for event in evening() if event.topic == "live.enforcement"]
    part = len(events) // 3
    pieces = [events[:part], events[part : 2 * part], events[2 * part :]]
    running = [await Process(settings, clickhouse, tmp_path, OLD).start() for _ in range(2)]
    try:
        await until(lambda: _owned(running, settings.partitions))
        await feed(settings, pieces[0], *running)
        for place in (0, 1):
            assert await running[place].terminate() == 0
            running[place] = await Process(settings, clickhouse, tmp_path, NEW).start()
            await until(lambda: _owned(running, settings.partitions), *running)
            await feed(settings, pieces[1 + place], *running)
        for process in running:
            assert await process.terminate() == 0
    finally:
        for process in running:
            await process.kill()
    sent = [event for piece in pieces for event in delivered(settings, piece)]
    whole = replayed(Plan(parse_monitors(OLD)), settings, sent).judgements.values()
    found = await judged(clickhouse, "changed")
    assert [row for row in found if row["state"].startswith("skipped")] == []
    assert buckets(found) == buckets(list(whole))
    added = await judged(clickhouse, "added")
    assert {row["window_start"] for row in added} <= {row["window_start"] for row in found}
    assert any(not row["state"].startswith("skipped") for row in added)


async def _owned(running: Sequence[Process], partitions: int) -> bool:
    return sum([await process.owns() for process in running]) >= partitions
