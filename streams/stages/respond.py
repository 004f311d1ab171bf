"""The response stage."""

from __future__ import annotations

from collections.abc import Iterable

from livewarden.checkpoint import Checkpoint
from models.library.stored import library_row, pattern_row
from models.monitors.plan import Plan
from models.response.policy import Policy
from models.response.responder import Responder
from models.response.response_event import from_dict
from streams.stages.decoded import decoded
from streams.stages.output import FULL_EVERY, LOG_APPEND_TIME, Output, Row, WireRecord
from streams.stages.response_rows import (
    action_row,
    case_file_row,
    channel_row,
    disposition_row,
    entry_row,
    incident_row,
    notification_row,
    opinion_row,
    recommendation_row,
    silence_row,
    suppressed_row,
)
from streams.stages.saved import pack, unpacked


class Respond:
    """The response stage on the one partition of its topic: alerts, requests, deliveries and ticks in, rows out.

    A record that is none of these goes to the dead letters.
    """

    name = "respond"

    def __init__(self, plan: Plan, policy: Policy, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = 0
        self.output = Output()
        self.responder = Responder(plan, policy)
        self._checkpoints = 0

    def process(self, records: Iterable[WireRecord]) -> None:
        """Take a run of records in offset order; those below `next_offset` were taken before and are skipped."""
        for record, news in decoded(self, records, from_dict, "broken_response"):
            stamped = getattr(record, "timestamp_type", LOG_APPEND_TIME) == LOG_APPEND_TIME
            self.responder.apply(news, record.timestamp, stamped=stamped)
        self._say()

    @property
    def watermark_ms(self) -> int:
        """The time of the newest record: the broker's, or that of the worker who wrote it."""
        return self.responder.now_ms

    def checkpoint(self) -> Checkpoint:
        """State and position; every fiftieth is whole, the others hold what changed since the one before."""
        full = self._checkpoints % FULL_EVERY == 0
        self._checkpoints += 1
        header, entries = self.responder.snapshot(full=full)
        text = pack(header, self.responder.kept)
        return Checkpoint(
            self.name, self.topic, self.partition, self.next_offset, self.watermark_ms, text, entries, full
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; SetupError where it cannot be read."""
        self.next_offset = checkpoint.next_offset
        with unpacked(checkpoint) as state:
            self.responder.restore(state, checkpoint.entries)

    def _say(self) -> None:
        """The rows of what changed; actions last: who sees the answer finds what was done."""
        changes, incidents = self.responder.changed(), self.responder.incidents
        written: list[tuple[str, list[Row]]] = [
            ("incidents", [incident_row(each, incidents) for each in changes.incidents.values()]),
            ("dispositions", [*map(disposition_row, changes.dispositions.values())]),
            ("dispositions", [*map(suppressed_row, changes.suppressed)]),
            ("silences", [*map(silence_row, changes.silences.values())]),
            ("notifications", [*map(notification_row, changes.notifications.values())]),
            ("channels", [*map(channel_row, changes.channels.values())]),
            ("cases", [*map(case_file_row, changes.cases.values())]),
            ("case_history", [*map(entry_row, changes.history)]),
            ("feedback", [*map(opinion_row, changes.opinions)]),
            ("library_entries", [library_row(each.entry, each.who, each.at_ms) for each in changes.entries]),
            ("patterns", [*map(pattern_row, changes.patterns.values())]),
            ("recommendations", [*map(recommendation_row, changes.recommendations.values())]),
            ("actions", [*map(action_row, changes.audited)]),
        ]
        for table, rows in written:
            for row in rows:
                self.output.row(table, row)
        rows_by_table = self.output.rows
        if "actions" in rows_by_table:
            rows_by_table["actions"] = rows_by_table.pop("actions")
