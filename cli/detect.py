"""`livewarden detect`."""

from __future__ import annotations

import contextlib
import csv
import difflib
import itertools
import json
import math
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple, TextIO

import typer

from cli.common import print_json
from livewarden.errors import SetupError
from livewarden.times import MINUTE_MS, to_ms
from models.detect.general import GeneralSeries

COLUMNS = ("timestamp", "value", "score", "alert")
ODDNESS = "oddness"
"""The column that `--oddness` adds."""
MISSING = {"", "nan", "na", "n/a", "null", "none"}


class Row(NamedTuple):
    """A judged row. `score` and `oddness` are None where nothing could be judged: no value, or too few before it."""

    timestamp: str
    value: str
    score: float | None
    alert: bool
    oddness: float | None = None


def detect(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Table with one row a bucket, oldest first.")],
    time: Annotated[
        str, typer.Option(metavar="COL", help="Column with the time: ISO 8601, or seconds or milliseconds since 1970.")
    ],
    value: Annotated[str, typer.Option(metavar="COL", help="Column with the numbers; empty where unknown.")],
    out: Annotated[Path | None, typer.Option(help="Write the CSV here instead of to standard output.")] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0.0, help="Alert from this score on; 3 is one false alert in 1,000 rows, 4 one in 10,000."),
    ] = 3.0,
    oddness: Annotated[
        bool, typer.Option("--oddness", help="One more column: how odd each row is, whatever was said before it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON on standard output: a line a row, or with --out the sums.")
    ] = False,
) -> None:
    """Judge one series of traffic, row by row in file order: columns timestamp,value,score,alert.

    An alert is 1 in the row in which on-call would be notified, not in every row of an incident. The score is empty
    where there is no value and in the first 20 rows. A row is judged by the rows before it only.

    Example: livewarden detect viewers.csv --time minute --value viewers --out judged.csv
    """
    rows = judged(file, time, value, threshold)
    if out is None:
        _write(rows, sys.stdout, as_json, oddness)
        return
    if out.exists() and not out.is_file():
        raise SetupError(f"{out}: is there, and no file")
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as target:
            sums = _write(rows, target, oddness=oddness)
        part.replace(out)
    except OSError as error:
        raise SetupError(f"{out}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    if as_json:
        print_json({"out": str(out), "threshold": threshold, **sums})
    else:
        print(f"{sums['rows']:,} rows, {sums['judged']:,} judged, alerts: {sums['alerts']:,}; in {out}")


def judged(file: Path, time: str, value: str, threshold: float) -> Iterator[Row]:
    """The rows of a table, judged one after another; a mistake in the table is a SetupError that names its line."""
    table = _read(file, time, value)
    begun = list(itertools.islice(table, 2))
    first, second = (
        _time_ms(timestamp, MINUTE_MS * row) for row, (timestamp, _, _) in enumerate([*begun, begun[0]][:2])
    )
    series = GeneralSeries(second - first if second > first else MINUTE_MS, threshold)
    time_ms = -MINUTE_MS
    for timestamp, cell, observed in itertools.chain(begun, table):
        time_ms = _time_ms(timestamp, time_ms + MINUTE_MS)
        if observed is None:
            yield Row(timestamp, cell, None, False)
            continue
        found = series.take(observed, time_ms)
        yield Row(timestamp, cell, found.score, found.speaks, found.oddness)


def _read(file: Path, time: str, value: str) -> Iterator[tuple[str, str, float | None]]:
    """Time cell, value cell, and the number in it (None where it is missing)."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            table = csv.reader(text)
            header = next(table, [])
            at_time, at_value = (_column(file, header, name) for name in (time, value))
            empty = True
            for row in table:
                if not row:
                    continue
                empty = False
                if len(row) != len(header):
                    raise SetupError(
                        f"{file}: line {table.line_num}: {len(row)} cells where the header names {len(header)}"
                    )
                try:
                    number = _number(row[at_value])
                except ValueError as error:
                    raise SetupError(
                        f"{file}: line {table.line_num}: {row[at_value]!r} in column {value!r} is no number"
                    ) from error
                yield row[at_time], row[at_value], number
            if empty:
                raise SetupError(f"{file}: line 2: no row follows the header")
    except FileNotFoundError as error:
        raise SetupError(f"{file}: no such file") from error
    except OSError as error:
        raise SetupError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{file}: not UTF-8 text") from error
    except csv.Error as error:
        raise SetupError(f"{file}: line {table.line_num}: {error}") from error


def _column(file: Path, header: list[str], name: str) -> int:
    if not any(header):
        raise SetupError(f"{file}: line 1: empty; it must name the columns")
    if header.count(name) > 1:
        raise SetupError(f"{file}: line 1: {header.count(name)} columns are named {name!r}")
    if name not in header:
        near = difflib.get_close_matches(name, header, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(header)}"
        raise SetupError(f"{file}: line 1: no column is named {name!r}; {hint}")
    return header.index(name)


def _time_ms(cell: str, otherwise: int) -> int:
    """An ISO 8601 time (UTC where it has no offset), or seconds or milliseconds since 1970; anything else is
    `otherwise`.

    >>> _time_ms("2025-04-08 12:00", 0) == _time_ms("1744113600", 0) == _time_ms("1744113600000", 0)
    True
    >>> _time_ms("noon", 60_000)
    60000
    """
    text = cell.strip()
    try:
        since = float(text)
        return int(since if since >= 1e11 else since * 1000) if 0 <= since < 1e15 else otherwise
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _number(cell: str) -> float | None:
    """A finite number, or None where the cell says that there is none.

    >>> _number(" 12.5 "), _number("NaN")
    (12.5, None)
    """
    text = cell.strip()
    if text.lower() in MISSING:
        return None
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError(cell)
    return number


def _write(rows: Iterator[Row], target: TextIO, as_json: bool = False, oddness: bool = False) -> dict[str, int]:
    sums = {"rows": 0, "judged": 0, "alerts": 0}
    table = csv.writer(target, lineterminator="\n")
    for row in rows:
        if not as_json and not sums["rows"]:
            table.writerow((*COLUMNS, ODDNESS) if oddness else COLUMNS)
        sums["rows"] += 1
        sums["judged"] += row.score is not None
        sums["alerts"] += row.alert
        score = _short(row.score)
        more = {ODDNESS: _short(row.oddness)} if oddness else {}
        if as_json:
            notified = {
                "timestamp": row.timestamp,
                "value": _number(row.value),
                "score": float(score) if score else None,
                "alert": row.alert,
                **{name: float(each) if each else None for name, each in more.items()},
            }
            target.write(json.dumps(notified, ensure_ascii=False) + "\n")
        else:
            table.writerow((row.timestamp, row.value, score, int(row.alert), *more.values()))
    return sums


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
