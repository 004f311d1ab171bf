"""ClickHouse for tests: one embedded engine and one real server per test process, an empty database per test.

Making the schema takes half a second on the embedded engine and some three on a server, emptying it a few milliseconds:
a database whose schema is still what it was when it was made is emptied and lent again.
"""

from __future__ import annotations

import asyncio
import atexit
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from sinks.embedded.server import EmbeddedClickHouse
from sinks.store import migrate
from sinks.store.connection import Address, open_client
from tests.kafka_fixtures import unavailable
from tests.real_clickhouse import CLUSTER, PASSWORD, USER, RealClickHouse, why_not

REAL_SERVER = "LIVEWARDEN_TEST_CLICKHOUSE"
"""`http://user:password@host:port` of a server of your own on which tests may create and drop databases."""
SERVERS = [
    pytest.param("embedded", marks=pytest.mark.clickhouse),
    pytest.param("server", marks=[pytest.mark.clickhouse, pytest.mark.real_clickhouse]),
]

NODES = pytest.param("nodes", marks=[pytest.mark.clickhouse, pytest.mark.real_clickhouse])
"""Two servers, over which the tables are spread."""

_numbers = itertools.count(1)


@cache
def process_clickhouse() -> EmbeddedClickHouse:
    """The engine of this test process, started when first asked for.

    A process can have only one, whoever imports this.
    """
    clickhouse = EmbeddedClickHouse().start()
    atexit.register(clickhouse.close)
    return clickhouse


@pytest.fixture(scope="session")
def embedded_clickhouse() -> EmbeddedClickHouse:
    """The embedded ClickHouse of this test process."""
    return process_clickhouse()


@cache
def process_real_clickhouse() -> RealClickHouse:
    """The real ClickHouse of this test process; its nodes start when first asked for.

    A skip where there is none, or a failure.
    """
    if reason := why_not():
        unavailable(reason)
    clickhouse = RealClickHouse()
    atexit.register(clickhouse.close)
    return clickhouse


def server_address(name: str) -> Address:
    """The address, no database chosen, of one of `SERVERS`, or of `NODES`, by name."""
    if name == "embedded":
        embedded = process_clickhouse()
        return Address(embedded.url, embedded.user, embedded.password, "default")
    if name == "nodes":
        both = process_real_clickhouse().url(0), process_real_clickhouse().url(1)
        return Address(both[0], USER, PASSWORD, "default", cluster=CLUSTER, nodes=both)
    if REAL_SERVER not in os.environ:
        return Address(process_real_clickhouse().url(), USER, PASSWORD, "default")
    parts = urlsplit(os.environ[REAL_SERVER])
    bare = f"{parts.scheme}://{parts.hostname}:{parts.port or 8123}"
    return Address(bare, unquote(parts.username or "default"), unquote(parts.password or ""), "default")


def environment_of(address: Address) -> dict[str, str]:
    """The variables that name an address to a process."""
    given = asdict(address) | {"nodes": ",".join(address.nodes)}
    return {f"LIVEWARDEN_CLICKHOUSE_{name.upper()}": value for name, value in given.items()}


@asynccontextmanager
async def fresh_database(server: Address, *, migrated: bool = True) -> AsyncIterator[Address]:
    """A database of its own, made anew, which goes with the context; without `migrated` it does not even exist yet."""
    name = f"livewarden_test_{os.getpid()}_{next(_numbers)}"
    address = replace(server, database=name)
    try:
        if migrated:
            await migrate.apply(address)
        yield address
    finally:
        await _everywhere(server, f"DROP DATABASE IF EXISTS {name} SYNC")


_SCHEMA = (
    "SELECT groupBitXor(sipHash64(name, create_table_query)), count() FROM system.tables WHERE database = '{database}'"
)
_schemas: dict[Address, list[Any]] = {}
"""Databases that are lent, each with a hash of the schema that it was made with."""
_free: dict[Address, list[Address]] = {}
"""Those of them that nobody has, empty, by server."""


@asynccontextmanager
async def lent_database(server: Address) -> AsyncIterator[Address]:
    """An empty database of the newest schema. For tests that stop merges, or leave writers behind,
    there is `fresh_database`.
    """
    free = _free.setdefault(server, [])
    address = free.pop() if free else await _made(server)
    try:
        yield address
    finally:
        if await _everywhere(server, _SCHEMA.format(database=address.database)) == _schemas[address]:
            # the tokens of its inserts go as well
            await _everywhere(server, f"TRUNCATE ALL TABLES FROM {address.database} NOT LIKE 'schema_migrations'")
            free.append(address)
        else:
            await _everywhere(server, f"DROP DATABASE {address.database} SYNC")


async def _made(server: Address) -> Address:
    address = replace(server, database=f"livewarden_test_{os.getpid()}_{next(_numbers)}")
    await migrate.apply(address)
    _schemas[address] = await _everywhere(server, _SCHEMA.format(database=address.database))
    return address


async def _everywhere(server: Address, sql: str) -> list[Any]:
    answers = []
    for node in server.each:
        client = await open_client(node, in_database=False)
        try:
            answers.append(await client.command(sql))
        finally:
            await client.close()
    return answers


def pytest_sessionfinish() -> None:
    """Leave nothing on a server that goes on."""

    async def drop() -> None:
        for server, free in _free.items():
            for address in free:
                await _everywhere(server, f"DROP DATABASE {address.database} SYNC")

    if REAL_SERVER in os.environ:
        asyncio.run(drop())


@pytest.fixture(params=SERVERS)
def clickhouse_server(request: pytest.FixtureRequest) -> Address:
    """ClickHouse, no database chosen: the embedded one, and a real one."""
    return server_address(request.param)


@pytest.fixture
async def clickhouse_empty(clickhouse_server: Address) -> AsyncIterator[Address]:
    """An address whose database does not exist yet."""
    async with fresh_database(clickhouse_server, migrated=False) as address:
        yield address


@pytest.fixture
async def clickhouse(clickhouse_server: Address) -> AsyncIterator[Address]:
    """An address with an empty database of the newest schema."""
    async with lent_database(clickhouse_server) as address:
        yield address
