"""The store in ClickHouse."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

import orjson

from livewarden.checkpoint import Checkpoint
from livewarden.errors import RetryLater, SetupError
from livewarden.ids import content_token
from livewarden.times import DAY_MS, instant
from sinks.store.columns import RowColumns
from sinks.store.connection import Address, open_client, translated
from sinks.store.group import GroupCommit
from sinks.store.migrate import missing_or_applied
from sinks.store.native import block
from sinks.store.shards import WRITING
from sinks.store.store import AlertKey
from sinks.store.tables import MANIFEST, STATE, Row, Table, table

MOST_ROWS = 500_000
"""Rows of one insert; ClickHouse cuts larger ones itself, and then they are not all or nothing."""
MOST_PARTITIONS = 90
"""Partitions that one insert may touch; ClickHouse refuses more than 100."""
CLOSE_WITHIN_S = 0.5
_LOOK_UP = 1_000
_POSITIONS = {"state": STATE, "manifest": MANIFEST}

Place = tuple[str, str, int]
Position = tuple[int, int]


class ClickHouseStore:
    """Rows and checkpoints in ClickHouse; made by `connect`, used in the event loop that made it.

    Three things keep a row from counting twice, because each alone leaks: the insert's token is the hash of its
    content, so a repeated insert is dropped whole; the tables keep one row per identity, so re-cut batches merge; and
    alerts, which people see before a merge, are looked up first.
    """

    def __init__(self, client: Any, address: Address) -> None:
        self._client = client
        self._address = address
        self._full: dict[Place, Position] = {}
        self._group = GroupCommit(self._insert_all)

    @classmethod
    async def connect(
        cls,
        url: str,
        user: str = "default",
        password: str = "",
        database: str = "livewarden",
        ca: str = "",
        cluster: str = "",
        nodes: tuple[str, ...] = (),
    ) -> Self:
        """Reach ClickHouse, within 5 s. Unreachable where it does not answer;
        SetupError where the schema is not there.
        """
        address = Address(url, user, password, database, ca, cluster, nodes)
        client = await open_client(address)
        try:
            pending = [each.name for each in await missing_or_applied(client, address) if each.state == "pending"]
            if pending:
                raise SetupError(
                    f"ClickHouse at {url}, database {database!r}, lacks {', '.join(pending)}: run `livewarden migrate`"
                )
        except BaseException:
            await client.close()
            raise
        return cls(client, address)

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        """See `Store.write`."""
        kind = table(name)
        if isinstance(rows, RowColumns):
            await self._group.add(name, rows)
            return
        complete = [kind.complete(row) for row in rows]
        if name == "alerts":
            known = await self.known_alerts([_alert_key(row) for row in complete])
            complete = [row for row in complete if _alert_key(row) not in known]
        await self._group.add(name, complete)

    async def known_alerts(self, keys: Collection[AlertKey]) -> set[AlertKey]:
        """See `Store.known_alerts`."""
        ids = sorted({alert_id for _, alert_id, _ in keys})
        newest: dict[tuple[str, str], int] = {}
        for start in range(0, len(ids), _LOOK_UP):
            found = await self._rows(
                "SELECT run, alert_id, max(version) FROM alerts WHERE alert_id IN %(ids)s GROUP BY run, alert_id",
                {"ids": ids[start : start + _LOOK_UP]},
            )
            newest |= {(run, alert_id): version for run, alert_id, version in found}
        return {key for key in keys if newest.get(key[:2], -1) >= key[2]}

    async def save(self, checkpoint: Checkpoint) -> None:
        """See `Store.save`. State rows first, then the manifest row that makes them count."""
        place = (checkpoint.stage, checkpoint.topic, checkpoint.partition)
        position = (checkpoint.next_offset, checkpoint.watermark_ms)
        before = self._full.get(place) or await self._newest_full(place)
        full = position if checkpoint.full or before is None else before
        where = dict(zip(("stage", "topic", "partition"), place, strict=True))
        at = where | {"next_offset": checkpoint.next_offset, "watermark": checkpoint.watermark_ms}
        entries: list[Row] = [at | {"key": key, "blob": blob} for key, blob in checkpoint.entries.items()]
        await self._group.add("state", entries)
        manifest = at | {"full_offset": full[0], "full_watermark": full[1], "header": checkpoint.header}
        manifest |= {"topic_id": checkpoint.topic_id}
        await self._group.add("manifest", [manifest])
        self._full[place] = full
        if checkpoint.full and before is not None and before < position:
            await self._prune(place, before[0])

    async def load(self, stage: str, topic: str, partition: int) -> Checkpoint | None:
        """See `Store.load`."""
        place = {"stage": stage, "topic": topic, "partition": partition}
        found = await self._rows(
            "SELECT next_offset, toUnixTimestamp64Milli(watermark), full_offset,"
            " toUnixTimestamp64Milli(full_watermark), header, topic_id"
            f" FROM manifest FINAL WHERE {_AT_PLACE} ORDER BY next_offset DESC, watermark DESC LIMIT 1",
            place,
        )
        self._full.pop((stage, topic, partition), None)
        if not found:
            return None
        next_offset, watermark_ms, full_offset, full_watermark_ms, header, topic_id = found[0]
        entries = await self._rows(
            "SELECT key, argMax(blob, (next_offset, watermark)) FROM state FINAL"
            f" WHERE {_AT_PLACE} AND (next_offset, toUnixTimestamp64Milli(watermark)) >= (%(from)s, %(from_ms)s)"
            " AND (next_offset, toUnixTimestamp64Milli(watermark)) <= (%(to)s, %(to_ms)s) GROUP BY key ORDER BY key",
            place | {"from": full_offset, "from_ms": full_watermark_ms, "to": next_offset, "to_ms": watermark_ms},
        )
        self._full[stage, topic, partition] = (full_offset, full_watermark_ms)
        place_of = (stage, topic, partition, next_offset, watermark_ms)
        return Checkpoint(*place_of, header, dict(entries), topic_id=topic_id)

    async def positions(self, stage: str) -> dict[tuple[str, int], tuple[int, int]]:
        """See `Store.positions`."""
        found = await self._rows(
            "SELECT topic, partition, max((next_offset, toUnixTimestamp64Milli(watermark))) FROM manifest"
            " WHERE stage = %(stage)s GROUP BY topic, partition",
            {"stage": stage},
        )
        return {(topic, partition): tuple(newest) for topic, partition, newest in found}

    async def set_back(self, checkpoint: Checkpoint) -> None:
        """See `Store.set_back`. It is written first, and counts once the newer ones are gone."""
        await self.save(checkpoint)
        place = {"stage": checkpoint.stage, "topic": checkpoint.topic, "partition": checkpoint.partition}
        at = place | {"offset": checkpoint.next_offset, "watermark_ms": checkpoint.watermark_ms}
        newer = "(next_offset, toUnixTimestamp64Milli(watermark)) > (%(offset)s, %(watermark_ms)s)"
        with translated(self._address):
            for name in ("manifest", "state"):
                sql = f"DELETE FROM {name} WHERE {_AT_PLACE} AND {newer}"
                await self._client.command(sql, at, settings={"lightweight_deletes_sync": 2})

    async def forget_positions(self, stage: str | None = None) -> None:
        """See `Store.forget_positions`."""
        self._full.clear()
        for name in ("manifest", "state"):  # the manifest first: without it no state row counts
            if stage is None:
                await self._on_each_node(f"TRUNCATE TABLE {self._own(name)}", {}, {})
            else:
                sql = f"DELETE FROM {self._own(name)} WHERE stage = %(stage)s"
                await self._on_each_node(sql, {"stage": stage}, {"lightweight_deletes_sync": 2})

    async def close(self) -> None:
        """See `Store.close`."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._client.close()
        except TimeoutError:  # it waits for the request under way, which ends when its own patience does
            self._client._force_close()

    async def _newest_full(self, place: Place) -> Position | None:
        checkpoint = await self.load(*place)
        return self._full[place] if checkpoint is not None else None

    async def _prune(self, place: Place, below: int) -> None:
        values = dict(zip(("stage", "topic", "partition"), place, strict=True)) | {"below": below}
        try:
            for name in ("manifest", "state"):
                sql = f"DELETE FROM {self._own(name)} WHERE {_AT_PLACE} AND next_offset < %(below)s"
                await self._on_each_node(sql, values, {"lightweight_deletes_sync": 0})
        except (RetryLater, SetupError):
            # Superseded rows take room and do no harm; the next full checkpoint tries again.
            return

    def _own(self, name: str) -> str:
        """The table of a node itself."""
        return f"{name}_local" if self._address.cluster else name

    async def _on_each_node(self, sql: str, values: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        with translated(self._address):
            if not self._address.cluster:
                await self._client.command(sql, dict(values), settings=dict(settings))
                return
            for node in self._address.each:
                client = await open_client(node)
                try:
                    await client.command(sql, dict(values), settings=dict(settings))
                finally:
                    await client.close()

    async def _rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with translated(self._address):
            result = await self._client.query(sql, dict(values))
            return list(result.result_rows)

    async def _insert_all(self, name: str, rows: Sequence[Row]) -> None:
        if name in _POSITIONS:
            for start in range(0, len(rows), MOST_ROWS):
                await self._insert(name, _POSITIONS[name], rows[start : start + MOST_ROWS], {"insert_deduplicate": 0})
            return
        kind = table(name)
        if isinstance(rows, RowColumns) and one_insert(rows):
            await self._insert_block(name, block(rows.columns, kind.columns))
            return
        for piece in pieces(kind, rows):
            token = content_token(orjson.dumps(row, default=_plain).decode() for row in piece)
            await self._insert(
                name, kind.columns, piece, {"insert_deduplicate": 1, "insert_deduplication_token": token}
            )

    async def _insert_block(self, name: str, rows: bytes) -> None:
        """Rows in the Native format; the driver sends them as they are."""
        token = hashlib.sha256(rows).hexdigest()
        with translated(self._address):
            await self._client.raw_insert(
                name,
                insert_block=rows,
                fmt="Native",
                settings={"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token}
                | (WRITING if self._address.cluster else {}),
            )

    async def _insert(
        self, name: str, columns: Mapping[str, str], rows: Sequence[Row], settings: Mapping[str, Any]
    ) -> None:
        if not rows:
            return
        with translated(self._address):
            await self._client.insert(
                name,
                [_column([row[column] for row in rows], kind) for column, kind in columns.items()],
                column_names=list(columns),
                column_type_names=list(columns.values()),
                column_oriented=True,
                settings={"async_insert": 0, **settings, **(WRITING if self._address.cluster else {})},
            )


def one_insert(rows: RowColumns) -> bool:
    """Whether they fit into one insert, by their number and partitions."""
    if len(rows) > MOST_ROWS:
        return False
    by = rows.table.partitioned_by
    days = set() if by is None else {at_ms // DAY_MS for at_ms in rows.columns[by]}
    return len(days) <= MOST_PARTITIONS or len(set(map(_month, days))) <= MOST_PARTITIONS


def pieces(kind: Table, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows, in order, so that no piece has too many rows or partitions for one insert."""
    start = 0
    months: set[int] = set()
    for position, row in enumerate(rows):
        if kind.partitioned_by is not None:
            months.add(_month(row[kind.partitioned_by] // DAY_MS))
        if len(months) > MOST_PARTITIONS or position - start >= MOST_ROWS:
            yield rows[start:position]
            start = position
            months = {_month(row[kind.partitioned_by] // DAY_MS)} if kind.partitioned_by is not None else set()
    if start < len(rows):
        yield rows[start:]


_AT_PLACE = "stage = %(stage)s AND topic = %(topic)s AND partition = %(partition)s"


@lru_cache(maxsize=4096)
def _month(day: int) -> int:
    date = instant(day * DAY_MS)
    return date.year * 12 + date.month


def _column(values: list[Any], kind: str) -> list[Any]:
    if kind == "String" and any(isinstance(value, bytes) for value in values):
        return [value if isinstance(value, bytes) else value.encode() for value in values]
    return values


def _alert_key(row: Row) -> AlertKey:
    return row["run"], row["alert_id"], row["version"]


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else dict(value)
