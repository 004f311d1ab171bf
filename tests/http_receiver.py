"""A webhook's other end on the loopback interface, that can be notified to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

Mood = Literal["takes", "fails", "hangs", "trickles", "closes", "breaks off", "redirects"]


class Receiver:
    """Keeps what it took, as JSON; `mood` says what it does with the next request."""

    def __init__(self) -> None:
        self.mood: Mood = "takes"
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-len")
            )
            body = await reader.readexactly(length)
            self.asked += 1
            if self.mood == "takes":
                self.taken.append(json.loads(body))
                writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            elif self.mood == "fails":
                writer.write(b"HTTP/1.1 500 Oh no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            elif self.mood == "redirects":
                writer.write(
                    b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
            elif self.mood == "closes":
                writer.write(b"HTTP/1.1 2")
            elif self.mood == "breaks off":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
            else:
                await self._keep_waiting(reader, writer)
            await writer.drain()
        writer.close()

    async def _keep_waiting(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the other end has had enough: silent, or with a header that does not end."""
        if self.mood == "trickles":
            writer.write(b"HTTP/1.1 200 OK\r\nX-Wait: ")
        while not reader.at_eof():
            if self.mood == "trickles":
                writer.write(b".")
                await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """One that listens."""
    end = Receiver()
    await end.listen()
    try:
        yield end
    finally:
        await end.stop_listening()
