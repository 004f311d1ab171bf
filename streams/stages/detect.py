"""The detect stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livewarden.checkpoint import Checkpoint
from livewarden.times import MINUTE_MS
from models.aggregate.canary import Canary, canary_from
from models.aggregate.partial import Message, from_dict
from models.decide.engine import Engine, Findings, upgraded
from models.monitors.plan import Plan
from models.response.response_event import CanaryReached, WatermarkAdvanced, alert_updated, candidate_updated
from streams.stages.decoded import decoded
from streams.stages.output import FULL_EVERY, Output, Row, WireRecord
from streams.stages.rows import alert_row, case_row, judged_row
from streams.stages.saved import pack, unpacked


class Detect:
    """The detect stage on one partition of the partials topic: an engine for each group that comes along."""

    name = "detect"

    def __init__(self, plan: Plan, topic: str, partition: int, run: str = "live") -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = 0
        self.output = Output()
        self.run = run
        self._plan = plan
        self._engines: dict[str, Engine] = {}
        self._marked: dict[str, int] = {}
        self._checkpoints = 0

    def process(self, records: Iterable[WireRecord]) -> None:
        """Take a run of records in offset order; those below `next_offset` were taken before and are skipped."""
        for _, message in decoded(self, records, _read, "broken_partial"):
            if isinstance(message, Canary):
                self.output.messages.append(CanaryReached(message.sent_ms))
            else:
                self.apply([message])

    def apply(self, messages: Iterable[Message]) -> None:
        """Take partials and seals."""
        findings = Findings()
        for message in messages:
            engine = self._engines.get(message.group)
            if engine is None:
                engine = self._engines[message.group] = Engine(self._plan, message.group, self.run)
            engine.apply(message, findings)
        for judged in findings.judged:
            self.output.row("judgements", judged_row(judged, self.run))
        for alert in findings.alerts:
            self.output.row("alerts", alert_row(alert, self.run))
            self.output.messages.append(alert_updated(alert))
        for case in findings.cases:
            row = case_row(case)
            self.output.row("case_candidates", row)
            self.output.messages.append(candidate_updated(case, row["started_at"], row["ended_at"]))
        self._mark()

    def _mark(self) -> None:
        """Say how far the groups are judged, by whole minutes."""
        for group, engine in self._engines.items():
            minute = (engine.watermark_ms or 0) // MINUTE_MS
            if minute > self._marked.get(group, 0):
                self._marked[group] = minute
                self.output.messages.append(WatermarkAdvanced(group, minute * MINUTE_MS))

    @property
    def watermark_ms(self) -> int:
        """The oldest watermark of its groups; 0 before any."""
        marks = [engine.watermark_ms for engine in self._engines.values() if engine.watermark_ms is not None]
        return min(marks, default=0)

    @property
    def repeated(self) -> int:
        """Partials that came again after their bucket was judged."""
        return sum(engine.repeated for engine in self._engines.values())

    def mend(self, until_ms: Mapping[str, int]) -> bool:
        """Take seals back that stand in the future, by topic (`Engine.mend`); whether there were any."""
        mended = [engine.mend(until_ms) for engine in self._engines.values()]
        return True in mended

    def checkpoint(self) -> Checkpoint:
        """State and position; every fiftieth is whole, the others hold what was judged since the one before."""
        full = self._checkpoints % FULL_EVERY == 0
        self._checkpoints += 1
        headers: Row = {}
        entries: dict[str, str] = {}
        for group, engine in sorted(self._engines.items()):
            headers[group], parts = engine.snapshot(full=full)
            entries |= {f"{group}\n{key}": blob for key, blob in parts.items()}
        text = pack(headers, sum(engine.kept for engine in self._engines.values()))
        return Checkpoint(
            self.name, self.topic, self.partition, self.next_offset, self.watermark_ms, text, entries, full
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; SetupError where it cannot be read.

        Groups that no monitor names any more are dropped.
        """
        self.next_offset = checkpoint.next_offset
        entries: dict[str, dict[str, str]] = {}
        for key, blob in checkpoint.entries.items():
            group, _, name = key.partition("\n")
            entries.setdefault(group, {})[name] = blob
        with unpacked(checkpoint, _upgraded) as state:
            for group, header in state.items():
                if group in self._plan.groups:
                    self._engines[group] = Engine(self._plan, group, self.run)
                    self._engines[group].restore(header, entries.get(group, {}))


def _read(record: Any) -> Message | Canary:
    return canary_from(record) if isinstance(record, dict) and "canary" in record else from_dict(record)


def _upgraded(state: Any) -> Any:
    return {group: upgraded(header) for group, header in state.items()}
