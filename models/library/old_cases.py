"""Old cases out of a table: columns by a mapping, every mistake by its row, all rows or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic import ValidationError

from livewarden.config_file import near
from livewarden.ids import stable_id
from livewarden.library_entry import LibraryEntry

LISTS: Final = ("markets", "changes", "evidence")
"""Fields that hold several, separated by commas."""
NUMBERS: Final = ("measures", "wrong_measures", "shops", "gmv_minor", "viewer_minutes")
TIMES: Final = ("started_at", "closed_at")
HARM: Final = ("gmv_minor", "viewer_minutes")
REF: Final = "ref"
"""The old case's own number: of it the id is made, so that the same file twice is once."""
FIELDS: Final = (
    *(REF, "title", "kind", *LISTS, "subject_type", "policy_clause", "policy_version", "action_type", "queue"),
    *("model_version", "cause", "resolution", *NUMBERS, "rationale", "precedent", "language", *TIMES),
)
"""What a column may be."""
_WHOLE: Final = re.compile(r"-?\d{1,15}(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Which column holds which field, and what values of a field mean; a column that is not named is left aside.

    >>> Mapped({"title": "Subject"}).mistakes(["Subjekt"])
    ["columns.title: the file has no column 'Subject'; did you mean 'Subjekt'?"]
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def mistakes(self, header: Sequence[str]) -> list[str]:
        """What is wrong with it, for a file with this header."""
        found = [
            f"{where}.{name}: there is no such field{near(name, FIELDS)}"
            for where, names in (("columns", self.columns), ("values", self.values))
            for name in names
            if name not in FIELDS
        ]
        found += [
            f"columns.{name}: the file has no column {column!r}{near(column, header)}"
            for name, column in self.columns.items()
            if column not in header
        ]
        if not found and "title" not in self.named(header):
            found.append("columns: say which column is the title")
        return found

    def named(self, header: Sequence[str]) -> dict[str, str]:
        """Column by field: those named, and those that are called as a field is."""
        same = {name: name for name in header if name in FIELDS and name not in self.columns}
        return {**same, **self.columns}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in one row (numbered as the file shows it)."""

    row: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.column}: {self.text}" if self.column else f"row {self.row}: {self.text}"


Numbered = tuple[int, Mapping[str, Any]]
"""A row's number, and its cells by column."""


def old_cases(rows: Sequence[Numbered], header: Sequence[str], mapped: Mapped, file: str) -> tuple[
    list[LibraryEntry], list[Mistake]
]:  # fmt: skip
    """The entries of a table, and every mistake in it; an empty row is passed over, a case that stands twice a mistake.

    Cells are as the file has them: texts, whole floats where a workbook made a number of an id, dates without a zone
    (UTC). Bad at: amounts with a decimal comma, which are refused.
    """
    columns = mapped.named(header)
    entries: list[LibraryEntry] = []
    mistakes: list[Mistake] = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        if not any(_text(each) for each in cells.values()):
            continue
        values, wrong = _values(number, cells, columns, mapped)
        if not wrong:
            entry, wrong = _entry(number, values, columns, file)
            if entry is not None:
                before = seen.setdefault(entry.entry_id, number)
                if before != number:
                    wrong = [Mistake(number, "", f"it is the same case as row {before}")]
                else:
                    entries.append(entry)
        mistakes += wrong
    return entries, mistakes


def _values(
    number: int, cells: Mapping[str, Any], columns: Mapping[str, str], mapped: Mapped
) -> tuple[dict[str, Any], list[Mistake]]:
    values: dict[str, Any] = {}
    wrong = []
    for name, column in columns.items():
        try:
            value = _read(name, cells.get(column), mapped.values.get(name, {}))
        except ValueError as error:
            wrong.append(Mistake(number, column, str(error)))
            continue
        if value not in ("", None, ()):
            values[name] = value
    return values, wrong


def _entry(
    number: int, values: dict[str, Any], columns: Mapping[str, str], file: str
) -> tuple[LibraryEntry | None, list[Mistake]]:
    ref = values.pop(REF, None)
    harm = {name: values.pop(name) for name in HARM if name in values}
    known = sorted((name, str(value)) for name, value in values.items())
    entry_id = stable_id("import", ref) if ref else stable_id("import", *known)
    named = f"{ref}: " if ref else ""
    fixed = {"entry_id": entry_id, "source": f"{named}{file} row {number}"[:300], "harm": harm}
    try:
        return LibraryEntry.model_validate(values | fixed), []
    except ValidationError as error:
        return None, list(_said(number, error, columns))


def _said(number: int, error: ValidationError, columns: Mapping[str, str]) -> Iterator[Mistake]:
    for each in error.errors(include_url=False):
        name = str(each["loc"][-1] if each["loc"][0] == "harm" else each["loc"][0])
        text = each["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        shown = "nothing" if each["type"] == "missing" else repr(each["input"])[:80]
        yield Mistake(number, columns.get(name, name), f"{shown} is not {text}" if shown != "nothing" else "is empty")


def _read(name: str, cell: Any, meanings: Mapping[str, str]) -> Any:
    if name in TIMES:
        return _instant(cell)
    text = _text(cell)
    if name in LISTS:
        parts = (each.strip() for each in re.split(r"[,;]", text))
        return tuple(dict.fromkeys(meanings.get(each, each) for each in parts if each))
    text = meanings.get(text, text)
    if name in NUMBERS and text:
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is no whole number")
        return int(text.partition(".")[0])
    return text


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a workbook makes a number of an id
    return "" if cell is None else str(cell).strip()


def _instant(cell: Any) -> datetime | None:
    if isinstance(cell, datetime):
        moment = cell
    elif isinstance(cell, date):
        moment = datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
    else:
        text = _text(cell)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no time such as 2026-03-06 or 2026-03-06T18:30:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
