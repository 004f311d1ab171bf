"""Tables over two ClickHouse servers: what stands where, what a shard that is away means, and one that joins."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import astuple, replace
from typing import Any

import pytest

from livewarden.errors import RetryLater, SetupError
from sinks.store import migrate
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address, open_client
from sinks.store.reader import Reader
from sinks.store.shards import identity, local_part, whole_part
from sinks.store.tables import TABLES
from sinks.tokens import forget
from tests.clickhouse_fixtures import fresh_database, lent_database, process_real_clickhouse, server_address
from tests.sinks.test_store import event

real = pytest.mark.real_clickhouse


@pytest.fixture
async def nodes() -> AsyncIterator[Address]:
    """A database over two servers."""
    async with lent_database(server_address("nodes")) as address:
        yield address


async def asked(address: Address, sql: str) -> list[Any]:
    """The answer of each node by itself."""
    answers = []
    for node in address.each:
        client = await open_client(node)
        answers.append(await client.command(sql))
        await client.close()
    return answers


@real
@pytest.mark.clickhouse
async def test_rows_are_spread_and_those_of_one_identity_stand_together(nodes: Address) -> None:
    store = await ClickHouseStore.connect(*astuple(nodes))
    await store.write("events", [event(offset) for offset in range(200)])
    await store.write("events", [event(offset) for offset in range(100, 300)])
    first, second = map(json.loads, await asked(nodes, "SELECT groupArray(offset) FROM events_local FINAL"))
    assert sorted(first + second) == list(range(300)), "no identity on both"
    assert min(len(first), len(second)) > 50
    assert await asked(nodes, "SELECT count() FROM events FINAL") == [300, 300]
    await store.write("events", [event(offset) for offset in range(200)])
    assert await asked(nodes, "SELECT count() FROM events") == [400, 400], "each shard knows an insert that is repeated"
    assert "events" in {name.removesuffix("_local") for name in await forget(nodes)}
    await store.write("events", [event(offset) for offset in range(200)])
    assert sum(await asked(nodes, "SELECT count() FROM events_local")) == 600
    await store.close()


@real
@pytest.mark.clickhouse
async def test_a_shard_that_is_away_is_waited_for(nodes: Address) -> None:
    servers = process_real_clickhouse()
    store = await ClickHouseStore.connect(*astuple(nodes))
    rows = [event(offset) for offset in range(200)]
    servers.stop(1)
    with pytest.raises(RetryLater):
        await store.write("events", rows)
    servers.url(1)
    await store.write("events", rows)
    assert await asked(nodes, "SELECT count() FROM events") == [200, 200]
    await store.close()


@real
@pytest.mark.clickhouse
async def test_a_shard_that_joins_gets_what_the_others_have() -> None:
    both = server_address("nodes")
    async with fresh_database(both, migrated=False) as address:
        alone = replace(address, nodes=address.nodes[:1])
        assert len(await migrate.apply(alone)) == len(migrate.shipped())
        assert len(await migrate.apply(address, dry_run=True)) == len(migrate.shipped())
        assert {each.state for each in await migrate.apply(address)} == {"applied"}
        assert await migrate.apply(address) == []
        columns = f"SELECT table, name, type FROM system.columns WHERE database = '{address.database}' ORDER BY ALL"
        first, second = await asked(address, f"SELECT toString(groupArray((table, name, type))) FROM ({columns})")
        assert first == second
        async with await Reader.connect(*astuple(address)) as reader:
            assert (await reader.counts())["events"] == 0


async def test_a_cluster_is_named_with_its_nodes_and_is_not_replicated_as_well() -> None:
    with pytest.raises(SetupError, match="LIVEWARDEN_CLICKHOUSE_NODES"):
        Address("http://ch:8123", cluster="main")
    with pytest.raises(SetupError, match="choose one"):
        await migrate.apply(Address("http://ch:8123", cluster="main", nodes=("http://ch:8123",)), cluster="main")


def test_every_table_has_a_shard_by_what_identifies_it() -> None:
    found = {}
    for statement in (each for migration in migrate.shipped() for each in migration.statements):
        if statement.startswith("CREATE TABLE"):
            name = statement.split()[5]
            found[name] = identity(statement)
            assert f"'{name}_local', cityHash64({', '.join(found[name])})) COMMENT '" in str(
                whole_part(statement, "main", "d")
            )
            assert str(local_part(statement)).startswith(f"CREATE TABLE IF NOT EXISTS {name}_local\n(")
    assert found.keys() == TABLES.keys() | {"state", "manifest"}
    for name, columns in found.items():
        assert columns, name
        if name in TABLES:
            assert set(columns) <= set(TABLES[name].identity)


@pytest.mark.parametrize(
    ("statement", "local", "whole"),
    [
        ("CREATE VIEW IF NOT EXISTS v AS SELECT 1", None, "CREATE VIEW IF NOT EXISTS v AS SELECT 1"),
        ("ALTER TABLE t ADD COLUMN b Int8", "ALTER TABLE t_local ADD COLUMN b Int8", "ALTER TABLE t ADD COLUMN b Int8"),
        ("ALTER TABLE t ADD INDEX i b TYPE set(9)", "ALTER TABLE t_local ADD INDEX i b TYPE set(9)", None),
    ],
)
def test_what_a_node_and_what_the_whole_gets(statement: str, local: str | None, whole: str | None) -> None:
    assert local_part(statement) == local
    assert whole_part(statement, "main", "d") == whole
