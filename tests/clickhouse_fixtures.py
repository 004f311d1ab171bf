"""ClickHouse for tests: one embedded engine per test process, a fresh migrated database per test, a real server where given."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import unquote, urlsplit

import pytest

from sinks import migrate
from sinks.connection import Address, open_client
from sinks.embedded import EmbeddedClickHouse

REAL_SERVER = "LIVEWARDEN_TEST_CLICKHOUSE"
"""`http://user:password@host:port` of a server on which tests may create and drop databases."""

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def embedded_clickhouse() -> Iterator[EmbeddedClickHouse]:
    """The engine of this test process; a process has one."""
    with EmbeddedClickHouse() as clickhouse:
        yield clickhouse


@pytest.fixture(params=["embedded", "server"])
def clickhouse_server(request: pytest.FixtureRequest) -> Address:
    """ClickHouse, no database chosen: the embedded one, and the real one where `LIVEWARDEN_TEST_CLICKHOUSE` names it."""
    if request.param == "embedded":
        embedded: EmbeddedClickHouse = request.getfixturevalue("embedded_clickhouse")
        return Address(embedded.url, embedded.user, embedded.password, "default")
    return real_server()


def real_server() -> Address:
    """The real server's address; skips where there is none."""
    url = os.environ.get(REAL_SERVER)
    if not url:
        pytest.skip(f"{REAL_SERVER} is not set")
    parts = urlsplit(url)
    bare = f"{parts.scheme}://{parts.hostname}:{parts.port or 8123}"
    return Address(bare, unquote(parts.username or "default"), unquote(parts.password or ""), "default")


@pytest.fixture
async def clickhouse_empty(clickhouse_server: Address) -> AsyncIterator[Address]:
    """An address whose database does not exist yet; dropped afterwards."""
    name = f"livewarden_test_{os.getpid()}_{next(_numbers)}"
    yield Address(clickhouse_server.url, clickhouse_server.user, clickhouse_server.password, name)
    client = await open_client(clickhouse_server, in_database=False)
    await client.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    await client.close()


@pytest.fixture
async def clickhouse(clickhouse_empty: Address) -> Address:
    """An address with a fresh database of the newest schema."""
    await migrate.apply(clickhouse_empty)
    return clickhouse_empty
