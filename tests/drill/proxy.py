"""A way to ClickHouse that can be closed, and that can be entered and leads nowhere."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal, Self
from urllib.parse import urlsplit

State = Literal["open", "away", "blocked"]


class Proxy:
    """Forwards TCP on a loopback port to `url`. `away`: every connection is closed.

    `blocked`: bytes go in, none come out.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = parts.hostname, parts.port
        self._state: State = "open"
        self._passing = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._passing.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.turn("away")
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def turn(self, state: State) -> None:
        self._state = state
        if state == "blocked":
            self._passing.clear()
            return
        self._passing.set()
        if state == "away":
            for writer in self._writers:
                writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._state == "away":
            writer.close()
            return
        there, back = await asyncio.open_connection(*self._target)
        ends = {writer, back}
        self._writers |= ends
        try:
            with suppress(OSError):
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        finally:
            for end in ends:
                end.close()
            self._writers -= ends

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(2**16):
            await self._passing.wait()
            sink.write(data)
            await sink.drain()
        sink.close()
