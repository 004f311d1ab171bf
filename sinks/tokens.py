"""Tokens of inserts: what ClickHouse remembers of the blocks it took, so that a repeated one is dropped."""

from __future__ import annotations

import re

from livewarden.errors import SetupError
from sinks.store.connection import Address, open_client, translated

_WINDOW = re.compile(r"non_replicated_deduplication_window = (\d+)")
_USUAL = 10_000
"""The window of our migrations; a run that broke off leaves 0."""


async def forget(address: Address) -> list[str]:
    """Empty the memory of every table, so that rows which were deleted can be written again; returns the tables.

    Rows that are there do not count twice for it: tables keep one row per identity. A replicated table keeps its memory
    in Keeper: that is a SetupError, and nothing is changed. Where several nodes hold the tables, on each of them.
    """
    return sorted({name for node in address.each for name in await _forget(node)})


async def _forget(address: Address) -> list[str]:
    client = await open_client(address)
    try:
        with translated(address):
            found = await client.query(
                "SELECT name, engine, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER"
                " BY name"
            )
            held = [
                (str(name), str(engine), int(match[1]) or _USUAL)
                for name, engine, text in found.result_rows
                if (match := _WINDOW.search(str(text)))
            ]
            replicated = [name for name, engine, _ in held if engine.startswith("Replicated")]
            if replicated:
                raise SetupError(
                    f"table {replicated[0]} is replicated: its tokens are in Keeper for "
                    "replicated_deduplication_window_seconds;"
                    " write the rows again after that"
                )
            for name, _, window in held:
                await client.command(f"ALTER TABLE {name} MODIFY SETTING non_replicated_deduplication_window = 0")
                await client.command(
                    f"ALTER TABLE {name} MODIFY SETTING non_replicated_deduplication_window = {window}"
                )
        return [name for name, _, _ in held]
    finally:
        await client.close()
