"""`livewarden positions`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.common import AsJson, clickhouse_address, load_plan, load_settings, print_json, print_table, reading
from livewarden.clock import SystemClock
from livewarden.settings import Settings
from livewarden.times import format_ms

if TYPE_CHECKING:
    from sinks.store.store import Store
    from streams.mend import Mended

_SAVED = (
    "SELECT stage, topic, partition, max(next_offset) AS next_offset, max(watermark) AS watermark"
    " FROM manifest GROUP BY stage, topic, partition ORDER BY stage, topic, partition"
)


def positions(
    begin_anew: Annotated[
        Literal["ingest", "detect", "respond"] | None,
        typer.Option(help="Drop what is saved of this stage; stop the workers first.", show_default=False),
    ] = None,
    mend_watermarks: Annotated[
        bool,
        typer.Option(
            "--mend-watermarks", help="Take back watermarks that stand in the future; stop the workers first."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how far each stage has saved its state; with --begin-anew drop a stage's, so that it reads its topics from
    their beginning.

    Rows stay, and what is read again writes the same ones. What it costs: ingest reads all source topics that Kafka
    still holds; detect learns every series anew from the partials that Kafka still holds, and until then its buckets
    are "insufficient"; respond reads the whole log of responses, and loses nothing.

    With --mend-watermarks a partition whose watermark a wrong clock has moved into the future counts events again from
    now on; what came late meanwhile stays late. It reads the states by the monitors file of the workers.

    Example: livewarden positions --begin-anew detect
    Example: livewarden positions --mend-watermarks
    """
    settings = load_settings()
    mended = asyncio.run(_mended(settings)) if mend_watermarks else []
    found = asyncio.run(_positions(settings, begin_anew))
    if as_json:
        print_json({"begun_anew": begin_anew, "mended": [asdict(each) for each in mended], "positions": found})
        return
    if mend_watermarks:
        for each in mended:
            place = f"{each.stage} {each.topic}/{each.partition}"
            print(f"{place}: the watermark stood at {format_ms(each.was_ms)} and is {format_ms(each.is_ms)} now")
        print("\n" if mended else "no watermark stands in the future\n", end="")
    columns = ("stage", "topic", "partition", "next offset", "watermark")
    print_table(columns, [tuple(row.values()) for row in found], right=("partition", "next offset"))
    if begin_anew is not None:
        print(f"\n{begin_anew} begins anew when the workers start")


async def _mended(settings: Settings) -> list[Mended]:
    from streams.mend import mend_watermarks

    plan = load_plan(settings.monitors)
    async with _store(settings) as store:
        return await mend_watermarks(settings, plan, store, SystemClock().now_ms())


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    from sinks.store.clickhouse import ClickHouseStore

    store = await ClickHouseStore.connect(*astuple(clickhouse_address(settings)))
    try:
        yield store
    finally:
        await store.close()


async def _positions(settings: Settings, begin_anew: str | None) -> list[dict[str, Any]]:
    if begin_anew is not None:
        async with _store(settings) as store:
            await store.forget_positions(begin_anew)
    async with reading(settings) as reader:
        names, rows = await reader.query(_SAVED)
    return [dict(zip(names, row, strict=True)) for row in rows]
