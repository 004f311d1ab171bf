"""A report as a Word document, and the text of a report read back from any of its forms."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from livewarden.errors import SetupError
from sinks.report.page import Report

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_word(report: Report, path: Path) -> None:
    """Write the report as .docx: headings, sentences, tables; of drawings their words."""
    from docx import Document

    book: Any = Document()
    book.add_heading(_clean(f"{report.kind}: {report.title}"), 0)
    book.add_paragraph(_clean(report.stand))
    for section in report.sections:
        book.add_heading(_clean(section.title), 1)
        if section.empty:
            book.add_paragraph(_clean(section.nothing))
        for name, value in section.facts:
            book.add_paragraph(_clean(f"{name}: {value}"), style="List Bullet")
        for line in section.lines:
            book.add_paragraph(_clean(line), style="List Bullet")
        if section.table and section.table.rows:
            rows = [section.table.columns, *section.table.rows]
            table = book.add_table(len(rows), len(section.table.columns))
            for row, cells in zip(table.rows, rows, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = _clean(text)
        for chart in section.charts:
            book.add_paragraph(_clean(f"{chart.title}: {chart.words}."))
    with path.open("wb") as file:
        book.save(file)


def text_of(path: Path) -> str:
    """The text of a report in Markdown, HTML or Word; SetupError where it is none of these."""
    form = path.suffix.lower()
    try:
        if form == ".docx":
            return _word_text(path)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise SetupError(f"{path}: it is no text") from error
    if form == ".html":
        parser = _Shown()
        parser.feed(text)
        return "\n".join(parser.texts)
    if form == ".md":
        return text
    raise SetupError(f"{path}: ends in none of .md, .html, .docx")


def _word_text(path: Path) -> str:
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        book: Any = Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        raise SetupError(f"{path}: it is no Word document") from error
    cells = [cell.text for table in book.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(each.text for each in book.paragraphs), *cells])


class _Shown(HTMLParser):
    """The texts that a browser shows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        """See `HTMLParser`."""
        self.texts.append(data)


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
