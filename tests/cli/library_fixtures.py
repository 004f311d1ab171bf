"""The command line over a database of its own, with a response stage in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cli import main
from cli.local_response import LocalResponse
from livewarden.action import Submit
from livewarden.clock import SystemClock
from livewarden.settings import Settings
from models.monitors.plan import Plan
from models.response.policy import Policy
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.memory import MemoryStore
from sinks.store.reader import Reader
from sinks.store.tables import Row
from tests.clickhouse_fixtures import fresh_database, server_address


class StoreByCall(MemoryStore):
    """Writes to ClickHouse from whatever event loop a command runs in."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        store = await ClickHouseStore.connect(*dataclasses.astuple(self._address))
        try:
            await store.write(name, rows)
        finally:
            await store.close()


class Terminal:
    """Runs commands, and reads what they print."""

    def __init__(self, address: Address, capsys: pytest.CaptureFixture[str], policy: Policy | None = None) -> None:
        self.store = StoreByCall(address)
        self.local = LocalResponse(Plan([]), policy or Policy(), self.store, SystemClock())
        self._capsys = capsys

    @asynccontextmanager
    async def sending(self, settings: Settings, reader: Reader) -> AsyncIterator[Submit]:
        yield self.local.submit

    async def run(self, *args: str, code: int = 0) -> str:
        """What a command prints."""
        self._capsys.readouterr()
        found = await asyncio.to_thread(main, list(args))
        said = self._capsys.readouterr()
        assert found == code, said
        return said.out + said.err

    async def json(self, *args: str, code: int = 0) -> Any:
        """What a command prints as JSON."""
        self._capsys.readouterr()
        found = await asyncio.to_thread(main, [*args, "--json"])
        said = self._capsys.readouterr()
        assert found == code, said
        return json.loads(said.out)


@pytest.fixture
async def database() -> AsyncIterator[Address]:
    """An empty database on the embedded engine; what differs between servers is tried elsewhere."""
    async with fresh_database(server_address("embedded")) as address:
        yield address


@pytest.fixture
def terminal(database: Address, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Commands over the database, by ana."""
    for name in ("url", "user", "password", "database"):
        monkeypatch.setenv(f"LIVEWARDEN_CLICKHOUSE_{name.upper()}", getattr(database, name))
    monkeypatch.setenv("LOGNAME", "ana")
    made = Terminal(database, capsys)
    monkeypatch.setattr("cli.act.sending", made.sending)
    return made
