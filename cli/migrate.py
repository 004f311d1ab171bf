"""`livewarden migrate`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.common import AsJson, clickhouse_address, load_settings, print_json, print_table
from livewarden.errors import SetupError


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied, and apply nothing.")] = False,
    cluster: Annotated[str | None, typer.Option(help="Create on every node of this cluster, replicated.")] = None,
    forget_inserts: Annotated[
        bool,
        typer.Option(
            "--forget-inserts", help="Only empty the memory of inserts: rows that were deleted can be written again."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create or update the ClickHouse tables and views. Safe to run again.

    Example: livewarden migrate --dry-run
    """
    from sinks.store.migrate import apply
    from sinks.tokens import forget

    settings = load_settings()
    address = clickhouse_address(settings)
    if forget_inserts:
        if dry_run or cluster:
            raise SetupError("--forget-inserts stands alone")
        tables = asyncio.run(forget(address))
        if as_json:
            print_json({"tables": tables})
        else:
            print(f"inserts forgotten in {len(tables)} tables")
        return
    done = asyncio.run(apply(address, cluster=cluster, dry_run=dry_run))
    if as_json:
        print_json({"dry_run": dry_run, "migrations": [each.name for each in done]})
    elif done:
        print_table(("migration", ""), [(each.name, "pending" if dry_run else "applied") for each in done])
    else:
        print("nothing to do")
