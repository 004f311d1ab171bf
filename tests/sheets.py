"""Workbooks as another tool writes them, and as it reads them back: texts in the cells, no formats, no lists."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from python_calamine import CalamineWorkbook

Rows = list[list[Any]]
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_BOOK = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def read_sheets(path: Path) -> dict[str, Rows]:
    """Every sheet of a workbook, hidden ones too."""
    with CalamineWorkbook.from_path(str(path)) as book:
        return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def write_sheets(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """A workbook of texts and numbers; a text that begins with `{=` is a formula without a value."""
    names = list(sheets)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
        f'"{_KIND}.worksheet+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{_KIND}.sheet.main+xml"/></Types>',
        "_rels/.rels": _relations(["xl/workbook.xml"], "officeDocument"),
        "xl/_rels/workbook.xml.rels": _relations([f"sheet{n}.xml" for n in range(len(names))], "worksheet"),
        "xl/workbook.xml": f'<workbook xmlns="{_BOOK}" xmlns:r="{_REL}"><sheets>'
        + "".join(f'<sheet name={quoteattr(name)} sheetId="{n + 1}" r:id="r{n}"/>' for n, name in enumerate(names))
        + "</sheets></workbook>",
    }
    for number, name in enumerate(names):
        rows = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in sheets[name])
        parts[f"xl/sheet{number}.xml"] = f'<worksheet xmlns="{_BOOK}"><sheetData>{rows}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def edit(path: Path, change: Callable[[Rows], Rows], sheet: str = "Cases") -> Path:
    """A copy of a workbook, written by another tool, with one sheet changed."""
    sheets = read_sheets(path)
    sheets[sheet] = change([list(row) for row in sheets[sheet]])
    out = path.with_name(f"edited-{path.name}")
    write_sheets(out, sheets)
    return out


def setting(**edits: Mapping[str, Any]) -> Callable[[Rows], Rows]:
    """A change of cells: by the name of a column, what a case's cell becomes."""

    def change(rows: Rows) -> Rows:
        head = rows[0]
        for name, by_case in edits.items():
            for row in rows[1:]:
                if row[0] in by_case:
                    row[head.index(name)] = by_case[row[0]]
        return rows

    return change


def _cell(value: Any) -> str:
    if isinstance(value, str) and value.startswith("{="):
        return f"<c><f>{escape(value[2:].rstrip('}'))}</f></c>"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape("" if value is None else str(value))}</t></is></c>'


def _relations(targets: Sequence[str], kind: str) -> str:
    each = "".join(f'<Relationship Id="r{n}" Type="{_REL}/{kind}" Target="{t}"/>' for n, t in enumerate(targets))
    return f'<Relationships xmlns="{_PACKAGE}">{each}</Relationships>'
