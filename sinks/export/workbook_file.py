"""A workbook that came back, read: formulas are not run, and what the file says of itself is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from livewarden.errors import SetupError
from livewarden.times import parse_ms
from livewarden.tracker import EDITABLE, SheetCell, SheetRow, TrackerExport, TrackerRow, digest_of
from sinks.export.workbook import BASELINE, BASELINE_COLUMNS, CASES, EXPORT, FORMAT

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


@dataclass(frozen=True, slots=True)
class WorkbookFile:
    """What a workbook holds: of which export it says it is, the baseline, its rows, and columns that are not ours."""

    export: TrackerExport
    base: Sequence[TrackerRow]
    rows: Sequence[SheetRow]
    aside: Sequence[str]


def read_workbook(path: Path, own: Sequence[str]) -> WorkbookFile:
    """Read a workbook of `tracker export`; `own` are the columns that it was exported with.

    SetupError where it is none, where its hidden sheets are gone, or where its baseline is not what was signed.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            return _read(book, path, own)
    except (CalamineError, OSError) as error:
        raise SetupError(f"{path}: it is no workbook that can be read: {error}") from error


def _read(book: CalamineWorkbook, path: Path, own: Sequence[str]) -> WorkbookFile:
    missing = [name for name in (CASES, BASELINE, EXPORT) if name not in book.sheet_names]
    if missing:
        raise SetupError(f"{path}: the sheet {missing[0]} is missing: this is no export of the tracker, or half of one")
    facts = {str(row[0]): str(row[1]) for row in _table(book, EXPORT) if len(row) > 1}
    if facts.get("format") != FORMAT:
        raise SetupError(f"{path}: its format is {facts.get('format')!r}, only {FORMAT!r} can be read")
    try:
        at_ms, count = parse_ms(facts["exported_at"]), int(float(facts["rows"]))
        export = TrackerExport(facts["export_id"], at_ms, facts["exported_by"], count, facts["signature"])
        base = [_row(row) for row in _table(book, BASELINE)[1:] if any(row)]
    except (KeyError, ValueError, IndexError) as error:
        raise SetupError(f"{path}: its hidden sheets were changed: export it anew ({error})") from error
    if digest_of(base) != export.digest or len(base) != export.rows:
        raise SetupError(f"{path}: its baseline is not what was exported: export it anew")
    head, *rows = _table(book, CASES) or [[]]
    names = [str(cell or "").strip() for cell in head]
    known = (*own, *EDITABLE)
    twice = sorted({name for name in names if name in known and names.count(name) > 1})
    if "case_id" not in names or twice:
        raise SetupError(
            f"{path}: the column {twice[0] if twice else 'case_id'} stands {'twice' if twice else 'nowhere'}"
        )
    aside = [name or f"column {place}" for place, name in enumerate(names, start=1) if name not in known]
    used = [(place, name) for place, name in enumerate(names) if name == "case_id" or name in EDITABLE]
    found = [
        SheetRow(number, {name: row[place] if place < len(row) else None for place, name in used})
        for number, row in enumerate(rows, start=2)
        if any(cell not in ("", None) for cell in row)
    ]
    return WorkbookFile(export, base, found, [name for name in aside if name])


def _table(book: CalamineWorkbook, name: str) -> list[list[SheetCell]]:
    return book.get_sheet_by_name(name).to_python(skip_empty_area=False)  # type: ignore[no-any-return]


def _row(row: Sequence[object]) -> TrackerRow:
    texts = [_text(cell) for cell in row[: len(BASELINE_COLUMNS)]]
    case_id, version, state, resolution, escalated_to, owner, due, row_hash = texts[:8]
    made = TrackerRow(case_id, int(version), state, resolution, escalated_to, owner, parse_ms(due) if due else None)
    if made.digest() != row_hash:
        raise ValueError(f"case {case_id}")
    return made


def _text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
