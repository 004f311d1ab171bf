"""The console on a port of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from console.app import Console
from livewarden.errors import SetupError

STOP_WITHIN_S = 3


class _Server(uvicorn.Server):
    """Leaves signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(console: Console, host: str = "127.0.0.1", port: int = 8080) -> AsyncIterator[str]:
    """Answer on `host` and `port` (0: a free one) while the context lasts; gives the address.

    SetupError where it is taken.
    """
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            console,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # the peer's address decides whom to believe
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            name = f"[{host}]" if ":" in host else host
            yield f"http://{name}:{listener.getsockname()[1]}"
        finally:
            console.close()
            server.should_exit = True
            await running


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SetupError(f"cannot listen on {host} port {port} ({error.strerror}): choose another one, or 0") from error
