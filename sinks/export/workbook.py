"""The tracker as a workbook: a sheet to edit, and hidden ones with its lists and with what it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from livewarden.case_state import RESOLUTIONS
from livewarden.times import format_ms
from livewarden.tracker import EDITABLE, STATES, TrackerExport, TrackerRow
from sinks.export.sheet import MOST_CHARACTERS, RISKY, cut

CASES: Final = "Cases"
LISTS: Final = "~Lists"
BASELINE: Final = "~Baseline"
EXPORT: Final = "~Export"
FORMAT: Final = "1"
"""Of the workbook: another one is not read."""
BASELINE_COLUMNS: Final = (
    "case_id",
    "version",
    "state",
    "resolution",
    "escalated_to",
    "owner",
    "due_at",
    "row_hash",
    "export_id",
)
MOST_ROWS: Final = 100_000
"""Cases of one workbook."""
_WIDTHS: Final = {"case_id": 14, "title": 48, "due_at": 22, "note": 48, "owner": 20, "escalated_to": 20}
_CHOICES: Final = ("state", "resolution", "owner")


class Workbook:
    """A workbook of cases, written at once.

    Everything is text, ids and instants too, so that no sheet makes numbers or dates of them; a text that begins as a
    formula does has the sheet's own mark for a text. Columns that may be edited are coloured; of these `state` and
    `resolution` take what their list has, `owner` offers those who own a case.
    """

    def __init__(self, path: Path) -> None:
        self._book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
        text = {"num_format": "@"}
        self._plain = self._book.add_format(text)
        self._quoted = self._book.add_format(text | {"quote_prefix": True})
        self._head = self._book.add_format({"bold": True})
        self._open = self._book.add_format({"bold": True, "bg_color": "#FFF2CC"})

    def write(
        self, export: TrackerExport, rows: Sequence[TrackerRow], shown: Sequence[str], cells: Iterable[Sequence[str]]
    ) -> None:
        """The four sheets. `shown` are the columns to see, `case_id` first; `cells` has their texts for each row."""
        sheet = self._book.add_worksheet(CASES)
        for place, name in enumerate(shown):
            editable = name in EDITABLE
            sheet.write_string(0, place, name, self._open if editable else self._head)
            sheet.set_column(place, place, _WIDTHS.get(name, 14), self._plain)
        for number, texts in enumerate(cells, start=1):
            self._row(sheet, number, texts)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(1, len(rows)), len(shown) - 1)
        self._lists(sheet, rows, shown)
        self._hidden(BASELINE, [BASELINE_COLUMNS, *(_baseline(each, export.export_id) for each in rows)])
        facts = {"format": FORMAT, "export_id": export.export_id, "exported_at": format_ms(export.at_ms)}
        facts |= {"exported_by": export.who, "rows": str(export.rows), "signature": export.digest}
        self._hidden(EXPORT, list(facts.items()))
        self._book.close()

    def _lists(self, sheet: Any, rows: Sequence[TrackerRow], shown: Sequence[str]) -> None:
        owners = sorted({each.owner for each in rows if each.owner})
        lists = dict(zip(_CHOICES, (STATES, tuple(RESOLUTIONS), owners), strict=True))
        longest = max(map(len, lists.values()))
        table = [[values[n] if n < len(values) else "" for values in lists.values()] for n in range(longest)]
        self._hidden(LISTS, [tuple(lists), *table])
        for place, (name, values) in enumerate(lists.items()):
            if not values or name not in shown:
                continue
            letter, column = "ABC"[place], list(shown).index(name)
            source = f"='{LISTS}'!${letter}$2:${letter}${len(values) + 1}"
            rule = {"validate": "list", "source": source, "error_type": "information" if name == "owner" else "stop"}
            sheet.data_validation(1, column, max(1, len(rows)), column, rule)

    def _hidden(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        sheet = self._book.add_worksheet(name)
        sheet.hide()
        for number, texts in enumerate(rows):
            self._row(sheet, number, texts)

    def _row(self, sheet: Any, number: int, texts: Sequence[str]) -> None:
        for place, text in enumerate(texts):
            if text:
                kept = text if len(text) <= MOST_CHARACTERS // 2 else cut(text, MOST_CHARACTERS)
                sheet.write_string(number, place, kept, self._quoted if text[0] in RISKY else self._plain)


def _baseline(row: TrackerRow, export_id: str) -> list[str]:
    return [row.case_id, str(row.version), *row.written, row.owner, row.due, row.digest(), export_id]
