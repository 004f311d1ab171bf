"""ClickHouse behind a proxy that ends TLS: who is trusted, and what is said where nobody is."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from livewarden.errors import SetupError
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.kafka_fixtures import unavailable
from tests.sinks.test_store import event

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two self-signed certificates for 127.0.0.1, `ours` and `theirs`, each a .pem and a .key."""
    if shutil.which("openssl") is None:
        unavailable("certificates are made with openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ours", "theirs"):
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
            f" -subj /CN={name} -addext subjectAltName=IP:127.0.0.1 -keyout {name}.key -out {name}.pem"
        )
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
async def secure(clickhouse: Address, certificates: Path) -> AsyncIterator[Address]:
    """ClickHouse at an https URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "ours.pem", certificates / "ours.key")
    behind = urlsplit(clickhouse.url)
    under_way: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            while data := await source.read(1 << 16):
                target.write(data)
                await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        back, forth = await asyncio.open_connection(behind.hostname, behind.port)
        await asyncio.gather(pump(reader, forth), pump(back, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    yield dataclasses.replace(clickhouse, url=f"https://127.0.0.1:{port}", ca=str(certificates / "ours.pem"))
    server.close()
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def test_rows_are_written_and_read_over_tls(secure: Address) -> None:
    store = await ClickHouseStore.connect(*dataclasses.astuple(secure))
    await store.write("events", [event(offset) for offset in range(500)])
    await store.close()
    async with await Reader.connect(*dataclasses.astuple(secure)) as reader:
        assert (await reader.counts())["events"] == 500


@pytest.mark.parametrize("authority", ["", "theirs.pem"])
async def test_a_certificate_of_somebody_else(secure: Address, certificates: Path, authority: str) -> None:
    address = dataclasses.replace(secure, ca=str(certificates / authority) if authority else "")
    for connect in (ClickHouseStore.connect, Reader.connect):
        with pytest.raises(
            SetupError,
            match=(
                r"^ClickHouse at https://[\d.:]+ has a certificate that is not trusted "
                r"\([^\n]*LIVEWARDEN_CLICKHOUSE_CA"
            ),
        ):
            await connect(*dataclasses.astuple(address))


async def test_a_wrong_password_over_tls(secure: Address) -> None:
    address = dataclasses.replace(secure, password="wrong")
    with pytest.raises(
        SetupError, match=r"^ClickHouse at https://[^\n]* refuses user [^\n]*LIVEWARDEN_CLICKHOUSE_PASSWORD[^\n]*$"
    ):
        await ClickHouseStore.connect(*dataclasses.astuple(address))


@pytest.mark.parametrize(
    ("name", "why"), [("missing.pem", "No such file"), ("ours.key", "no certificates in PEM form")]
)
async def test_authorities_that_cannot_be_read(secure: Address, certificates: Path, name: str, why: str) -> None:
    with pytest.raises(
        SetupError, match=rf"^cannot read the authorities in .*{name} \({why}[^\n]*LIVEWARDEN_CLICKHOUSE_CA$"
    ):
        await ClickHouseStore.connect(*dataclasses.astuple(dataclasses.replace(secure, ca=str(certificates / name))))
