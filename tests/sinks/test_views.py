"""What people look up: values are bound whatever they hold, copies count once, another run stays out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from livewarden.times import parse_ms
from sinks.queries import alerts, cases, changes, dead_letters, events, health
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import clickhouse, clickhouse_server

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse

T0 = parse_ms("2026-03-06T18:00:00Z")
ANOMALOUS = ("it's", "\\", "a\tb\nc", "%(run)s", "{run:String}", "'; DROP TABLE events; --", "\x00", "é€😀", "")


@pytest.fixture
async def store(clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
    opened = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    yield opened
    await opened.close()


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as opened:
        yield opened


def event(offset: int, **changes: Any) -> dict[str, Any]:
    data = {"topic": "eu-live.enforcement", "partition": 0, "offset": offset, "event_id": f"e{offset}", "source": "s"}
    more = {"type": "enforcement.action", "event_time": T0 + offset, "precision": "second", "weight": 3, "late": 0}
    return data | more | {"duplicate": 0, "key": "", "data": "{}"} | changes


async def test_values_are_bound_whatever_they_hold(reader: Reader) -> None:
    for text in ANOMALOUS:
        sql = "SELECT {t:String} AS one, {many:Array(String)} AS many"
        (row,) = await reader.select(sql, {"t": text, "many": [text, text]})
        assert row == {"one": text, "many": [text, text]}
    (row,) = await reader.select("SELECT toDateTime64(1.5, 3, 'UTC') AS at, 2.0 AS whole, 2.5 AS part, NULL AS none")
    assert row == {"at": 1500, "whole": 2, "part": 2.5, "none": None}


async def test_any_text_may_be_looked_for(reader: Reader) -> None:
    for text in ANOMALOUS:
        wanted = alerts.AlertFilter(monitor=text, slice=text, severity=text, status=text, suppressed="yes")
        assert await alerts.find(reader, wanted) == []
        assert (await alerts.count(reader, wanted)).all == 0
        assert await alerts.get(reader, text) is None
        assert await cases.find(reader, cases.CaseFilter(monitor=text, slice=text)) == []
        assert await cases.get(reader, text) is None
        assert await changes.find(reader, changes.ChangeFilter(kind=text, text=text, topics=[text])) == []
        assert await dead_letters.find(reader, reason=text, topic=text) == []
        assert await dead_letters.get(reader, text, 0, 0) is None


async def test_the_events_of_a_series_by_any_name_and_value(store: ClickHouseStore, reader: Reader) -> None:
    """`""` is what an event without the field has, true and numbers are what they are in JSON,
    a dotted field is nested.
    """
    for number, text in enumerate(ANOMALOUS):
        await store.write(
            "events", [event(number, data=json.dumps({"anomalous": text, "flag": True, "n": 7, "in": {"ner": text}}))]
        )
    await store.write("events", [event(50, data="{}"), event(51, data='{"anomalous": null}')])
    for number, text in enumerate(ANOMALOUS):
        series = {"anomalous": text} if text == "" else {"anomalous": text, "flag": "true", "n": "7", "in.ner": text}
        for topics in ((), ("eu-live.enforcement",)):
            wanted = events.Selection("enforcement.action", ["second"], T0, T0 + 100, {}, series, topics)
            rows, count, weight = await events.first(reader, wanted)
            found = [number, 50, 51] if text == "" else [number]
            assert [row.offset for row in rows] == found, text
            assert (count, weight) == (len(found), 3 * len(found))
            if "\x00" not in text:
                pasted = (await reader.query(wanted.as_text()))[1]
                assert [row[6] for row in pasted] == found, text
    elsewhere = events.Selection("enforcement.action", ["second"], T0, T0 + 100, topics=["other"])
    assert await events.first(reader, elsewhere) == ([], 0, 0)


async def test_a_row_written_twice_counts_once(store: ClickHouseStore, reader: Reader) -> None:
    change = event(1, type="platform.change", data='{"kind": "CONFIG"}')
    for weight in (3, 3, 4):
        await store.write("events", [event(0, weight=weight), change | {"weight": weight}])
    _, count, weight = await events.first(reader, events.Selection("enforcement.action", ["second"], T0, T0 + 100))
    assert (count, weight) == (1, 4)
    assert await changes.count(reader, changes.ChangeFilter(kind="CONFIG")) == 1
    assert len(await changes.around(reader, T0, 10, 10)) == 1
    (hour,) = await health.by_hour(reader, T0 + 60_000)
    assert (hour.hour, hour.events) == (T0, 2)
