from __future__ import annotations

import asyncio
import base64
import gzip
import json
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from livewarden.errors import SetupError
from sinks.embedded.server import EmbeddedClickHouse
from tests.clickhouse_fixtures import embedded_clickhouse

__all__ = ["embedded_clickhouse"]
pytestmark = pytest.mark.clickhouse


class Http:
    """What curl does."""

    def __init__(self, clickhouse: EmbeddedClickHouse, database: str) -> None:
        self.clickhouse = clickhouse
        self.database = database

    def __call__(
        self,
        sql: str | None = None,
        body: bytes | None = None,
        *,
        reader: bool = False,
        headers: dict[str, str] | None = None,
        path: str = "/",
        settings: Mapping[str, str] | None = None,
        **more: str,
    ) -> tuple[int, bytes]:
        """Status and body; GET without a body. `settings` and `more` go into the URL."""
        parameters = {"database": self.database, **more, **(settings or {})}
        if sql is not None:
            parameters["query"] = sql
        sent = (
            {} if reader else {"X-ClickHouse-User": self.clickhouse.user, "X-ClickHouse-Key": self.clickhouse.password}
        )
        url = f"{self.clickhouse.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, sent | (headers or {}))) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@pytest.fixture(scope="module")
def http(embedded_clickhouse: EmbeddedClickHouse) -> Iterator[Http]:
    http = Http(embedded_clickhouse, "http_test")
    http(body=b"CREATE DATABASE http_test", database="default")
    assert http(body=b"CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a") == (200, b"")
    yield http
    http(body=b"DROP DATABASE http_test", database="default")


@pytest.fixture
def table(http: Http) -> Iterator[Http]:
    http(body=b"INSERT INTO t VALUES (1, 'one')")
    yield http
    http(body=b"TRUNCATE TABLE t")


def port(clickhouse: EmbeddedClickHouse) -> int:
    return int(clickhouse.url.rsplit(":", 1)[1])


