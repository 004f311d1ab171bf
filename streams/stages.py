"""The two stages of the stream, without a broker: records in, rows and messages out, state on request.

The Faust agents and the replay both drive these; so what live says and what a replay says is the same code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import orjson

from livewarden.checkpoint import Checkpoint
from livewarden.errors import InvalidEvent
from livewarden.event import Event
from livewarden.times import parse_ms
from models.aggregate import Aggregator, Fate
from models.alert import Alert
from models.engine import Engine, Findings
from models.monitor import Monitor
from models.partial import Message, Partial, from_dict, to_dict
from models.partial import Row as PartialRow
from models.plan import Plan
from models.watch import Judged
from streams.codec import decode

Row = dict[str, Any]


FULL_EVERY = 50
"""Every so many checkpoints one is whole, and what it supersedes can go."""


class WireRecord(Protocol):
    """What a stage reads of a Kafka record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


class Output:
    """What a stage wants done since it was last asked: rows by table, and messages for the next stage."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.messages: list[Message] = []

    def row(self, table: str, row: Row) -> None:
        """Add one row."""
        self.rows.setdefault(table, []).append(row)

    def __bool__(self) -> bool:
        return bool(self.rows or self.messages)


class Ingest:
    """The aggregate stage on one source partition: decode, account for every record, sum.

    Every record becomes a row: of `events` (late or duplicate where it is), or of `dead_letters`.
    """

    name = "ingest"

    def __init__(self, plan: Plan, topic: str, partition: int, of: int, lateness_ms: int) -> None:
        self.topic = topic
        self.partition = partition
        self.next_offset = 0
        self.output = Output()
        self.dead = 0
        self._checkpoints = 0
        self._sealed: list[Message] = []
        self._plan = plan
        self._aggregator = Aggregator(plan, topic, partition, of, lateness_ms)
        self._tick_ms = min((monitor.bucket for monitor in plan.on_topic(topic)), default=0)

    def process(self, records: Iterable[WireRecord]) -> None:
        """Take a run of records in offset order; those below `next_offset` were taken before and are skipped."""
        self._sealed = []
        for record in records:
            if record.offset < self.next_offset:
                continue
            self.next_offset = record.offset + 1
            try:
                event = decode(record.topic, record.partition, record.offset, record.key, record.value, record.headers)
            except InvalidEvent as error:
                self.dead += 1
                self.output.row("dead_letters", _dead_row(self.topic, record, error))
                continue
            fate, messages = self._aggregator.add(event)
            self.output.row("events", _event_row(self.topic, event, record, fate))
            self._say(messages)

    def advance(self, watermark_ms: int) -> None:
        """Seal a quiet partition up to a moment that the edge has read from the clock.

        No record says so again: what is to be sent stands in the checkpoint until the next record. It moves by whole buckets,
        so never without a seal: an event must not be late on a word that nobody else knows of.
        """
        if self._tick_ms:
            self._say(self._aggregator.advance(watermark_ms - watermark_ms % self._tick_ms))
        self._sealed = list(self.output.messages)

    def resume(self) -> None:
        """Say again what the clock completed, and the current seals: a crash may have come between saving and sending."""
        self._say([*self._sealed, *self._aggregator.seals()])

    @property
    def watermark_ms(self) -> int:
        """The partition's watermark."""
        return self._aggregator.watermark_ms

    @property
    def fates(self) -> dict[Fate, int]:
        """How many valid events were counted, late, duplicate since the beginning."""
        return dict(self._aggregator.fates)

    def checkpoint(self) -> Checkpoint:
        """State and position; all of it stands in the header, since only open buckets are in it."""
        full = self._checkpoints % FULL_EVERY == 0
        self._checkpoints += 1
        sealed = [to_dict(message) for message in self._sealed]
        header = {"aggregator": self._aggregator.snapshot(), "dead": self.dead, "sealed": sealed}
        text = orjson.dumps(header, option=orjson.OPT_NON_STR_KEYS).decode()
        return Checkpoint(self.name, self.topic, self.partition, self.next_offset, self.watermark_ms, text, {}, full)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        header = orjson.loads(checkpoint.header)
        self.next_offset = checkpoint.next_offset
        self.dead = header["dead"]
        self._sealed = [message for message in map(from_dict, header["sealed"]) if self._asked(message)]
        self._aggregator.restore(header["aggregator"])

    def _asked(self, message: Message) -> bool:
        """Whether the monitors, which may have changed since it was said, still ask for it."""
        if isinstance(message, Partial):
            monitor = self._plan.by_name.get(message.monitor)
            return monitor is not None and monitor.config_hash == message.config_hash
        return message.group in self._plan.groups

    def _say(self, messages: list[Message]) -> None:
        self.output.messages += messages
        for message in messages:
            if isinstance(message, Partial):
                monitor = self._plan.by_name[message.monitor]
                for row in message.rows:
                    self.output.row("partials", _partial_row(message, monitor, row))


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
        self._checkpoints = 0

    def process(self, records: Iterable[WireRecord]) -> None:
        """Take a run of records in offset order; those below `next_offset` were taken before and are skipped."""
        for record in records:
            if record.offset < self.next_offset:
                continue
            self.next_offset = record.offset + 1
            try:
                message = from_dict(orjson.loads(record.value or b"null"))
            except (ValueError, KeyError, TypeError) as error:
                broken = InvalidEvent("broken_partial", f"{type(error).__name__}: {error}")
                self.output.row("dead_letters", _dead_row(self.topic, record, broken))
                continue
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
            self.output.row("judgements", _judged_row(judged, self.run))
        for alert in findings.alerts:
            self.output.row("alerts", alert_row(alert, self.run))
        for case in findings.cases:
            self.output.row("case_candidates", case_row(case))

    @property
    def watermark_ms(self) -> int:
        """The oldest watermark of its groups; 0 before any."""
        marks = [engine.watermark_ms for engine in self._engines.values() if engine.watermark_ms is not None]
        return min(marks, default=0)

    @property
    def repeated(self) -> int:
        """Partials that came again after their bucket was judged."""
        return sum(engine.repeated for engine in self._engines.values())

    def checkpoint(self) -> Checkpoint:
        """State and position; every fiftieth is whole, the others hold what was judged since the one before."""
        full = self._checkpoints % FULL_EVERY == 0
        self._checkpoints += 1
        headers: Row = {}
        entries: dict[str, str] = {}
        for group, engine in sorted(self._engines.items()):
            headers[group], parts = engine.snapshot(full=full)
            entries |= {f"{group}\n{key}": blob for key, blob in parts.items()}
        text = orjson.dumps(headers).decode()
        return Checkpoint(
            self.name, self.topic, self.partition, self.next_offset, self.watermark_ms, text, entries, full
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint. Groups that no monitor names any more are dropped."""
        self.next_offset = checkpoint.next_offset
        entries: dict[str, dict[str, str]] = {}
        for key, blob in checkpoint.entries.items():
            group, _, name = key.partition("\n")
            entries.setdefault(group, {})[name] = blob
        for group, header in orjson.loads(checkpoint.header).items():
            if group in self._plan.groups:
                self._engines[group] = Engine(self._plan, group, self.run)
                self._engines[group].restore(header, entries.get(group, {}))


def encode_message(message: Message) -> tuple[bytes, bytes]:
    """Key and value of a partial or seal on the wire. The key is the group: a group is judged in one place."""
    return message.group.encode(), orjson.dumps(to_dict(message))


def alert_row(alert: Alert, run: str) -> Row:
    """An alert as a row of `alerts`."""
    row = alert.to_json(run)
    for name in ("window_start", "window_end", "ends_at"):
        row[name] = getattr(alert, f"{name}_ms")
    return row


def case_row(case: Row) -> Row:
    """A candidate as a row of `case_candidates`."""
    times = {name: case[name] and parse_ms(case[name]) for name in ("started_at", "ended_at")}
    return case | times | {"evidence": orjson.dumps(case["evidence"]).decode()}


def _judged_row(judged: Judged, run: str) -> Row:
    row = {
        name: getattr(judged, name)
        for name in ("monitor", "config_hash", "series", "observed", "expected", "score", "state")
    }
    return row | {"run": run, "window_start": judged.window_start_ms, "window_end": judged.window_end_ms}


def _event_row(topic: str, event: Event, record: WireRecord, fate: Fate) -> Row:
    data, value = event.data, record.value or b""
    named = dict(record.headers)
    binary = "ce_type" in named and not (named.get("content-type") or b"").lower().startswith(
        b"application/cloudevents"
    )
    return {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "event_id": event.id,
        "type": data.type_name,
        "source": event.source,
        "event_time": event.time_ms,
        "precision": data.time_precision,
        "weight": data.weight,
        "late": int(fate == "late"),
        "duplicate": int(fate == "duplicate"),
        "key": (record.key or b"").decode(errors="replace"),
        "data": value.decode() if binary else orjson.dumps(orjson.loads(value)["data"]).decode(),
    }


def _dead_row(topic: str, record: WireRecord, error: InvalidEvent) -> Row:
    return {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": error.reason,
        "detail": error.detail,
        "key": (record.key or b"").decode(errors="replace"),
        "headers": orjson.dumps(
            {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        ).decode(),
        "value": record.value or b"",
        "recorded_at": max(0, record.timestamp),
    }


def _partial_row(partial: Partial, monitor: Monitor, row: PartialRow) -> Row:
    series, value, exposure, sketch = row
    return {
        "monitor": partial.monitor,
        "config_hash": partial.config_hash,
        "window_start": partial.start_ms,
        "window_end": partial.start_ms + monitor.bucket,
        "series": dict(zip(monitor.group_by, series, strict=True)),
        "topic": partial.topic,
        "partition": partial.partition,
        "value": value,
        "exposure": exposure,
        "distinct": sketch,
    }
