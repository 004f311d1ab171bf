"""Event-time buckets beside the source: exact sums per series, a watermark, and every event accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from livewarden.contracts import SourceHeartbeat
from livewarden.event import Event
from livewarden.times import to_ms
from models.distinct import Distinct
from models.monitor import Monitor
from models.partial import ROWS_PER_RECORD, Message, Partial, Row, Seal
from models.plan import Plan, SeriesKey

Fate = Literal["counted", "late", "duplicate"]
"""What became of a valid event. `counted` includes events that no monitor asks about."""

NEVER = 0


class _Cell:
    """One series in one open bucket."""

    __slots__ = ("distinct", "exposure", "value")

    def __init__(self, value: int = 0, exposure: int = 0, sketch: str = "") -> None:
        self.value = value
        self.exposure = exposure
        self.distinct = Distinct(sketch) if sketch else None


class Aggregator:
    """Sums the events of one source partition into buckets and says each bucket once, when it is complete.

    The watermark is the largest event time seen on this partition less `lateness_ms`, or what a heartbeat promised; it never
    goes back. An event behind it is *late*: in no bucket, for any monitor, so that parts and wholes stay equal. An event
    whose source and id were seen since the watermark is a *duplicate*. All else is *counted*. Sums are integers: the order of events
    between two watermarks changes nothing.

    It holds one cell per series and open bucket, and the ids since the watermark: larger `lateness_ms` accepts more
    stragglers, answers later and remembers more.
    """

    def __init__(self, plan: Plan, topic: str, partition: int, of: int, lateness_ms: int) -> None:
        self._plan = plan
        self._topic = topic
        self._partition = partition
        self._of = of
        self._lateness_ms = lateness_ms
        monitors = plan.on_topic(topic)
        self._monitors: dict[str, Monitor] = {monitor.name: monitor for monitor in monitors}
        self._sizes = sorted({monitor.bucket for monitor in monitors})
        self._ticks = {
            group: min(monitor.bucket for monitor in monitors if monitor.group_name == group)
            for group in sorted({monitor.group_name for monitor in monitors})
        }
        self._open: dict[tuple[str, int], dict[SeriesKey, _Cell]] = {}
        self._alive: dict[int, set[int]] = {size: set() for size in self._sizes}
        self._ids: dict[str, dict[str, int]] = {}
        self._prune_at = NEVER
        self._sealed: dict[str, int] = dict.fromkeys(self._ticks, NEVER)
        self._next_tick = NEVER
        self.watermark_ms = NEVER
        self.ended = False
        self.fates: Counter[Fate] = Counter()

    def add(self, event: Event) -> tuple[Fate, list[Message]]:
        """Take one event in offset order; returns its fate and what is complete now (often nothing)."""
        data = event.data
        if isinstance(data, SourceHeartbeat):
            return self._heartbeat(data)
        fate = self._place(event)
        self.fates[fate] += 1
        if fate == "counted":
            self.ended = False
            return fate, self.advance(event.time_ms - self._lateness_ms)
        return fate, []

    def advance(self, watermark_ms: int) -> list[Message]:
        """Move the watermark (never back) and say what it completed: partials in time order, then a seal for each group."""
        if watermark_ms > self.watermark_ms:
            self.watermark_ms = watermark_ms
        if self.watermark_ms < self._next_tick:
            return []
        return self._close()

    def seals(self) -> list[Message]:
        """The current promise to every group, said again: what a new owner of the partition begins with."""
        if self.watermark_ms == NEVER:
            return []
        return [self._seal(group) for group in self._ticks]

    @property
    def open_events(self) -> int:
        """Sum of the cells' values in buckets that are not complete yet, over all monitors."""
        return sum(cell.value for cells in self._open.values() for cell in cells.values())

    def _place(self, event: Event) -> Fate:
        time_ms = event.time_ms
        if time_ms < self.watermark_ms:
            return "late"
        ids = self._ids.get(event.source)
        if ids is None:
            ids = self._ids[event.source] = {}
        if ids.get(event.id, NEVER - 1) >= self.watermark_ms:
            return "duplicate"
        ids[event.id] = time_ms
        for size in self._sizes:
            self._alive[size].add(time_ms - time_ms % size)
        data = event.data
        for question in self._plan.questions(data):
            reading = question.read(data)
            if reading is None:
                continue
            series, value, exposure, subject = reading
            bucket = (question.monitor.name, time_ms - time_ms % question.bucket_ms)
            cells = self._open.get(bucket)
            if cells is None:
                cells = self._open[bucket] = {}
            cell = cells.get(series)
            if cell is None:
                cell = cells[series] = _Cell()
            cell.value += value
            cell.exposure += exposure
            if subject is not None:
                if cell.distinct is None:
                    cell.distinct = Distinct()
                cell.distinct.add(subject)
        return "counted"

    def _heartbeat(self, beat: SourceHeartbeat) -> tuple[Fate, list[Message]]:
        since, until = max(to_ms(beat.covers_from), self.watermark_ms), to_ms(beat.covers_until)
        for size in self._sizes:
            self._alive[size].update(range(since - since % size, until, size))
        self.fates["counted"] += 1
        self.ended = beat.state == "ENDED"
        messages = self.advance(until)
        if self.ended:
            messages = [*(message for message in messages if isinstance(message, Partial)), *self.seals()]
        return "counted", messages

    def _close(self) -> list[Message]:
        watermark = self.watermark_ms
        messages: list[Message] = []
        for monitor in self._monitors.values():
            size = monitor.bucket
            for start in sorted(self._alive[size]):
                if start + size <= watermark:
                    cells = self._open.pop((monitor.name, start), {})
                    messages += self._partials(monitor, start, cells)
        for size in self._sizes:
            self._alive[size] = {start for start in self._alive[size] if start + size > watermark}
        messages.sort(key=lambda message: message.start_ms)  # type: ignore[union-attr]
        if watermark >= self._prune_at:
            for source, ids in list(self._ids.items()):
                self._ids[source] = {name: time_ms for name, time_ms in ids.items() if time_ms >= watermark}
                if not self._ids[source]:
                    del self._ids[source]
            self._prune_at = watermark + max(self._lateness_ms, 1000)
        for group, tick in self._ticks.items():
            if watermark - watermark % tick > self._sealed[group]:
                self._sealed[group] = watermark - watermark % tick
                messages.append(self._seal(group))
        self._next_tick = min((self._sealed[group] + tick for group, tick in self._ticks.items()), default=2**62)
        return messages

    def _partials(self, monitor: Monitor, start: int, cells: dict[SeriesKey, _Cell]) -> Iterator[Partial]:
        rows: list[Row] = [
            (series, cell.value, cell.exposure, cell.distinct.to_text() if cell.distinct else "")
            for series, cell in sorted(cells.items())
        ]
        for chunk in range(max(1, -(-len(rows) // ROWS_PER_RECORD))):
            cut = tuple(rows[chunk * ROWS_PER_RECORD : (chunk + 1) * ROWS_PER_RECORD])
            yield Partial(
                monitor.group_name, self._topic, self._partition, monitor.name, monitor.config_hash, start, chunk, cut
            )

    def _seal(self, group: str) -> Seal:
        return Seal(group, self._topic, self._partition, self._of, self.watermark_ms, self.ended)

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values."""
        return {
            "watermark": self.watermark_ms,
            "ended": self.ended,
            "sealed": self._sealed,
            "fates": dict(self.fates),
            "ids": self._ids,
            "configs": {name: monitor.config_hash for name, monitor in self._monitors.items()},
            "alive": [[size, sorted(starts)] for size, starts in self._alive.items()],
            "open": [
                [
                    name,
                    start,
                    [[s, c.value, c.exposure, c.distinct.to_text() if c.distinct else ""] for s, c in cells.items()],
                ]
                for (name, start), cells in self._open.items()
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`. Buckets of monitors that are gone or changed are dropped; new monitors begin empty."""
        self.watermark_ms = state["watermark"]
        self.ended = state["ended"]
        self._sealed.update({group: mark for group, mark in state["sealed"].items() if group in self._ticks})
        self._next_tick = min((self._sealed[group] + tick for group, tick in self._ticks.items()), default=2**62)
        self.fates = Counter(state["fates"])
        self._ids = {source: dict(ids) for source, ids in state["ids"].items()}
        for size, starts in state["alive"]:
            if size in self._alive:
                self._alive[size] = set(starts)
        for name, start, rows in state["open"]:
            if name in self._monitors and self._monitors[name].config_hash == state["configs"][name]:
                self._open[name, start] = {
                    tuple(s): _Cell(value, exposure, sketch) for s, value, exposure, sketch in rows
                }
