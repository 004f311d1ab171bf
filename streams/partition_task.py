"""A task: one stage on one partition, and the order in which what it says becomes durable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from livewarden.checkpoint import Checkpoint
from livewarden.errors import RetryLater
from sinks.store.columns import RowColumns
from sinks.store.store import Store
from streams import telemetry
from streams.stages import Output, Said, WireRecord

_log = logging.getLogger(__name__)

FLUSH_ROWS = 20_000
"""Rows that wait at most, whatever the clock says."""

Send = Callable[[Sequence[Said]], Awaitable[None]]
"""Sends messages to the next stage; returns when Kafka has them."""
Commit = Callable[[str, int, int], Awaitable[None]]
"""Commits (topic, partition, next offset)."""
Noticed = Callable[[str, Output], None]
"""Sees what a stage on a topic has put out, once it is stored and sent."""


def _unnoticed(topic: str, output: Output) -> None:
    pass


class Stage(Protocol):
    """What a task drives; see `streams.stages`."""

    name: str
    topic: str
    partition: int
    next_offset: int
    output: Output

    @property
    def watermark_ms(self) -> int:
        """Event time up to which it is complete."""
        ...

    def process(self, records: Sequence[WireRecord]) -> None:
        """Take records in offset order."""
        ...

    def checkpoint(self) -> Checkpoint:
        """State and position."""
        ...


class PartitionTask:
    """Order at every save: rows to the store, messages to Kafka, state, position, and only then the commit.

    However the worker dies between two of these, the next owner starts from the last saved state and says the same rows
    and messages again, with the same ids: nothing is lost, nothing counts twice. A busy neighbour is waited for,
    without end and without giving the partition away. Any other error, and a cancellation, closes the task: what was
    under way may be half done, and only the last saved state is whole.
    """

    def __init__(
        self,
        stage: Stage,
        store: Store,
        send: Send,
        commit: Commit,
        checkpoint_s: float,
        noticed: Noticed = _unnoticed,
        topic_id: str = "",
    ) -> None:
        self.stage = stage
        self.closed = False
        self._store = store
        self._send = send
        self._commit = commit
        self._checkpoint_s = checkpoint_s
        self._noticed = noticed
        self._topic_id = topic_id
        self._lock = asyncio.Lock()
        self._saved_offset = stage.next_offset
        self._committed_offset = 0
        self._saved_at = self._last_record_at = self._flushed_at = asyncio.get_running_loop().time()

    async def take(self, records: Sequence[WireRecord]) -> None:
        """Process a run; flush when much has gathered."""
        async with self._turn():
            if self.closed:
                return
            before = self.stage.next_offset
            self.stage.process(records)
            telemetry.count(
                "livewarden_records", self.stage.name, self.stage.topic, by=max(0, self.stage.next_offset - before)
            )
            self._last_record_at = asyncio.get_running_loop().time()
            if sum(map(len, self.stage.output.rows.values())) >= FLUSH_ROWS:
                await self._flush()

    async def tick(self, flush_s: float) -> None:
        """Flush or save what is due."""
        async with self._turn():
            now = asyncio.get_running_loop().time()
            if self.closed:
                return
            if self.stage.next_offset > self._saved_offset and now - self._saved_at >= self._checkpoint_s:
                await self._save()
            elif self.stage.output and now - self._flushed_at >= flush_s:
                await self._flush()
            elif self._committed_offset < self._saved_offset:
                await self._commit_saved()  # restored, but the last owner got no further than to save

    async def save(self) -> None:
        """Make everything durable and commit, now."""
        async with self._turn():
            if not self.closed and (self.stage.output or self.stage.next_offset > self._saved_offset):
                await self._save()

    async def seal(self, advance: Callable[[], None]) -> None:
        """Let `advance` move the watermark by the clock; the decision is durable before anybody sees it."""
        async with self._turn():
            if self.closed:
                return
            advance()
            messages, self.stage.output.messages = self.stage.output.messages, []
            if messages:
                await self._save()
                await self._retrying("kafka", self._send, messages)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._lock.locked()

    def quiet_for(self) -> float:
        """Seconds since the last record."""
        return asyncio.get_running_loop().time() - self._last_record_at

    def close(self) -> None:
        """The partition is somebody else's now: say nothing more."""
        self.closed = True

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        async with self._lock:
            try:
                yield
            except BaseException:
                self.close()
                raise

    async def _flush(self) -> None:
        started = asyncio.get_running_loop().time()
        output, self.stage.output = self.stage.output, Output()
        for table, rows in output.rows.items():
            await self._retrying("clickhouse", self._store.write, table, rows)
            telemetry.count("livewarden_rows", table, by=len(rows))
        if output.messages:
            await self._retrying("kafka", self._send, output.messages)
        _count(self.stage.topic, output)
        self._noticed(self.stage.topic, output)
        self._flushed_at = asyncio.get_running_loop().time()
        telemetry.observe("livewarden_flush_seconds", self.stage.name, seconds=self._flushed_at - started)

    async def _save(self) -> None:
        await self._flush()
        stage = self.stage
        await self._retrying("clickhouse", self._store.save, replace(stage.checkpoint(), topic_id=self._topic_id))
        if self.closed:
            return  # perhaps nothing was saved; a commit would tell the next owner to skip it
        self._saved_offset, self._saved_at = stage.next_offset, asyncio.get_running_loop().time()
        await self._commit_saved()
        telemetry.count("livewarden_commits", stage.name)
        telemetry.gauge(
            "livewarden_watermark_seconds",
            stage.name,
            stage.topic,
            str(stage.partition),
            value=stage.watermark_ms / 1000,
        )

    async def _commit_saved(self) -> None:
        await self._commit(self.stage.topic, self.stage.partition, self._saved_offset)
        self._committed_offset = self._saved_offset

    async def _retrying(self, neighbour: str, call: Callable[..., Awaitable[None]], *args: object) -> None:
        async def unless_closed() -> None:
            if not self.closed:
                await call(*args)

        await retrying(neighbour)(unless_closed)


