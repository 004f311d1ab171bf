"""ClickHouse's HTTP interface over the engine in this process: what clients send, and what they get back.

Not there, and said with code 48: the native protocol's compression (`compress`, `decompress`) and external data.
`X-ClickHouse-Summary` comes with every answer but an error, of a streamed one as far as its first rows.
`X-ClickHouse-Progress` is never sent.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from sinks.embedded.engine import Answer, Engine, QueryFailed, Session
from sinks.embedded.guard import Guard
from sinks.embedded.sessions import Sessions

T = TypeVar("T")


class Call(Protocol):
    """Runs something that blocks on the threads of whoever asked."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """What `work` returns, or its error."""
        ...


_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TRANSPORT = frozenset(
    [
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "user",
        "password",
        "quota_key",
        "compress",
        "decompress",
        "wait_end_of_query",
        "buffer_size",
        "stacktrace",
        "role",
        "client_protocol_version",
    ]
)
_STREAMED = frozenset(
    [
        "Native",
        "RowBinary",
        "TabSeparated",
        "TSV",
        "TabSeparatedRaw",
        "TSVRaw",
        "CSV",
        "JSONEachRow",
        "JSONCompactEachRow",
    ]
)
_PYTHON_FORMATS = frozenset({"dataframe", "datastore", "arrowtable", "debug"})
_BINARY = frozenset(
    [
        "Native",
        "RowBinary",
        "RowBinaryWithNames",
        "RowBinaryWithNamesAndTypes",
        "Arrow",
        "ArrowStream",
        "Parquet",
        "ORC",
    ]
)
_SELECT = re.compile(r"[\s(]*(SELECT|WITH|FROM)\b", re.IGNORECASE)
_RESULT = re.compile(r"[\s(]*(SELECT|WITH|FROM|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS|CHECK)\b", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
_INSERT = re.compile(r"\s*INSERT\b", re.IGNORECASE)
_INSERT_FORMAT = re.compile(
    rb"((?:[^'`\"]|'(?:[^'\\]|\\.)*'|`[^`]*`|\"[^\"]*\")*?)\bFORMAT\s+(\w+)[ \t]*(?:\r?\n|$|(?=[\s{\[(]))",
    re.IGNORECASE | re.DOTALL,
)
_VALUES = re.compile(rb"\bVALUES\b|\bSELECT\b", re.IGNORECASE)
_OUTPUT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^;]*)?;?\s*$", re.IGNORECASE)
_STATUS = {
    **dict.fromkeys((27, 26, 38, 41, 53, 62, 69, 70, 72, 117, 130, 131, 386, 36), 400),
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, 497, 516), 403),
    **dict.fromkeys((46, 47, 60, 63, 73, 81, 115, 16), 404),
    159: 408,
    48: 501,
    202: 503,
}


@dataclass(frozen=True)
class Ask:
    """One request, understood."""

    sql: str
    data: bytes | None
    """Rows of an INSERT … FORMAT, or None."""
    output: str
    whole: bool
    """Hold the result back until the query has ended."""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    query_id: str = ""
    session_id: str = ""
    session_timeout: str = ""
    session_check: bool = False


class HttpInterface:
    """Request handlers. `user` with `password` may do everything, on `threads`;
    `default` without a password may read, on `readers`.
    """

    def __init__(self, engine: Engine, threads: Executor, readers: Executor, user: str, password: str) -> None:
        self._engine = engine
        self._threads = threads
        self._readers = readers
        self._guard = Guard(engine)
        self._sessions = Sessions(engine)
        self._user = user
        self._password = password

    def application(self) -> web.Application:
        """The aiohttp application; a body may be as large as 1 GiB."""
        application = web.Application(client_max_size=1 << 30)
        application.on_cleanup.append(self._sessions.close)
        application.router.add_get("/ping", self.ping)
        application.router.add_route("GET", "/", self.query)
        application.router.add_route("POST", "/", self.query)
        return application

    async def ping(self, request: web.Request) -> web.Response:
        """`Ok.`, to anybody."""
        return web.Response(text="Ok.\n")

    async def query(self, request: web.Request) -> web.StreamResponse:
        """Run what the request asks; errors come with ClickHouse's code, text and HTTP status."""
        try:
            _check_loopback(request)
            writer = self._authenticate(request)
            ask = await _understand(request)
            call = partial(_call, self._threads if writer else self._readers)
            async with self._session(ask, writer, call) as session:
                return await self._answer(request, session, ask, writer, call)
        except QueryFailed as error:
            return web.Response(
                status=_STATUS.get(error.code, 500),
                text=f"{error}\n",
                headers={"X-ClickHouse-Exception-Code": str(error.code)},
            )

    @asynccontextmanager
    async def _session(self, ask: Ask, writer: bool, call: Call) -> AsyncIterator[Session]:
        if ask.session_id and writer:
            async with self._sessions.held(ask.session_id, ask.session_timeout, ask.session_check, call) as session:
                try:
                    yield session
                finally:
                    await call(lambda: session.forget(ask.settings))
            return
        session = await call(self._engine.session)  # a reader's is read-only: nothing in it is worth keeping
        try:
            yield session
        finally:
            await call(session.close)

    async def _answer(
        self, request: web.Request, session: Session, ask: Ask, writer: bool, call: Call
    ) -> web.StreamResponse:
        if ask.database:
            await call(lambda: session.run(f"USE {_identifier(ask.database)}", "TSV"))
        sql = ask.sql
        if not writer or ask.settings.get("readonly", "0") != "0" or request.method == "GET":
            if ask.data is not None:
                raise QueryFailed("Cannot execute query in readonly mode. (READONLY)", 164)
            sql = await call(lambda: self._guard.admit(session, ask.sql, ask.settings))
        else:
            await call(lambda: session.apply(ask.settings))
        head = {"X-ClickHouse-Query-Id": ask.query_id, "X-ClickHouse-Timezone": "UTC"}
        if (data := ask.data) is not None:
            return _plain(await call(lambda: session.insert(sql, ask.output, data)), head)
        if not _RESULT.match(sql):
            return _plain(await call(lambda: session.run(sql, ask.output, ask.parameters)), head)
        head |= {"X-ClickHouse-Format": ask.output, "Content-Type": _content_type(ask.output)}
        if ask.whole or ask.output not in _STREAMED or not _SELECT.match(sql):
            answer = await call(lambda: session.run(sql, ask.output, ask.parameters))
            if not answer.body and ask.output == "Native":
                answer = Answer(await call(lambda: _empty_native(session, sql, ask)))
            return _plain(answer, head)
        return await self._stream(request, session, sql, ask, head, call)

    async def _stream(
        self, request: web.Request, session: Session, sql: str, ask: Ask, head: dict[str, str], call: Call
    ) -> web.StreamResponse:
        blocks = session.stream(sql, ask.output, ask.parameters)

        def block() -> Answer | None:
            return next(blocks, None)

        response = web.StreamResponse(headers=head)
        try:
            answer = await call(block)
            if answer is None:
                rest = await call(lambda: _empty_native(session, sql, ask)) if ask.output == "Native" else b""
                return _plain(Answer(rest), head)
            response.headers["X-ClickHouse-Summary"] = answer.summary
            await response.prepare(request)
            while answer is not None:
                await response.write(answer.body)
                answer = await call(block)
        except QueryFailed:
            if not response.prepared:
                raise
            # The status line is gone: a connection cut in mid-chunk is the one thing no client takes for an end.
            if request.transport is not None:
                request.transport.abort()
            return response
        finally:
            await call(blocks.close)
        await response.write_eof()
        return response

    def _authenticate(self, request: web.Request) -> bool:
        user, password = _credentials(request)
        if user == self._user and hmac.compare_digest(password.encode(), self._password.encode()):
            return True
        if user == "default" and not password:
            return False
        raise QueryFailed(
            f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
            " (AUTHENTICATION_FAILED)",
            516,
        )


