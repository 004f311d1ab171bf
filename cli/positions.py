"""`livewarden positions`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import typer

from cli.common import AsJson, load_settings, print_json, print_table, reading
from livewarden.settings import Settings

_SAVED = (
    "SELECT stage, topic, partition, max(next_offset) AS next_offset, max(watermark) AS watermark"
    " FROM manifest GROUP BY stage, topic, partition ORDER BY stage, topic, partition"
)


def positions(
    begin_anew: Annotated[
        Literal["ingest", "detect", "respond"] | None,
        typer.Option(help="Drop what is saved of this stage; stop the workers first.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far each stage has saved its state; with --begin-anew drop a stage's, so that it reads its topics from
    their beginning.

    Rows stay, and what is read again writes the same ones. What it costs: ingest reads all source topics that Kafka
    still holds; detect learns every series anew from the partials that Kafka still holds, and until then its buckets
    are "insufficient"; respond reads the whole log of responses, and loses nothing.

    Example: livewarden positions --begin-anew detect
    """
    found = asyncio.run(_positions(load_settings(), begin_anew))
    if as_json:
        print_json({"begun_anew": begin_anew, "positions": found})
        return
    columns = ("stage", "topic", "partition", "next offset", "watermark")
    print_table(columns, [tuple(row.values()) for row in found], right=("partition", "next offset"))
    if begin_anew is not None:
        print(f"\n{begin_anew} begins anew when the workers start")


async def _positions(settings: Settings, begin_anew: str | None) -> list[dict[str, Any]]:
    from sinks.store.clickhouse import ClickHouseStore

    if begin_anew is not None:
        password = settings.clickhouse_password.get_secret_value()
        store = await ClickHouseStore.connect(
            settings.clickhouse_url, settings.clickhouse_user, password, settings.clickhouse_database
        )
        try:
            await store.forget_positions(begin_anew)
        finally:
            await store.close()
    async with reading(settings) as reader:
        names, rows = await reader.query(_SAVED)
    return [dict(zip(names, row, strict=True)) for row in rows]
