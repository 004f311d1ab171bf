"""The lock on sockets holds, and opens where a marker says so."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SUITE = """
import asyncio
import contextlib
import socket
import threading

import pytest

LISTENING = socket.socket()


@pytest.fixture(scope="session")
def server():
    LISTENING.bind(("127.0.0.1", 0))
    LISTENING.listen()
    return LISTENING.getsockname()


def test_unmarked_may_not_connect(server):
    socket.create_connection(server)


def test_swallowed_is_seen_all_the_same(server):
    with contextlib.suppress(BaseException), socket.socket() as client:
        client.connect(server)


async def test_swallowed_in_a_loop(server):
    with contextlib.suppress(BaseException):
        await asyncio.open_connection(*server)


def test_swallowed_in_a_thread(server):
    def work():
        with contextlib.suppress(BaseException), socket.socket() as client:
            client.connect_ex(server)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_unmarked_may_not_listen():
    with contextlib.suppress(BaseException):
        socket.create_server(("127.0.0.1", 0))


@pytest.mark.clickhouse
def test_no_marker_opens_the_world():
    with contextlib.suppress(BaseException), socket.socket() as client:
        client.settimeout(0.01)
        client.connect(("192.0.2.1", 9))


@pytest.mark.kafka
def test_no_marker_opens_all_interfaces():
    with contextlib.suppress(BaseException), socket.socket() as end:
        end.bind(("", 0))


@pytest.mark.kafka
def test_no_marker_asks_for_names():
    with contextlib.suppress(BaseException):
        socket.getaddrinfo("broker.invalid", 9092)


@pytest.mark.kafka
async def test_marked_may(server):
    _, writer = await asyncio.open_connection(*server)
    writer.close()


async def test_loops_pairs_and_unix_sockets_are_free(tmp_path):
    near, far = socket.socketpair()
    near.close(), far.close()
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "s"))
    assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)


@pytest.mark.real_kafka
def test_a_broker_test_is_skipped():
    pytest.skip("no broker")


def test_another_is_skipped():
    pytest.skip("no matter")
"""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
markers =
    kafka: sockets
    clickhouse: sockets
    real_kafka: sockets
"""

CLOSED = 5
BEYOND_LOOPBACK = 3


@pytest.mark.parametrize(("required", "skipped"), [("0", 2), ("1", 1)])
def test_the_lock(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, required: str, skipped: int) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("LIVEWARDEN_REQUIRE_SERVICES", required)
    pytester.makepyfile(SUITE)
    pytester.makeini(INI)
    result = pytester.runpytest_subprocess("-p", "tests.io_lock", "-p", "no:cacheprovider", "-p", "no:xdist")
    # the first of the closed ones lets the refusal through: it fails itself and in its teardown
    result.assert_outcomes(passed=8 + 1, failed=1 + (2 - skipped), errors=CLOSED + BEYOND_LOOPBACK, skipped=skipped)
    for said in ("*SocketRefused*", "*sockets were refused:*", "*has no marker of*", "*not a loopback address*"):
        result.stdout.fnmatch_lines([said])
