"""Who may look at the console, what every answer carries, and what is refused."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Message

from cli.common import load_settings
from cli.web import access_of
from console import throttle
from console.access import Access, Gate, is_loopback
from console.app import Console
from console.headers import SECURE
from console.identity import Holder, Visitor
from console.server import serving
from livewarden.clock import ManualClock
from livewarden.errors import SetupError
from sinks.store.connection import Address
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import Site, site, site_over

__all__ = ["clickhouse", "clickhouse_server", "site"]

TOKEN = "s3cret: ä"
PATHS = (
    "/",
    "/incidents",
    "/incidents/incident-1",
    "/alerts",
    "/alerts/alert-1",
    "/silences",
    "/silences/new",
    "/actions",
    "/cases",
    "/cases/new",
    "/cases/case-1",
    "/library",
    "/library/old-1",
    "/library/patterns/pattern-1",
    "/cases/case-1/evidence.json",
    "/changes",
    "/dead-letters",
    "/dead-letters/live.enforcement/1/7",
    "/health",
    "/live",
    "/static/console.css",
    "/static/console.js",
    "/nope",
)


def basic(password: str, name: str = "somebody") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
async def guarded(clickhouse: Address, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(throttle, "OF_ONE", 10_000)
    monkeypatch.setattr(throttle, "OF_ALL", 10_000)
    async with site_over(clickhouse, access=Access(TOKEN)) as running:
        yield running


@pytest.mark.clickhouse
async def test_every_route_but_the_liveness_check_demands_the_token(guarded: Site) -> None:
    await guarded.fill()
    wrong = (
        {},
        basic(""),
        basic(TOKEN[:-1]),
        basic(TOKEN + "x"),
        {"Authorization": "Bearer"},
        {"Authorization": "Basic %%"},
        {"Authorization": "Basic /w=="},
        {"Authorization": f"Digest {TOKEN}"},
        {"X-Forwarded-User": "root"},
    )
    for path in PATHS:
        for headers in wrong:
            async with guarded.http.get(guarded.url + path, headers=headers) as answer:
                assert answer.status == 401, (path, headers)
                assert answer.headers["WWW-Authenticate"].startswith("Basic ")
                assert (await answer.text()).count("\n") == 1
        async with guarded.http.get(guarded.url + path, headers=basic(TOKEN)) as answer:
            assert answer.status == (404 if path == "/nope" else 200), path
    assert await guarded.get("/alive") == (200, "alive\n")


@pytest.mark.clickhouse
async def test_a_bearer_token_opens_too(clickhouse: Address) -> None:
    async with site_over(clickhouse, access=Access("plain-token")) as guarded:
        assert (await guarded.get("/", headers={"Authorization": "Bearer plain-token"}))[0] == 200
        assert (await guarded.get("/?token=plain-token"))[0] == 401


@pytest.mark.clickhouse
async def test_a_proxy_is_believed_from_its_address_only(clickhouse: Address) -> None:
    person = {"X-Person": "kim"}
    async with site_over(clickhouse, access=Access(proxy_header="x-person")) as near:
        assert (await near.get("/", headers=person))[0] == 200
        assert (await near.get("/", headers={"X-Person": " "}))[0] == 403
        assert (await near.get("/"))[0] == 403
        assert (await near.get("/alive"))[0] == 200
    async with site_over(clickhouse, access=Access("t", proxy_header="x-person", proxies=("10.0.0.7",))) as far:
        assert (await far.get("/", headers=person | {"X-Forwarded-For": "10.0.0.7", "Forwarded": "for=10.0.0.7"}))[
            0
        ] == 401
        assert (await far.get("/", headers=basic("t")))[0] == 200


@pytest.mark.clickhouse
async def test_an_open_console_answers_to_this_machine_only(site: Site) -> None:
    for host, status in (
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("", 403),
    ):
        assert (await site.get("/", headers={"Host": host}))[0] == status, host


def test_listening_to_others_needs_a_token() -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "console.example"):
        assert not is_loopback(host)
        with pytest.raises(SetupError, match="LIVEWARDEN_CONSOLE_TOKEN"):
            Access().check(host)
        Access("t").check(host)
        Access(proxy_header="x-person").check(host)
    Access().check("127.0.0.1")


def test_a_token_is_never_shown() -> None:
    assert "secret" not in repr(Access("secret"))


def test_no_token_is_no_empty_token() -> None:
    for access in (Access(proxy_header="x-person"), Access(people={"maria": Holder("")})):
        for headers in ({"authorization": "Bearer "}, basic(""), basic("", "maria"), {}):
            assert access.visitor(Headers(headers), "127.0.0.1") is None


PEOPLE = {"maria": Holder("m" * 12, "operator"), "joe": Holder("j" * 12, "viewer"), "ida": Holder("ä" * 12, "admin")}


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        (basic("m" * 12, "maria"), Visitor("maria", "operator")),
        (basic("m" * 12, "joe"), Visitor("maria", "operator")),
        (basic("ä" * 12, ""), Visitor("ida", "admin")),
        ({"Authorization": "Bearer " + "j" * 12}, Visitor("joe", "viewer")),
        (basic("shared", "Kim"), Visitor("Kim", "operator")),
        (basic("shared", "maria"), Visitor("console", "operator")),
        (basic("shared", "livewarden"), Visitor("console", "operator")),
        (basic("shared", "k\x07im"), Visitor("console", "operator")),
        (basic("shared", "k" * 101), Visitor("console", "operator")),
        ({"Authorization": "Bearer shared"}, Visitor("console", "operator")),
        (basic("m" * 11, "maria"), None),
        (basic("", "maria"), None),
        ({}, None),
    ],
)
def test_a_token_says_who_one_is(headers: dict[str, str], who: Visitor | None) -> None:
    assert Access("shared", people=PEOPLE).visitor(Headers(headers), "10.0.0.1") == who


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ([("x-person", "maria")], Visitor("maria", "admin")),
        ([("x-person", "kim")], Visitor("kim", "viewer")),
        ([("x-person", "kim"), ("x-role", "staff, Operator")], Visitor("kim", "operator")),
        ([("x-person", "kim"), ("x-role", "root")], Visitor("kim", "viewer")),
        ([("x-person", "kim"), ("x-role", "viewer"), ("x-role", "admin")], Visitor("kim", "viewer")),
        ([("x-person", "maria"), ("x-role", "viewer")], Visitor("maria", "viewer")),
        ([("x-person", "maria"), ("x-person", "kim")], None),
        ([("x-person", "livewarden")], None),
        ([("x-person", " ")], None),
        ([("x-role", "admin")], None),
        ([("x-person", "Zoë".encode().decode("latin-1"))], Visitor("Zoë", "viewer")),
    ],
)
def test_a_proxy_says_who_one_is(headers: list[tuple[str, str]], who: Visitor | None) -> None:
    access = Access(proxy_header="x-person", role_header="x-role", roles={"maria": "admin"})
    raw = Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in headers])
    assert access.visitor(raw, "127.0.0.1") == who
    assert access.visitor(raw, "10.0.0.7") is None


def test_whoever_sits_at_this_machine_is_an_admin() -> None:
    assert Access().visitor(Headers({"host": "localhost:8080"}), "127.0.0.1") == Visitor("local", "admin")
    assert Access().visitor(Headers({"host": "evil.example"}), "127.0.0.1") is None


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ('{"maria": {"token": "hunter2"}}', "at least 8"),
        ('{"maria": {"token": "hunter2-hunter2", "role": "root"}}', "'viewer', 'operator' or 'admin'"),
        ('{"a": {"token": "hunter2-hunter2"}, "b": {"token": "hunter2-hunter2"}}', "the same token"),
        ('{"livewarden": {"token": "hunter2-hunter2"}}', "nobody is called livewarden"),
        ('{"maria": "hunter2-hunter2"}', "dictionary"),
        ("{hunter2", "not JSON"),
    ],
)
def test_people_that_cannot_be_read_are_one_line_without_their_tokens(
    people: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEWARDEN_CONSOLE_PEOPLE", people)
    with pytest.raises(SetupError) as refused:
        load_settings()
    text = str(refused.value)
    assert text.startswith("LIVEWARDEN_CONSOLE_PEOPLE: ")
    assert said in text
    assert "\n" not in text
    assert "hunter2" not in text


def test_people_in_the_settings_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEWARDEN_CONSOLE_PEOPLE", '{"maria": {"token": "hunter2-hunter2", "role": "operator"}}')
    monkeypatch.setenv("LIVEWARDEN_CONSOLE_ROLES", '{"kim": "admin"}')
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    access = access_of(settings)
    assert "hunter2" not in repr(access)
    assert access.visitor(Headers(basic("hunter2-hunter2", "x")), "::1") == Visitor("maria", "operator")
    assert access.roles == {"kim": "admin"}


@pytest.mark.clickhouse
async def test_every_answer_is_secured(site: Site) -> None:
    await site.fill()
    for path in (*PATHS, "/alive", "/?page=0"):
        async with site.http.get(site.url + path) as answer:
            assert {name: answer.headers[name] for name in SECURE} == SECURE, path
            kept = "immutable" in answer.headers["Cache-Control"]
            assert kept == path.startswith("/static/"), path
            assert "Server" not in answer.headers
    policy = SECURE["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.clickhouse
async def test_get_and_head_are_all_it_does(site: Site) -> None:
    for path in PATHS[:-1]:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            async with site.http.request(method, site.url + path) as answer:
                assert answer.status in (404, 405), (method, path)
    await site.fill()
    for path in PATHS[:-1]:
        async with site.http.head(site.url + path, allow_redirects=True) as answer:
            assert answer.status == 200, path
            assert await answer.read() == b""


@pytest.mark.clickhouse
async def test_a_database_without_tables_is_said_in_one_line(clickhouse: Address) -> None:
    from sinks.store.connection import open_client

    async with site_over(clickhouse) as running:
        client = await open_client(clickhouse)
        await client.command("DROP TABLE manifest SYNC")
        await client.close()
        async with running.http.get(running.url + "/") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            assert "run `livewarden migrate`" in await answer.text()


class _Broken:
    """A reader with a mistake in it."""

    async def select(self, *args: object) -> list[dict[str, Any]]:
        raise ZeroDivisionError("inner secret")


@pytest.mark.clickhouse
async def test_a_mistake_of_ours_shows_nothing_of_the_inside() -> None:
    console = Console(_Broken())  # type: ignore[arg-type]
    async with serving(console, port=0) as url, aiohttp.ClientSession() as http, http.get(url + "/") as answer:
        assert answer.status == 500
        assert answer.headers["X-Frame-Options"] == "DENY"
        text = await answer.text()
    assert "the console made a mistake" in text
    assert "secret" not in text
    assert "ZeroDivision" not in text


async def through(gate: Gate, headers: dict[str, str], peer: str = "10.0.0.1") -> int:
    """The status that the gate gives."""
    status = 0

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await gate({"type": "http", "path": "/", "headers": raw, "client": (peer, 1)}, receive, send)
    return status


async def test_guessing_is_slow_told_and_locks_out_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    clock, notified = ManualClock(0), list[str]()
    gate = Gate(PlainTextResponse("in"), Access("right" * 4, people=PEOPLE), clock, notified.append)
    right = {"Authorization": "Bearer " + "right" * 4}
    with caplog.at_level(logging.WARNING):
        for guess in range(200):
            assert await through(gate, basic(f"guess {guess}")) == (401 if guess < throttle.OF_ONE else 429)
    assert notified == ["wrong_token"] * throttle.OF_ONE + ["throttled"] * (200 - throttle.OF_ONE)
    written = [line.getMessage() for line in caplog.records if line.name == "console.access"]
    assert written == ["the console was given a wrong token from 10.0.0.1"] * 2
    assert await through(gate, right) == 429, "else a guess that is right would still be notified"
    assert await through(gate, {}) == 401
    assert await through(gate, right, "10.0.0.2") == 200
    clock.advance(minutes=1)
    assert await through(gate, right) == 200
    for number in range(throttle.OF_ALL):
        assert await through(gate, basic("guess"), f"10.1.0.{number}") == 401
    assert await through(gate, right, "10.9.0.9") == 429
    assert await through(gate, right, "10.0.0.2") == 200, "who was right before is heard"


def test_guesses_from_everywhere_take_bounded_memory() -> None:
    made = throttle.Throttle()
    for number in range(3 * throttle.MOST_ADDRESSES):
        made.wrong(str(number), 0)
        made.right(str(number))
    assert len(made._wrong) == len(made._welcome) == throttle.MOST_ADDRESSES


def test_a_proxy_with_a_secret_is_believed_with_it_only() -> None:
    access = Access(proxy_header="x-person", proxy_secret="s" * 16, roles={"maria": "admin"})
    assert access.visitor(Headers({"x-person": "maria"}), "127.0.0.1") is None
    assert access.visitor(Headers({"x-person": "maria", "x-livewarden-proxy": "s" * 15}), "127.0.0.1") is None
    found = access.visitor(Headers({"x-person": "maria", "x-livewarden-proxy": "s" * 16}), "127.0.0.1")
    assert found == Visitor("maria", "admin")
    assert "sss" not in repr(access)


def test_what_a_start_warns_of() -> None:
    assert "is an admin" in Access().warnings()[0]
    assert "LIVEWARDEN_CONSOLE_PROXY_SECRET" in Access("t", proxy_header="x-person").warnings()[0]
    assert Access("t").warnings() == Access(proxy_header="x", proxy_secret="s").warnings() == []


@pytest.mark.parametrize("name", ["LIVEWARDEN_CONSOLE_TOKEN", "LIVEWARDEN_CONSOLE_PROXY_SECRET"])
def test_a_short_secret_is_refused_and_not_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "hunter2hunter2x")
    with pytest.raises(SetupError, match=f"{name}: .*shorter than 16") as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv(name, "hunter2hunter2xy")
    load_settings()


@pytest.mark.clickhouse
async def test_a_console_under_a_path_leads_nowhere_else(clickhouse: Address) -> None:
    async with site_over(clickhouse, root="/at/watch", acts=True) as running:
        await running.fill()
        for kept in ("/at/watch", ""):  # by the proxy, or not
            for path in (
                "/incidents",
                "/incidents/incident-1",
                "/alerts/alert-1",
                "/cases/case-1",
                "/silences/new",
                "/health",
            ):
                status, text = await running.get(kept + path)
                assert status == 200, path
                found = re.findall(r'(?:href|src|action)="(/[^"]*)"', text)
                assert len(found) > 10
                assert [each for each in found if not each.startswith("/at/watch/")] == []
                assert 'data-root="/at/watch"' in text
            script = next(each for each in found if "console.js" in each)
            assert (await running.get(script))[0] == 200
            asked = running.url + kept + "/?monitor=x"
            async with running.http.get(asked, allow_redirects=False) as answer:
                assert answer.headers["Location"] == "/at/watch/alerts?monitor=x"
            assert (await running.get(kept + "/alive"))[0] == 200
            async with running.http.get(running.url + kept + "/live") as answer:
                assert b"hello" in await answer.content.readuntil(b"\n\n")
        assert (await running.get("/at/watchers"))[0] == 404
