"""A store in memory: for replays to files, for trying things out, and for tests. It keeps the same promises."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from livewarden.checkpoint import Checkpoint
from sinks.store.store import AlertKey
from sinks.store.tables import TABLES, Row, in_order, table


class MemoryStore:
    """Rows and checkpoints in dictionaries; gone with the process.

    >>> import asyncio
    >>> store = MemoryStore()
    >>> letter = dict.fromkeys(("reason", "detail", "key", "headers", "value"), "") | {"recorded_at": 0}
    >>> asyncio.run(store.write("dead_letters", [letter | {"topic": "live.traffic", "partition": 0, "offset": 7}] * 2))
    >>> len(store.rows("dead_letters"))
    1
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in TABLES}
        self._checkpoints: dict[tuple[str, str, int], Checkpoint] = {}

    def rows(self, name: str) -> list[Row]:
        """The rows of a table, ordered by identity."""
        return in_order(list(self._rows[table(name).name].values()), TABLES[name].identity)

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        """See `Store.write`."""
        kind = table(name)
        complete = [kind.complete(row) for row in rows]
        kept = self._rows[name]
        for row in complete:
            row_id = kind.id_of(row)
            if kind.version and row_id in kept and kept[row_id][kind.version] > row[kind.version]:
                continue
            kept[row_id] = row

    async def known_alerts(self, keys: Collection[AlertKey]) -> set[AlertKey]:
        """See `Store.known_alerts`."""
        alerts = self._rows["alerts"]
        return {key for key in keys if key[:2] in alerts and alerts[key[:2]]["version"] >= key[2]}

    async def save(self, checkpoint: Checkpoint) -> None:
        """See `Store.save`."""
        place = (checkpoint.stage, checkpoint.topic, checkpoint.partition)
        before = self._checkpoints.get(place)
        if before is not None and _position(before) > _position(checkpoint):
            return
        old = {} if checkpoint.full or before is None else before.entries
        self._checkpoints[place] = replace(checkpoint, entries={**old, **checkpoint.entries}, full=True)

    async def load(self, stage: str, topic: str, partition: int) -> Checkpoint | None:
        """See `Store.load`."""
        return self._checkpoints.get((stage, topic, partition))

    async def positions(self, stage: str) -> dict[tuple[str, int], tuple[int, int]]:
        """See `Store.positions`."""
        return {place[1:]: _position(each) for place, each in self._checkpoints.items() if place[0] == stage}

    async def set_back(self, checkpoint: Checkpoint) -> None:
        """See `Store.set_back`."""
        self._checkpoints[checkpoint.stage, checkpoint.topic, checkpoint.partition] = checkpoint

    async def forget_positions(self, stage: str | None = None) -> None:
        """See `Store.forget_positions`."""
        for place in [place for place in self._checkpoints if stage in (None, place[0])]:
            del self._checkpoints[place]

    async def close(self) -> None:
        """See `Store.close`."""


def _position(checkpoint: Checkpoint) -> tuple[int, int]:
    return checkpoint.next_offset, checkpoint.watermark_ms
