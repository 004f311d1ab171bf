"""One way to reach ClickHouse, and one translation of what it answers when it does not do what it is asked."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from livewarden.errors import RetryLater, SetupError, Unreachable
from livewarden.redact import redact
from sinks.store.shards import READING

ANSWERS_WITHIN_S = 4.0
"""How long a first answer may take, in seconds, before ClickHouse counts as unreachable."""

# ClickHouse's codes of conditions that pass by themselves.
_PASSING = frozenset(
    [
        *(95, 96, 203, 209, 210, 279, 749, 762),  # sockets and connections
        *(159, 201, 202, 364, 394, 439, 735, 745, 1017, 1019, 1020),  # time, quota, overload, a cancelled query
        *(173, 241, 243, 777, 778),  # memory, disk
        *(231, 252, 384, 473, 692, 738),  # merges or mutations behind, locks
        *(218, 236, 242, 667),  # a table or server that stops or starts
        *(225, 254, 265, 285, 286, 289, 319, 369, 416, 499, 574, 904, 999),  # keeper, replicas, quorum, object storage
    ]
)
_DENIED = frozenset({192, 193, 194, 497, 516})
_NO_SCHEMA = frozenset({16, 47, 60})


@dataclass(frozen=True)
class Address:
    """Where ClickHouse is and who asks. `url` is `http://host:port` or `https://…`.

    A user and a password that stand in the URL are who asks, whatever else is given; `url` is then without them.
    `ca`: a file with the authorities that are trusted at an https URL; empty: those of the system. `cluster`, with the
    URLs of its `nodes`: the tables are spread over these; see `sinks.store.shards`.

    >>> Address("http://admin:p%40ss@ch:8123")
    Address(url='http://ch:8123', user='admin', database='livewarden', ca='')
    """

    url: str
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "livewarden"
    ca: str = ""
    cluster: str = field(default="", repr=False)
    nodes: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            port, wrong = parts.port, parts.scheme not in ("http", "https") or not parts.hostname
        except ValueError:
            port, wrong = None, True
        if wrong or port == 0 or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise SetupError(
                f"ClickHouse URL {redact(self.url)!r} is not of the form http://host:port (port 1 to 65535; "
                "of a user and a"
                " password in it, / ? # and @ as %2F %3F %23 %40): set LIVEWARDEN_CLICKHOUSE_URL"
            )
        signed_in, at, place = parts.netloc.rpartition("@")
        if at:
            user, _, password = signed_in.partition(":")
            object.__setattr__(self, "url", f"{parts.scheme}://{place}")
            object.__setattr__(self, "user", unquote(user) or self.user)
            object.__setattr__(self, "password", unquote(password) or self.password)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", self.database):
            raise SetupError(f"ClickHouse database {self.database!r} is not a plain name of letters, digits and _")
        if bool(self.cluster) != bool(self.nodes):
            raise SetupError(
                "a cluster has nodes: set LIVEWARDEN_CLICKHOUSE_CLUSTER and LIVEWARDEN_CLICKHOUSE_NODES, or neither"
            )

    @property
    def each(self) -> list[Address]:
        """Every node that holds tables, by itself; the one address where there is no cluster."""
        return [replace(self, url=node, cluster="", nodes=()) for node in self.nodes] or [self]

    @property
    def loopback(self) -> bool:
        """Whether it is this machine, where compressing costs more than it saves."""
        return urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")


async def open_client(address: Address, *, in_database: bool = True, timeout_s: int = 30) -> Any:
    """A clickhouse-connect client that has had one answer; Unreachable or SetupError otherwise, within 5 s.

    `timeout_s`: how long one later call may stay without an answer.
    """
    parts = urlsplit(address.url)
    try:
        _check_ca(address)
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            with translated(address):
                return await clickhouse_connect.get_async_client(
                    host=parts.hostname,
                    port=parts.port or (8443 if parts.scheme == "https" else 8123),
                    secure=parts.scheme == "https",
                    username=address.user,
                    password=address.password,
                    database=address.database if in_database else None,
                    ca_cert=address.ca or None,
                    compress=not address.loopback,
                    connect_timeout=3,
                    send_receive_timeout=timeout_s,
                    autogenerate_session_id=False,
                    query_retries=0,
                    settings=READING if address.cluster else None,
                )
    except (TimeoutError, RetryLater) as error:
        if found := re.search(r"certificate verify failed: (.*?)(?: \(_ssl|\]|\)|$)", str(error)):
            raise SetupError(
                f"ClickHouse at {address.url} has a certificate that is not trusted ({found[1]}): "
                "set LIVEWARDEN_CLICKHOUSE_CA"
                " to the file of the authority that signed it"
            ) from error
        why = "no answer in time" if isinstance(error, TimeoutError) else str(error.__cause__ or error)
        raise Unreachable(
            f"ClickHouse at {address.url} does not answer ({_one_line(why)}): start it, "
            "or set LIVEWARDEN_CLICKHOUSE_URL"
        ) from error


@contextmanager
def translated(address: Address, *, asked_by_user: bool = False) -> Iterator[None]:
    """Turn the driver's errors into RetryLater (it will pass) and SetupError (it will not).

    `asked_by_user`: the statement is a person's, so what the server says of it is a SetupError in its own words.
    """
    try:
        yield
    except DatabaseError as error:
        if asked_by_user and error.code is not None and error.code not in _DENIED:
            raise SetupError(_one_line(error)) from error
        raise _meaning(error, address) from error
    except (TimeoutError, ClickHouseError, aiohttp.ClientError, ConnectionError) as error:
        raise RetryLater(f"ClickHouse at {address.url} failed: {_one_line(error)}") from error


def _meaning(error: DatabaseError, address: Address) -> Exception:
    text = _one_line(error)
    if error.code is None:
        status = re.search(r"HTTP status (\d+)", text)
        if isinstance(error, OperationalError) or (status and (status[1] == "429" or status[1] >= "500")):
            return RetryLater(f"ClickHouse at {address.url} failed: {text}")
        if status:
            return SetupError(f"{address.url} does not answer like ClickHouse: set LIVEWARDEN_CLICKHOUSE_URL ({text})")
    if error.code in _PASSING and not (error.code == 252 and "Too many partitions" in text):
        return RetryLater(f"ClickHouse at {address.url} is busy: {text}", after_s=2.0)
    if error.code in _DENIED:
        return SetupError(
            f"ClickHouse at {address.url} refuses user {address.user!r}: set LIVEWARDEN_CLICKHOUSE_USER and"
            f" LIVEWARDEN_CLICKHOUSE_PASSWORD ({text})"
        )
    if error.code == 81:
        return SetupError(f"ClickHouse at {address.url} has no database {address.database!r}: run `livewarden migrate`")
    if error.code in _NO_SCHEMA:
        return SetupError(
            f"ClickHouse at {address.url} lacks tables of this version in database {address.database!r}: run"
            f" `livewarden migrate` ({text})"
        )
    return SetupError(f"ClickHouse at {address.url} refuses: {text}")


def _check_ca(address: Address) -> None:
    if not address.ca:
        return
    try:
        ssl.create_default_context(cafile=address.ca)
    except (OSError, ssl.SSLError) as error:
        why = (
            error.strerror
            if type(error) is not ssl.SSLError and error.strerror
            else "no certificates in PEM form in it"
        )
        raise SetupError(
            f"cannot read the authorities in {address.ca} ({why}): set LIVEWARDEN_CLICKHOUSE_CA"
        ) from error


def _one_line(error: object) -> str:
    text = redact(re.sub(r"\s+", " ", str(error)).strip())
    text = re.sub(r"^.*?server response: ", "", text)
    text = re.sub(r" \(for url [^)]*\)$", "", text)
    return text if len(text) <= 300 else text[:299] + "…"
