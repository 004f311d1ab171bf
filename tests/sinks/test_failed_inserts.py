"""An insert that fails says so, and what is stored is what was answered: on the embedded engine as on a server."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from livewarden.errors import LivewardenError, RetryLater, SetupError
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address, open_client, translated
from tests.clickhouse_fixtures import clickhouse_server, fresh_database
from tests.sinks.test_store import checkpoint, event

__all__ = ["clickhouse_server"]
pytestmark = pytest.mark.clickhouse

FAULTS: dict[str, tuple[tuple[str, ...], str, type[LivewardenError]]] = {
    "a full disk": (
        ("ALTER TABLE {table} MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000000",),
        "ALTER TABLE {table} RESET SETTING min_free_disk_bytes_to_perform_insert",
        RetryLater,
    ),
    "too many parts": (
        (
            "SYSTEM STOP MERGES {table}",
            "ALTER TABLE {table} MODIFY SETTING parts_to_delay_insert = 1, parts_to_throw_insert = 1",
        ),
        "ALTER TABLE {table} RESET SETTING parts_to_delay_insert, parts_to_throw_insert",
        RetryLater,
    ),
    "a violated constraint": (
        ("ALTER TABLE {table} ADD CONSTRAINT low CHECK partition = 999",),
        "ALTER TABLE {table} DROP CONSTRAINT low",
        SetupError,
    ),
    "a throwing expression": (
        ("ALTER TABLE {table} ADD COLUMN anomalous UInt8 MATERIALIZED throwIf(partition != 999)",),
        "ALTER TABLE {table} DROP COLUMN anomalous",
        SetupError,
    ),
}


@pytest.fixture
async def clickhouse(clickhouse_server: Address) -> AsyncIterator[Address]:
    async with fresh_database(clickhouse_server) as address:  # merges are stopped in it
        yield address


@pytest.fixture
async def client(clickhouse: Address) -> AsyncIterator[Any]:
    client = await open_client(clickhouse)
    yield client
    await client.close()


@pytest.fixture
async def store(clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    yield store
    await store.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_rows_are_refused_and_written_when_the_fault_is_over(
    client: Any, store: ClickHouseStore, fault: str
) -> None:
    breaks, mends, error = FAULTS[fault]
    await store.write("events", [event(1)])
    for statement in breaks:
        await client.command(statement.format(table="events"))
    later = [event(offset) for offset in range(2, 12)]
    with pytest.raises(error):
        await store.write("events", later)
    assert await client.command("SELECT count() FROM events") == 1
    await client.command(mends.format(table="events"))
    await store.write("events", later)
    assert await client.command("SELECT count() FROM events") == 11


@pytest.mark.parametrize("name", ["state", "manifest"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_checkpoint_is_refused_and_the_one_before_stands(
    client: Any, store: ClickHouseStore, fault: str, name: str
) -> None:
    breaks, mends, error = FAULTS[fault]
    await store.save(checkpoint(10, {"a": "1"}, full=True))
    for statement in breaks:
        await client.command(statement.format(table=name))
    with pytest.raises(error):
        await store.save(checkpoint(20, {"a": "2"}))
    found = await store.load("detect", "livewarden.partials", 2)
    assert found is not None
    assert (found.next_offset, found.entries) == (10, {"a": "1"})
    await client.command(mends.format(table=name))
    await store.save(checkpoint(20, {"a": "2"}))
    found = await store.load("detect", "livewarden.partials", 2)
    assert found is not None
    assert (found.next_offset, found.entries) == (20, {"a": "2"})


async def test_too_many_partitions_in_one_insert(client: Any) -> None:
    await client.command("CREATE TABLE many (a UInt64) ENGINE = MergeTree PARTITION BY a ORDER BY a")
    with pytest.raises(DatabaseError) as caught:
        await client.insert("many", [[n] for n in range(200)], column_names=["a"])
    assert caught.value.code == 252
    assert await client.command("SELECT count() FROM many") == 0


async def test_settings_of_an_insert_and_the_rows_it_reports(client: Any) -> None:
    await client.command("CREATE TABLE few (a UInt64, `SETTINGS` UInt64) ENGINE = MergeTree PARTITION BY a ORDER BY a")
    insert = "INSERT INTO few (a, `SETTINGS`) SETTINGS max_partitions_per_insert_block = 3 FORMAT TSV\n"
    with pytest.raises(DatabaseError) as caught:
        await client.raw_query(insert + "1\t1\n2\t2\n3\t3\n4\t4\n")
    assert caught.value.code == 252
    await client.raw_query(insert + "1\t1\n2\t2\n")
    assert await client.command("SELECT count() FROM few") == 2
    assert (await client.insert("few", [[5, 5], [6, 6]], column_names=["a", "SETTINGS"])).written_rows == 2


async def test_too_many_partitions_in_one_insert_never_pass(client: Any, clickhouse: Address) -> None:
    """They have the error code of too many parts, which merges mend."""
    months = "SELECT 't', 0, number, toDateTime64('2000-01-01', 3, 'UTC') + toIntervalMonth(number) FROM numbers(150)"
    with pytest.raises(SetupError, match=r"Too many partitions"), translated(clickhouse):
        await client.command(f"INSERT INTO events (topic, partition, offset, event_time) {months}")
