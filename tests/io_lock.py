"""I/O is locked: a test opens no socket unless its marker says so, and never one that leaves the machine.

The interpreter's own audit events are watched, so nothing is patched and nothing is missed: every connect, bind,
datagram and name look-up that Python code makes, in any thread or event loop, async tests included. What is refused
raises `SocketRefused` there and then, and fails the test in its teardown as well, should the code have swallowed it.

Allowed: with a marker of `OPEN`, loopback addresses; without, none. Unix sockets and socket pairs always. Fixtures of a
wider scope than one test may use loopback, whoever asks for them first. Not seen: sockets of C libraries and of child
processes.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final

import pytest

OPEN: Final = frozenset({"kafka", "clickhouse", "real_kafka", "loopback", "e2e"})
_AS_SOCKET: Final = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})


class SocketRefused(AssertionError):
    """A test reached for the network without leave."""


class Lock:
    """What is allowed now, and what was refused since the last look."""

    def __init__(self) -> None:
        self.installed = False
        self.closed_for: str | None = None
        self._refused: list[str] = []

    def install(self) -> None:
        if not self.installed:  # an audit hook stays for good
            self.installed = True
            sys.addaudithook(self._see)

    def take_refused(self) -> list[str]:
        refused, self._refused = self._refused, []
        return refused

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _AS_SOCKET:
            end, address = arguments
            if end.family not in (socket.AF_INET, socket.AF_INET6) or address is None:
                return
            host = address[0]
        elif event == "socket.getaddrinfo":
            host = arguments[0]
            if host is None or _is_address(host):
                return
        else:
            return
        if not _is_loopback(host):
            self._refuse(f"{event} {host!r}: not a loopback address")
        elif self.closed_for is not None:
            self._refuse(f"{event} {host!r}: {self.closed_for} has no marker of {', '.join(sorted(OPEN))}")

    def _refuse(self, reason: str) -> None:
        where = "".join(traceback.format_stack(sys._getframe(2), limit=6))
        self._refused.append(f"{reason}\n{where}")
        raise SocketRefused(reason)


def _text(host: Any) -> str:
    return host.decode(errors="replace") if isinstance(host, bytes) else str(host)


def _is_address(host: Any) -> bool:
    try:
        ipaddress.ip_address(_text(host).partition("%")[0])
    except ValueError:
        return False
    return True


def _is_loopback(host: Any) -> bool:
    text = _text(host).partition("%")[0]
    return ipaddress.ip_address(text).is_loopback if _is_address(text) else text == "localhost"


_lock = Lock()


def pytest_configure() -> None:
    _lock.install()


@pytest.fixture(autouse=True)
def io_lock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close the sockets of an unmarked test, from before its own fixtures until after them."""
    marks = {mark.name for mark in request.node.iter_markers()}
    _lock.closed_for = None if marks & OPEN else request.node.nodeid
    yield
    _lock.closed_for = None
    refused = _lock.take_refused()
    if refused:
        pytest.fail("sockets were refused:\n" + "\n".join(refused), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where services are required, a broker test that is skipped has failed."""
    report: pytest.TestReport = yield  # type: ignore[misc,assignment]
    required = os.environ.get("LIVEWARDEN_REQUIRE_SERVICES") == "1"
    if required and report.skipped and item.get_closest_marker("real_kafka") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although LIVEWARDEN_REQUIRE_SERVICES=1: {report.longrepr}"
    return report  # type: ignore[return-value]
