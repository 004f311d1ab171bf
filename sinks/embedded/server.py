"""ClickHouse with nothing installed: the engine in this process, answering on loopback as a server does."""

from __future__ import annotations

import asyncio
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from livewarden.errors import SetupError
from sinks.embedded.engine import Engine

if TYPE_CHECKING:
    from aiohttp import web


class EmbeddedClickHouse:
    """The ClickHouse engine (chDB) behind ClickHouse's HTTP interface on 127.0.0.1.

    `path` is the directory of the data; None keeps it in a temporary directory that goes with the context. `port` 0
    takes a free one. `.user` with `.password` (made at each start) may write; the user `default`, without a password,
    may read, on threads of its own. One engine
    per process and one process per path: anything else is a SetupError. Data survives a kill of the process, not a
    power cut.

    >>> from urllib.request import urlopen
    >>> with EmbeddedClickHouse() as clickhouse:  # doctest: +SKIP
    ...     urlopen(clickhouse.url + "/?query=SELECT+1").read()
    b'1\\n'
    """

    user = "livewarden"

    def __init__(self, path: Path | None = None, port: int = 0) -> None:
        self.password = secrets.token_urlsafe(24)
        self._path = path
        self._port = port
        self._temporary: TemporaryDirectory[str] | None = None
        self._engine: Engine | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Open the data and answer requests; returns once it does."""
        if self._path is None:
            self._temporary = TemporaryDirectory(prefix="livewarden-clickhouse-", ignore_cleanup_errors=True)
        path = self._path or Path(self._temporary.name if self._temporary else ".")
        path.mkdir(parents=True, exist_ok=True)
        try:
            self._engine = Engine(path.resolve() / "engine")
            self._threads = ThreadPoolExecutor(8, thread_name_prefix="clickhouse")
            self._readers = ThreadPoolExecutor(4, thread_name_prefix="clickhouse-readers")
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="clickhouse-http", daemon=True)
            self._thread.start()
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Finish the running queries, stop answering and close the data. Idempotent."""
        if self._loop is not None and self._thread is not None:
            if self._runner is not None:
                asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        for threads in (self._readers, self._threads):
            if threads is not None:
                threads.shutdown(wait=True)
        if self._engine is not None:
            self._engine.close()
        if self._temporary is not None:
            self._temporary.cleanup()
        self._runner = self._loop = self._thread = self._threads = self._readers = self._engine = self._temporary = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _listen(self) -> None:
        try:
            from aiohttp import web

            from sinks.embedded.http import HttpInterface
        except ImportError as error:
            raise SetupError("the embedded ClickHouse is not installed: pip install 'livewarden[embedded]'") from error
        assert self._engine is not None
        assert self._threads is not None
        assert self._readers is not None
        interface = HttpInterface(self._engine, self._threads, self._readers, self.user, self.password)
        self._runner = web.AppRunner(
            interface.application(),
            access_log=None,
            shutdown_timeout=2.0,
            max_line_size=1 << 20,  # ClickHouse's own limit of a URL
            max_field_size=1 << 20,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        except OSError as error:
            raise SetupError(
                f"port {self._port} of 127.0.0.1 is taken: choose another one, or 0 for a free one"
            ) from error
        self._port = self._runner.addresses[0][1]
