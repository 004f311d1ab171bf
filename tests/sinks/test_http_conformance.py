"""One suite of requests over the embedded ClickHouse and a server: what a client gets is the same, reply by reply.

What the embedded one lacks is in the last test: refused with a code, never answered wrongly.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import pytest

from sinks.store.connection import Address
from tests.clickhouse_fixtures import server_address

pytestmark = pytest.mark.clickhouse

VERSION: Final = re.compile(r" \(version [^)]*\)")


@dataclass(frozen=True)
class Reply:
    status: int
    code: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)

    @property
    def text(self) -> str:
        return VERSION.sub("", self.body.decode()).strip()

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]


async def ask(
    server: Address, body: bytes = b"", headers: Mapping[str, str] | None = None, method: str = "POST", **query: str
) -> Reply:
    """What a client gets."""
    who = {"X-ClickHouse-User": server.user, "X-ClickHouse-Key": server.password, "Accept-Encoding": "identity"}
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, server.url, params=query, data=body, headers=who | dict(headers or {})) as reply,
    ):
        code = reply.headers.get("X-ClickHouse-Exception-Code", "")
        return Reply(reply.status, code, await reply.read(), dict(reply.headers))


ROWS: Final = b"SELECT number AS n, toString(number) AS s FROM numbers(3) FORMAT "
FORMATS: Final[dict[str, tuple[str, bytes | None]]] = {
    "TSV": ("text/tab-separated-values", b"0\t0\n1\t1\n2\t2\n"),
    "TabSeparatedWithNames": ("text/tab-separated-values", b"n\ts\n0\t0\n1\t1\n2\t2\n"),
    "CSV": ("text/csv", b'0,"0"\n1,"1"\n2,"2"\n'),
    "CSVWithNames": ("text/csv", b'"n","s"\n0,"0"\n1,"1"\n2,"2"\n'),
    "JSON": ("application/json", None),
    "JSONCompact": ("application/json", None),
    "JSONEachRow": ("application/x-ndjson", b'{"n":0,"s":"0"}\n{"n":1,"s":"1"}\n{"n":2,"s":"2"}\n'),
    "Values": ("text/plain", b"(0,'0'),(1,'1'),(2,'2')"),
    "Markdown": ("text/plain", None),
    "Native": ("application/octet-stream", None),
    "RowBinary": ("application/octet-stream", b"".join(bytes([n, *bytes(7), 1, 48 + n]) for n in range(3))),
    "Parquet": ("application/octet-stream", None),
    "Null": ("text/plain", b""),
}


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_is_named_and_written(clickhouse_server: Address, name: str) -> None:
    reply = await ask(clickhouse_server, ROWS + name.encode())
    kind, body = FORMATS[name]
    assert (reply.status, reply.kind, reply.headers["X-ClickHouse-Format"]) == (200, kind, name)
    assert body is None or reply.body == body
    assert reply.headers["X-ClickHouse-Timezone"] in ("UTC", "Etc/UTC")
    assert len(reply.headers["X-ClickHouse-Query-Id"]) == 36


ERRORS: Final[dict[str, tuple[dict[str, Any], int, str]]] = {
    "syntax": ({"body": b"SELEC 1"}, 400, "62"),
    "nothing asked": ({}, 400, "62"),
    "two statements": ({"body": b"SELECT 1; SELECT 2"}, 400, "62"),
    "a table": ({"body": b"SELECT * FROM nowhere"}, 404, "60"),
    "a column": ({"body": b"SELECT nothing"}, 404, "47"),
    "a function": ({"body": b"SELECT nofun(1)"}, 404, "46"),
    "a database": ({"body": b"SELECT 1", "database": "nowhere"}, 404, "81"),
    "a format": ({"body": b"SELECT 1 FORMAT Nope"}, 404, "73"),
    "a setting": ({"body": b"SELECT 1", "nosuch": "1"}, 404, "115"),
    "a parameter": ({"body": b"SELECT {a:String}"}, 500, "456"),
    "a parameter's type": ({"body": b"SELECT {a:UInt8}", "param_a": "x"}, 500, "457"),
    "an exception": ({"body": b"SELECT throwIf(1)"}, 500, "395"),
    "too many rows": ({"body": b"SELECT * FROM numbers(10)", "max_result_rows": "2"}, 500, "396"),
    "a write by GET": ({"method": "GET", "query": "CREATE TABLE g (a Int8) ENGINE = Memory"}, 500, "164"),
    "a write that may only read": ({"body": b"CREATE TABLE g (a Int8) ENGINE = Memory", "readonly": "1"}, 500, "164"),
    "a wrong password": ({"body": b"SELECT 1", "headers": {"X-ClickHouse-Key": "wrong"}}, 403, "516"),
    "a body that is no gzip": ({"body": b"no gzip at all", "headers": {"Content-Encoding": "gzip"}}, 500, "354"),
    "a session that is not there": ({"body": b"SELECT 1", "session_id": "s-0", "session_check": "1"}, 500, "372"),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_every_error_has_its_status_and_code(clickhouse_server: Address, name: str) -> None:
    request, status, code = ERRORS[name]
    reply = await ask(clickhouse_server, **request)
    assert (reply.status, reply.code) == (status, code), reply.text
    assert reply.text.startswith(f"Code: {code}. DB::Exception: ")
    assert reply.text.count("DB::Exception") == 1
    assert reply.text.count("UNKNOWN_FORMAT") <= 1


async def test_an_error_after_the_first_rows_cannot_be_taken_for_an_end(clickhouse_server: Address) -> None:
    query = b"SELECT throwIf(number = 3000000) FROM numbers(5000000) FORMAT TSV"
    try:
        reply = await ask(clickhouse_server, query)
    except aiohttp.ClientError:
        return  # cut off
    assert b"DB::Exception" in reply.body


async def test_settings_parameters_and_where_the_statement_stands(clickhouse_server: Address) -> None:
    assert (await ask(clickhouse_server, b" + 1", query="SELECT 1")).body == b"2\n"
    bound = await ask(clickhouse_server, b"SELECT {a:String}, {a:String} || 'b'", param_a="it's")
    assert bound.body == b"it\\'s\tit\\'sb\n"
    assert (await ask(clickhouse_server, b"SELECT getSetting('max_threads')", max_threads="3")).body == b"3\n"
    rows = await ask(clickhouse_server, b"SELECT 1 AS a", default_format="JSONEachRow")
    assert (rows.body, rows.kind) == (b'{"a":1}\n', "application/x-ndjson")
    named = await ask(clickhouse_server, b"SELECT 1", query_id="mine-1")
    assert named.headers["X-ClickHouse-Query-Id"] == "mine-1"


async def test_what_is_packed_is_unpacked(clickhouse_server: Address) -> None:
    packed = await ask(clickhouse_server, gzip.compress(b"SELECT 'x'"), {"Content-Encoding": "gzip"})
    assert packed.body == b"x\n"
    wanted = {"Accept-Encoding": "gzip"}
    assert (await ask(clickhouse_server, b"SELECT 'x'", wanted, enable_http_compression="1")).body == b"x\n"


async def test_inserts_say_how_much_they_wrote(clickhouse_server: Address) -> None:
    table = {"session_id": "inserts"}
    made = await ask(clickhouse_server, b"CREATE TEMPORARY TABLE t (a Int8, b String)", **table)
    assert (made.status, made.body) == (200, b"")
    for query, body, rows in (
        ("", b"INSERT INTO t VALUES (1, 'x'), (2, 'y')", "2"),
        ("INSERT INTO t FORMAT TSV", b"3\tz\n", "1"),
        ("INSERT INTO t FORMAT JSONEachRow", b'{"a": 4, "b": "u"}', "1"),
        ("INSERT INTO t SELECT number, 'q' FROM numbers(5)", b"", "5"),
    ):
        done = await ask(clickhouse_server, body, query=query, **table)
        assert (done.status, json.loads(done.headers["X-ClickHouse-Summary"])["written_rows"]) == (200, rows), done.text
    for query, body, code in (
        ("INSERT INTO t FORMAT TSV", b"x\tz\n", "27"),
        ("INSERT INTO t FORMAT JSONEachRow", b'{"a":1,"b":', "26"),
    ):
        failed = await ask(clickhouse_server, body, query=query, **table)
        assert failed.code == code
        assert "/dev/shm" not in failed.text
    assert (await ask(clickhouse_server, b"SELECT count() FROM t", **table)).body == b"9\n"


SUMMARY: Final = ("read_rows", "read_bytes", "written_rows", "written_bytes")
SUMMED_UP: Final[dict[str, tuple[bytes, tuple[str, ...]]]] = {
    "streamed": (b"SELECT sum(number) FROM numbers(100000) FORMAT TSV", ("100000", "800000", "0", "0")),
    "whole": (b"SELECT number FROM numbers(300) FORMAT JSON", ("300", "2400", "0", "0")),
    "no rows": (b"DROP TABLE IF EXISTS nowhere", ("0", "0", "0", "0")),
    "made": (b"CREATE TEMPORARY TABLE t (a Int8)", ("0", "0", "0", "0")),
    "inserted": (b"INSERT INTO t VALUES (1), (2)", ("2", "2", "2", "2")),
    "selected into": (b"INSERT INTO t SELECT number FROM numbers(10)", ("10", "80", "10", "10")),
    "read again": (b"SELECT count(), sum(a) FROM t FORMAT Null", ("12", "12", "0", "0")),
}


async def test_a_summary_says_what_was_read_and_written(clickhouse_server: Address) -> None:
    for name, (body, figures) in SUMMED_UP.items():
        reply = await ask(clickhouse_server, body, session_id="summed", send_progress_in_http_headers="1")
        found = json.loads(reply.headers["X-ClickHouse-Summary"])
        assert tuple(found[each] for each in SUMMARY) == figures, name
        assert int(found["elapsed_ns"]) > 0, name
        assert list(found) == [
            *SUMMARY,
            *("total_rows_to_read", "result_rows", "result_bytes", "elapsed_ns", "memory_usage"),
        ], name


async def test_progress_is_told_by_a_server_alone_and_changes_no_answer(
    clickhouse_server: Address, request: pytest.FixtureRequest
) -> None:
    """Of a query that takes longer than the interval; the embedded one has its summary."""
    asked = {"send_progress_in_http_headers": "1", "http_headers_progress_interval_ms": "50"}
    query = b"SELECT max(sleepEachRow(0.01)) FROM numbers(30) SETTINGS max_block_size = 1"
    reply = await ask(clickhouse_server, query, **asked)
    assert (reply.status, reply.body) == (200, b"0\n")
    told = request.node.callspec.params["clickhouse_server"] == "server"
    assert ("X-ClickHouse-Progress" in reply.headers) == told


async def test_a_session_keeps_what_was_set_and_made_in_it_for_itself(clickhouse_server: Address) -> None:
    mine = {"session_id": "mine"}
    await ask(clickhouse_server, b"CREATE TEMPORARY TABLE tt (a Int8)", **mine)
    await ask(clickhouse_server, b"INSERT INTO tt VALUES (7)", **mine)
    await ask(clickhouse_server, b"SET max_block_size = 77", **mine)
    assert (await ask(clickhouse_server, b"SELECT a, getSetting('max_block_size') FROM tt", **mine)).body == b"7\t77\n"
    assert (await ask(clickhouse_server, b"SELECT 1", session_check="1", **mine)).status == 200
    assert (await ask(clickhouse_server, b"SELECT * FROM tt")).code == "60"
    assert (await ask(clickhouse_server, b"SELECT * FROM tt", session_id="other")).code == "60"
    await ask(clickhouse_server, b"SELECT 1", max_threads="5", **mine)
    assert (await ask(clickhouse_server, b"SELECT getSetting('max_threads')", **mine)).body != b"5\n"


async def test_a_session_has_one_request_at_a_time(clickhouse_server: Address) -> None:
    long = b"SELECT sleepEachRow(0.5) FROM numbers(2) SETTINGS max_block_size = 1 FORMAT Null"
    replies = await asyncio.gather(*(ask(clickhouse_server, long, session_id="locked") for _ in range(2)))
    assert sorted(reply.code for reply in replies) == ["", "373"]


async def test_what_the_embedded_one_lacks_is_refused() -> None:
    for option in ("compress", "decompress"):
        reply = await ask(server_address("embedded"), b"SELECT 1", **{option: "1"})
        assert (reply.status, reply.code) == (501, "48")
