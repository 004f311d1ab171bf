"""Event-time buckets beside the source: exact sums per series, a watermark, and every event accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from livewarden.contracts import PlatformChange, SourceHeartbeat
from livewarden.event import Event
from livewarden.times import to_ms
from models.aggregate.cells import MOST_LEAVES, OpenBuckets, OpenCell
from models.aggregate.change import change_of
from models.aggregate.columns import FieldColumns, Share, Stretch
from models.aggregate.event_run import EventRun, RunEvent, Whole
from models.aggregate.leaf import fold
from models.aggregate.partial import IN_PART, Message, Notice, Partial, Role, Row, Seal, in_records
from models.monitors.monitor import Monitor
from models.monitors.plan import CHANGES, Plan, SeriesKey

Outcome = Literal["counted", "late", "duplicate", "conflict"]
"""What became of a valid event. `counted` includes events that no monitor asks about."""

NEVER = 0


class Aggregator:
    """Sums the events of one source partition into buckets and says each bucket once, when it is complete.

    The watermark is the largest event time seen on this partition less `lateness_ms`, or what a heartbeat promised; it
    never goes back. An event behind it is *late*: in no bucket, for any monitor, so that parts and wholes stay equal.
    An event whose source and id were seen since the watermark is a *duplicate*, or, where it says something else than
    the first of them did, a *conflict*: the first counts, and neither of these. All else is *counted*. Sums are
    integers: the order of events between two watermarks changes nothing. A change of the platform is notified to every
    group at once; the seal that covers it follows.

    It holds one cell per series and open bucket (and, where a monitor explains, its leaves), and the ids since the
    watermark: larger `lateness_ms` accepts more stragglers, answers later and remembers more.
    """

    def __init__(self, plan: Plan, topic: str, partition: int, of: int, lateness_ms: int) -> None:
        self._plan = plan
        self._topic = topic
        self._partition = partition
        self._of = of
        self._lateness_ms = lateness_ms
        monitors = plan.on_topic(topic)
        self._monitors: dict[str, Monitor] = {monitor.name: monitor for monitor in monitors}
        self._exposed: dict[str, Monitor] = {monitor.name: monitor for monitor in plan.exposed_by(topic)}
        self._sizes = sorted({monitor.bucket for monitor in (*monitors, *self._exposed.values())})
        self._ticks = plan.ticks(topic)
        self._buckets = OpenBuckets()
        self._alive: dict[int, set[int]] = {size: set() for size in self._sizes}
        self._ids: dict[str, dict[str, tuple[int, int]]] = {}
        self._prune_at = NEVER
        self._sealed: dict[str, int] = dict.fromkeys(self._ticks, NEVER)
        self._next_tick = NEVER
        self.watermark_ms = NEVER
        self.ended = False
        self.newest: tuple[int, int] = (NEVER, NEVER)
        self._whole_from: dict[str, int] = {}
        self.outcomes: Counter[Outcome] = Counter()

    def add(self, event: Event) -> tuple[Outcome, list[Message]]:
        """Take one event in offset order; returns its disposition and what is complete now (often nothing)."""
        data = event.data
        if isinstance(data, SourceHeartbeat):
            self._heed(event)
            return self._heartbeat(data)
        outcome = self._place(event)
        self.outcomes[outcome] += 1
        if outcome == "counted":
            self._heed(event)
            self.ended = False
            notices = self._notices(data, event.time_ms) if isinstance(data, PlatformChange) else []
            return outcome, notices + self.advance(event.time_ms - self._lateness_ms)
        return outcome, []

    def take(self, run: EventRun) -> tuple[list[Outcome], list[Message]]:
        """Take a run of events in offset order: the same as `add` of one after the other, at a tenth of the cost.

        Between two moments at which a bucket is complete the order of events changes nothing, so each such stretch is
        counted at once. A run in which an id comes again is taken event by event.
        """
        at_ms = run.time_ms
        reached = np.maximum.accumulate(at_ms) - self._lateness_ms
        before = np.maximum(self.watermark_ms, np.concatenate(([self.watermark_ms], reached[:-1])))
        timely = np.flatnonzero(at_ms >= before)
        if not self._all_new(run, timely):
            return self._one_by_one(run)
        outcomes: list[Outcome] = ["counted" if each else "late" for each in (at_ms >= before).tolist()]
        self.outcomes.update(outcomes)
        if not len(timely):
            return outcomes, []
        newest = int(timely[np.argmax(at_ms[timely])])
        self._heed(run.event(newest))
        self.ended = False
        columns = [
            FieldColumns([run.bodies[place] for place in there.tolist()], at_ms[there])
            for there in (np.flatnonzero(run.kinds == kind) for kind in range(len(run.kind_names)))
        ]
        within = run.within()
        messages: list[Message] = []
        since = 0
        while since < len(run):
            completing = np.flatnonzero(reached[since:] >= self._next_tick)
            until = since + int(completing[0]) + 1 if len(completing) else len(run)
            self._place_stretch(run, timely[(timely >= since) & (timely < until)], columns, within)
            messages += self.advance(int(reached[until - 1]))
            since = until
        return outcomes, messages

    def _all_new(self, run: EventRun, timely: Whole) -> bool:
        """Whether no event of these repeats an id, of the run or of before."""
        for source, rows in run.by_source(timely):
            ids = run.ids if len(rows) == len(run) else [run.ids[row] for row in rows]
            if len(set(ids)) < len(ids) or not self._ids.get(source, {}).keys().isdisjoint(ids):
                return False
        return True

    def _one_by_one(self, run: EventRun) -> tuple[list[Outcome], list[Message]]:
        outcomes: list[Outcome] = []
        messages: list[Message] = []
        for place in range(len(run)):
            event = run.event(place)
            outcome = self._place(event)
            outcomes.append(outcome)
            self.outcomes[outcome] += 1
            if outcome == "counted":
                self._heed(event)
                self.ended = False
                messages += self.advance(event.time_ms - self._lateness_ms)
        return outcomes, messages

    def _place_stretch(self, run: EventRun, rows: Whole, columns: list[FieldColumns], within: Whole) -> None:
        """Count events between which no bucket becomes complete."""
        at_ms = run.time_ms[rows]
        for size in self._sizes:
            self._alive[size].update(np.unique(at_ms - at_ms % size).tolist())
        for source, places in run.by_source(rows):
            since, until = places[0], places[-1] + 1
            if len(places) == until - since:
                ids, digests, times = run.ids[since:until], run.digests[since:until], run.time_ms[since:until]
            else:
                ids, digests = [run.ids[place] for place in places], [run.digests[place] for place in places]
                times = run.time_ms[places]
            said = zip(times.tolist(), digests, strict=True)
            self._ids.setdefault(source, {}).update(zip(ids, said, strict=True))
        for kind, name in enumerate(run.kind_names):
            there = rows[run.kinds[rows] == kind]
            stretch = Stretch(columns[kind], within[there])
            for asked in self._plan.asked(*name) if len(there) else ():
                share = Share(columns[kind], stretch, asked)
                if not self._buckets.add_share(asked, share):
                    for place in there.tolist():
                        self._buckets.add(asked, run.bodies[place], int(run.time_ms[place]))

    @property
    def lag_ms(self) -> int | None:
        """How long the newest event had taken to the log; None before any, or where the log has no timestamps."""
        reach_ms, logged_ms = self.newest
        return logged_ms - reach_ms if reach_ms > NEVER and logged_ms >= 0 else None

    def _heed(self, event: Event | RunEvent) -> None:
        if event.reach_ms > self.newest[0]:
            self.newest = event.reach_ms, event.logged_ms

    def advance(self, watermark_ms: int) -> list[Message]:
        """Move the watermark (never back) and say what it completed:
        partials in time order, then a seal for each group.
        """
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
        return sum(cell.value for cells in self._buckets.cells.values() for cell in cells.values())

    def mend(self, until_ms: int) -> None:
        """Take a watermark back that stands in the future, to `until_ms`; what was said of buckets from there on is
        forgotten.

        What came late for it stays late: it is in no bucket.
        """
        self.watermark_ms = min(self.watermark_ms, until_ms)
        self.newest = min(self.newest, (until_ms, NEVER))
        self._sealed = {group: min(mark, until_ms) for group, mark in self._sealed.items()}
        self._next_tick = min((self._sealed[group] + tick for group, tick in self._ticks.items()), default=2**62)
        self._prune_at = min(self._prune_at, until_ms)
        self._whole_from = {}
        self._buckets.forget(until_ms)
        self._alive = {size: {start for start in starts if start < until_ms} for size, starts in self._alive.items()}
        self._ids = {}

    def _next_whole(self, size: int) -> int:
        """The start of the first bucket of that size in which nothing can have come yet."""
        return (max(self.newest[0], self.watermark_ms) // size + 1) * size

    def _place(self, event: Event | RunEvent) -> Outcome:
        time_ms = event.time_ms
        if time_ms < self.watermark_ms:
            return "late"
        if seen := self._seen(event):
            return seen
        for size in self._sizes:
            self._alive[size].add(time_ms - time_ms % size)
        for asked in self._plan.questions(event.data):
            self._buckets.add(asked, event.data, time_ms)
        return "counted"

    def _seen(self, event: Event | RunEvent) -> Outcome | None:
        """What an event is that repeats an id; None, and it is remembered, where it does not."""
        ids = self._ids.get(event.source)
        if ids is None:
            ids = self._ids[event.source] = {}
        digest = event.digest
        seen_ms, said = ids.get(event.id, (NEVER - 1, digest))
        if seen_ms >= self.watermark_ms:
            return "duplicate" if said in (digest, -1) else "conflict"
        ids[event.id] = event.time_ms, digest
        return None

    def _notices(self, data: PlatformChange, time_ms: int) -> list[Message]:
        if self._topic != CHANGES:
            return []
        change = change_of(data, time_ms)
        return [Notice(group, self._topic, self._partition, change) for group in self._ticks]

    def _heartbeat(self, beat: SourceHeartbeat) -> tuple[Outcome, list[Message]]:
        since, until = max(to_ms(beat.covers_from), self.watermark_ms), to_ms(beat.covers_until)
        for size in self._sizes:
            self._alive[size].update(range(since - since % size, until, size))
        self.outcomes["counted"] += 1
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
                    cells = self._buckets.cells.pop((monitor.name, start), {})
                    messages += self._partials(monitor, start, cells)
        for monitor in self._exposed.values():
            for start in sorted(self._alive[monitor.bucket]):
                if start + monitor.bucket <= watermark:
                    sums = self._buckets.exposure.pop((monitor.name, start), {})
                    rows: list[Row] = [(key, value, 0, "") for key, value in sorted(sums.items())]
                    messages += self._cut(monitor, start, rows, "exposure")
        for size in self._sizes:
            self._alive[size] = {start for start in self._alive[size] if start + size > watermark}
        messages.sort(key=lambda message: message.start_ms)  # type: ignore[union-attr]
        self._prune(watermark)
        for group, tick in self._ticks.items():
            if watermark - watermark % tick > self._sealed[group]:
                self._sealed[group] = watermark - watermark % tick
                messages.append(self._seal(group))
        self._next_tick = min((self._sealed[group] + tick for group, tick in self._ticks.items()), default=2**62)
        return messages

    def _prune(self, watermark: int) -> None:
        """Forget the ids of before the watermark, now and then."""
        if watermark < self._prune_at:
            return
        for source, ids in list(self._ids.items()):
            self._ids[source] = {name: seen for name, seen in ids.items() if seen[0] >= watermark}
            if not self._ids[source]:
                del self._ids[source]
        self._prune_at = watermark + max(self._lateness_ms, 1000)

    def _partials(self, monitor: Monitor, start: int, cells: dict[SeriesKey, OpenCell]) -> Iterator[Partial]:
        rows: list[Row] = [
            (series, cell.value, cell.exposure, cell.distinct.to_text() if cell.distinct else "")
            for series, cell in sorted(cells.items())
        ]
        yield from self._cut(monitor, start, rows, "sums")
        if monitor.leaf_dims and cells:
            leaves = {series + leaf: sums for series, cell in cells.items() for leaf, sums in cell.leaves.items()}
            folded = fold(leaves, len(monitor.leaf_dims), MOST_LEAVES)
            yield from self._cut(monitor, start, [(key, *folded[key], "") for key in sorted(folded)], "leaves")

    def _cut(self, monitor: Monitor, start: int, rows: list[Row], role: Role) -> Iterator[Partial]:
        """One bucket as records that fit."""
        config = monitor.leaf_hash if role == "leaves" else monitor.sums_hash
        if start < self._whole_from.get(monitor.name, NEVER):
            config = IN_PART
        place = (monitor.group_name, self._topic, self._partition, monitor.name, config)
        for chunk, cut in enumerate(in_records(rows)):
            yield Partial(*place, start, chunk, cut, role)

    def _seal(self, group: str) -> Seal:
        return Seal(group, self._topic, self._partition, self._of, self.watermark_ms, self.ended)

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values."""
        return {
            "watermark": self.watermark_ms,
            "ended": self.ended,
            "newest": self.newest,
            "sealed": self._sealed,
            "outcomes": dict(self.outcomes),
            "ids": self._ids,
            "whole_from": self._whole_from,
            "configs": {name: monitor.sums_hash for name, monitor in (self._monitors | self._exposed).items()},
            "leaves": {name: monitor.leaf_hash for name, monitor in self._monitors.items()},
            "alive": [[size, sorted(starts)] for size, starts in self._alive.items()],
            "open": [
                [
                    name,
                    start,
                    [
                        [
                            *(series, cell.value, cell.exposure, cell.distinct.to_text() if cell.distinct else ""),
                            [[*leaf, *sums] for leaf, sums in cell.leaves.items()],
                        ]
                        for series, cell in cells.items()
                    ],
                ]
                for (name, start), cells in self._buckets.cells.items()
            ],
            "exposure": [
                [name, start, [[*key, value] for key, value in sums.items()]]
                for (name, start), sums in self._buckets.exposure.items()
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`. Open buckets of monitors that are gone, or sum something else, are dropped.

        What is new or sums something else begins with the first bucket that it can count from its start; what it says
        of those before is marked `IN_PART`.
        """
        self.watermark_ms = state["watermark"]
        self.ended = state["ended"]
        self.newest = tuple(state["newest"])
        self._sealed.update({group: mark for group, mark in state["sealed"].items() if group in self._ticks})
        self._next_tick = min((self._sealed[group] + tick for group, tick in self._ticks.items()), default=2**62)
        self.outcomes = Counter(state["outcomes"])
        self._ids = {
            source: {name: (seen, -1) if isinstance(seen, int) else tuple(seen) for name, seen in ids.items()}
            for source, ids in state["ids"].items()
        }
        for size, starts in state["alive"]:
            if size in self._alive:
                self._alive[size] = set(starts)
        self._whole_from = dict(state["whole_from"])
        for name, asked in (self._monitors | self._exposed).items():
            if state["configs"].get(name) != asked.sums_hash:
                self._whole_from[name] = self._next_whole(asked.bucket)
        leaf_hashes = state["leaves"]
        for name, start, rows in state["open"]:
            monitor = self._monitors.get(name)
            if monitor is None or monitor.sums_hash != state["configs"][name]:
                continue
            cells = self._buckets.cells[name, start] = {}
            for series, value, exposure, sketch, *leaves in rows:
                cell = cells[tuple(series)] = OpenCell(value, exposure, sketch)
                if leaf_hashes.get(name) == monitor.leaf_hash:
                    cell.leaves = {tuple(leaf): (v, e) for *leaf, v, e in leaves[0]}
        for name, start, sums in state["exposure"]:
            if name in self._exposed and self._exposed[name].sums_hash == state["configs"][name]:
                self._buckets.exposure[name, start] = {tuple(key): value for *key, value in sums}
