"""`livewarden migrate`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from streams.cli.common import AsJson, clickhouse_address, load_settings, print_json, print_table


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied, and apply nothing.")] = False,
    cluster: Annotated[str | None, typer.Option(help="Create on every node of this cluster, replicated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create or update the ClickHouse tables and views. Safe to run again.

    Example: livewarden migrate --dry-run
    """
    from sinks.migrate import apply

    settings = load_settings()
    done = asyncio.run(apply(clickhouse_address(settings), cluster=cluster, dry_run=dry_run))
    if as_json:
        print_json({"dry_run": dry_run, "migrations": [each.name for each in done]})
    elif done:
        print_table(("migration", ""), [(each.name, "pending" if dry_run else "applied") for each in done])
    else:
        print("nothing to do")
