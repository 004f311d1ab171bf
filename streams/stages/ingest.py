"""The aggregate stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import lt
from typing import Any

from livewarden.checkpoint import Checkpoint
from livewarden.errors import InvalidEvent
from livewarden.event import AHEAD_MS
from models.aggregate.aggregator import Aggregator, Outcome
from models.aggregate.event_run import EventRun
from models.aggregate.partial import Message, Partial, from_dict, to_dict
from models.monitors.plan import Plan
from sources.quick import FEW, QuickReader, stretches
from streams.stages.marker import Passed
from streams.stages.output import FULL_EVERY, Output, WireRecord, event_in
from streams.stages.rows import dead_row, event_columns, event_row, partial_row, pass_over
from streams.stages.saved import pack, unpacked


class Ingest:
    """The aggregate stage on one source partition: decode, account for every record, sum.

    Every record becomes a row: of `events` (late, duplicate or in conflict where it is), or of `dead_letters`.
    """

    name = "ingest"

    def __init__(
        self, plan: Plan, topic: str, partition: int, of: int, lateness_ms: int, ahead_ms: int = AHEAD_MS
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = 0
        self.output = Output()
        self.dead = 0
        self._checkpoints = 0
        self._sealed: list[Message] = []
        self._plan = plan
        self._ahead_ms = ahead_ms
        self._reader = QuickReader(plan, ahead_ms)
        self._aggregator = Aggregator(plan, topic, partition, of, lateness_ms)
        self._tick_ms = min(plan.ticks(topic).values(), default=0)

    def process(self, records: Sequence[WireRecord]) -> None:
        """Take a run of records in offset order; those below `next_offset` were taken before and are skipped."""
        self._sealed = []
        fresh = [record for record in records if record.offset >= self.next_offset]
        if len(fresh) < FEW or not _ascending([record.offset for record in fresh]):
            self._take_each(fresh)
            return
        run, places = self._reader.read(fresh)
        done = 0
        for begin, end in stretches(places):
            self._take_each(fresh[done : places[begin]])
            done = places[end - 1] + 1
            self._take_run(fresh[places[begin] : done], run.part(begin, end))
        self._take_each(fresh[done:])

    def _take_run(self, records: Sequence[WireRecord], run: EventRun) -> None:
        self.next_offset = records[-1].offset + 1
        outcomes, messages = self._aggregator.take(run)
        self.output.columns("events", event_columns(self.topic, records, run, outcomes))
        self._say(messages)

    def _take_each(self, records: Iterable[WireRecord]) -> None:
        for record in records:
            if record.offset < self.next_offset:
                continue
            before, self.next_offset = self.next_offset, record.offset + 1
            if isinstance(record, Passed):
                pass_over(self.topic, record, before, self.output)
                continue
            try:
                event = event_in(record, record.topic).checked(self._ahead_ms)
            except InvalidEvent as error:
                self.dead += 1
                self.output.row("dead_letters", dead_row(self.topic, record, error))
                if error.reason == "future":
                    self.output.ahead.append((error.source, record.partition, record.offset))
                continue
            outcome, messages = self._aggregator.add(event)
            self.output.row("events", event_row(self.topic, event, record, outcome))
            self._say(messages)

    def advance(self, watermark_ms: int) -> None:
        """Seal a quiet partition up to a moment that the edge has read from the clock.

        No record says so again: what is to be sent stands in the checkpoint until the next record. It moves by whole
        buckets, so never without a seal: an event must not be late on a word that nobody else knows of.
        """
        if self._tick_ms:
            self._say(self._aggregator.advance(watermark_ms - watermark_ms % self._tick_ms))
        self._sealed = [message for message in self.output.messages if isinstance(message, Message)]

    def resume(self) -> None:
        """Say again what the clock completed, and the current seals:
        a crash may have come between saving and sending.
        """
        self._say([*self._sealed, *self._aggregator.seals()])

    @property
    def lag_ms(self) -> int | None:
        """How long the newest event had taken to the log; None where that is not known."""
        return self._aggregator.lag_ms

    @property
    def watermark_ms(self) -> int:
        """The partition's watermark."""
        return self._aggregator.watermark_ms

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many valid events were counted, late, duplicate, in conflict since the beginning."""
        return dict(self._aggregator.outcomes)

    def mend(self, until_ms: int) -> None:
        """Take a watermark back that stands in the future (`Aggregator.mend`), and what was to be said again."""
        self._aggregator.mend(until_ms)
        self._sealed = []

    def checkpoint(self) -> Checkpoint:
        """State and position; all of it stands in the header, since only open buckets are in it."""
        full = self._checkpoints % FULL_EVERY == 0
        self._checkpoints += 1
        sealed = [to_dict(message) for message in self._sealed]
        header = {"aggregator": self._aggregator.snapshot(), "dead": self.dead, "sealed": sealed}
        text = pack(header, 0)
        return Checkpoint(self.name, self.topic, self.partition, self.next_offset, self.watermark_ms, text, {}, full)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; SetupError where it cannot be read."""
        self.next_offset = checkpoint.next_offset
        with unpacked(checkpoint, _upgraded) as state:
            self.dead = state["dead"]
            self._sealed = [message for message in map(from_dict, state["sealed"]) if self._asked(message)]
            self._aggregator.restore(state["aggregator"])

    def _asked(self, message: Message) -> bool:
        """Whether somebody still asks for it. What was counted for a monitor as it was is said all the same: its bucket
        is not whole.
        """
        if isinstance(message, Partial) and message.monitor not in self._plan.by_name:
            return False
        return message.group in self._plan.groups

    def _say(self, messages: list[Message]) -> None:
        self.output.messages += messages
        for message in messages:
            if isinstance(message, Partial) and message.role == "sums":
                monitor = self._plan.by_name[message.monitor]
                for row in message.rows:
                    self.output.row("partials", partial_row(message, monitor, row))


def _ascending(offsets: Sequence[int]) -> bool:
    return all(map(lt, offsets, offsets[1:]))


def _upgraded(state: Any) -> Any:
    """A state of before there were leaves, exposures and a newest event."""
    return state | {"aggregator": {"leaves": {}, "exposure": [], "newest": (0, 0)} | state["aggregator"]}
