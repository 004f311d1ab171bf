"""The canary's own first stage."""

from __future__ import annotations

from collections.abc import Iterable

from livewarden.checkpoint import Checkpoint
from models.aggregate.canary import canary_from
from streams.stages.decoded import decoded
from streams.stages.output import Output, WireRecord
from streams.stages.saved import pack, unpacked


class CanaryStage:
    """Takes canaries from their topic and says each to the detect stage, as the aggregate stage says its sums.

    No row of events comes of them, and no sum: people never see one.
    """

    name = "canary"

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = 0
        self.output = Output()
        self._newest_ms = 0

    def process(self, records: Iterable[WireRecord]) -> None:
        """Take a run of records in offset order; those below `next_offset` were taken before and are skipped."""
        for _, canary in decoded(self, records, canary_from, "broken_canary"):
            self._newest_ms = max(self._newest_ms, canary.sent_ms)
            self.output.messages.append(canary)

    @property
    def watermark_ms(self) -> int:
        """When the newest canary was sent."""
        return self._newest_ms

    def checkpoint(self) -> Checkpoint:
        """The position; there is no other state."""
        header = pack({"newest": self._newest_ms}, 0)
        return Checkpoint(self.name, self.topic, self.partition, self.next_offset, self.watermark_ms, header)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; SetupError where it cannot be read."""
        self.next_offset = checkpoint.next_offset
        with unpacked(checkpoint) as state:
            self._newest_ms = state["newest"]
