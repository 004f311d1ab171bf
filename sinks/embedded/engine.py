"""The ClickHouse engine inside this process (chDB): one session per request, so that no setting outlives it.

A process holds one engine on one path; it starts with the first connection and ends with the last. Sessions may be used
from several threads at once, one thread at a time each.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from livewarden.errors import SetupError
from sinks.sql import quoted

_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_HEAD = re.compile(r"((?:[^'`\"]|'(?:[^'\\]|\\.)*'|`[^`]*`|\"[^\"]*\")*?)(\bSETTINGS\b.*)?", re.IGNORECASE | re.DOTALL)
_MEMORY = Path("/dev/shm")
_VERSION = r"(?: \(version [^)]*\))?"
_AGAIN = re.compile(rf"( \([A-Z_]+\)){_VERSION}(?:\.\1{_VERSION})+")
_HELD_IN = re.compile(r"\(in file/uri [^)]*\): ?")
_CODE = re.compile(r"Code: (\d+)\.")


class QueryFailed(Exception):
    """The engine refused a query; `code` is ClickHouse's error code, 0 where there is none."""

    def __init__(self, message: str, code: int | None = None) -> None:
        start = message.rfind("Code: ") if message.count("DB::Exception") > 1 else message.find("Code: ")
        text = message[max(start, 0) :].replace("DB::Exception: DB::Exception", "DB::Exception")
        text = _AGAIN.sub(r"\1", _HELD_IN.sub("", text))
        found = _CODE.search(text)
        self.code = code if code is not None else int(found[1]) if found else 0
        super().__init__(text if found else f"Code: {self.code}. DB::Exception: {text}")


@contextmanager
def _held(data: bytes) -> Iterator[str]:
    """A file with `data`, in memory where the system can."""
    try:
        with NamedTemporaryFile(prefix="livewarden-", dir=_MEMORY if _MEMORY.is_dir() else None) as file:
            file.write(data)
            file.flush()
            yield file.name
    except OSError as error:
        raise QueryFailed(f"Cannot hold {len(data)} bytes: {error.strerror}. (NOT_ENOUGH_SPACE)", 243) from error


@dataclass(frozen=True)
class Answer:
    """What a finished statement left, or a block of a result: its bytes in the asked format; how many rows and bytes
    were read from tables and written to them so far, and the seconds it took.
    """

    body: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    elapsed_s: float = 0.0

    @property
    def summary(self) -> str:
        """What stands in `X-ClickHouse-Summary`, as a server says it; what the engine does not tell is 0."""
        known = {
            name: str(getattr(self, name)) for name in ("read_rows", "read_bytes", "written_rows", "written_bytes")
        }
        rest = {"total_rows_to_read": str(self.read_rows), "result_rows": "0", "result_bytes": "0"}
        rest |= {"elapsed_ns": str(int(self.elapsed_s * 1e9)), "memory_usage": "0"}
        return json.dumps(known | rest, separators=(",", ":"))


def _answered(result: Any) -> Answer:
    rows, size = int(result.rows_written()), int(result.bytes_written())
    # a server counts what comes with a statement as read
    read = int(result.storage_rows_read()) or rows, int(result.storage_bytes_read()) or size
    return Answer(bytes(result.bytes() or b""), *read, rows, size, float(result.elapsed()))


class Session:
    """One connection to the engine with its own settings. Close it from any thread: it waits for the running call,
    and ends a stream that nobody read to its end.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._busy = threading.Lock()
        self._streamed: Any = None

    def run(self, sql: str, output: str, parameters: Mapping[str, str] | None = None) -> Answer:
        """Execute one statement and hold its whole result."""
        with self._busy, _translated():
            return _answered(self._connection.query(sql, output, params=dict(parameters or {})))

    def stream(self, sql: str, output: str, parameters: Mapping[str, str] | None = None) -> Generator[Answer]:
        """Execute one query and yield its result block by block; only for formats without head and foot."""
        with self._busy, _translated():
            result = self._streamed = self._connection.send_query(sql, output, params=dict(parameters or {}))
        try:
            while True:
                with self._busy, _translated():
                    if self._streamed is not result:
                        raise QueryFailed("The session was closed. (ABORTED)", 236)
                    block = result.fetch()
                    if block is None:
                        return
                    answer = _answered(block)
                yield answer
        finally:
            with self._busy:
                self._end(result)

    def insert(self, head: str, output: str, data: bytes) -> Answer:
        """Execute `INSERT INTO … ` (its FORMAT left off) with `data` in format `output`; all of it or an error.

        Not through chDB's `send_insert`: that swallows what goes wrong while rows are written, and reports them as
        written.
        """
        found = _HEAD.fullmatch(head)
        target, settings = (found[1], found[2] or "") if found else (head, "")
        with _held(data) as name:
            sql = f"{target} FROM INFILE {quoted(name)} COMPRESSION 'none' {settings} FORMAT {output}"
            return replace(self.run(sql, "TSV"), body=b"")

    def apply(self, settings: Mapping[str, str]) -> None:
        """`SET` every setting of `settings` in this session."""
        for name in settings:
            if not _SETTING.fullmatch(name):
                raise QueryFailed(f"Setting {name!r} is neither a variable nor a setting. (UNKNOWN_SETTING)", 115)
        if settings:
            self.run("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items()), "TSV")

    def forget(self, settings: Mapping[str, str]) -> None:
        """Set every setting of `settings` back: on a server they are a request's, not its session's."""
        if settings:
            self.run("SET " + ", ".join(f"{name} = DEFAULT" for name in settings if _SETTING.fullmatch(name)), "TSV")

    def close(self) -> None:
        """Give the connection back. Idempotent."""
        with self._busy:
            self._end(self._streamed)
            self._connection.close()

    def _end(self, result: Any) -> None:
        # Once its connection is closed, ending a stream blocks for ever: it is ended before, and once.
        if result is not None and result is self._streamed:
            self._streamed = None
            with _translated():
                result.close()


class Engine:
    """The engine on `path`. A second one in this process, or another process on the same path, is a SetupError."""

    def __init__(self, path: Path) -> None:
        try:
            from chdb.state import connect
        except ImportError as error:
            raise SetupError("the embedded ClickHouse is not installed: pip install 'livewarden[embedded]'") from error
        self._connect = connect
        self._path = str(path)
        try:
            self._keeper = connect(self._path)
        except RuntimeError as error:
            if "already initialized" in str(error):
                raise SetupError("this process already runs an embedded ClickHouse: close that one first") from error
            raise SetupError(f"cannot open {path}: is another process using it? One process per directory") from error

    def session(self) -> Session:
        """A new session with the engine's defaults, close to a server's."""
        with _translated():
            session = Session(self._connect(self._path))
        session.apply({"implicit_select": "0", "allow_introspection_functions": "0", "async_insert": "0"})
        return session

    def close(self) -> None:
        """End the engine once the last session is closed. Idempotent."""
        self._keeper.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # chDB raises RuntimeError, and its ChdbError from Exception
        raise QueryFailed(str(error)) from error
    except Exception as error:
        if type(error).__name__ != "ChdbError":
            raise
        raise QueryFailed(str(error)) from error
