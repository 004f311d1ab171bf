"""An export as a file: Parquet, CSV and JSON lines as ClickHouse writes them, a spreadsheet row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import orjson

from livewarden.errors import SetupError
from sinks.export.query import Export, Form, kind_of
from sinks.export.sheet import MOST_ROWS, Sheet, too_many
from sinks.store.reader import Reader
from sinks.whole_file import whole_file

_FORMATS: Final[dict[Form, str]] = {"csv": "CSVWithNames", "jsonl": "JSONEachRow", "parquet": "Parquet"}


@dataclass(frozen=True)
class Written:
    """What was written: rows, bytes, where. `cut`: cells of a spreadsheet that were too long for it."""

    out: Path
    rows: int
    size: int
    cut: int = 0


def form_of(out: Path) -> Form:
    """The form that a file's name asks for; SetupError where it asks for none.

    >>> form_of(Path("alerts.xlsx"))
    'xlsx'
    """
    found = out.suffix.removeprefix(".").lower()
    for form in get_args(Form):
        if found == form:
            return form  # type: ignore[no-any-return]
    raise SetupError(f"--out: {out.name!r} ends in none of .csv, .jsonl, .parquet, .xlsx")


async def export(reader: Reader, wanted: Export, out: Path, *, force: bool = False) -> Written:
    """Write it; the file is there whole or not at all. Memory does not grow with the rows.

    Rows are counted as they are written, of Parquet just before, by ClickHouse. SetupError for more rows than a
    spreadsheet holds.
    """
    form = form_of(out)
    sql, values = wanted.statement(form)
    with whole_file(out, force=force) as path:
        rows, cut = 0, 0
        if form in ("parquet", "xlsx"):
            count, bound = wanted.count()
            rows = (await reader.select(count, bound))[0]["rows"]
        if form == "xlsx":
            if rows > MOST_ROWS:
                raise too_many(rows)
            columns = wanted.chosen()
            with Sheet(path, [each.name for each in columns], [kind_of(each.type) for each in columns]) as sheet:
                async for line in _lines(reader.stream(sql, "JSONCompactEachRow", values)):
                    sheet.write(orjson.loads(line))
            rows, cut = sheet.rows, sheet.cut
        else:
            counting = _Ends(quoted=form == "csv")
            with path.open("xb") as target:
                async for block in reader.stream(sql, _FORMATS[form], values):
                    target.write(block)
                    counting.add(block)
            rows = {"csv": counting.ends - 1, "jsonl": counting.ends, "parquet": rows}[form]
        size = path.stat().st_size
    return Written(out, rows, size, cut)


class _Ends:
    """Counts line ends block by block, where `quoted` only those outside of quotes, as in CSV.

    JSON has none inside of a row.
    """

    def __init__(self, *, quoted: bool) -> None:
        self.ends = 0
        self._quoted = quoted
        self._inside = False

    def add(self, block: bytes) -> None:
        if not self._quoted:
            self.ends += block.count(b"\n")
            return
        parts = block.split(b'"')
        self.ends += sum(part.count(b"\n") for part in parts[1 if self._inside else 0 :: 2])
        self._inside ^= len(parts) % 2 == 0


async def _lines(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest
