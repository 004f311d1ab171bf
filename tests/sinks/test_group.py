"""Group commit: who travels together, and that nobody pays for another one's misfortune but the error they share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from livewarden.errors import RetryLater
from sinks.store.group import GroupCommit
from sinks.store.tables import Row

WITHIN_S = 10.0


class Gate:
    """An insert that waits for its answer; keeps what went in, one entry an insert."""

    def __init__(self) -> None:
        self.inserts: list[tuple[str, list[int]]] = []
        self.under_way = 0
        self.most_under_way = 0
        self._answers: asyncio.Queue[Exception | None] = asyncio.Queue()
        self._came = asyncio.Condition()

    async def insert(self, table: str, rows: list[Row]) -> None:
        self.inserts.append((table, [row["n"] for row in rows]))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        async with self._came:
            self._came.notify_all()
        try:
            answer = await self._answers.get()
        finally:
            self.under_way -= 1
        if answer is not None:
            raise answer

    def answer(self, *answers: Exception | None) -> None:
        """Answer the next inserts: with an error, or None where the rows are kept."""
        for answer in answers:
            self._answers.put_nowait(answer)

    async def until(self, inserts: int) -> None:
        async with asyncio.timeout(WITHIN_S), self._came:
            await self._came.wait_for(lambda: len(self.inserts) >= inserts)


@asynccontextmanager
async def callers(group: GroupCommit, *numbers: int, table: str = "events") -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(group.add(table, [{"n": number}])) for number in numbers]
    async with asyncio.timeout(WITHIN_S):
        yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_starts_together_travels_together() -> None:
    gate = Gate()
    gate.answer(None)
    async with callers(GroupCommit(gate.insert), 1, 2, 3) as tasks:
        await asyncio.gather(*tasks)
    assert gate.inserts == [("events", [1, 2, 3])]


async def test_who_comes_during_an_insert_goes_with_the_next_one() -> None:
    gate = Gate()
    group = GroupCommit(gate.insert)
    async with callers(group, 1) as first:
        await gate.until(1)
        async with callers(group, 2, 3, 4) as others:
            await asyncio.sleep(0)
            assert not any(task.done() for task in others)
            gate.answer(None, None)
            await asyncio.gather(*first, *others)
    assert gate.inserts == [("events", [1]), ("events", [2, 3, 4])]
    assert gate.most_under_way == 1


async def test_tables_do_not_wait_for_each_other() -> None:
    gate = Gate()
    group = GroupCommit(gate.insert)
    async with callers(group, 1) as events, callers(group, 2, table="alerts") as alerts:
        await gate.until(2)
        assert gate.under_way == 2
        gate.answer(None, None)
        await asyncio.gather(*events, *alerts)
    assert sorted(gate.inserts) == [("alerts", [2]), ("events", [1])]


async def test_nothing_is_inserted_for_nothing() -> None:
    gate = Gate()
    await GroupCommit(gate.insert).add("events", [])
    assert gate.inserts == []


async def test_an_error_reaches_everybody_in_the_group_and_nobody_else() -> None:
    gate = Gate()
    group = GroupCommit(gate.insert)
    async with callers(group, 1, 2) as unlucky:
        await gate.until(1)
        async with callers(group, 3) as next_one:
            await asyncio.sleep(0)
            gate.answer(RetryLater("busy"), None, None)
            assert [str(error) for error in await asyncio.gather(*unlucky, return_exceptions=True)] == ["busy", "busy"]
            await asyncio.gather(*next_one)
        await group.add("events", [{"n": 4}])
    assert gate.inserts == [("events", [1, 2]), ("events", [3]), ("events", [4])]


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_who_is_cancelled_during_the_insert_harms_nobody(gone: int) -> None:
    gate = Gate()
    group = GroupCommit(gate.insert)
    async with callers(group, 1, 2, 3) as tasks:
        await gate.until(1)
        async with callers(group, 4) as waiting:
            await asyncio.sleep(0)
            tasks[gone].cancel()
            await asyncio.sleep(0)
            gate.answer(None, None)
            rest = [task for number, task in enumerate(tasks) if number != gone]
            assert await asyncio.gather(*rest, *waiting) == [None, None, None]
            assert tasks[gone].cancelled()
    assert gate.inserts == [("events", [1, 2, 3]), ("events", [4])]


async def test_who_is_cancelled_before_the_insert_is_left_out() -> None:
    gate = Gate()
    group = GroupCommit(gate.insert)
    async with callers(group, 1) as first:
        await gate.until(1)
        async with callers(group, 2, 3) as waiting:
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
            gate.answer(None, None)
            await asyncio.gather(*first, waiting[1])
    assert gate.inserts == [("events", [1]), ("events", [3])]


async def test_the_first_caller_is_answered_when_its_own_rows_are_kept() -> None:
    """Not when those of all who came later are."""
    gate = Gate()
    group = GroupCommit(gate.insert)
    async with callers(group, 1) as first:
        await gate.until(1)
        async with callers(group, 2) as second:
            await asyncio.sleep(0)
            gate.answer(None)
            await asyncio.gather(*first)
            await gate.until(2)
            assert not second[0].done()
            gate.answer(None)
            await asyncio.gather(*second)
