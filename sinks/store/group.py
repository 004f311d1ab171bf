"""Group commit: inserts into one table that come while another is under way go together as the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sinks.store.columns import RowColumns
from sinks.store.tables import Row

Insert = Callable[[str, Sequence[Row]], Awaitable[None]]
"""Inserts rows into the table of that name; returns when they are durable."""


class GroupCommit:
    """Few large inserts instead of many small ones, without a timer: nobody waits longer than for the insert before.

    ClickHouse makes a part of every insert and merges parts later, so its cost is in their number. Whoever adds rows is
    answered when they are durable; if the insert fails, everybody in it gets the error and none of their rows counts as
    kept.
    """

    def __init__(self, insert: Insert) -> None:
        self._insert = insert
        self._waiting: dict[str, list[tuple[Sequence[Row], asyncio.Future[None]]]] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows, together with those of others where they meet; returns when they are durable.

        Cancelled before its insert begins, the caller's rows are left out; later, they may be kept or not. Nobody else
        notices.
        """
        if not rows:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(table, []).append((rows, done))
        if table not in self._busy:
            # A task of its own: whoever came first may be cancelled, and should not work for others for ever.
            self._busy[table] = asyncio.create_task(self._work(table))
        await done

    async def _work(self, table: str) -> None:
        group: list[tuple[Sequence[Row], asyncio.Future[None]]] = []
        try:
            while group := [each for each in self._waiting.pop(table, ()) if not each[1].done()]:
                await self._one(table, group)
        finally:
            del self._busy[table]
            for _, waiter in (*group, *self._waiting.pop(table, ())):
                waiter.cancel()

    async def _one(self, table: str, group: list[tuple[Sequence[Row], asyncio.Future[None]]]) -> None:
        try:
            await self._insert(table, _together([rows for rows, _ in group]))
        except Exception as error:  # noqa: BLE001 - not handled here: everybody in the group gets it
            for _, waiter in group:
                if not waiter.done():
                    waiter.set_exception(error)
        else:
            for _, waiter in group:
                if not waiter.done():
                    waiter.set_result(None)


def _together(batches: Sequence[Sequence[Row]]) -> Sequence[Row]:
    """Rows one after the other: as columns where all of them are."""
    if len(batches) == 1:
        return batches[0]
    if not all(isinstance(rows, RowColumns) for rows in batches):
        return [row for rows in batches for row in rows]
    together = RowColumns(next(rows.table for rows in batches if isinstance(rows, RowColumns)))
    for rows in batches:
        if isinstance(rows, RowColumns):
            together.extend(rows.columns)
    return together
