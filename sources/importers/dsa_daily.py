"""Daily counts of DSA statements, one column a series, as events.

The layout: `date`, one column a family, `<platform>_total_statements`, `<platform>_reported`. The total counts
statements of every kind, the families among them: it is checked and makes no event, so that nothing is counted twice.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from livewarden.contracts import AGGREGATES, EnforcementAction
from livewarden.errors import InvalidEvent, SetupError
from livewarden.event import Event
from livewarden.ids import stable_id
from livewarden.times import DAY_MS, format_ms, to_ms
from sources.codec import event_of
from sources.importers.dsa import heartbeat, source_of
from sources.importers.dsa_actions import FAMILIES

_NAMES = {"tiktok": "TikTok"}
_TOTAL = "_total_statements"
_REPORTED = "_reported"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class _Day(NamedTuple):
    start_ms: int
    reported: bool
    counts: dict[str, int]


def import_daily(path: Path, platform: str | None = None) -> Iterator[Event]:
    """One event a day and family with a count above 0, and a heartbeat after each day that was reported.

    `weight` is the count and event time is 00:00 UTC of the day, with `time_precision` "day". A day that was not
    reported has no heartbeat: it is a gap, not a zero. The last heartbeat says that the source ended; it covers nothing
    where the last day was not reported. `platform` names the platform; without it the prefix of the last columns does.

    Raises SetupError (file, header) or InvalidEvent (naming line and column): a count that is no whole number, a date
    that is broken, missing, repeated or out of order, a count on a day that was not reported.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = next(rows, [])
            prefix = _check_header(header, path)
            name = platform or _NAMES.get(prefix, prefix)
            yield from _events(_days(rows, header, prefix, path), name)
    except FileNotFoundError as error:
        raise SetupError(f"{path}: no such file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SetupError(f"{path}: not a CSV file in UTF-8: {error}") from error


def _check_header(header: list[str], path: Path) -> str:
    if not header:
        raise SetupError(f"{path}: is empty; line 1 must name the columns")
    prefix = header[-1].removesuffix(_REPORTED)
    if header[0] != "date" or len(header) < 4 or header[-2:] != [prefix + _TOTAL, prefix + _REPORTED] or not prefix:
        raise SetupError(
            f"{path}: line 1: the columns must be date, families, <platform>{_TOTAL}, <platform>{_REPORTED}"
        )
    unknown = [column for column in header[1:-2] if column not in FAMILIES]
    if unknown:
        raise SetupError(f"{path}: line 1: unknown family {unknown[0]!r}; known are {', '.join(FAMILIES)}")
    if len(set(header)) < len(header):
        raise SetupError(f"{path}: line 1: a column is there twice")
    return prefix


def _days(rows: Iterator[list[str]], header: list[str], prefix: str, path: Path) -> Iterator[_Day]:
    before = -1
    line = 1
    for line, row in enumerate(rows, start=2):
        where = f"{path}: line {line}"
        if len(row) != len(header):
            raise InvalidEvent("contract", f"{where}: {len(row)} columns, not {len(header)}")
        cells = dict(zip(header, row, strict=True))
        start_ms = _day_ms(cells["date"], where)
        if start_ms != before + DAY_MS and before >= 0:
            wrong = "is there twice or out of order" if start_ms <= before else "leaves days out"
            raise InvalidEvent("contract", f"{where}: column date: {cells['date']} {wrong}")
        before = start_ms
        flag = cells[prefix + _REPORTED]
        if flag not in ("0", "1"):
            raise InvalidEvent("contract", f"{where}: column {prefix}{_REPORTED}: {flag!r} is neither 0 nor 1")
        counts = {column: _count(cells[column], f"{where}: column {column}") for column in header[1:-1]}
        if flag == "0" and any(counts.values()):
            raise InvalidEvent("contract", f"{where}: counts on a day that was not reported")
        del counts[prefix + _TOTAL]
        yield _Day(start_ms, flag == "1", counts)
    if line == 1:
        raise SetupError(f"{path}: has no days")


def _day_ms(text: str, where: str) -> int:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except ValueError as error:
        raise InvalidEvent("contract", f"{where}: column date: {text!r} is no date YYYY-MM-DD") from error


def _count(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise InvalidEvent("contract", f"{where}: {text[:40]!r} is no count")
    return int(text)


def _events(days: Iterator[_Day], platform: str) -> Iterator[Event]:
    source = source_of(platform)
    held: _Day | None = None
    day: _Day | None = None
    for day in days:
        # a heartbeat waits for the next day: only the last one says that the source ended
        if held is not None:
            yield heartbeat(source, AGGREGATES, held.start_ms, held.start_ms + DAY_MS)
        held = day if day.reported else None
        yield from (_action(source, platform, day, family) for family, count in day.counts.items() if count)
    if day is not None:
        until_ms = day.start_ms + DAY_MS
        yield heartbeat(source, AGGREGATES, day.start_ms if day.reported else until_ms, until_ms, ended=True)


def _action(source: str, platform: str, day: _Day, family: str) -> Event:
    date = datetime.fromisoformat(format_ms(day.start_ms))
    data = EnforcementAction.model_validate(
        {
            "action_id": stable_id("dsa-daily", platform, family, f"{date:%Y-%m-%d}"),
            "platform": platform,
            "action_type": FAMILIES[family],
            "restriction": family,
            "state": "ENFORCED",
            "decided_at": date,
            "weight": day.counts[family],
            "time_precision": "day",
        }
    )
    return event_of(data, id=data.action_id, source=source, time_ms=day.start_ms)
