"""The console over the response itself: an alert in a browser's hands, from its incident to a closed case."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest

from cli.local_response import LocalResponse
from console.access import Access
from console.app import Console
from console.identity import Holder
from console.server import serving
from livewarden.times import MINUTE_MS
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from streams.stages import alert_row
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import zipped
from tests.response_fixtures import NOW, PLAN, Desk, alert, policy

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse

PEOPLE = {"maria": Holder("m" * 12, "operator"), "ida": Holder("i" * 12, "admin"), "joe": Holder("j" * 12, "viewer")}


class Browser:
    """One person's: opens pages, and sends the forms that are on them."""

    def __init__(self, url: str, http: aiohttp.ClientSession, name: str) -> None:
        self._url = url
        self._http = http
        self._own = {"Authorization": "Bearer " + PEOPLE[name].token}
        self.text = ""

    async def open(self, path: str) -> str:
        """The page as text, tags left out."""
        async with self._http.get(self._url + path, headers=self._own) as answer:
            self.text = await answer.text()
            assert answer.status == 200, self.text
        return self.plain

    @property
    def plain(self) -> str:
        """What the page says."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.text)).split())

    @property
    def said(self) -> str:
        """The answer to what was done last."""
        found = re.search(r'<p class="said[^>]*>(.*?)</p>', self.text, re.DOTALL)
        assert found is not None, self.plain
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split())

    async def send(self, action: str, having: str = "", **fields: str) -> str:
        """Send the form of the open page that goes to `action` and has `having` in it; the answer, or what is asked."""
        forms = re.findall(
            rf'<form[^>]*method="post"[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', self.text, re.DOTALL
        )
        (form,) = [each for each in forms if having in each]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        headers = self._own | {"Origin": self._url, "Sec-Fetch-Site": "same-origin"}
        async with self._http.post(self._url + action, data=hidden | fields, headers=headers) as answer:
            self.text = await answer.text()
            assert answer.status == 200, self.plain
        return self.said if '<p class="said' in self.text else self.plain


@dataclasses.dataclass(frozen=True)
class Shop:
    """A console over a response stage, and who sits before it."""

    context: Desk
    store: ClickHouseStore
    people: Mapping[str, Browser]


@asynccontextmanager
async def _open(address: Address) -> AsyncIterator[Shop]:
    given = dataclasses.astuple(address)
    store = await ClickHouseStore.connect(*given)
    try:
        async with await Reader.connect(*given) as reader:
            context = Desk()
            context.local = LocalResponse(PLAN, policy(), store, context.clock)
            console = Console(
                reader, Access(people=PEOPLE), clock=context.clock, submit=context.local.submit, build_evidence=zipped
            )
            async with serving(console, port=0) as url, aiohttp.ClientSession() as http:
                yield Shop(context, store, {name: Browser(url, http, name) for name in PEOPLE})
    finally:
        await store.close()


@pytest.fixture
async def shop(clickhouse: Address) -> AsyncIterator[Shop]:
    async with _open(clickhouse) as running:
        yield running


async def test_from_an_alert_to_a_closed_case(shop: Shop) -> None:
    context, maria = shop.context, shop.people["maria"]
    fell = alert()
    await shop.store.write("alerts", [alert_row(fell, "live")])
    await context.alerts(fell)
    await context.candidate(fell)
    assert "unacknowledged" in await maria.open("/incidents")
    (place,) = re.findall(r'href="(/incidents/[^"]+)" data-row', maria.text)
    await maria.open(place)
    assert "Done." in await maria.send(f"{place}/acknowledge")
    assert "acknowledged by maria at" in maria.plain

    await maria.open(f"/silences/new?alert={fell.alert_id}")
    ends = {"starts_at": "2026-03-06T00:00", "ends_at": "2026-12-01T00:00"}
    asked = {
        "matchers": "monitor=orders\nmarket=DE",
        "why": "a test",
        "owner": "maria",
        "kind": "silence",
        "effect": "mute",
        "remind_s": "0",
    }
    await maria.send("/silences/preview", **asked, **ends)
    assert "Done." in await maria.send("/silences")
    assert "a test" in maria.plain

    case = f"/cases/{fell.case_id}"
    await maria.open(case)
    assert "Done." in await maria.send(f"{case}/move", 'value="open"')
    assert "Done." in await maria.send(f"{case}/tasks", text="tell the merchants")
    assert "Done." in await maria.send(f"{case}/links", kind="ticket", ref="OPS-7")
    assert "Done." in await maria.send(f"{case}/note", why="it was the <b>cdn</b>")
    assert "it was the <b>cdn</b>" in maria.plain
    assert "Done." in await maria.send(f"{case}/evidence")
    assert "SHA-256 " + "cd" * 32 in maria.plain
    assert "Refused." in await maria.send(f"{case}/move", 'value="resolved"', why="over"), "a resolution is missing"
    assert "Done." in await maria.send(f"{case}/move", 'value="resolved"', resolution="FIXED", why="rolled back")
    refused = await maria.send(f"{case}/move", 'value="closed"')
    assert "Refused. it cannot be closed yet" in refused
    task, _not_necessary = re.findall(rf'action="({re.escape(case)}/tasks/[^"]+/done)"', maria.text)
    assert "Done." in await maria.send(task, ">Done<")

    await context.resolve(fell)
    await context.judged("orders", NOW + 600 * MINUTE_MS)
    await maria.open(case)
    assert "Done. the case is closed" in await maria.send(f"{case}/move", 'value="closed"')
    for part in (
        "moved candidate → open",
        "moved open → resolved resolution FIXED rolled back",
        "moved resolved → closed",
    ):
        assert part in maria.plain
    assert "1 closed" in await maria.open("/cases")
    assert "cannot be closed yet" in await maria.open("/actions?outcome=refused")


async def test_the_second_of_two_operators_is_told(shop: Shop) -> None:
    maria, ida, joe = (shop.people[name] for name in ("maria", "ida", "joe"))
    await maria.open("/cases/new")
    await maria.send("/cases", title="anomalous", severity="warning")
    (case,) = set(re.findall(r'action="(/cases/[^/"]+)/move"', maria.text))
    await maria.open(case)
    await ida.open(case)
    assert "Done." in await ida.send(f"{case}/move", 'value="escalated"', to_whom="policy", why="they decide")
    assert "has changed" in await maria.send(
        f"{case}/move", 'value="dismissed"', resolution="BELOW_THRESHOLD", why="tiny"
    )
    assert "escalated to policy" in maria.plain
    assert "Done." in await maria.send(f"{case}/move", 'value="resolved"', resolution="BELOW_THRESHOLD", why="tiny")
    await ida.open(case)
    assert "Done." in await ida.send(f"{case}/note", why="agreed")
    assert "agreed" in await joe.open(case)
    assert '<form method="post"' not in joe.text


async def test_notes_of_two_people_both_stand(shop: Shop) -> None:
    maria, ida = shop.people["maria"], shop.people["ida"]
    await maria.open("/cases/new")
    await maria.send("/cases", title="anomalous", severity="warning")
    (case,) = set(re.findall(r'action="(/cases/[^/"]+)/move"', maria.text))
    await maria.open(case)
    await ida.open(case)
    assert "Done." in await maria.send(f"{case}/note", why="it is the cdn")
    assert "Done." in await ida.send(f"{case}/note", why="no, it is the model")
    assert "it is the cdn" in ida.plain
    assert "no, it is the model" in ida.plain


async def test_a_silence_shows_what_it_would_mute_before_it_does(shop: Shop) -> None:
    maria = shop.people["maria"]
    fell = alert()
    await shop.store.write("alerts", [alert_row(fell, "live")])
    await shop.context.alerts(fell)
    await maria.open(f"/silences/new?alert={fell.alert_id}")
    asked = {"why": "planned", "owner": "maria", "kind": "silence", "effect": "mute", "remind_s": "0"}
    times = {"starts_at": "2026-03-06T20:00", "ends_at": "2199-01-01T00:00"}
    await maria.send("/silences/preview", **asked, **times, matchers="market=DE")
    assert "It matches 1 alert that fires now and" in maria.plain
    assert "Done." in await maria.send("/silences")
    await maria.open("/silences/new")
    await maria.send("/silences/preview", **asked, **times, matchers="markte=DE")
    assert "did you mean" in await maria.send("/silences")


async def test_feedback_and_a_silence_that_ends(shop: Shop) -> None:
    maria = shop.people["maria"]
    fell = alert()
    await shop.store.write("alerts", [alert_row(fell, "live")])
    await shop.context.alerts(fell)
    place = f"/alerts/{fell.alert_id}"
    await maria.open(place)
    assert "Done." in await maria.send(f"{place}/feedback", verdict="expected", cause="a campaign")
    assert "real and expected said maria" in maria.plain
    await maria.open("/silences/new")
    asked = {
        "matchers": "market=FR",
        "why": "a test",
        "owner": "kim",
        "starts_at": "2026-03-06T00:00",
        "ends_at": "2026-12-01T00:00",
    }
    await maria.send("/silences/preview", **asked)
    await maria.send("/silences")
    (end,) = re.findall(r'action="(/silences/[^"]+/expire)"', maria.text)
    assert "Done." in await maria.send(end)
    assert "ended early by maria" in maria.plain
