"""What every store promises, tried on each."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livewarden.checkpoint import Checkpoint
from livewarden.errors import RetryLater, SetupError
from livewarden.times import DAY_MS, HOUR_MS, format_ms, parse_ms
from sinks.store.clickhouse import MOST_PARTITIONS, MOST_ROWS, ClickHouseStore, pieces
from sinks.store.columns import RowColumns
from sinks.store.connection import Address, open_client
from sinks.store.memory import MemoryStore
from sinks.store.reader import Reader
from sinks.store.store import Store
from sinks.store.tables import TABLES, Row
from sinks.tokens import forget
from tests.clickhouse_fixtures import (
    NODES,
    SERVERS,
    clickhouse,
    clickhouse_server,
    fresh_database,
    lent_database,
    server_address,
)

__all__ = ["clickhouse", "clickhouse_server"]

DAY = parse_ms("2025-04-08T00:00:00Z")


def event(offset: int, **changes: Any) -> dict[str, Any]:
    row = {
        "topic": "live.enforcement",
        "partition": 0,
        "offset": offset,
        "event_id": f"e{offset}",
        "type": "enforcement.action",
        "source": "test",
        "event_time": DAY + offset * 1000,
        "precision": "second",
        "weight": 1,
        "late": 0,
        "duplicate": 0,
        "conflict": 0,
        "unknown_fields": ["colour"],
        "key": "shop-1",
        "data": '{"action_id":"ä\'1"}',
    }
    return row | changes


def alert(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "run": "live",
        "alert_id": f"a{number}",
        "version": 1,
        "episode_id": f"a{number}",
        "monitor": "shop-closures",
        "kind": "ENFORCEMENT_SPIKE",
        "direction": "UP",
        "series": {"platform": "TikTok", "action_type": "SHOP_CLOSED_PERMANENT"},
        "window_start": DAY,
        "window_end": DAY + DAY_MS,
        "observed": 240043,
        "expected": 0.4,
        "score": 12.0,
        "scan_buckets": 3,
        "scan_observed": 240051,
        "scan_expected": 1.2,
        "subjects": None,
        "severity": "critical",
        "status": "firing",
        "ends_at": None,
        "explanation": None,
        "suppressed_by": None,
        "case_id": "c1",
        "config_hash": "h",
    }
    return row | changes


SAMPLES: dict[str, dict[str, Any]] = {
    "events": event(7, late=1, weight=2**53, event_time=DAY + 123),
    "dead_letters": {
        "topic": "live.traffic",
        "partition": 3,
        "offset": 2**40,
        "reason": "broken_json",
        "detail": "line 1",
        "key": "k",
        "headers": "{}",
        "value": b'{"a": \xfe\n',
        "recorded_at": DAY + 1,
    },
    "partials": {
        "monitor": "m",
        "config_hash": "h",
        "window_start": DAY,
        "window_end": DAY + HOUR_MS,
        "series": {"market": "DE", "cdn": ""},
        "topic": "live.traffic",
        "partition": 1,
        "value": -5,
        "exposure": 2**60,
        "distinct": "",
    },
    "judgements": {
        "run": "live",
        "monitor": "m",
        "config_hash": "h",
        "series": {},
        "window_start": DAY,
        "window_end": DAY + HOUR_MS,
        "observed": None,
        "expected": 0.1,
        "score": 3.25,
        "state": "normal",
    },
    "alerts": alert(1, ends_at=DAY + 1, explanation='{"a":1}', suppressed_by="silence", subjects=17),
    "case_candidates": {
        "run": "live",
        "case_id": "c1",
        "version": 2,
        "title": "Shops closed · TikTok",
        "status": "candidate",
        "grouping": "live.enforcement",
        "kind": "MIXED",
        "started_at": DAY,
        "ended_at": None,
        "alert_ids": ["a1", "a2"],
        "monitors": [],
        "series": [{"market": "DE"}, {}],
        "severity": "critical",
        "evidence": '{"x": [1, 2]}',
    },
}


class Kept:
    """A store and a look into it."""

    def __init__(self, store: Store, address: Address | None) -> None:
        self.store = store
        self.address = address

    async def rows(self, name: str) -> list[Row]:
        if isinstance(self.store, MemoryStore):
            return self.store.rows(name)
        assert self.address is not None
        async with await Reader.connect(*dataclasses.astuple(self.address)) as reader:
            return list(await reader.rows(name))

    async def again(self) -> Store:
        """The store as a restarted process finds it."""
        if self.address is None:
            return self.store
        await self.store.close()
        self.store = await ClickHouseStore.connect(*dataclasses.astuple(self.address))
        return self.store


@pytest.fixture(params=["memory", *SERVERS, NODES])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    if request.param == "memory":
        yield Kept(MemoryStore(), None)
        return
    async with lent_database(server_address(request.param)) as address:
        found = Kept(await ClickHouseStore.connect(*dataclasses.astuple(address)), address)
        yield found
        await found.store.close()


@pytest.mark.parametrize("name", list(SAMPLES))
async def test_rows_read_back_as_they_were_written(kept: Kept, name: str) -> None:
    await kept.store.write(name, [SAMPLES[name]])
    assert await kept.rows(name) == [SAMPLES[name]]


def columns_of(rows: list[dict[str, Any]]) -> RowColumns:
    """Rows as columns, texts in part as their bytes, as ingest keeps them."""
    columns = RowColumns(TABLES["events"])
    for row in rows[: len(rows) // 2]:
        columns.append(row)
    rest = rows[len(rows) // 2 :]
    by_name = {name: [row[name] for row in rest] for name in columns.columns}
    columns.extend(by_name | {"data": [row["data"].encode() for row in rest]})
    return columns


@pytest.mark.parametrize("apart_ms", [1_000, 45 * DAY_MS])
async def test_columns_are_kept_as_rows_are(kept: Kept, apart_ms: int) -> None:
    names = [f"type.{number}" for number in range(300)]
    rows = [
        event(
            number,
            event_time=DAY + number * apart_ms,
            type=name,
            source="" if number % 3 else "ö",
            late=number % 2,
            weight=2**40 + number,
            unknown_fields=["a", "bä"][: number % 3],
            data="{}" + " " * (number * 100),
        )
        for number, name in enumerate(names)
    ]
    columns = columns_of(rows)
    assert list(columns) == rows
    assert (columns[-1], columns[298:]) == (rows[-1], rows[298:])
    await asyncio.gather(kept.store.write("events", columns), kept.store.write("events", columns_of(rows[:7])))
    await kept.store.write("events", columns)
    await kept.store.write("events", columns_of(rows[5:9]))
    assert await kept.rows("events") == rows


def test_columns_that_do_not_fit_together_are_not_added() -> None:
    columns = columns_of([event(1), event(2)])
    for wrong in ({"offset": [3]}, {name: [] if name == "key" else [1] for name in columns.columns}):
        with pytest.raises(ValueError, match="columns of events"):
            columns.extend(wrong)
    with pytest.raises(ValueError, match="has no column"):
        columns.append(event(3) | {"colour": "red"})
    assert len(columns) == 2


@pytest.mark.clickhouse
async def test_rows_that_were_deleted_are_written_again_once_their_inserts_are_forgotten(clickhouse: Address) -> None:
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    client = await open_client(clickhouse)

    async def count() -> int:
        return int((await client.query("SELECT count() FROM events FINAL")).result_rows[0][0])

    async def definition() -> str:
        return str((await client.query("SHOW CREATE TABLE events")).result_rows)

    before = await definition()
    await store.write("events", [SAMPLES["events"]])
    await client.command("ALTER TABLE events DELETE WHERE 1 SETTINGS mutations_sync = 2")
    await store.write("events", [SAMPLES["events"]])
    assert await count() == 0, "a deleted row is taken for known"
    assert "events" in await forget(clickhouse)
    await store.write("events", [SAMPLES["events"]])
    await store.write("events", [SAMPLES["events"]])
    assert await count() == 1
    assert await definition() == before
    await client.command("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0")
    await forget(clickhouse)
    assert await definition() == before, "a run that broke off is mended by the next"
    await client.close()
    await store.close()


@pytest.mark.parametrize("name", list(SAMPLES))
async def test_the_same_rows_twice_are_one(kept: Kept, name: str) -> None:
    await kept.store.write(name, [SAMPLES[name]])
    await kept.store.write(name, [SAMPLES[name], SAMPLES[name]])
    assert await kept.rows(name) == [SAMPLES[name]]


async def test_a_larger_batch_from_the_same_start_is_kept_whole(kept: Kept) -> None:
    rows = [event(offset) for offset in range(15)]
    await kept.store.write("events", rows[:10])
    await kept.store.write("events", rows)
    await kept.store.write("events", rows[5:12])
    assert await kept.rows("events") == rows


async def test_other_content_under_the_same_ids_replaces(kept: Kept) -> None:
    await kept.store.write("events", [event(1), event(2)])
    await kept.store.write("events", [event(1, data="{}"), event(2, late=1)])
    assert await kept.rows("events") == [event(1, data="{}"), event(2, late=1)]


async def test_no_rows_are_fine(kept: Kept) -> None:
    await kept.store.write("events", [])
    assert await kept.rows("events") == []


async def test_order_of_dimensions_does_not_matter(kept: Kept) -> None:
    row = SAMPLES["partials"]
    await kept.store.write("partials", [row | {"series": {"cdn": "", "market": "DE"}}])
    await kept.store.write("partials", [row])
    assert len(await kept.rows("partials")) == 1
    await kept.store.write("partials", [row | {"series": {"cdn": "DE", "market": ""}}])
    assert len(await kept.rows("partials")) == 2


async def test_the_highest_version_wins_whatever_the_order(kept: Kept) -> None:
    resolved = alert(1, version=2, status="resolved", ends_at=DAY + DAY_MS)
    await kept.store.write("alerts", [alert(1), alert(2)])
    await kept.store.write("alerts", [resolved])
    await kept.store.write("alerts", [alert(1), alert(2)])
    assert await kept.rows("alerts") == [resolved, alert(2)]
    case = SAMPLES["case_candidates"]
    await kept.store.write("case_candidates", [case, case | {"version": 1, "title": "old"}])
    assert await kept.rows("case_candidates") == [case]


async def test_runs_do_not_touch_each_other(kept: Kept) -> None:
    await kept.store.write("alerts", [alert(1), alert(1, run="what-if", version=2)])
    assert [(row["run"], row["version"]) for row in await kept.rows("alerts")] == [("live", 1), ("what-if", 2)]


async def test_known_alerts(kept: Kept) -> None:
    await kept.store.write("alerts", [alert(1), alert(2, version=2)])
    keys = [
        ("live", "a1", 1),
        ("live", "a1", 2),
        ("live", "a2", 1),
        ("live", "a2", 2),
        ("replay", "a1", 1),
        ("live", "a9", 1),
    ]
    assert await kept.store.known_alerts(keys) == {keys[0], keys[2], keys[3]}
    assert await kept.store.known_alerts([]) == set()
    many = [("live", f"x{number}'", 1) for number in range(2_500)]
    assert await kept.store.known_alerts([*many, keys[0]]) == {keys[0]}


async def test_old_columns_have_defaults_and_others_are_named(kept: Kept) -> None:
    row = alert(1)
    for name in TABLES["alerts"].defaults:
        del row[name]
    await kept.store.write("alerts", [row])
    assert (await kept.rows("alerts"))[0]["scan_buckets"] == 1
    with pytest.raises(ValueError, match="alerts has no column colour"):
        await kept.store.write("alerts", [alert(2), alert(3, colour="red")])
    row = alert(2)
    del row["kind"]
    with pytest.raises(ValueError, match="a row of alerts lacks 'kind'"):
        await kept.store.write("alerts", [row])
    with pytest.raises(ValueError, match="there is no table 'meals'"):
        await kept.store.write("meals", [])
    assert len(await kept.rows("alerts")) == 1


def checkpoint(
    offset: int, entries: dict[str, str], *, full: bool = False, watermark_ms: int = DAY, **place: Any
) -> Checkpoint:
    at: dict[str, Any] = {"stage": "detect", "topic": "livewarden.partials", "partition": 2} | place
    return Checkpoint(
        **at, next_offset=offset, watermark_ms=watermark_ms, header=f"h{offset}", entries=entries, full=full
    )


async def loaded(kept: Kept) -> tuple[int, dict[str, str]] | None:
    found = await (await kept.again()).load("detect", "livewarden.partials", 2)
    if found is None:
        return None
    assert found.full
    assert found.header == f"h{found.next_offset}"
    return found.next_offset, dict(found.entries)


async def test_a_checkpoint_merges_what_came_since_the_last_full_one(kept: Kept) -> None:
    assert await loaded(kept) is None
    await kept.store.save(checkpoint(10, {"a": "1", "gone": "1"}, full=True))
    await kept.store.save(checkpoint(20, {"a": "2", "b": "2"}))
    assert await loaded(kept) == (20, {"a": "2", "b": "2", "gone": "1"})
    await kept.store.save(checkpoint(30, {"a": "2", "b": "3"}, full=True))
    assert await loaded(kept) == (30, {"a": "2", "b": "3"})
    await kept.store.save(checkpoint(40, {"b": "4"}))
    await kept.store.save(checkpoint(50, {"b": "4", "a": "5"}, full=True))
    await kept.store.save(checkpoint(60, {}))
    assert await loaded(kept) == (60, {"a": "5", "b": "4"})


async def test_a_first_checkpoint_that_is_not_full_counts(kept: Kept) -> None:
    await kept.store.save(checkpoint(10, {"a": "1"}))
    await kept.store.save(checkpoint(20, {"b": "2"}))
    assert await loaded(kept) == (20, {"a": "1", "b": "2"})


async def test_a_worker_that_lost_the_partition_changes_nothing(kept: Kept) -> None:
    await kept.store.save(checkpoint(10, {"a": "1"}, full=True))
    await kept.store.save(checkpoint(30, {"a": "3"}, full=True))
    await kept.store.save(checkpoint(20, {"a": "2"}))
    await kept.store.save(checkpoint(20, {"a": "2"}, full=True))
    assert await loaded(kept) == (30, {"a": "3"})


async def test_the_watermark_orders_checkpoints_of_one_offset(kept: Kept) -> None:
    await kept.store.save(checkpoint(10, {"a": "1"}, full=True, watermark_ms=DAY))
    await kept.store.save(checkpoint(10, {"a": "2"}, watermark_ms=DAY + 1))
    assert await loaded(kept) == (10, {"a": "2"})
    await kept.store.save(checkpoint(10, {"b": "3"}, full=True, watermark_ms=DAY + 2))
    await kept.store.save(checkpoint(10, {"b": "3"}, full=True, watermark_ms=DAY + 2))
    assert await loaded(kept) == (10, {"b": "3"})


async def test_partitions_and_stages_keep_apart_and_positions_can_be_forgotten(kept: Kept) -> None:
    await kept.store.save(checkpoint(10, {"a": "1"}, full=True))
    await kept.store.save(checkpoint(99, {"a": "x"}, full=True, partition=3))
    await kept.store.save(checkpoint(99, {"a": "x"}, full=True, stage="ingest"))
    await kept.store.save(checkpoint(99, {"a": "x"}, full=True, topic="other"))
    assert await loaded(kept) == (10, {"a": "1"})
    await kept.store.write("events", [event(1)])
    await kept.store.forget_positions("ingest")
    assert await kept.store.load("ingest", "livewarden.partials", 2) is None
    assert await loaded(kept) == (10, {"a": "1"})
    await kept.store.forget_positions()
    assert await loaded(kept) is None
    assert len(await kept.rows("events")) == 1
    await kept.store.save(checkpoint(10, {"a": "1"}, full=True))
    assert await loaded(kept) == (10, {"a": "1"})


steps = st.lists(
    st.tuples(st.dictionaries(st.sampled_from("abc"), st.text(max_size=5), max_size=3), st.booleans(), st.booleans()),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("server", SERVERS)
async def test_any_history_of_checkpoints_loads_as_in_memory(server: str) -> None:
    histories: list[Any] = []

    @settings(max_examples=12, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def collect(history: Any) -> None:
        histories.append(history)

    collect()
    async with fresh_database(server_address(server)) as address:
        kept = Kept(await ClickHouseStore.connect(*dataclasses.astuple(address)), address)
        for number, history in enumerate(histories):
            memory = MemoryStore()
            for offset, (entries, full, restart) in enumerate(history, start=1):
                entry = checkpoint(offset, entries, full=full, partition=number)
                await memory.save(entry)
                await (await kept.again() if restart else kept.store).save(entry)
            place = ("detect", "livewarden.partials", number)
            assert await kept.store.load(*place) == await memory.load(*place)
        await kept.store.close()


def test_no_piece_is_too_large_for_an_insert() -> None:
    rows = [event(offset, event_time=DAY + offset * 20 * DAY_MS) for offset in range(400)]
    cut = list(pieces(TABLES["events"], rows))
    assert [row for piece in cut for row in piece] == rows
    months = [{format_ms(row["event_time"])[:7] for row in piece} for piece in cut]
    assert max(map(len, months)) == MOST_PARTITIONS
    letters = [{"offset": number} for number in range(MOST_ROWS + 1)]
    assert list(map(len, pieces(TABLES["dead_letters"], letters))) == [MOST_ROWS, 1]


@pytest.mark.clickhouse
class TestClickHouse:
    """What only a real database can get wrong."""

    @pytest.fixture
    async def store(self, clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
        store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        yield store
        await store.close()

    @staticmethod
    async def value(address: Address, sql: str) -> Any:
        client = await open_client(address)
        try:
            return (await client.query(sql)).result_rows[0][0]
        finally:
            await client.close()

    async def test_a_repeated_batch_is_dropped_before_it_is_merged(
        self, store: ClickHouseStore, clickhouse: Address
    ) -> None:
        rows = [event(offset) for offset in range(10)]
        await store.write("events", rows)
        await store.write("events", rows)
        assert await self.value(clickhouse, "SELECT count() FROM events") == 10

    async def test_known_alerts_never_stand_twice_even_before_a_merge(
        self, store: ClickHouseStore, clickhouse: Address
    ) -> None:
        await store.write("alerts", [alert(1), alert(2)])
        await store.write("alerts", [alert(2), alert(3)])
        assert await self.value(clickhouse, "SELECT count() FROM alerts") == 3

    async def test_more_partitions_than_one_insert_may_touch(self, store: ClickHouseStore, clickhouse: Address) -> None:
        await store.write("events", [event(number, event_time=DAY - number * 31 * DAY_MS) for number in range(250)])
        assert await self.value(clickhouse, "SELECT count() FROM events FINAL") == 250

    async def test_the_reply_is_lost_after_the_insert(self, clickhouse: Address) -> None:
        rows = [event(offset) for offset in range(10)]
        with losing_replies(clickhouse) as (address, lose):
            store = await ClickHouseStore.connect(*dataclasses.astuple(address))
            lose.set()
            with pytest.raises(RetryLater, match=r"ClickHouse at .* failed"):
                await store.write("events", rows)
            assert await self.value(clickhouse, "SELECT count() FROM events") == 10
            lose.clear()
            await store.write("events", rows)
            await store.close()
        assert await self.value(clickhouse, "SELECT count() FROM events") == 10

    async def test_a_crash_between_state_and_manifest(self, store: ClickHouseStore, clickhouse: Address) -> None:
        await store.save(checkpoint(10, {"a": "1"}, full=True))
        await store.save(checkpoint(20, {"a": "2"}))
        client = await open_client(clickhouse)
        for torn in (30, 20):
            columns = ["stage", "topic", "partition", "key", "next_offset", "watermark", "blob"]
            rows = [["detect", "livewarden.partials", 2, key, torn, DAY + 1, "torn"] for key in ("a", "new")]
            await client.insert("state", rows, column_names=columns)
        await client.close()
        restarted = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        found = await restarted.load("detect", "livewarden.partials", 2)
        await restarted.close()
        assert found == dataclasses.replace(checkpoint(20, {"a": "2"}), full=True)

    async def test_superseded_state_is_removed(self, store: ClickHouseStore, clickhouse: Address) -> None:
        for number in range(1, 41):
            await store.save(checkpoint(number, {"a": str(number), "b": str(number)}, full=number % 10 == 0))
        assert (
            await self.value(clickhouse, "SELECT min(next_offset) FROM state SETTINGS apply_mutations_on_fly = 1") == 30
        )
        assert (
            await self.value(clickhouse, "SELECT min(next_offset) FROM manifest SETTINGS apply_mutations_on_fly = 1")
            == 30
        )
        found = await store.load("detect", "livewarden.partials", 2)
        assert found is not None
        assert (found.next_offset, found.entries) == (40, {"a": "40", "b": "40"})

    async def test_tables_that_went_away(self, store: ClickHouseStore, clickhouse: Address) -> None:
        client = await open_client(clickhouse)
        await client.command("DROP TABLE events")
        await client.close()
        with pytest.raises(SetupError, match="run `livewarden migrate`"):
            await store.write("events", [event(1)])

    async def test_writes_at_the_same_time(self, store: ClickHouseStore, clickhouse: Address) -> None:
        await asyncio.gather(*(store.write("events", [event(n * 10 + k) for k in range(12)]) for n in range(10)))
        assert await self.value(clickhouse, "SELECT count() FROM events FINAL") == 102


@contextmanager
def losing_replies(address: Address) -> Iterator[tuple[Address, threading.Event]]:
    """A way to ClickHouse that, while `lose` is set, delivers every request and cuts the connection instead of the
    reply.
    """
    lose = threading.Event()
    host, port = address.url.removeprefix("http://").split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def forward(client: socket.socket) -> None:
        with client, socket.create_connection((host, int(port))) as server:

            def requests() -> None:
                try:
                    while data := client.recv(65536):
                        server.sendall(data)
                except OSError:
                    return
                finally:
                    shut(server)

            sender = threading.Thread(target=requests)
            sender.start()
            try:
                while data := server.recv(65536):
                    if lose.is_set():
                        break
                    client.sendall(data)
            except OSError:
                pass
            shut(client)
            sender.join()

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=forward, args=(client,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield dataclasses.replace(address, url=f"http://127.0.0.1:{listener.getsockname()[1]}"), lose
    finally:
        shut(listener)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


def shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.mark.clickhouse
class TestReader:
    @pytest.fixture
    async def store(self, clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
        store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        yield store
        await store.close()

    @pytest.fixture
    async def reader(self, clickhouse: Address) -> AsyncIterator[Reader]:
        async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
            yield reader

    async def test_alerts_and_cases(self, store: ClickHouseStore, reader: Reader) -> None:
        rows = [alert(n, window_start=DAY + n) for n in range(3)]
        rows += [alert(3, status="resolved"), alert(4, suppressed_by="budget"), alert(5, run="other")]
        await store.write("alerts", rows)
        await store.write("case_candidates", [SAMPLES["case_candidates"]])
        assert [row["alert_id"] for row in await reader.alerts()] == ["a4", "a3", "a0", "a1", "a2"]
        assert [row["alert_id"] for row in await reader.alerts(limit=2)] == ["a1", "a2"]
        assert [row["alert_id"] for row in await reader.alerts(status="resolved")] == ["a3"]
        assert [row["alert_id"] for row in await reader.alerts(suppressed=False, limit=9)] == ["a3", "a0", "a1", "a2"]
        assert await reader.alerts("other") == [alert(5, run="other")]
        assert await reader.cases() == [SAMPLES["case_candidates"]]
        _, now = await reader.query("SELECT alert_id FROM alerts_now ORDER BY alert_id")
        assert now == [["a0"], ["a1"], ["a2"]]

    async def test_explained_alerts_as_columns(self, store: ClickHouseStore, reader: Reader) -> None:
        notified = {
            "text": "Probably model.",
            "onset": "2025-04-08T10:00:00Z",
            "slices": {"causes": [{"slice": {"cdn": "3"}, "share": 0.9, "without": 0.8}]},
            "exposure": None,
            "changes": [{"change_id": "c1"}],
            "verdict": {"verdict": "MODEL", "strength": "strong", "for": ["a", "b"], "against": []},
        }
        gap = notified | {"slices": None, "changes": [], "verdict": notified["verdict"] | {"verdict": "EXTERNAL"}}
        await store.write("alerts", [alert(n, explanation=json.dumps(each)) for n, each in enumerate((notified, gap))])
        await store.write("alerts", [alert(2)])
        _, rows = await reader.query(
            "SELECT summary, toString(began_at), verdict, strength, speaks_for, speaks_against, slice, share,"
            " gone_without_it,"
            " exposure_against_usual, change_id FROM alert_explanations ORDER BY alert_id"
        )
        first = ["Probably model.", "2025-04-08 10:00:00.000", "MODEL", "strong", ["a", "b"], []]
        assert rows == [
            [*first, {"cdn": "3"}, 0.9, 0.8, None, "c1"],
            [*first[:2], "EXTERNAL", *first[3:], {}, None, None, None, None],
        ]

    async def test_counts_and_dead_letters(self, store: ClickHouseStore, reader: Reader) -> None:
        assert set((await reader.counts()).values()) == {0}
        await store.write(
            "events", [event(1), event(2, late=1), event(3, duplicate=1), event(4, duplicate=1, conflict=1)]
        )
        await store.write("dead_letters", [SAMPLES["dead_letters"]])
        await store.write("alerts", [alert(1), alert(1, run="other")])
        assert await reader.counts() == {
            "events": 4,
            "late": 1,
            "duplicate": 1,
            "conflict": 1,
            "dead_letters": 1,
            "alerts": 1,
            "cases": 0,
            "incidents": 0,
            "notifications": 0,
        }
        assert await reader.dead_letters(reason="broken_json") == [SAMPLES["dead_letters"]]
        assert await reader.dead_letters(reason="other") == []
        columns, rows = await reader.query("SELECT topic, reason, records FROM dead_letters_by_reason")
        assert (columns, rows) == (["topic", "reason", "records"], [["live.traffic", "broken_json", 1]])

    async def test_events_come_in_the_order_of_the_log(self, store: ClickHouseStore, reader: Reader) -> None:
        places = list(itertools.product(["live.traffic", "live.enforcement"], [1, 0], [11, 9, 10]))
        rows = [event(o, topic=t, partition=p, event_time=DAY - o, late=int(o == 10)) for t, p, o in places]
        await store.write("events", [*rows, event(12, duplicate=1)])
        expected = sorted((r for r in rows if not r["late"]), key=lambda r: (r["topic"], r["partition"], r["offset"]))
        assert [row async for row in reader.events()] == expected
        assert [r["offset"] async for r in reader.events(DAY - 9, DAY + 1)] == [9] * 4
        assert [r["offset"] async for r in reader.events(to_ms=DAY - 9)] == [11] * 4
        assert [r["partition"] async for r in reader.events(topics=["live.traffic"])] == [0, 0, 1, 1]

    async def test_typed_views(self, store: ClickHouseStore, reader: Reader) -> None:
        data = (
            '{"action_id":"x","platform":"TikTok","points_delta":-3,"policy_id":null,'
            '"ends_at":"2025-05-01T00:00:00.5Z"}'
        )
        await store.write(
            "events",
            [
                event(1, data=data, weight=240043, precision="day"),
                event(2, type="room.lifecycle"),
                event(4, duplicate=1),
            ],
        )
        _, rows = await reader.query(
            "SELECT action_id, platform, points_delta, policy_id, shop_id, toString(ends_at),"
            " weight FROM enforcement_actions"
        )
        assert rows == [["x", "TikTok", -3, None, None, "2025-05-01 00:00:00.500", 240043]]
        traffic = '{"room_id":"r","market":"DE","window_s":10,"ccu":5,"gmv_minor":9007199254740993}'
        await store.write("events", [event(3, type="traffic.sample", data=traffic)])
        _, rows = await reader.query("SELECT room_id, market, window_s, ccu, gmv_minor, orders FROM traffic_samples")
        assert rows == [["r", "DE", 10, 5, 9007199254740993, None]]
        _, rows = await reader.query(
            "SELECT type, events, happenings, late_events, repeated_events FROM ingest_by_hour ORDER BY type"
        )
        assert rows == [
            ["enforcement.action", 1, 240043, 0, 1],
            ["room.lifecycle", 1, 1, 0, 0],
            ["traffic.sample", 1, 1, 0, 0],
        ]
        await store.write("judgements", [SAMPLES["judgements"]])
        assert (await reader.query("SELECT state FROM series_history"))[1] == [["normal"]]

    async def test_a_query_is_plain_and_names_its_columns(self, reader: Reader) -> None:
        columns, rows = await reader.query("SELECT 1 AS a, 'x' AS b, NULL AS c, map('k', [1.5]) AS d ; ")
        assert (columns, rows) == (["a", "b", "c", "d"], [[1, "x", None, {"k": [1.5]}]])
        assert await reader.query("SELECT topic FROM events") == (["topic"], [])
        assert (await reader.query("SHOW TABLES LIKE 'alerts'"))[1] == [["alerts"]]

    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("SELECT * FROM nowhere", "nowhere"),
            ("SELEC 1", "Syntax error"),
            ("SELECT number FROM numbers(10001)", "396"),
            ("DROP TABLE events", "readonly"),
            ("INSERT INTO schema_migrations (version) VALUES (9)", "readonly"),
            ("SELECT 1 SETTINGS readonly = 0", "readonly"),
            ("SELECT 1; SELECT 2", "Multi-statements"),
        ],
    )
    async def test_a_query_that_may_not_or_cannot(self, reader: Reader, sql: str, said: str) -> None:
        with pytest.raises(SetupError, match=said) as caught:
            await reader.query(sql)
        assert "\n" not in str(caught.value)
