"""Recordings: files of events in event-time order, one structured CloudEvent a line."""

from __future__ import annotations

import codecs
import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

import orjson

from livewarden.errors import InvalidEvent, SetupError
from livewarden.event import Event
from sources.codec import LINE_LIMIT_BYTES, from_line, to_line
from sources.log_time import with_log_time

if TYPE_CHECKING:
    from types import ModuleType

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
_COLUMNS = ("id", "source", "type", "time", "data", "partition", "offset")
_BATCH_ROWS = 10_000
_READ_BYTES = len(codecs.BOM_UTF8) + LINE_LIMIT_BYTES + len(b"\r\n")


@dataclass(frozen=True, slots=True)
class DeadLine:
    """A line that is no event: where it stood (`line` counts from 1), why, and its bytes,
    cut where they are too long.
    """

    file: str
    line: int
    reason: str
    detail: str
    raw: bytes


OnDead = Callable[[DeadLine], None]
"""Notified of each line that is no event."""


def raise_dead(dead: DeadLine) -> NoReturn:
    """The strict `OnDead`: InvalidEvent naming file and line.

    >>> raise_dead(DeadLine("a.jsonl", 7, "broken_json", "unexpected end", b"{"))
    Traceback (most recent call last):
    ...
    livewarden.errors.InvalidEvent: broken_json: a.jsonl: line 7: unexpected end
    """
    raise InvalidEvent(dead.reason, f"{dead.file}: line {dead.line}: {dead.detail}")


def read(path: Path, on_dead: OnDead = raise_dead) -> Iterator[Event]:
    """The events of a `.jsonl`, `.jsonl.gz` or `.parquet` recording, in file order and constant memory.

    A line that is no event goes to `on_dead`, and reading goes on; the default raises InvalidEvent instead. A parquet
    recording has the columns id, source, type, time and data (JSON text), and may have partition and offset; its line
    numbers are row numbers. One whose clock was wrong by far is marked (`with_log_time`). Raises SetupError when the
    file is missing, empty, damaged or of another kind.
    """
    return with_log_time(_events(path, on_dead))


def _events(path: Path, on_dead: OnDead) -> Iterator[Event]:
    suffix = _suffix(path)
    if not path.is_file():
        raise SetupError(f"{path}: no such file")
    empty = True
    for number, line in enumerate(_rows(path) if suffix == ".parquet" else _lines(path, suffix), start=1):
        if not line.strip():
            continue
        empty = False
        try:
            event = from_line(line)
        except InvalidEvent as error:
            on_dead(DeadLine(str(path), number, error.reason, error.detail, line))
            continue
        yield event
    if empty:
        raise SetupError(f"{path}: is empty; a recording has at least one event")


def write(path: Path, events: Iterable[Event]) -> int:
    """Write a recording and return how many events it has; equal events give equal bytes.

    The file appears whole or not at all: an error on the way leaves what stood there before. No events, no recording:
    that raises SetupError.
    """
    suffix = _suffix(path)
    if not path.parent.is_dir():
        raise SetupError(f"{path.parent}: no such folder; make it first")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            count = _write_parquet(file, events) if suffix == ".parquet" else _write_lines(file, events, suffix)
        if not count:
            raise SetupError(f"{path}: there is no event to record")
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise SetupError(f"{path}: a recording ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def _lines(path: Path, suffix: str) -> Iterator[bytes]:
    first, number = True, 0
    try:
        with gzip.open(path) if suffix == ".jsonl.gz" else path.open("rb") as file:
            while line := file.readline(_READ_BYTES):
                rest = line
                while not rest.endswith(b"\n") and (rest := file.readline(_READ_BYTES)):
                    pass  # what is kept is long enough to be refused as oversized
                if first:
                    line, first = line.removeprefix(codecs.BOM_UTF8), False
                number += 1
                if _is_cut(line):
                    raise SetupError(
                        f"{path}: line {number}: the file ends inside this line: copy it again, or cut it off"
                    )
                yield line.removesuffix(b"\n").removesuffix(b"\r")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SetupError(f"{path}: damaged gzip file ({error})") from error


def _is_cut(line: bytes) -> bool:
    """Whether it begins as an event, and neither ends as one nor as a line; one that is too long is read no further."""
    if line.endswith(b"\n") or not line.startswith(b"{") or len(line) == _READ_BYTES:
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return True
    return False


def _rows(path: Path) -> Iterator[bytes]:
    parquet = _parquet()
    try:
        file = parquet.ParquetFile(path)
    except ValueError as error:
        raise SetupError(f"{path}: not a parquet file ({error})") from error
    with file:
        missing = [column for column in _COLUMNS[:5] if column not in file.schema_arrow.names]
        if missing:
            raise SetupError(f"{path}: column {missing[0]} is missing; a recording has {', '.join(_COLUMNS[:5])}")
        columns = [column for column in _COLUMNS if column in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            for row in batch.to_pylist():
                envelope = {name: value for name, value in row.items() if value is not None}
                data = envelope.pop("data", None)
                if data is not None:
                    envelope["data"] = orjson.Fragment(data)
                yield orjson.dumps({"specversion": "1.0", **envelope}, default=str)


def _write_lines(file: IO[bytes], events: Iterable[Event], suffix: str) -> int:
    count = 0
    if suffix == ".jsonl.gz":
        # no name and no time in the header: equal events, equal bytes
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as packed:
            return _write_lines(cast("IO[bytes]", packed), events, ".jsonl")
    for event in events:
        file.write(to_line(event).encode() + b"\n")
        count += 1
    return count


def _write_parquet(file: IO[bytes], events: Iterable[Event]) -> int:
    parquet = _parquet()
    import pyarrow

    texts = [(name, pyarrow.string()) for name in _COLUMNS[:5]]
    schema = pyarrow.schema([*texts, ("partition", pyarrow.int32()), ("offset", pyarrow.int64())])
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        for event in events:
            row = orjson.loads(to_line(event))
            rows.append({name: row.get(name) for name in _COLUMNS} | {"data": orjson.dumps(row["data"]).decode()})
            count += 1
            if len(rows) == _BATCH_ROWS:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
                rows = []
        writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
    return count


def _parquet() -> ModuleType:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise SetupError("a .parquet recording needs pyarrow; run: pip install pyarrow") from error
    return cast("ModuleType", parquet)
