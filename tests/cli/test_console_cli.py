"""`livewarden console`, and the console of `livewarden demo`, as processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from cli import main
from sinks.store.connection import Address
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.live import until

__all__ = ["clickhouse", "clickhouse_server"]


@asynccontextmanager
async def livewarden(*args: str, folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command line in a process; killed with the context where it still runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
    environment = kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"} | settings
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *args),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # so that its worker goes with it
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def address_of(process: asyncio.subprocess.Process) -> str:
    """The address in the first line that a process prints."""
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    (address,) = (word for word in line.split() if word.startswith("http://"))
    return address


async def ended_by_ctrl_c(process: asyncio.subprocess.Process) -> int:
    """The exit code after one Ctrl-C, or a second one: a client that is just connecting may lose the first
    cancellation.
    """
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            continue
        break
    assert process.returncode is not None
    return process.returncode


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


@pytest.mark.clickhouse
async def test_the_console_says_where_it_is_and_ends_when_told(clickhouse: Address, tmp_path: Path) -> None:
    settings = {
        "LIVEWARDEN_CLICKHOUSE_DATABASE": clickhouse.database,
        "LIVEWARDEN_CLICKHOUSE_USER": clickhouse.user,
        "LIVEWARDEN_CLICKHOUSE_PASSWORD": clickhouse.password,
        "LIVEWARDEN_CONSOLE_TOKEN": "opens the console",
    }
    async with livewarden("console", "--port", "0", "--url", clickhouse.url, folder=tmp_path, **settings) as process:
        url = await address_of(process)
        async with aiohttp.ClientSession() as http:
            assert (await http.get(url + "/")).status == 401
            opened = await http.get(url + "/", headers={"Authorization": "Bearer opens the console"})
            assert opened.status == 200
            assert "Nothing has been judged yet" in await opened.text()
            live = await http.get(url + "/live", headers={"Authorization": "Bearer opens the console"})
            process.send_signal(signal.SIGTERM)
            assert b"hello" in await live.content.read(), "an open stream does not hold it up"
        assert await process.wait() == 0


@pytest.mark.kafka
@pytest.mark.clickhouse
async def test_a_demo_that_stays_has_a_console_from_its_start(tmp_path: Path) -> None:
    async with livewarden("demo", "--port", "0", "--console-port", "0", folder=tmp_path) as process:
        url = await address_of(process)
        async with aiohttp.ClientSession() as http:
            page = await http.get(url + "/")
            assert page.status == 200
        assert await ended_by_ctrl_c(process) == 130


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.skipif(sys.platform != "linux", reason="looks in /proc for what a process has started")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
async def test_a_demo_that_is_hung_up_or_killed_leaves_no_worker(number: signal.Signals, tmp_path: Path) -> None:
    async with livewarden("demo", "--port", "0", "--console-port", "0", folder=tmp_path) as process:
        assert process.stdout is not None
        while b"ENFORCEMENT_" not in await process.stdout.readline():  # its worker is at work
            assert process.returncode is None
        started = children(process.pid)
        assert started
        process.send_signal(number)
        await process.wait()
        await until(lambda: not any(map(is_alive, started)))


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [
        int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()
    ]


def is_alive(pid: int) -> bool:
    """Whether a process still runs: neither gone, nor ended and not yet asked about."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.clickhouse
def test_what_is_wrong_is_one_line(
    clickhouse: Address, taken_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("url", "user", "password", "database"):
        monkeypatch.setenv(f"LIVEWARDEN_CLICKHOUSE_{name.upper()}", getattr(clickhouse, name))
    monkeypatch.delenv("LIVEWARDEN_CONSOLE_TOKEN", raising=False)
    for args, said in (
        (["--port", str(taken_port)], f"port {taken_port}"),
        (["--host", "0.0.0.0"], "LIVEWARDEN_CONSOLE_TOKEN"),
        (["--host", "nowhere.invalid"], "LIVEWARDEN_CONSOLE_TOKEN"),
        (["--url", "nonsense"], "http://host:port"),
        (["--port", "70000"], "--port"),
    ):
        assert main(["console", *args]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert said in err


@pytest.mark.clickhouse
async def test_a_demo_whose_console_port_is_taken_says_so(taken_port: int, tmp_path: Path) -> None:
    async with livewarden("demo", "--port", "0", "--console-port", str(taken_port), folder=tmp_path) as process:
        out, _ = await process.communicate()
        assert process.returncode == 2
        assert out.decode().count("\n") == 1
        assert f"port {taken_port}" in out.decode()
