"""`livewarden explain`."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from cli.common import AsJson, number, print_json, print_table
from livewarden.errors import SetupError
from models.explain import Direction as Way
from models.explain import Explanation, Row
from models.explain import explain as search

WAYS: Final[dict[str, Way]] = {"up": "UP", "down": "DOWN"}


def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A table with a header; comma, semicolon or tab.")],
    time: Annotated[str, typer.Option(metavar="COL", help="Column with the time.")],
    at: Annotated[str, typer.Option(metavar="T", help="The time to explain, as it stands in the file.")],
    value: Annotated[str, typer.Option(metavar="COL", help="Column with what rose or fell: stalled, removed …")],
    count: Annotated[
        str, typer.Option(metavar="COL", help="Column with how many it is out of: watching, live-hours …")
    ],
    dims: Annotated[
        str | None, typer.Option(metavar="a,b", help="Columns to search in. Default: all others.", show_default=False)
    ] = None,
    direction: Annotated[
        Literal["up", "down"] | None,
        typer.Option(help="Explain a rise or a fall. Default: what it is.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="At most so many slices.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say which slice explains VALUE out of COUNT at a time, against the times before it.

    A slice is a combination of up to three column values. An empty list means: none of these columns explains it.

    Times are compared as numbers where --at is one, as ISO 8601 where it is that (UTC where no zone is given), else as
    text, and then what stands above the first such row is before. Rows after --at are not used.

    Example: livewarden explain stalls.csv --time minute --at 2026-03-06T18:04:00Z --value stalled --count watching
    """
    table = _Table.open(file, time, at, value, count, dims)
    now = list(table.now())
    if not now:
        raise SetupError(f"{file}: no row has {time} = {at}")
    before = _Before(table)
    if next(iter(before), None) is None:
        raise SetupError(f"{file}: no row is before {time} = {at}, so there is nothing to compare with")
    try:
        found = search(table.dims, before, now, top=top, direction=WAYS.get(direction or ""))
    except ValueError as error:
        raise SetupError(f"{file}: {error}: column {count} adds up to 0") from error
    if as_json:
        names = ("slice", "share", "risk_ratio", "score")
        print_json([{name: getattr(cause, name) for name in names} for cause in found.ranked])
    else:
        _print(found, value, at, sum(row.value for row in now))


def _print(found: Explanation, value: str, at: str, observed: float) -> None:
    change = found.rate + found.volume + found.mix
    parts = ", ".join(f"{name} {_signed(getattr(found, name))}" for name in ("rate", "volume", "mix"))
    print(f"{value} at {at}: {number(observed)}, usually {number(observed - change)}; {parts}\n")
    if found.none:
        print("None of these dimensions explains it.")
        return
    rows = [
        (
            " · ".join(f"{name}={text or '?'}" for name, text in cause.slice.items()),
            "cause" if cause in found.causes else "or",
            f"{cause.share:.0%}",
            f"{cause.without:.0%}",
            f"×{number(cause.risk_ratio)}",
            f"{cause.score:.3f}",
        )
        for cause in found.ranked
    ]
    columns = ("slice", "", "share", "gone without it", "against the rest", "score")
    print_table(columns, rows, right=columns[2:])


def _signed(amount: float) -> str:
    return f"{'+' if amount >= 0 else '−'}{number(abs(amount))}"


@dataclass(frozen=True)
class _Table:
    """A CSV file that is read a row at a time, as often as needed."""

    file: Path
    at: str
    columns: tuple[str, ...]
    dims: tuple[str, ...]
    places: tuple[int, ...]
    delimiter: str
    order: Callable[[str], float] | None

    @classmethod
    def open(cls, file: Path, time: str, at: str, value: str, count: str, dims: str | None) -> _Table:
        """Look at the header; a column that is not there is a SetupError."""
        try:
            with file.open(encoding="utf-8-sig", newline="") as stream:
                first = stream.readline()
        except OSError as error:
            raise SetupError(f"{file}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SetupError(f"{file}: not UTF-8 text") from error
        delimiter = max(",;\t", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter), [])
        used = (time, value, count)
        chosen = [name for name in header if name not in used] if dims is None else [d.strip() for d in dims.split(",")]
        for name in (*used, *chosen):
            if name not in header:
                raise SetupError(f"{file}: no column {name!r}; there are {', '.join(header) or 'none'}")
            if (*used, *chosen).count(name) > 1 or header.count(name) > 1:
                raise SetupError(f"{file}: column {name!r} is named twice")
        if not chosen:
            raise SetupError(f"{file}: no column is left to search in; {', '.join(header)} are all in use")
        places = tuple(header.index(name) for name in (*used, *chosen))
        return cls(file, at.strip(), used, tuple(chosen), places, delimiter, _order(at))

    def __iter__(self) -> Iterator[tuple[float, Row]]:
        """Rows with their place in time: below 0 before what is asked about, 0 at it, above 0 after."""
        time, value, count = self.columns
        origin = self.order(self.at) if self.order else 0.0
        passed = False
        try:
            with self.file.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.reader(stream, delimiter=self.delimiter)
                next(reader, None)
                for line in filter(None, reader):
                    where = f"{self.file}: line {reader.line_num}"
                    if len(line) <= max(self.places):
                        raise SetupError(f"{where}: {len(line)} cells are too few for the header")
                    moment, seen, of, *values = (line[place] for place in self.places)
                    moment = moment.strip()
                    row = Row(moment, tuple(values), _amount(seen, where, value), _amount(of, where, count))
                    if self.order:
                        yield _at(self.order, moment, f"{where}: {time}") - origin, row
                    else:
                        passed |= moment == self.at
                        yield (0.0 if moment == self.at else 1.0 if passed else -1.0), row
        except OSError as error:
            raise SetupError(f"{self.file}: {error.strerror}") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise SetupError(f"{self.file}: not a CSV file in UTF-8: {error}") from error

    def now(self) -> Iterator[Row]:
        """Rows at the time that is asked about."""
        return (row for place, row in self if place == 0)


@dataclass(frozen=True)
class _Before:
    """The rows before; read anew each time, so that they need no memory."""

    table: _Table

    def __iter__(self) -> Iterator[Row]:
        return (row for place, row in self.table if place < 0)


def _order(at: str) -> Callable[[str], float] | None:
    for order in (_number, _instant):
        try:
            order(at)
        except ValueError:
            continue
        return order
    return None


def _number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _instant(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _at(order: Callable[[str], float], moment: str, where: str) -> float:
    try:
        return order(moment)
    except ValueError as error:
        raise SetupError(f"{where} {moment!r} is not a time of the kind that --at is") from error


def _amount(text: str, where: str, column: str) -> float:
    try:
        amount = _number(text)
    except ValueError as error:
        raise SetupError(f"{where}: {column} {text!r} is not a number") from error
    if amount < 0:
        raise SetupError(f"{where}: {column} {text!r} is negative")
    return amount
