"""The ClickHouse schema: numbered SQL files, applied once each, in order, never changed afterwards.

DDL has no transactions, so every statement is `IF NOT EXISTS`: a run that broke off is repeated as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Literal

from livewarden.errors import SetupError
from sinks.store.connection import Address, open_client, translated
from sinks.store.shards import local_part, whole_part

LEDGER = """CREATE TABLE IF NOT EXISTS schema_migrations
(
    version UInt32 COMMENT 'Number of the migration file',
    name String COMMENT 'File name',
    checksum String COMMENT 'SHA-256 of the file as it was applied',
    applied_at DateTime('UTC') DEFAULT now() COMMENT 'When'
)
ENGINE = ReplacingMergeTree
ORDER BY version
COMMENT 'Which migrations this database has'"""

_EARLIER = {
    "0001_tables.sql": "ab78782a07daa7b850ff4f5eb43f3ccfefd62d78a4ec7f68043bdddcacaaae9c",
}
"""Checksums of texts that made the same tables: one had CODEC before COMMENT, which released servers refuse."""


@dataclass(frozen=True)
class Migration:
    """One file: `version` from its name's number; `checksum` is the SHA-256 of its text."""

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]
    state: Literal["pending", "applied"] = "pending"


def shipped() -> list[Migration]:
    """The migrations of this version, in order.

    >>> [each.version for each in shipped()][:2]
    [1, 2]
    """
    files = resources.files("sinks.store") / "migrations"
    return [_read(each.name, each.read_text("utf-8")) for each in sorted(files.iterdir(), key=lambda f: f.name)]


async def status(address: Address) -> list[Migration]:
    """Every shipped migration and whether the database has it. A file that changed after it was applied is a
    SetupError.
    """
    client = await open_client(address, in_database=False)
    try:
        return await missing_or_applied(client, address)
    finally:
        await client.close()


async def apply(address: Address, *, cluster: str | None = None, dry_run: bool = False) -> list[Migration]:
    """Create the database if need be and apply what is pending; returns the migrations (to be) applied, oldest first.

    `cluster`: create everything `ON CLUSTER` with replicated engines. `dry_run` changes nothing; `rendered` shows the
    SQL. An address with a cluster of its own gets the tables on each of its nodes, as `sinks.store.shards` says.
    """
    if address.cluster:
        if cluster:
            raise SetupError("--cluster replicates, LIVEWARDEN_CLICKHOUSE_CLUSTER spreads: choose one")
        return await _spread(address, dry_run)
    client = await open_client(address, in_database=False)
    try:
        pending = [each for each in await missing_or_applied(client, address) if each.state == "pending"]
        if dry_run:
            return pending
        with translated(address):
            on_cluster = f" ON CLUSTER {_cluster(cluster)}" if cluster else ""
            await client.command(f"CREATE DATABASE IF NOT EXISTS {address.database}{on_cluster}")
            client.database = address.database
            await client.command(rendered(LEDGER, cluster))
            for migration in pending:
                for statement in migration.statements:
                    await client.command(rendered(statement, cluster))
                await _enter(client, migration)
        return [replace(each, state="applied") for each in pending]
    finally:
        await client.close()


async def _spread(address: Address, dry_run: bool) -> list[Migration]:
    async with AsyncExitStack() as stack:
        behind: list[tuple[Any, list[Migration]]] = []
        for node in address.each:
            client = await open_client(node, in_database=False)
            stack.push_async_callback(client.close)
            found = await missing_or_applied(client, node)
            behind.append((client, [each for each in found if each.state == "pending"]))
        pending = {each.version: each for _, missing in behind for each in missing}
        if not dry_run:
            with translated(address):
                await _apply_spread(address, behind)
        state: Literal["pending", "applied"] = "pending" if dry_run else "applied"
        return [replace(pending[version], state=state) for version in sorted(pending)]


async def _apply_spread(address: Address, behind: list[tuple[Any, list[Migration]]]) -> None:
    for client, missing in behind:
        await client.command(f"CREATE DATABASE IF NOT EXISTS {address.database}")
        client.database = address.database
        await client.command(LEDGER)
        await _command(client, (local_part(each) for migration in missing for each in migration.statements))
    for client, missing in behind:  # every node has the columns before any of them is asked for all
        for migration in missing:
            await _command(
                client, (whole_part(each, address.cluster, address.database) for each in migration.statements)
            )
            await _enter(client, migration)


async def _command(client: Any, statements: Iterable[str | None]) -> None:
    for statement in statements:
        if statement is not None:
            await client.command(statement)


async def _enter(client: Any, migration: Migration) -> None:
    row = (migration.version, migration.name, migration.checksum)
    await client.insert("schema_migrations", [row], column_names=["version", "name", "checksum"])


async def missing_or_applied(client: Any, address: Address) -> list[Migration]:
    """As `status`, over an open client."""
    with translated(address):
        have = await client.command(
            f"SELECT count() FROM system.tables WHERE database = '{address.database}' AND name = 'schema_migrations'"
        )
        if not have:
            return shipped()
        result = await client.query(f"SELECT version, checksum FROM {address.database}.schema_migrations FINAL")
    applied = dict(result.result_rows)
    for each in shipped():
        if applied.get(each.version, each.checksum) not in (each.checksum, _EARLIER.get(each.name)):
            raise SetupError(
                f"migration {each.name} was changed after it was applied to {address.database!r}: restore the file and"
                " append a new one"
            )
    return [replace(each, state="applied" if each.version in applied else "pending") for each in shipped()]


def rendered(statement: str, cluster: str | None) -> str:
    """The statement as it is sent: with a cluster, distributed and replicated.

    >>> rendered("CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = ReplacingMergeTree ORDER BY a", "main")
    "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'main' (a Int8) ENGINE = ReplicatedReplacingMergeTree ORDER BY a"
    """
    if cluster is None:
        return statement
    statement = re.sub(
        r"^((?:CREATE (?:TABLE|VIEW) IF NOT EXISTS|ALTER TABLE) \w+)", rf"\1 ON CLUSTER {_cluster(cluster)}", statement
    )
    statement = re.sub(r"ENGINE = (\w*MergeTree)", r"ENGINE = Replicated\1", statement)
    return statement.replace("non_replicated_deduplication_window", "replicated_deduplication_window")


def _cluster(name: str) -> str:
    if not re.fullmatch(r"[\w{}.-]{1,64}", name):
        raise SetupError(f"cluster name {name!r} is not a plain name")
    return f"'{name}'"


def _read(name: str, text: str) -> Migration:
    without_comments = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    statements = tuple(
        part.strip() for part in re.split(r";\s*$", without_comments, flags=re.MULTILINE) if part.strip()
    )
    return Migration(int(name.split("_")[0]), name, hashlib.sha256(text.encode()).hexdigest(), statements)
