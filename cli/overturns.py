"""`livewarden overturns`: how many measures turn out wrong, by cell."""

from __future__ import annotations

import asyncio
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
        from streams.radar_rows import as_plain

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


def _row(line: RadarLine) -> tuple[str, ...]:
    from streams.radar_rows import as_plain, note_of

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
        note_of(line),
    )


def _of_recordings(source: list[Path]) -> tuple[Cohorts, list[Change]]:
    from models.misjudgement.join import Joined
    from sources.merge import read_all
    from streams.radar import in_order

    joined = Joined()
    changes: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
    for event in tracked(read_all(source), naming([str(path) for path in source])):
        joined.add(event.data, event.time_ms)
        if isinstance(event.data, PlatformChange) and event.data.target and event.data.phase != "ANNOUNCED":
            markets = event.data.scope.markets if event.data.scope else ()
            key = (event.data.change_id, event.data.target)
            known = changes.get(key, (to_ms(event.data.starts_at), markets))
            changes[key] = min(known, (to_ms(event.data.starts_at), markets))
    return joined.cohorts(), in_order((id_, at, target, markets) for (id_, target), (at, markets) in changes.items())


async def _stored(settings: Settings, url: str | None) -> tuple[Cohorts, list[Change]]:
    from streams.radar import stored

    async with reading(settings, url) as reader:
        return await stored(reader)


def _radar(cohorts: Cohorts, changes: list[Change], last: int) -> list[RadarLine]:
    from models.misjudgement.radar import radar

    return list(radar(cohorts, last, changes))


async def _save(lines: list[RadarLine], last: int, url: str | None) -> None:
    from sinks.store.clickhouse import ClickHouseStore
    from streams.radar_rows import reading_row

    now = SystemClock().now_ms()
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(load_settings(), url)))
    try:
        await store.write("misjudgement_readings", [reading_row(line, last, now) for line in lines])
    finally:
        await store.close()


def _last_day(cohorts: Cohorts, at_ms: int | None) -> int:
    from streams.radar import last_day

    if not cohorts.counts:
        raise SetupError("no measure is known: there is no enforcement.action here")
    return at_ms // DAY_MS if at_ms is not None else last_day(cohorts)
