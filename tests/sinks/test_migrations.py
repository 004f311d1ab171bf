from __future__ import annotations

import dataclasses
import re

import pytest

from livewarden.errors import SetupError, Unreachable
from sinks.store import migrate
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address, open_client
from sinks.store.reader import Reader
from sinks.store.tables import MANIFEST, STATE, TABLES
from tests.clickhouse_fixtures import clickhouse, clickhouse_empty, clickhouse_server

__all__ = ["clickhouse", "clickhouse_empty", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse


async def test_apply_then_nothing_is_pending(clickhouse_empty: Address) -> None:
    assert {each.state for each in await migrate.status(clickhouse_empty)} == {"pending"}
    planned = await migrate.apply(clickhouse_empty, dry_run=True)
    assert {each.state for each in await migrate.status(clickhouse_empty)} == {"pending"}
    applied = await migrate.apply(clickhouse_empty)
    assert (
        [each.name for each in applied] == [each.name for each in planned] == [each.name for each in migrate.shipped()]
    )
    assert {each.state for each in await migrate.status(clickhouse_empty)} == {"applied"}
    assert await migrate.apply(clickhouse_empty) == []


async def test_a_run_that_broke_off_is_repeated(clickhouse_empty: Address) -> None:
    await migrate.apply(clickhouse_empty)
    client = await open_client(clickhouse_empty)
    await client.command("TRUNCATE TABLE schema_migrations")
    await client.command("DROP TABLE case_candidates")
    await client.close()
    assert len(await migrate.apply(clickhouse_empty)) == len(migrate.shipped())
    await (await ClickHouseStore.connect(*dataclasses.astuple(clickhouse_empty))).close()


async def test_a_changed_file_is_refused(clickhouse: Address) -> None:
    client = await open_client(clickhouse)
    row = (1, migrate.shipped()[0].name, "0" * 64)
    await client.insert("schema_migrations", [row], column_names=["version", "name", "checksum"])
    await client.close()
    for call in (migrate.status, migrate.apply):
        with pytest.raises(SetupError, match=r"0001_tables.sql was changed after it was applied"):
            await call(clickhouse)


async def test_a_text_that_made_the_same_tables_before_is_no_change(clickhouse: Address) -> None:
    client = await open_client(clickhouse)
    row = (1, "0001_tables.sql", "ab78782a07daa7b850ff4f5eb43f3ccfefd62d78a4ec7f68043bdddcacaaae9c")
    await client.insert("schema_migrations", [row], column_names=["version", "name", "checksum"])
    await client.close()
    assert await migrate.apply(clickhouse) == []
    assert {each.state for each in await migrate.status(clickhouse)} == {"applied"}


def test_no_two_migrations_have_a_number() -> None:
    numbers = [each.version for each in migrate.shipped()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_column_has_its_comment_before_its_codec() -> None:
    """Servers up to at least 26.7 take no other order; the embedded one, 26.9, takes both."""
    for migration in migrate.shipped():
        for statement in migration.statements:
            assert not re.search(r"CODEC\((?:[^()]|\([^()]*\))*\)\s+(COMMENT|TTL\s+\S+\s+COMMENT)", statement), (
                statement
            )


async def test_columns_are_those_that_rows_are_written_with(clickhouse: Address) -> None:
    client = await open_client(clickhouse)
    found = await client.query(
        (
            "SELECT table, name, type FROM system.columns WHERE database = %(database)s AND default_kind = '' ORDER BY"
            " position"
        ),
        {"database": clickhouse.database},
    )
    await client.close()
    columns: dict[str, dict[str, str]] = {}
    for name, column, kind in found.result_rows:
        columns.setdefault(name, {})[column] = kind
    declared = {name: dict(kind.columns) for name, kind in TABLES.items()} | {"state": STATE, "manifest": MANIFEST}
    assert declared["alerts"].pop("scan_buckets") == "UInt32"  # has a default in the table as well
    assert declared["events"].pop("conflict") == "UInt8"  # as this has
    assert {name: columns[name] for name in declared} == declared
    for name, kind in declared.items():
        assert list(columns[name]) == list(kind)


async def test_everything_is_documented_in_the_database(clickhouse: Address) -> None:
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        _, tables = await reader.query(
            f"SELECT name FROM system.tables WHERE database = '{clickhouse.database}' AND comment = ''"
        )
        _, columns = await reader.query(
            "SELECT table, name FROM system.columns WHERE comment = '' AND table IN"
            f" (SELECT name FROM system.tables WHERE engine != 'View' AND database = '{clickhouse.database}')"
            f" AND database = '{clickhouse.database}'"
        )
    assert (tables, columns) == ([], [])


async def test_a_worker_without_a_schema_is_told_what_to_do(clickhouse_empty: Address) -> None:
    with pytest.raises(SetupError, match=r"has no database .*: run `livewarden migrate`"):
        await ClickHouseStore.connect(*dataclasses.astuple(clickhouse_empty))
    client = await open_client(clickhouse_empty, in_database=False)
    await client.command(f"CREATE DATABASE {clickhouse_empty.database}")
    await client.close()
    with pytest.raises(SetupError, match=r"lacks 0001_tables.sql, .*: run `livewarden migrate`"):
        await ClickHouseStore.connect(*dataclasses.astuple(clickhouse_empty))


async def test_wrong_password(clickhouse: Address) -> None:
    with pytest.raises(SetupError, match="LIVEWARDEN_CLICKHOUSE_PASSWORD"):
        await ClickHouseStore.connect(clickhouse.url, clickhouse.user, "wrong", clickhouse.database)


async def test_nobody_there() -> None:
    with pytest.raises(
        Unreachable, match=r"^ClickHouse at http://127.0.0.1:1 does not answer .*LIVEWARDEN_CLICKHOUSE_URL$"
    ):
        await ClickHouseStore.connect("http://127.0.0.1:1")


@pytest.mark.parametrize("url", ["", "localhost:8123", "tcp://x:9000", "http://", "http://h:1/path"])
def test_a_broken_url(url: str) -> None:
    with pytest.raises(SetupError, match="LIVEWARDEN_CLICKHOUSE_URL"):
        Address(url)


@pytest.mark.parametrize("name", ["", "a-b", "a b", "a;DROP", "`a`", "1a"])
def test_a_broken_database_name(name: str) -> None:
    with pytest.raises(SetupError, match="plain name"):
        Address("http://localhost:8123", database=name)


def test_every_migration_has_a_number_of_its_own() -> None:
    assert [each.version for each in migrate.shipped()] == list(range(1, len(migrate.shipped()) + 1))


def test_on_a_cluster_everything_is_replicated() -> None:
    for migration in migrate.shipped():
        for statement in migration.statements:
            assert re.match(r"(CREATE (TABLE|VIEW) IF NOT EXISTS|ALTER TABLE) \w+\s", statement)
            sent = migrate.rendered(statement, "main")
            assert " ON CLUSTER 'main'" in sent
            assert not re.search(r"ENGINE = (?!Replicated)\w*MergeTree", sent)
            assert migrate.rendered(statement, None) == statement


def test_a_broken_cluster_name() -> None:
    with pytest.raises(SetupError, match="cluster name"):
        migrate.rendered("CREATE TABLE IF NOT EXISTS t", "a' b")
