"""A table of somebody else's: csv or a workbook, as a header and numbered rows. No formula is run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from livewarden.errors import SetupError

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
MOST_ROWS = 50_000


class TableFile(NamedTuple):
    """Its header, and every row by its number as the file shows it (the header is 1)."""

    header: list[str]
    rows: list[tuple[int, dict[str, Any]]]


def read_table(path: Path, sheet: str = "") -> TableFile:
    """The table in a file; `sheet` of a workbook, the first where left out.

    SetupError where it cannot be read, has no header, a column twice, or more than 50,000 rows.
    """
    lines = workbook_lines(path, sheet) if path.suffix.lower() in WORKBOOKS else _csv(path)
    header = [str(cell).strip() for cell in lines[0]] if lines else []
    while header and not header[-1]:
        header.pop()
    if not header:
        raise SetupError(f"{path}: it has no header")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise SetupError(f"{path}: the column {twice[0]!r} stands twice")
    if len(lines) - 1 > MOST_ROWS:
        raise SetupError(f"{path}: more than {MOST_ROWS:,} rows: import it in parts")
    return TableFile(header, [(number, _cells(header, line)) for number, line in enumerate(lines[1:], start=2)])


def _cells(header: Sequence[str], line: Iterable[Any]) -> dict[str, Any]:
    return {name: cell for name, cell in zip(header, line, strict=False) if name}


def _csv(path: Path) -> list[list[Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            start = file.read(4_096)
            file.seek(0)
            head = start.partition("\n")[0]
            mark = max(",;\t", key=head.count)
            return [list(row) for row in csv.reader(file, delimiter=mark, strict=True)]
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SetupError(f"{path}: no csv in UTF-8 ({error})") from error


def workbook_lines(path: Path, sheet: str = "") -> list[list[Any]]:
    """All lines of a sheet, the first where none is named; SetupError where the file is no workbook, or locked."""
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            names = book.sheet_names
            if not names or (sheet and sheet not in names):
                raise SetupError(f"{path}: it has no sheet {sheet!r}, only {', '.join(names) or 'none'}")
            return [list(row) for row in book.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)]
    except PasswordError as error:
        raise SetupError(f"{path}: it has a password: save it without one") from error
    except (CalamineError, OSError) as error:
        raise SetupError(f"{path}: no workbook that can be read ({error})") from error