async def _call(threads: Executor, work: Callable[[], T]) -> T:
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(threads, work))


def _credentials(request: web.Request) -> tuple[str, str]:
    if "X-ClickHouse-User" in request.headers or "X-ClickHouse-Key" in request.headers:
        return request.headers.get("X-ClickHouse-User", "default"), request.headers.get("X-ClickHouse-Key", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError as error:
            raise QueryFailed("Invalid authentication: not Basic credentials. (AUTHENTICATION_FAILED)", 516) from error
        return user or "default", password
    return request.query.get("user", "default"), request.query.get("password", "")


def _check_loopback(request: web.Request) -> None:
    # A page of a foreign site can make a browser send requests here; its name in Host or Origin gives it away.
    for header in ("Host", "Origin"):
        value = request.headers.get(header)
        if value and urlsplit(value if "//" in value else f"//{value}").hostname not in _LOOPBACK:
            raise QueryFailed(f"{header} {value!r} is not this machine's loopback. (ACCESS_DENIED)", 497)


async def _understand(request: web.Request) -> Ask:
    values = dict(request.query)
    if request.content_type.startswith("multipart/"):
        form = await request.post()
        if any(not isinstance(value, str) for value in form.values()):
            raise QueryFailed("External data is not supported by the embedded ClickHouse. (NOT_IMPLEMENTED)", 48)
        values.update({name: value for name, value in form.items() if isinstance(value, str)})
        body = b""
    else:
        body = _decompressed(await _body(request), request.headers.get("Content-Encoding", ""))
    if values.get("compress", "0") not in ("0", "") or values.get("decompress", "0") not in ("0", ""):
        raise QueryFailed("compress and decompress are not supported; use Content-Encoding. (NOT_IMPLEMENTED)", 48)
    text = values.get("query", "").encode()
    sql, data, written = _split_insert(text, body)
    if not sql.strip():
        raise QueryFailed("Empty query. (SYNTAX_ERROR)", 62)
    asked = request.headers.get("X-ClickHouse-Format") or values.get("default_format") or "TSV"
    found = _OUTPUT.search(sql)
    output = written or (found[1] if found else asked)
    if not re.fullmatch(r"\w+", output) or output.lower() in _PYTHON_FORMATS:
        raise QueryFailed(f"Unknown format {output!r}. (UNKNOWN_FORMAT)", 73)
    return Ask(
        sql=sql,
        data=data,
        output=output,
        # of a session: whoever has the end of its result may ask it again at once
        whole=values.get("wait_end_of_query", "0") not in ("0", "") or bool(values.get("session_id")),
        settings={n: v for n, v in values.items() if n not in _TRANSPORT and not n.startswith("param_")},
        parameters={n.removeprefix("param_"): v for n, v in values.items() if n.startswith("param_")},
        database=values.get("database") or request.headers.get("X-ClickHouse-Database") or "",
        query_id=re.sub(r"[^\w-]", "", values.get("query_id", "")) or str(uuid.uuid4()),
        session_id=values.get("session_id", ""),
        session_timeout=values.get("session_timeout", ""),
        session_check=values.get("session_check", "0") not in ("0", ""),
    )


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.RequestPayloadError as error:
        encoding = request.headers.get("Content-Encoding", "")
        raise QueryFailed(f"Broken {encoding} body. (ZLIB_INFLATE_FAILED)", 354) from error


def _split_insert(text: bytes, body: bytes) -> tuple[str, bytes | None, str]:
    whole = text + b"\n" + body if text and body else text or body
    start = _skip_comments(whole)
    if _INSERT.match(whole[start : start + 64].decode(errors="replace")):
        found = _INSERT_FORMAT.match(whole, start)
        if found and not _VALUES.search(found[1]):
            return found[1].decode(), whole[found.end() :], found[2].decode()
    try:
        return whole[start:].decode(), None, ""
    except UnicodeDecodeError as error:
        raise QueryFailed("The query is not UTF-8. (SYNTAX_ERROR)", 62) from error


def _skip_comments(whole: bytes) -> int:
    head = whole[:65536].decode(errors="replace")
    position = 0
    while found := _COMMENT.match(head, position):
        position = found.end()
    return len(head[:position].encode())


def _decompressed(body: bytes, encoding: str) -> bytes:
    # aiohttp has already undone gzip, deflate, br and zstd
    if encoding != "lz4":
        return body
    try:
        import lz4.frame  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise QueryFailed("lz4 needs the lz4 package; send zstd or gzip. (NOT_IMPLEMENTED)", 48) from error
    try:
        return bytes(lz4.frame.decompress(body))
    except RuntimeError as error:
        raise QueryFailed(f"Broken lz4 body: {error}. (CANNOT_DECOMPRESS)", 271) from error


def _empty_native(session: Session, sql: str, ask: Ask) -> bytes:
    names_and_types = "JSONCompactEachRowWithNamesAndTypes"
    probe = _OUTPUT.sub("", sql) + f" FORMAT {names_and_types}"
    lines = session.run(probe, names_and_types, ask.parameters).body.splitlines()
    names, types = (json.loads(line) for line in lines[:2])
    pairs = b"".join(
        _varint(len(text.encode())) + text.encode() for pair in zip(names, types, strict=True) for text in pair
    )
    return _varint(len(names)) + _varint(0) + pairs


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _plain(answer: Answer, head: Mapping[str, str]) -> web.Response:
    return web.Response(body=answer.body, headers={**head, "X-ClickHouse-Summary": answer.summary})


def _content_type(output: str) -> str:
    if output.startswith("JSON"):
        return "application/x-ndjson; charset=UTF-8" if "EachRow" in output else "application/json; charset=UTF-8"
    if output.startswith("CSV"):
        return "text/csv; charset=UTF-8"
    if output[:3] in ("Tab", "TSV"):
        return "text/tab-separated-values; charset=UTF-8"
    return "application/octet-stream" if output in _BINARY else "text/plain; charset=UTF-8"


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