def retrying(neighbour: str) -> AsyncRetrying:
    """Calls again, without end and ever more patiently, while `RetryLater` is the answer; all else is let through."""

    def again(state: RetryCallState) -> None:
        assert state.outcome is not None
        telemetry.count("livewarden_retries", neighbour)
        _log.warning("again in %.1f s: %s", state.upcoming_sleep, state.outcome.exception())

    return AsyncRetrying(
        retry=retry_if_exception_type(RetryLater),
        wait=wait_random_exponential(multiplier=0.2, max=10),
        before_sleep=again,
    )


def _count(topic: str, output: Output) -> None:
    events = output.rows.get("events")
    if isinstance(events, RowColumns):
        _count_events(topic, events)
    if output.lost:
        telemetry.count("livewarden_lost_records", topic, by=output.lost)
        _log.error("%s: %d records were deleted from the log before they were read", topic, output.lost)
    for row in output.rows.get("dead_letters", ()):
        telemetry.count("livewarden_dead_letters", topic, row["reason"])
    for row in output.rows.get("alerts", ()):
        if row["version"] == 1 and row["suppressed_by"] is None:
            telemetry.count("livewarden_alerts", row["monitor"], row["kind"])
        elif row["version"] == 1:
            telemetry.count("livewarden_alerts_suppressed", row["monitor"], row["suppressed_by"])


def _count_events(topic: str, events: RowColumns) -> None:
    columns = events.columns
    late, conflict = sum(columns["late"]), sum(columns["conflict"])
    duplicate = sum(columns["duplicate"]) - conflict
    counted = len(events) - late - conflict - duplicate
    numbers = {"counted": counted, "late": late, "duplicate": duplicate, "conflict": conflict}
    for outcome, number in numbers.items():
        if number:
            telemetry.count("livewarden_events", topic, outcome, by=number)
    for type_name, unknown in zip(columns["type"], columns["unknown_fields"], strict=True):
        if unknown:
            telemetry.count("livewarden_unknown_fields", topic)
            _tell_once(type_name, unknown)


_notified: set[str] = set()
_MOST_TOLD = 200


def _tell_once(type_name: str, fields: Sequence[str]) -> None:
    """A field that no contract knows costs a line, not a line an event;
    a producer that makes up names costs some lines.
    """
    for name in fields:
        field = f"{type_name}: {name}"
        if field not in _notified and len(_notified) < _MOST_TOLD:
            _notified.add(field)
            _log.warning("a field that the contract does not know is kept and read by nobody: %s", field)