class TestHttp:
    def test_ping(self, http: Http) -> None:
        assert http(path="/ping") == (200, b"Ok.\n")
        assert http(path="/elsewhere")[0] == 404

    @pytest.mark.parametrize("body", [None, b""])
    def test_get_and_post(self, http: Http, body: bytes | None) -> None:
        assert http("SELECT 1 AS x, 'a'", body) == (200, b"1\ta\n")

    def test_the_body_goes_on_with_the_query(self, http: Http) -> None:
        assert http("SELECT 1 +", b"2") == (200, b"3\n")
        assert http(body=b"-- a comment\nSELECT 'ok'") == (200, b"ok\n")

    def test_formats(self, http: Http) -> None:
        assert http("SELECT 1 AS x FORMAT JSONEachRow") == (200, b'{"x":1}\n')
        assert http("SELECT 1 AS x", default_format="CSVWithNames") == (200, b'"x"\n1\n')
        assert http("SELECT 1 AS x", headers={"X-ClickHouse-Format": "JSONEachRow"}) == (200, b'{"x":1}\n')
        assert http("SELECT 1", default_format="ArrowTable")[0] == 404
        assert http("SELECT 1", default_format="a b")[0] == 404
        assert http("SELECT 1", query_id="a\r\nb") == (200, b"1\n")
        assert json.loads(http("SELECT a FROM t WHERE 0 FORMAT JSON")[1])["meta"] == [{"name": "a", "type": "UInt64"}]
        rows = http("SELECT number FROM numbers(200000) FORMAT CSVWithNames")[1].splitlines()
        assert (rows[0], len(rows), rows.count(b'"number"')) == (b'"number"', 200_001, 1)

    def test_settings_count_for_one_request(self, http: Http) -> None:
        assert http("SELECT getSetting('max_threads')", b"", max_threads="1") == (200, b"1\n")
        assert http(body=b"SET max_threads = 1") == (200, b"")
        assert http("SELECT getSetting('max_block_size')", b"", max_block_size="77") == (200, b"77\n")
        assert http("SELECT getSetting('max_block_size')")[1] != b"77\n"
        assert http("SELECT 1", b"", no_such_setting="1")[0] == 404
        assert http("SELECT 1", b"", settings={"a' = 1, b": "1"})[0] == 404

    @pytest.mark.parametrize("value", ["it's", "a\\tb", "\\\\", "ä\\n", "'); DROP TABLE t; --", "{x:String}"])
    def test_bound_parameters(self, http: Http, value: str) -> None:
        raw = value.encode().replace(b"\\t", b"\t").replace(b"\\n", b"\n").replace(b"\\\\", b"\\")
        for body in (None, b""):
            assert http("SELECT {x:String} FORMAT RowBinary", body, param_x=value)[1][1:] == raw
        assert http("SELECT {n:UInt8} + 1", param_n="41") == (200, b"42\n")

    @pytest.mark.parametrize(
        ("sql", "status", "code"),
        [
            ("SELECT * FROM nowhere", 404, 60),
            ("SELEC 1", 400, 62),
            ("SELECT x", 404, 47),
            ("SELECT throwIf(1)", 500, 395),
            ("SELECT throwIf(number = 1) FROM numbers(2) FORMAT JSON", 500, 395),
            ("SELECT {x:UInt8}", 500, 456),
            ("SELECT 1 FORMAT Nonsense", 404, 73),
            ("SELECT 1 FORMAT DataFrame", 404, 73),
        ],
    )
    def test_errors_have_their_code(self, http: Http, sql: str, status: int, code: int) -> None:
        for body in (None, b""):
            found, text = http(sql, body)
            assert found == status
            assert text.startswith(f"Code: {code}. DB::Exception: ".encode())

    def test_an_error_after_the_first_block_is_no_end(self, http: Http) -> None:
        with pytest.raises(IncompleteRead):
            http("SELECT throwIf(number = 9999999) FROM numbers(10000000)", max_threads="1")
        status, _ = http("SELECT throwIf(number = 250000) FROM numbers(300000)", b"", wait_end_of_query="1")
        assert status == 500

    @pytest.mark.parametrize(
        ("head", "rows"),
        [
            ("INSERT INTO t FORMAT JSONEachRow", b'{"a":2,"b":"two"}\n{"a":3}\n'),
            ("INSERT INTO t (a, b) FORMAT CSV", b'2,"two"\n3,""\n'),
            ("INSERT INTO t FORMAT TSV", b"2\ttwo\n3\t\n"),
            ("/* who */ INSERT INTO t FORMAT TSV", b"2\ttwo\n3\t"),
            ("INSERT INTO t VALUES", b"(2, 'two'), (3, '')"),
            ("INSERT INTO t", b"SELECT number + 2, if(number = 0, 'two', '') FROM numbers(2)"),
            (
                "INSERT INTO `t` (`b`, a) FORMAT RowBinary",
                b"\x03two" + b"\x02" + bytes(7) + b"\x00" + b"\x03" + bytes(7),
            ),
        ],
    )
    def test_inserts(self, table: Http, head: str, rows: bytes) -> None:
        assert table(head, rows) == (200, b"")
        assert table(body=head.encode() + b"\n" + rows) == (200, b"")
        assert table(head, gzip.compress(rows), headers={"Content-Encoding": "gzip"}) == (200, b"")
        assert table("SELECT a, b, count() FROM t WHERE a > 1 GROUP BY a, b ORDER BY a") == (
            200,
            b"2\ttwo\t3\n3\t\t3\n",
        )

    def test_a_broken_row_stores_nothing(self, table: Http) -> None:
        status, text = table("INSERT INTO t FORMAT JSONEachRow", b'{"a":2}\n{"a":"x"}\n')
        assert status == 400
        assert b"row 2" in text
        assert table("SELECT count() FROM t") == (200, b"1\n")

    def test_a_token_counts_once(self, http: Http) -> None:
        http(
            body=(
                b"CREATE TABLE once (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS "
                b"non_replicated_deduplication_window = 9"
            )
        )
        for value in (b"1", b"2", b"3"):
            token = "same" if value != b"3" else "other"
            http("INSERT INTO once FORMAT TSV", value, insert_deduplication_token=token, insert_deduplicate="1")
        assert http("SELECT arraySort(groupArray(a)) FROM once") == (200, b"[1,3]\n")

    def test_not_supported_is_said(self, http: Http) -> None:
        assert http("SELECT 1", b"", compress="1")[0] == 501
        part = b'--x\r\nContent-Disposition: form-data; name="t"; filename="f"\r\n\r\n1\r\n--x--\r\n'
        assert http("SELECT 1", part, headers={"Content-Type": "multipart/form-data; boundary=x"})[0] == 501

    def test_queries_at_the_same_time(self, table: Http) -> None:
        seen: list[tuple[int, bytes]] = []

        def ask(number: int) -> None:
            for k in range(5):
                table("INSERT INTO t FORMAT TSV", f"{number * 10 + k}\tx\n".encode())
                seen.append(table("SELECT sum(number) FROM numbers(1000000)"))
                table("SELECT * FROM nowhere")

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [(200, b"499999500000\n")] * 40
        assert table("SELECT count(), uniqExact(a) FROM t") == (200, b"41\t41\n")


class TestUsers:
    def test_three_ways_to_say_who_one_is(self, table: Http) -> None:
        user, password = table.clickhouse.user, table.clickhouse.password
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        insert = "INSERT INTO t FORMAT TSV"
        assert table(insert, b"2\t", reader=True, user=user, password=password)[0] == 200
        assert table(insert, b"3\t", reader=True, headers={"Authorization": f"Basic {basic}"})[0] == 200
        assert table(insert, b"4\t")[0] == 200
        assert table("SELECT count() FROM t", reader=True) == (200, b"4\n")

    @pytest.mark.parametrize(
        ("user", "password"),
        [("livewarden", ""), ("livewarden", "guess"), ("default", "x"), ("admin", ""), ("Livewarden", "")],
    )
    def test_everybody_else_is_refused(self, http: Http, user: str, password: str) -> None:
        status, text = http("SELECT 1", reader=True, user=user, password=password)
        assert (status, text[:10]) == (403, b"Code: 516.")

    def test_broken_credentials(self, http: Http) -> None:
        assert http("SELECT 1", reader=True, headers={"Authorization": "Basic ???"})[0] == 403

    def test_the_writer_reads_with_get(self, table: Http) -> None:
        assert table("INSERT INTO t VALUES (9, '')")[0] == 500
        assert table("SELECT count() FROM t", readonly="1") == (200, b"1\n")

    @pytest.mark.parametrize("name", ["Host", "Origin"])
    @pytest.mark.parametrize(
        ("value", "status"),
        [
            ("evil.example", 403),
            ("http://evil.example:8123", 403),
            ("127.0.0.1.evil.example", 403),
            ("null", 403),
            ("localhost:1", 200),
            ("http://127.0.0.1:5", 200),
            ("[::1]:8123", 200),
        ],
    )
    def test_foreign_pages(self, http: Http, name: str, value: str, status: int) -> None:
        connection = HTTPConnection("127.0.0.1", port(http.clickhouse))
        connection.putrequest("GET", "/?query=SELECT+1", skip_host=name == "Host")
        connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()

    def test_it_listens_on_loopback_only(self, http: Http) -> None:
        assert http.clickhouse.url.startswith("http://127.0.0.1:")


