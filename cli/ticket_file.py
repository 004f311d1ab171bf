"""Tickets of merchants out of a file: every mistake by its row, and nothing that names anybody."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from livewarden.errors import SetupError
from livewarden.times import parse_ms, to_ms
from sources.importers.table_file import workbook_lines

REQUIRED: Final = ("ticket_id", "shop_id", "opened_at", "text")
COLUMNS: Final = (*REQUIRED, "market", "language", "answered_at", "action_id", "shop_name")
_LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class RawTicket:
    """A ticket as it stands in the file; its text is not scrubbed yet."""

    ticket_id: str
    shop_id: str
    opened_ms: int
    text: str
    market: str
    language: str
    answered_ms: int | None
    action_id: str


def read_tickets(path: Path) -> tuple[list[RawTicket], set[str], list[str]]:
    """The tickets of a .csv or .xlsx, the names of shops in it, and every mistake by its row.

    SetupError where the file cannot be read, or lacks a column.
    """
    rows = list(_rows(path))
    missing = [name for name in REQUIRED if rows and name not in rows[0][1]]
    if not rows or missing:
        raise SetupError(
            f"{path}: {'no rows' if not rows else f'there is no column {missing[0]}'}; it needs {', '.join(REQUIRED)}"
        )
    tickets, mistakes, names = list[RawTicket](), list[str](), set[str]()
    for number, row in rows:
        try:
            tickets.append(_ticket(row))
        except ValueError as error:
            mistakes.append(f"row {number}: {error}")
        names.add(str(row.get("shop_name") or "").strip())
    return tickets, names - {""}, mistakes


def _ticket(row: Mapping[str, object]) -> RawTicket:
    ids = {name: _id(name, row.get(name), needed=name in REQUIRED) for name in ("ticket_id", "shop_id", "action_id")}
    opened = _ms("opened_at", row.get("opened_at"))
    if opened is None:
        raise ValueError("opened_at: missing")
    market = _short("market", row.get("market")).upper()
    return RawTicket(
        ids["ticket_id"], ids["shop_id"], opened, str(row.get("text") or "")[:_LONGEST], market,
        _short("language", row.get("language")), _ms("answered_at", row.get("answered_at")), ids["action_id"],
    )  # fmt: skip


def _id(name: str, value: object, *, needed: bool) -> str:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value or "").strip()
    if needed and not text:
        raise ValueError(f"{name}: missing")
    if "@" in text or " " in text or len(text) > 256:
        raise ValueError(f"{name}: no opaque id")
    return text


def _short(name: str, value: object) -> str:
    text = str(value or "").strip()
    if len(text) > 8 or not text.replace("-", "").isalpha() * bool(text) + (not text):
        raise ValueError(f"{name}: no code such as DE")
    return text


def _ms(name: str, value: object) -> int | None:
    if isinstance(value, datetime | date):
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    text = str(value or "").strip().replace(" ", "T")
    if not text:
        return None
    try:
        return parse_ms(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise ValueError(f"{name}: no RFC 3339 time such as 2026-03-06T18:00:00Z") from None


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The rows below the head, by the number that people see."""
    if path.suffix.lower() == ".xlsx":
        table: Iterable[list[object]] = workbook_lines(path)
    elif path.suffix.lower() == ".csv":
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                table = [list(row) for row in csv.reader(file)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SetupError(f"{path}: {getattr(error, 'strerror', None) or 'no CSV in UTF-8'}") from error
    else:
        raise SetupError(f"{path}: ends in none of .csv, .xlsx")
    head: list[str] | None = None
    for number, row in enumerate(table, start=1):
        if head is None:
            head = [str(cell or "").strip().lower() for cell in row]
        elif any(cell not in ("", None) for cell in row):
            yield number, dict(zip(head, row, strict=False))
