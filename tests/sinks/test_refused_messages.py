"""What a service answers decides whether it is the neighbour or the message that is wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from livewarden.errors import MessageRefused, RetryLater
from sinks.channels import AppriseChannel, Outgoing

pytestmark = pytest.mark.loopback


@pytest.fixture
def service() -> Iterator[tuple[int, list[int]]]:
    """An HTTP service that answers with the status in the list."""
    status = [200]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Stay quiet."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status[0])
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, status
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("answer", "refused"), [(400, True), (413, True), (422, True), (500, False), (401, False)])
def test_a_service_that_refuses_is_told_from_one_that_fails(
    service: tuple[int, list[int]], answer: int, refused: bool
) -> None:
    port, status = service
    status[0] = answer
    channel = AppriseChannel("log", f"json://127.0.0.1:{port}/", called="X")
    with pytest.raises(RetryLater) as failed:
        asyncio.run(channel.send(Outgoing("n", "i", "new", "critical", "t", "b", "")))
    assert isinstance(failed.value, MessageRefused) == refused