class TestReaders:
    """Attempts of a user without a password to do more than read tables."""

    @pytest.fixture
    def secret(self, tmp_path: Path) -> Path:
        secret = tmp_path / "secret"
        secret.write_text("TOPSECRET\n")
        return secret

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT a, b FROM t",
            "  -- c\n SELECT a, b FROM t; ",
            "WITH x AS (SELECT a, b FROM t) SELECT * FROM x ORDER BY a LIMIT 5",
            "(SELECT a, b FROM t) UNION ALL SELECT 1, 'one' FROM numbers(0)",
            "SELECT a, b FROM t WHERE b NOT LIKE 'into outfile; drop %' AND b != 'file(''x'')' FORMAT TSV",
            'SELECT toUInt64(1) AS `a`, $$one$$ AS "b"',
            "FROM t SELECT *",
        ],
    )
    def test_reading_works(self, table: Http, sql: str) -> None:
        for body in (None, sql.encode()):
            assert table(None if body else sql, body, reader=True) == (200, b"1\tone\n")

    @pytest.mark.parametrize(
        "sql",
        [
            "SHOW TABLES",
            "DESCRIBE t",
            "SHOW CREATE TABLE t",
            "EXISTS t",
            "EXPLAIN SELECT 1",
            "SELECT * FROM system.tables",
        ],
    )
    def test_looking_around_works(self, table: Http, sql: str) -> None:
        status, text = table(sql, reader=True)
        assert status == 200
        assert text

    def test_parameters_and_settings_work(self, table: Http) -> None:
        assert table("SELECT {x:String}", reader=True, param_x="it's") == (200, b"it\\'s\n")
        assert table("SELECT 1", reader=True, max_execution_time="5", readonly="0") == (200, b"1\n")

    @pytest.mark.parametrize("body", [False, True])
    @pytest.mark.parametrize(
        "sql",
        [
            "INSERT INTO t VALUES (2, 'x')",
            "INSERT INTO t FORMAT TSV\n2\tx",
            "INSERT INTO t SELECT 2, 'x'",
            "DROP TABLE t",
            "DROP DATABASE http_test",
            "TRUNCATE TABLE t",
            "DETACH TABLE t",
            "RENAME TABLE t TO u",
            "ALTER TABLE t DELETE WHERE 1",
            "DELETE FROM t WHERE 1",
            "UPDATE t SET b = 'x' WHERE 1",
            "OPTIMIZE TABLE t FINAL",
            "CREATE TABLE u ENGINE = Memory AS SELECT 1",
            "CREATE TEMPORARY TABLE u (a Int8)",
            "CREATE FUNCTION f AS x -> x",
            "CREATE USER u",
            "GRANT ALL ON *.* TO default",
            "SET readonly = 0",
            "SET max_threads = 1",
            "SYSTEM SHUTDOWN",
            "KILL QUERY WHERE 1",
            "BACKUP TABLE t TO Disk('default', 'x')",
            "SELECT 1 SETTINGS readonly = 0",
            "SELECT a FROM t SETTINGS max_block_size = 7",
            "SELECT 1; DROP TABLE t",
            "SELECT 1 PARALLEL WITH DROP TABLE t",
            "EXPLAIN AST DROP TABLE t INTO OUTFILE '{out}'",
            "SELECT 1 INTO OUTFILE '{out}'",
            "SELECT 1 INTO/**/OUTFILE/**/'{out}'",
            "SELECT 1 -- \n INTO OUTFILE '{out}' TRUNCATE",
            "EXPLAIN SELECT 1 INTO OUTFILE '{out}'",
            "SHOW TABLES INTO OUTFILE '{out}'",
            "SELECT '\\\\' INTO OUTFILE '{out}' --'",
            "INSERT INTO FUNCTION file('{out}', 'TSV', 'x Int8') VALUES (1)",
            "SELECT file('{secret}')",
            "SELECT `file`('{secret}')",
            "SELECT \"file\"('{secret}')",
            "SELECT file/**/('{secret}')",
            "SELECT * APPLY(file) FROM (SELECT '{secret}')",
            "SELECT * APPLY `file` FROM (SELECT '{secret}')",
            "SELECT arrayMap(file, ['{secret}'])",
            "SELECT arrayMap(x -> file(x), ['{secret}'])",
            "EXPLAIN SELECT file('{secret}')",
            "EXPLAIN QUERY TREE SELECT file('{secret}')",
            "SELECT * FROM file('{secret}', 'LineAsString')",
            "SELECT * FROM `{secret}`",
            "SELECT * FROM '{secret}'",
            "DESCRIBE file('{secret}')",
            "SELECT * FROM fileCluster('default', '{secret}', 'LineAsString')",
            "SELECT * FROM filesystem('{dir}')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'x String')",
            "SELECT * FROM s3('http://127.0.0.1:1/bucket/x.csv')",
            "SELECT * FROM remote('127.0.0.1', 'http_test', 't')",
            "SELECT * FROM executable('x.sh', 'TSV', 'x String')",
            "SELECT * FROM python(environ)",
            "SELECT * FROM Python(environ)",
            "SELECT * FROM sqlite('{secret}', 't')",
            "SELECT * FROM icebergLocal('{dir}')",
            "SELECT * FROM loop(t)",
            "SELECT * FROM eval('SELECT 1')",
            "SELECT aiGenerate('x')",
            "SELECT addressToLine(1)",
            "SELECT 1 +",
            "",
        ],
    )
    def test_doing_more_does_not(self, table: Http, tmp_path: Path, secret: Path, sql: str, body: bool) -> None:
        out = tmp_path / "out"
        sent = sql.replace("{out}", str(out)).replace("{secret}", str(secret)).replace("{dir}", str(tmp_path))
        status, text = table(None if body else sent, sent.encode() if body else None, reader=True)
        assert status >= 400
        assert text.startswith(b"Code: ")
        assert b"TOPSECRET" not in text
        assert not out.exists()
        assert table("SELECT groupArray((a, b)) FROM t") == (200, b"[(1,'one')]\n")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("dialect", "kusto"),
            ("allow_introspection_functions", "1"),
            ("format_template_resultset", "/etc/passwd"),
            ("format_schema", "/etc/passwd"),
            ("output_format_schema", "/tmp/x"),
            ("allow_experimental_eval_table_function", "1"),
            ("max_memory_usage' = 1, readonly", "0"),
        ],
    )
    def test_settings_that_reach_further(self, http: Http, name: str, value: str) -> None:
        status, text = http("SELECT 1", reader=True, settings={name: value})
        assert (status, text[:10]) == (500, b"Code: 164.")

    def test_limits_can_only_be_lowered(self, http: Http) -> None:
        for asked, found in (("5", b"5\n"), ("0", b"60\n"), ("600", b"60\n"), ("x", b"60\n")):
            answer = http("SELECT toUInt64(getSetting('max_execution_time'))", reader=True, max_execution_time=asked)
            assert answer == (200, found)

    def test_data_of_a_reader_is_not_inserted_in_any_way(self, table: Http) -> None:
        assert table("INSERT INTO t FORMAT TSV", b"2\tx", reader=True)[0] == 500
        assert table("INSERT INTO t FORMAT TSV", b"2\tx", readonly="1")[0] == 500
        assert table("SELECT count() FROM t") == (200, b"1\n")


def test_readers_do_not_hold_up_the_writer(table: Http) -> None:
    readers = table.clickhouse._readers
    assert readers is not None
    release = threading.Event()
    for _ in range(16):
        readers.submit(release.wait)
    answers: list[tuple[int, bytes]] = []
    waiting = threading.Thread(target=lambda: answers.append(table("SELECT 1", reader=True)))
    waiting.start()
    try:
        assert table("INSERT INTO t FORMAT TSV", b"2\ttwo\n") == (200, b"")
        assert table("SELECT count() FROM t") == (200, b"2\n")
        assert answers == []
    finally:
        release.set()
        waiting.join()
    assert answers == [(200, b"1\n")]


class TestClients:
    """clickhouse-connect, as it comes."""

    @pytest.mark.parametrize("compress", [True, False, "zstd", "gzip"])
    def test_sync(self, http: Http, compress: bool | str) -> None:
        clickhouse = http.clickhouse
        client = clickhouse_connect.get_client(
            host="127.0.0.1",
            port=port(clickhouse),
            username=clickhouse.user,
            password=clickhouse.password,
            database="http_test",
            compress=compress,
        )
        client.command(
            "CREATE OR REPLACE TABLE c (a UInt64, b LowCardinality(String), m Map(String, String), "
            "d Nullable(DateTime64(3, 'UTC')))"
            " ENGINE = MergeTree ORDER BY a"
        )
        rows = [[1, "x", {"k": "v"}, None], [2, "ä", {}, 1_744_070_400_123]]
        assert client.insert("c", rows, column_names=["a", "b", "m", "d"]).written_rows == 2
        client.raw_insert("c", insert_block=b'{"a":3,"b":"raw"}\n', fmt="JSONEachRow", settings={"async_insert": 0})
        found = client.query("SELECT * FROM c ORDER BY a", query_formats={"DateTime64*": "int"})
        assert [list(row) for row in found.result_rows] == [*rows, [3, "raw", {}, None]]
        assert client.query("SELECT a, b FROM c WHERE 0").column_names == ("a", "b")
        assert client.query("SELECT {x:String}, {n:UInt8}", parameters={"x": "a\tb\\'\n", "n": 3}).result_rows == [
            ("a\tb\\'\n", 3)
        ]
        assert client.command("SELECT count() FROM c") == 3
        with client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            assert sum(len(block) for block in blocks) == 300_000
        with pytest.raises(DatabaseError) as caught:
            client.command("SELECT * FROM nowhere")
        assert caught.value.code == 60
        client.close()

    async def test_async(self, http: Http) -> None:
        clickhouse = http.clickhouse
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1",
            port=port(clickhouse),
            username=clickhouse.user,
            password=clickhouse.password,
            database="http_test",
        )
        await client.command("CREATE OR REPLACE TABLE d (a UInt64) ENGINE = MergeTree ORDER BY a")
        await asyncio.gather(*(client.insert("d", [[n]], column_names=["a"]) for n in range(10)))
        await client.raw_insert("d", insert_block=b'{"a":10}', fmt="JSONEachRow")
        assert (await client.query("SELECT sum(a) FROM d")).result_rows == [(55,)]
        async with await client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            assert sum([len(block) async for block in blocks]) == 300_000
        async with await client.query_row_block_stream(
            "SELECT throwIf(number = 9999999) FROM numbers(10000000)"
        ) as blocks:
            with pytest.raises(DatabaseError):
                await anext(block async for block in blocks if not block)
        await client.close()

    def test_a_reader(self, table: Http) -> None:
        client = clickhouse_connect.get_client(host="127.0.0.1", port=port(table.clickhouse), database="http_test")
        assert client.query("SELECT a, b FROM t").result_rows == [(1, "one")]
        with pytest.raises(DatabaseError) as caught:
            client.insert("t", [[2, "x"]], column_names=["a", "b"])
        assert caught.value.code == 164
        client.close()


