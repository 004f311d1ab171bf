"""A spreadsheet written row by row, with memory for one row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from livewarden.errors import SetupError
from livewarden.times import format_ms, moment_of, parse_ms
from sinks.export.query import Kind

MOST_ROWS: Final = 1_048_575
"""Rows of a sheet below its head."""
MOST_CHARACTERS: Final = 32_767
"""Units of UTF-16 of a cell: an emoji is two."""
_EXACT: Final = 2**53
_FIRST_MS: Final = parse_ms("1900-01-01T00:00:00Z")
_END_MS: Final = parse_ms("9999-12-31T00:00:00Z")
RISKY: Final = frozenset("=+-@\t\r\n＝＋－＠")


def too_many(rows: int) -> SetupError:
    """What is said of more rows than a sheet holds."""
    return SetupError(
        f"{rows:,} rows are more than a spreadsheet holds ({MOST_ROWS:,}): export .csv or .parquet, "
        "or fewer with --from, --to,"
        " --where or --limit"
    )


class Sheet:
    """One sheet: a head, then rows in order. Texts are written as texts, never as formulas or links.

    A text that begins as a formula does has the sheet's own mark for a text (the quote prefix), so it stays one when it
    is edited. An instant that a sheet cannot hold, before 1900 or after 9999, is a text. A text beyond
    `MOST_CHARACTERS` is cut, and `cut` counts it. Whole numbers that a sheet cannot hold exactly become texts.
    """

    def __init__(self, path: Path, names: Sequence[str], kinds: Sequence[Kind]) -> None:
        self.rows = 0
        self.cut = 0
        self._kinds = kinds
        self._changes = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._sheet = self._changes.add_worksheet("rows")
        self._time = self._changes.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._plain = self._changes.add_format()
        self._quoted = self._changes.add_format({"quote_prefix": True})
        head = self._changes.add_format({"bold": True})
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            self._sheet.set_column(place, place, 24 if kind == "time" else max(12, len(name) + 2))
            self._sheet.write_string(0, place, name, head)
        self._sheet.freeze_panes(1, 0)

    def write(self, row: Sequence[Any]) -> None:
        """One row; times as ms UTC. SetupError beyond `MOST_ROWS`."""
        if self.rows == MOST_ROWS:
            raise too_many(self.rows + 1)
        self.rows += 1
        for place, (value, kind) in enumerate(zip(row, self._kinds, strict=True)):
            if value is None:
                continue
            if kind == "time":
                if _FIRST_MS <= int(value) < _END_MS:
                    moment = moment_of(int(value))[0].replace(tzinfo=None)
                    self._sheet.write_datetime(self.rows, place, moment, self._time)
                else:
                    self._text(place, format_ms(int(value)))
            elif kind == "number" or (kind == "whole" and abs(int(value)) <= _EXACT):
                self._sheet.write_number(self.rows, place, float(value))
            else:
                self._text(place, str(value))

    def _text(self, place: int, text: str) -> None:
        if len(text) > MOST_CHARACTERS // 2 and len(text.encode("utf-16-le", "replace")) // 2 > MOST_CHARACTERS:
            self.cut += 1
            text = cut(text, MOST_CHARACTERS)
        if text:
            self._sheet.write_string(self.rows, place, text, self._quoted if text[0] in RISKY else self._plain)

    def close(self) -> None:
        """Write what is left; SetupError where the file cannot be written."""
        try:
            self._changes.close()
        except XlsxWriterException as error:
            raise SetupError(f"the spreadsheet is not written: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()


def cut(text: str, units: int) -> str:
    """The beginning of a text that is too long, with a dot for the rest: at most so many units of UTF-16, none of them
    halved.

    >>> cut("ab\N{SHOPPING TROLLEY}\N{SHOPPING TROLLEY}", 5)
    'ab🛒…'
    """
    kept = text.encode("utf-16-le", "replace")[: 2 * (units - 1)]
    return f"{kept.decode('utf-16-le', 'ignore')}…"
