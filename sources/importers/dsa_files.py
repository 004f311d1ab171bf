"""Rows out of the official daily dumps: csv, zip of csv, zip of zips of csv.

A record starts where a line starts with a UUID. So a broken quote harms its own record and not the rest of the file,
and a row is known by file and line. The dumps' writer escaped `"` after a backslash by leaving it alone
(digital-services-act/transparency-database issue 454); a record that is not plain CSV is read that way before it is
given up.
"""

from __future__ import annotations

import csv
import io
import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

from livewarden.errors import SetupError
from sources.recording import DeadLine

LIGHT_COLUMNS = (
    *("uuid", "decision_visibility", "decision_visibility_other", "end_date_visibility_restriction"),
    *("decision_monetary", "decision_monetary_other", "end_date_monetary_restriction"),
    *("decision_provision", "end_date_service_restriction", "decision_account", "end_date_account_restriction"),
    *("account_type", "decision_ground", "decision_ground_reference_url", "illegal_content_legal_ground"),
    *("incompatible_content_ground", "incompatible_content_illegal"),
    *("category", "category_addition", "category_specification", "category_specification_other"),
    *("content_type", "content_type_other", "content_language", "content_date", "application_date"),
    *("source_type", "source_identity", "automated_detection", "automated_decision"),
    *("platform_name", "platform_uid", "created_at"),
)
"""What every dump has: schema v1, light."""
FULL_COLUMNS = (
    "illegal_content_explanation",
    "incompatible_content_explanation",
    "territorial_scope",
    "decision_facts",
)
"""What a full dump has besides."""
V2_COLUMNS = ("content_id_ean",)
"""What schema v2 added."""

_RECORD_START = re.compile(rb'"?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"?,')
_MAX_RECORD_BYTES = 1 << 20
_MAX_DEPTH = 2
_ENCRYPTED = 0x1
_DEFLATE64 = 9
csv.field_size_limit(2 * _MAX_RECORD_BYTES)


class Row(NamedTuple):
    """One record: where it stood, and its fields that are not empty."""

    file: str
    line: int
    fields: dict[str, str]


def rows_of(path: Path) -> Iterator[Row | DeadLine]:
    """Every record of a dump, in file order, in constant memory.

    A member of an archive that holds nothing is a DeadLine `empty_file`. Raises SetupError, naming the file, when it is
    missing, no dump, damaged, packed in a way that Python cannot unpack, or has unknown or missing columns.
    """
    if not path.is_file():
        raise SetupError(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            yield from _members(stream, path.name, depth=0)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise SetupError(f"{path}: damaged archive ({error}); download it again") from error
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error


_BOMB_BYTES = 64 * 2**20
_BOMB_RATIO = 20
"""An archive does not pack again: one inside another that shrank to a twentieth is a bomb."""


def _members(stream: IO[bytes], name: str, depth: int) -> Iterator[Row | DeadLine]:
    suffix = name.rpartition(".")[2].lower()
    if suffix == "csv":
        yield from _records(stream, name)
        return
    if suffix != "zip" or depth > _MAX_DEPTH:
        raise SetupError(f"{name}: not a .csv or a .zip of them; give the daily dumps as downloaded")
    with zipfile.ZipFile(stream) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if not members:
            yield _empty(name)
        for member in members:
            inner = f"{name}/{member.filename}"
            if not member.file_size:
                yield _empty(inner)
                continue
            with _opened(archive, member, inner) as content:
                if member.filename.lower().endswith(".zip"):
                    if member.file_size > _BOMB_BYTES and member.file_size > _BOMB_RATIO * member.compress_size:
                        raise SetupError(f"{inner}: unpacks to {member.file_size >> 20:,} MiB out of next to nothing")
                    # a zip is read from its end: on disk, since an archive member can only be read forwards
                    with tempfile.TemporaryFile() as copy:
                        shutil.copyfileobj(content, copy)
                        yield from _members(cast("IO[bytes]", copy), inner, depth + 1)
                else:
                    yield from _members(content, inner, depth + 1)


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> IO[bytes]:
    if member.flag_bits & _ENCRYPTED:
        raise SetupError(f"{name}: encrypted; unpack it first")
    try:
        return archive.open(member)
    except (NotImplementedError, RuntimeError) as error:
        way = "Deflate64" if member.compress_type == _DEFLATE64 else str(error)
        raise SetupError(f"{name}: packed in a way that is not read here ({way}); unpack it first") from error


def _empty(name: str) -> DeadLine:
    return DeadLine(name, 1, "empty_file", "there is nothing in it", b"")


def _records(stream: IO[bytes], name: str) -> Iterator[Row | DeadLine]:
    header = _header(stream.readline(_MAX_RECORD_BYTES), name)
    lines: list[bytes] = []
    start, size = 2, 0
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_RECORD_BYTES), b""), start=2):
        if lines and (_RECORD_START.match(line) or size > _MAX_RECORD_BYTES):
            yield from _record(lines, header, name, start)
            lines, size = [], 0
        if not lines:
            start = number
        lines.append(line)
        size += len(line)
    if lines:
        yield from _record(lines, header, name, start)


def _header(line: bytes, name: str) -> list[str]:
    try:
        columns = next(csv.reader([line.decode("utf-8-sig", "replace")]), [])
    except csv.Error as error:
        raise SetupError(
            f"{name}: line 1: no line of column names ({error}); not a DSA dump of schema v1 or v2"
        ) from error
    if not columns:
        raise SetupError(f"{name}: is empty; a dump starts with a line of column names")
    known = {*LIGHT_COLUMNS, *FULL_COLUMNS, *V2_COLUMNS}
    unknown = [column for column in columns if column not in known]
    missing = [column for column in LIGHT_COLUMNS if column not in columns]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    for what, found in (("unknown", unknown), ("missing", missing), ("repeated", twice)):
        if found:
            shown = ", ".join(repr(column[:60]) for column in found[:5]) + (" …" if len(found) > 5 else "")
            raise SetupError(f"{name}: line 1: {what} column {shown}; not a DSA dump of schema v1 or v2")
    return columns


def _record(lines: Sequence[bytes], header: list[str], name: str, start: int) -> Iterator[Row | DeadLine]:
    raw = b"".join(lines)
    if not raw.strip():
        return
    fields = _fields(raw, header)
    if fields is None and len(lines) > 1 and (first := _fields(lines[0], header)) is not None:
        # a good record with a line behind it that belongs to none
        yield Row(name, start, first)
        raw, start = b"".join(lines[1:]), start + 1
    if fields is None:
        yield DeadLine(name, start, "broken_csv", f"not one UTF-8 record of {len(header)} columns", raw)
    else:
        yield Row(name, start, fields)


def _fields(raw: bytes, header: list[str]) -> dict[str, str] | None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    for spelling in (text, text.replace('\\"', '\\""')):
        try:
            found = list(csv.reader(io.StringIO(spelling, newline=""), strict=True))
        except csv.Error:
            continue
        if len(found) == 1 and len(found[0]) == len(header):
            return {column: value for column, value in zip(header, found[0], strict=True) if value}
    return None