class TestProcess:
    """One engine per process, one process per directory, and what is on disk stays."""

    def test_a_second_one_at_the_same_time(self, embedded_clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match="this process already runs an embedded ClickHouse"):
            EmbeddedClickHouse(tmp_path).start()
        assert urllib.request.urlopen(embedded_clickhouse.url + "/?query=SELECT+1").read() == b"1\n"

    def test_one_after_the_other_and_data_stays(self, tmp_path: Path) -> None:
        out = run(
            """
            from sinks.embedded.server import EmbeddedClickHouse
            for turn in range(3):
                with EmbeddedClickHouse(path) as clickhouse:
                    if not turn:
                        ask(clickhouse, "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
                    ask(clickhouse, f"INSERT INTO t VALUES ({turn})")
                    print(ask(clickhouse, "SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)").strip())
                    clickhouse_port = clickhouse.url
                with EmbeddedClickHouse() as clickhouse:
                    print(ask(clickhouse, "EXISTS t").strip())
            clickhouse.close()
            """,
            tmp_path,
        )
        assert out.splitlines() == ["[0]", "0", "[0,1]", "0", "[0,1,2]", "0"]

    def test_a_session_that_is_closed_ends_its_stream(self, tmp_path: Path) -> None:
        out = run(
            """
            from sinks.embedded.engine import Engine, QueryFailed
            engine = Engine(path)
            session = engine.session()
            blocks = session.stream("SELECT number FROM numbers(1000000)", "TSV")
            assert next(blocks)
            session.close()
            try:
                next(blocks)
            except QueryFailed as error:
                print(error.code)
            engine.close()
            """,
            tmp_path,
        )
        assert out.strip() == "236"

    def test_a_client_that_left_before_the_answer_leaves_nothing_open(self, tmp_path: Path) -> None:
        out = run(
            """
            import gc, socket, time
            from sinks.embedded.server import EmbeddedClickHouse
            with EmbeddedClickHouse(path) as clickhouse:
                for _ in range(5):
                    with socket.create_connection(("127.0.0.1", int(clickhouse.url.rsplit(":", 1)[1]))) as client:
                        sql = "SELECT+number,sleep(0.2)+FROM+numbers(100000000)"
                        client.sendall(f"GET /?query={sql} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
                assert ask(clickhouse, "SELECT sleep(1)").strip() == "0"
                gc.collect()
                print(ask(clickhouse, "SELECT 1").strip())
            """,
            tmp_path,
        )
        assert out.strip() == "1"

    def test_kill_loses_nothing_and_another_process_is_told(self, tmp_path: Path) -> None:
        out = run(
            """
            import os, signal, subprocess, sys
            from livewarden.errors import SetupError
            from sinks.embedded.server import EmbeddedClickHouse
            clickhouse = EmbeddedClickHouse(path).start()
            ask(clickhouse, "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
            ask(clickhouse, "INSERT INTO t VALUES (7)")
            other = (
                "import sys; from pathlib import Path; from sinks.embedded.server import EmbeddedClickHouse;"
                "EmbeddedClickHouse(Path(sys.argv[1])).start()"
            )
            told = subprocess.run([sys.executable, "-c", other, str(path)], capture_output=True, text=True).stderr
            print(told.splitlines()[-1])
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)
            """,
            tmp_path,
            killed=True,
        )
        assert "One process per directory" in out
        again = """
            from sinks.embedded.server import EmbeddedClickHouse
            with EmbeddedClickHouse(path) as clickhouse:
                print(ask(clickhouse, "SELECT a FROM t"))
            """
        assert run(again, tmp_path).split() == ["7"]

    def test_a_taken_port(self, tmp_path: Path) -> None:
        out = run(
            """
            import socket
            from livewarden.errors import SetupError
            from sinks.embedded.server import EmbeddedClickHouse
            with socket.create_server(("127.0.0.1", 0)) as taken:
                try:
                    EmbeddedClickHouse(path, taken.getsockname()[1]).start()
                except SetupError as error:
                    print(error)
            with EmbeddedClickHouse(path) as clickhouse:
                print(ask(clickhouse, "SELECT 1"))
            """,
            tmp_path,
        )
        assert "is taken: choose another one" in out
        assert out.split()[-1] == "1"

    @pytest.mark.parametrize("missing", ["chdb", "aiohttp"])
    def test_without_the_extra(self, tmp_path: Path, missing: str) -> None:
        out = run(
            f"""
            import sys
            sys.modules["{missing}"] = None
            from livewarden.errors import SetupError
            from sinks.embedded.server import EmbeddedClickHouse
            try:
                EmbeddedClickHouse(path).start()
            except SetupError as error:
                print(error)
            """,
            tmp_path,
        )
        assert out.strip().endswith("pip install 'livewarden[embedded]'")


ASK = """
from pathlib import Path
import sys, urllib.request
path = Path(sys.argv[1])
def ask(clickhouse, sql):
    headers = {"X-ClickHouse-User": clickhouse.user, "X-ClickHouse-Key": clickhouse.password}
    return urllib.request.urlopen(urllib.request.Request(clickhouse.url, sql.encode(), headers)).read().decode()
"""


def run(script: str, path: Path, *, killed: bool = False) -> str:
    """The output of a script in a process of its own, which an engine needs for itself."""
    done = subprocess.run(
        [sys.executable, "-c", ASK + textwrap.dedent(script), str(path)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode == 0) != killed, done.stderr
    return done.stdout
