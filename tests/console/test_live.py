"""What is new reaches an open page without a reload."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from console.live import MOST_TOLD, Live
from livewarden.errors import RetryLater
from sinks.store.connection import Address
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import (
    HOSTILE,
    Site,
    alert_row,
    channel_row,
    disposition_row,
    feedback_row,
    history_row,
    incident_row,
    notification_row,
    silence_row,
    site,
    site_over,
    work_row,
)

__all__ = ["clickhouse", "clickhouse_server", "site"]
pytestmark = pytest.mark.clickhouse


class Stream:
    """Reads server-sent events one by one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, dict[str, Any]]:
        name, data = "", ""
        async with asyncio.timeout(20):
            while True:
                line = (await self._answer.content.readline()).decode().rstrip("\n")
                if not line and name:
                    return name, json.loads(data)
                kind, _, value = line.partition(": ")
                name, data = (value if kind == "event" else name), (value if kind == "data" else data)

    async def ended(self) -> bool:
        async with asyncio.timeout(20):
            return await self._answer.content.read() == b""


@asynccontextmanager
async def listening(site: Site) -> AsyncIterator[Stream]:
    async with site.http.get(site.url + "/live") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        stream = Stream(answer)
        assert await stream.next() == ("hello", {})
        yield stream


async def test_incidents_and_cases_are_told_when_they_change(site: Site) -> None:
    await site.fill()
    async with listening(site) as stream:
        await site.store.write("incidents", [incident_row(2, version=1, title=HOSTILE)])
        assert await stream.next() == ("work", {"ids": ["incident-2"], "text": f"critical: {HOSTILE}"})
        await site.store.write(
            "incidents", [incident_row(1, version=4, status="acknowledged", acknowledged_by="maria")]
        )
        assert await stream.next() == ("work", {"ids": ["incident-1"], "text": ""})
        await site.store.write("cases", [work_row(version=5)])
        assert await stream.next() == ("work", {"ids": ["case-1"], "text": ""})
        for table, row, ids in (
            ("silences", silence_row(9), ["silence-9"]),
            ("dispositions", disposition_row(9), ["alert-9", "incident-1"]),
            ("notifications", notification_row(9), ["incident-1", "notification-9"]),
            ("feedback", feedback_row(9), ["alert-9"]),
            ("case_history", history_row(9), ["case-1"]),
        ):
            await site.store.write(table, [row])
            assert await stream.next() == ("work", {"ids": ids, "text": ""})
        await site.store.write("channels", [channel_row(channel="sms")])
        assert await stream.next() == ("work", {"ids": ["sms"], "text": "sms takes no notifications"})


async def test_a_storm_of_changes_is_a_number(site: Site) -> None:
    async with listening(site) as stream:
        await site.store.write("dispositions", [disposition_row(n) for n in range(1000)])
        assert await stream.next() == ("many", {"count": 1000})


async def test_a_new_alert_and_its_next_version_are_told_once(site: Site) -> None:
    await site.store.write("alerts", [alert_row(1)])
    async with listening(site) as stream:
        await site.store.write("alerts", [alert_row(2, series={"market": HOSTILE}, case_id="case-1")])
        name, notified = await stream.next()
        assert (name, notified["alert_id"], notified["version"], notified["status"]) == (
            "alert",
            "alert-2",
            1,
            "firing",
        )
        assert notified["text"].startswith(f"critical: measures, {HOSTILE}: 257 in 15 min, expected 60")
        assert (notified["case_id"], notified["suppressed"]) == ("case-1", False)
        await site.store.write("alerts", [alert_row(1, version=2, status="resolved")])
        name, notified = await stream.next()
        assert (name, notified["alert_id"], notified["version"], notified["status"]) == (
            "alert",
            "alert-1",
            2,
            "resolved",
        )
        assert "/alerts/alert-2" in await site.page("/alerts"), "the page shows it already"
        await site.store.write("alerts", [alert_row(3)])
        assert (await stream.next())[1]["alert_id"] == "alert-3", "nothing is notified twice"


async def test_a_storm_is_told_as_a_number(site: Site) -> None:
    async with listening(site) as stream:
        await site.store.write("alerts", [alert_row(n) for n in range(MOST_TOLD + 1)])
        name, notified = await stream.next()
        assert (name, notified) == ("many", {"count": MOST_TOLD + 1})
        await site.store.write("alerts", [alert_row(99)])
        assert (await stream.next())[1]["alert_id"] == "alert-99"


async def test_everybody_who_listens_hears(site: Site) -> None:
    async with listening(site) as one, listening(site) as other:
        await site.store.write("alerts", [alert_row(1)])
        assert await one.next() == await other.next()
    async with listening(site) as later:
        await site.store.write("alerts", [alert_row(2)])
        assert (await later.next())[1]["alert_id"] == "alert-2"


async def test_another_run_is_no_news(site: Site) -> None:
    async with listening(site) as stream:
        await site.store.write("alerts", [alert_row(1, run="what-if")])
        await site.store.write("alerts", [alert_row(2)])
        assert (await stream.next())[1]["alert_id"] == "alert-2"


async def test_trouble_with_clickhouse_is_told_and_its_end_too(site: Site, clickhouse: Address) -> None:
    from sinks.store.connection import open_client

    client = await open_client(clickhouse)
    async with listening(site) as stream:
        await client.command("RENAME TABLE alerts TO gone")
        name, notified = await stream.next()
        assert name == "trouble"
        assert "livewarden migrate" in notified["text"]
        await client.command("RENAME TABLE gone TO alerts")
        assert (await stream.next())[0] == "well"
    await client.close()


async def test_a_console_that_stops_ends_its_streams(clickhouse: Address) -> None:
    async with aiohttp.ClientSession() as http:
        async with site_over(clickhouse) as running:
            answer = await http.get(running.url + "/live")
            stream = Stream(answer)
            assert (await stream.next())[0] == "hello"
        assert await stream.ended()


async def test_too_many_listeners_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.live.MOST_LISTENERS", 1)
    async with listening(site):
        assert (await site.get("/live"))[0] == 503
    async with asyncio.timeout(20):
        while (await site.http.head(site.url + "/live")).status != 200:
            pass


class _Down:
    """A reader whose ClickHouse is away."""

    async def select(self, *args: object) -> list[dict[str, Any]]:
        raise RetryLater("ClickHouse is away")


async def test_a_page_opened_while_clickhouse_is_away_hears_of_it() -> None:
    live = Live(_Down(), poll_s=0.0)  # type: ignore[arg-type]
    heard = live.listen()
    assert b"hello" in (await anext(heard)).encode()
    assert b"ClickHouse is away" in (await anext(heard)).encode()
    live.close()
    assert live.full
    with pytest.raises(StopAsyncIteration):
        await anext(heard)
