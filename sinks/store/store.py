"""What a flush needs of the place where rows and positions are kept, whichever it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from livewarden.checkpoint import Checkpoint
from sinks.store.tables import Row

AlertKey = tuple[str, str, int]
"""Run, alert id, version."""


class Store(Protocol):
    """Keeps rows, one per identity, and checkpoints.

    Every method may be called again with the same arguments, after an error or a crash, and then changes nothing more.
    `RetryLater` means that the outcome is unknown: call again, and acknowledge nothing until it succeeds. `SetupError`
    means that no repetition helps.
    """

    async def write(self, table: str, rows: Sequence[Row]) -> None:
        """Keep `rows`. A row whose identity is known replaces it, unless its version is lower. Alerts known already are
        left out.

        If this raises, part of the rows may be kept; writing the same rows again completes them. Positions must not
        move before it has returned. A row with a wrong set of columns is a ValueError and nothing is written.
        """
        ...

    async def known_alerts(self, keys: Collection[AlertKey]) -> set[AlertKey]:
        """Those of `keys` that are kept, in that version or a higher one."""
        ...

    async def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint: it counts wholly or not at all."""
        ...

    async def load(self, stage: str, topic: str, partition: int) -> Checkpoint | None:
        """The newest checkpoint, with all entries since the last full one merged (`full` is true); None where there is
        none.

        Newest is the largest `(next_offset, watermark_ms)`, whoever saved it and in whichever order.
        """
        ...

    async def positions(self, stage: str) -> dict[tuple[str, int], tuple[int, int]]:
        """Next offset and watermark (ms) of a stage's newest checkpoints, by topic and partition."""
        ...

    async def set_back(self, checkpoint: Checkpoint) -> None:
        """Keep a whole checkpoint in place of those at the same place that are newer: for a state that is mended by
        hand.

        No worker may run. If this raises, what was there may still count; call it again.
        """
        ...

    async def forget_positions(self, stage: str | None = None) -> None:
        """Drop the checkpoints of a stage, or all: for a new log under old names, or a state to begin anew.

        Rows stay.
        """
        ...

    async def close(self) -> None:
        """Give connections back. Idempotent."""
        ...
