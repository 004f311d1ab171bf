"""`livewarden overturns`: how many measures turn out wrong, by cell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from cli.act import Url
from cli.common import (
    AsJson,
    clickhouse_address,
    load_settings,
    moment,
    naming,
    print_json,
    print_table,
    reading,
    tracked,
)
from livewarden.clock import SystemClock
from livewarden.contracts import PlatformChange
from livewarden.errors import SetupError
from livewarden.settings import Settings
from livewarden.times import DAY_MS, format_ms, to_ms

if TYPE_CHECKING:
    from models.misjudgement.cohorts import Cohorts
    from models.misjudgement.radar import Change, RadarLine


def overturns(
    source: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RECORDING]…", help="Recordings; what workers stored in ClickHouse where left out."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DAY", help="As it was known at the end of this day; the last one known."),
    ] = None,
    depth: Annotated[
        int, typer.Option(min=0, max=5, help="Parts of a cell to tell apart: policy, market, queue, model, automation.")
    ] = 2,
    save: Annotated[
        bool,
        typer.Option("--save", help="Store every cell, for the console's page and analysts."),
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """How many measures of the last 28 days turn out wrong, with interval and maturity, and where that jumped.

    Two rates stand side by side: per measure, which is the harm, and per decided appeal, which is the quality of what
    is contested. Appeals of young measures have not come yet: the estimate says how many will, and `seen` how much is
    known.

    Example: livewarden overturns months.jsonl.gz --at 2026-04-08 --depth 3
    """
    cohorts, changes = _of_recordings(source) if source else asyncio.run(_stored(load_settings(), url))
    last = _last_day(cohorts, moment(at, "--at"))
    lines = _radar(cohorts, changes, last)
    if save:
        asyncio.run(_save(lines, last, url))
    print_radar([line for line in lines if line.cell.depth <= depth], last, as_json)


def print_radar(lines: list[RadarLine], last: int, as_json: bool) -> None:
    """The radar at the end of a day, as JSON or as a table."""
    if as_json:
        print_json({"day": format_ms(last * DAY_MS)[:10], "cells": [as_plain(line) for line in lines]})
        return
    columns = (
        "cell",
        "measures",
        "appealed",
        "reversed",
        "wrong in the end",
        "per measure",
        "per appeal",
        "seen",
        "note",
    )
    print_table(columns, [_row(line) for line in lines], right=columns[1:-1])


def as_plain(line: RadarLine) -> dict[str, Any]:
    """A line of the radar as plain JSON values; rates are rounded to six places."""
    measures, wrong, reading_ = line.counted["measures"], line.wrong, line.reading
    rate = [round(each / measures, 6) for each in wrong] if wrong and measures else None
    return {
        "cell": line.cell.named,
        "counted": dict(line.counted),
        "sufficient": reading_ is not None,
        "see": line.see.named if line.see else None,
        "wrong": [round(each, 2) for each in wrong] if wrong else None,
        "per_measure": rate,
        "per_decided_appeal": line.per_decided_appeal,
        "usual_per_measure": round(reading_.usual, 6) if reading_ else None,
        "maturity": round(line.maturity, 4) if line.maturity is not None else None,
        "delay_moved": round(reading_.shift.pace, 3) if reading_ and reading_.shift else None,
        "jump": _jump(line),
        "changes": list(line.changes),
    }


def _jump(line: RadarLine) -> dict[str, Any] | None:
    jump = line.jump
    if jump is None:
        return None
    return {"per": jump.per, "days": jump.cohorts, "factor": round(jump.factor, 3), "at_least": round(jump.low, 3)}


def _row(line: RadarLine) -> tuple[str, ...]:
    counted, plain = line.counted, as_plain(line)
    wrong, rate, decided = plain["wrong"], plain["per_measure"], plain["per_decided_appeal"]
    reversed_ = counted["appeal_granted"] + counted["proactive_correction"]
    return (
        str(line.cell),
        f"{counted['measures']:,}",
        f"{counted['appealed']:,}",
        f"{reversed_:,}",
        f"{wrong[0]:,.0f} ({wrong[1]:,.0f}–{wrong[2]:,.0f})" if wrong else "",
        f"{rate[0]:.1%}" if rate else "",
        f"{decided:.0%}" if decided is not None else "",
        f"{line.maturity:.0%}" if line.maturity is not None else "",
        _note(line),
    )


def _note(line: RadarLine) -> str:
    if line.reading is None:
        return f"too few or too young: see {line.see}" if line.see else "too few or too young"
    notes = []
    if line.jump is not None:
        because = f" since {line.changes[0]}" if line.changes else f" over {line.jump.cohorts} days"
        notes.append(f"JUMP ×{line.jump.factor:.1f} per {line.jump.per}{because}")
    if line.reading.shift is not None:
        notes.append(f"delay moved: ×{line.reading.shift.pace:.1f} as fast")
    return "; ".join(notes)


def _of_recordings(source: list[Path]) -> tuple[Cohorts, list[Change]]:
    from models.misjudgement.join import Joined
    from sources.merge import read_all

    joined = Joined()
    changes: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
    for event in tracked(read_all(source), naming([str(path) for path in source])):
        joined.add(event.data, event.time_ms)
        if isinstance(event.data, PlatformChange) and event.data.target and event.data.phase != "ANNOUNCED":
            markets = event.data.scope.markets if event.data.scope else ()
            key = (event.data.change_id, event.data.target)
            known = changes.get(key, (to_ms(event.data.starts_at), markets))
            changes[key] = min(known, (to_ms(event.data.starts_at), markets))
    return joined.cohorts(), _changes((id_, at, target, markets) for (id_, target), (at, markets) in changes.items())


async def _stored(settings: Settings, url: str | None) -> tuple[Cohorts, list[Change]]:
    from models.misjudgement.cell import Cell
    from models.misjudgement.cohorts import CohortRow, Cohorts
    from sinks.queries import misjudgement

    cohorts = Cohorts()
    async with reading(settings, url) as reader:
        for row in await misjudgement.cohorts(reader):
            cell = Cell(row.policy, row.market, row.queue, row.model, row.automation)
            cohorts.add(CohortRow(cell, row.day, row.age, row.outcome, row.measures))
        found = await misjudgement.changes(reader)
    return cohorts, _changes((each.change_id, each.since_ms, each.target, each.markets) for each in found)


def _radar(cohorts: Cohorts, changes: list[Change], last: int) -> list[RadarLine]:
    from models.misjudgement.radar import radar

    return list(radar(cohorts, last, changes))


async def _save(lines: list[RadarLine], last: int, url: str | None) -> None:
    from sinks.store.clickhouse import ClickHouseStore

    now = SystemClock().now_ms()
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(load_settings(), url)))
    try:
        await store.write("misjudgement_readings", [_stored_row(line, last, now) for line in lines])
    finally:
        await store.close()


def _stored_row(line: RadarLine, last: int, now_ms: int) -> dict[str, Any]:
    plain = as_plain(line)
    estimate, low, high = plain["wrong"] or (None, None, None)
    return {
        "day": last * DAY_MS,
        "cell": str(line.cell),
        "version": now_ms,
        "depth": line.cell.depth,
        "measures": line.counted["measures"],
        "appealed": line.counted["appealed"],
        "reversed": line.counted["appeal_granted"] + line.counted["proactive_correction"],
        "estimate": estimate,
        "low": low,
        "high": high,
        "maturity": plain["maturity"],
        "jump": plain["jump"]["factor"] if plain["jump"] else None,
        "note": _note(line),
        "reading": orjson.dumps(plain).decode(),
    }


def _changes(found: Iterable[tuple[str, int, str, tuple[str, ...]]]) -> list[Change]:
    from models.misjudgement.radar import Change

    return [
        Change(change_id, -(-since_ms // DAY_MS), target, tuple(sorted(markets)))
        for change_id, since_ms, target, markets in sorted(found, key=lambda each: (each[1], each[0], each[2]))
    ]


def _last_day(cohorts: Cohorts, at_ms: int | None) -> int:
    if not cohorts.counts:
        raise SetupError("no measure is known: there is no enforcement.action here")
    return at_ms // DAY_MS if at_ms is not None else max(day + age for _, day, age, _ in cohorts.counts)
