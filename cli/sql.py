"""`livewarden sql`."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from cli.common import AsJson, load_settings, print_json, print_table, reading
from livewarden.errors import SetupError


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="One query that reads; - takes it from standard input.")
    ],
    url: Annotated[
        str | None, typer.Option(help="ClickHouse HTTP interface; LIVEWARDEN_CLICKHOUSE_URL where left out.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show.")] = 10_000,
    as_json: AsJson = False,
) -> None:
    """Run one read-only query.

    Example: livewarden sql "SELECT monitor, count() FROM alerts_history GROUP BY monitor"
    """
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise SetupError("the query is empty")
    columns, rows = asyncio.run(_query(text, url, limit))
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


async def _query(text: str, url: str | None, limit: int) -> tuple[list[str], list[list[Any]]]:
    async with reading(load_settings(), url) as reader:
        return await reader.query(text, most_rows=limit)
