"""Did the whole fall, or one part of it? The parts of a series, what became of them, and how many fell with it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, Final

from models.aggregate.leaf import REST, Leaves
from models.aggregate.partial import Partial
from models.monitors.monitor import Monitor
from models.monitors.plan import SeriesKey

BEFORE: Final = 8
"""Buckets before the fall in which the usual value of a part is looked for …"""
KNOWN: Final = 3
"""… and in how many of them it was there at least."""
STEPS_KEPT: Final = 45
"""Buckets for which it is remembered that a part ended, was interrupted, or came back."""
FELL: Final = 0.7
"""A part fell with the whole where it holds no more than this share of its usual."""
FEWEST: Final = 2
"""So many parts fell at least, and more than half of those that should still be there."""


class Breadth:
    """Says whether a fall of a series is more than what one of its parts does, such as one LIVE room of a market.

    The values of the parts come with the leaves, what becomes of them as partials of another event (`room.lifecycle`):
    a part that ended or was interrupted on purpose explains its own loss. Of the others at least two, and more than
    half, must have fallen. A part that vanished without a word fell. Bad where the whole has a single large part: then
    a real fall of that part is stored, and not notified.
    """

    def __init__(self, monitor: Monitor, leaves: Leaves) -> None:
        self._monitor = monitor
        self._leaves = leaves
        self._place = monitor.leaf_dims.index(monitor.parts)
        self._open: dict[int, dict[tuple[int, int], Partial]] = {}
        self._steps: dict[int, dict[SeriesKey, dict[str, str]]] = {}

    def take(self, partial: Partial) -> None:
        """Keep a partial; the same one again replaces itself."""
        if partial.sums_hash == self._monitor.sums_hash:
            self._open.setdefault(partial.start_ms, {})[partial.partition, partial.chunk] = partial

    def close(self, start_ms: int) -> None:
        """The bucket that starts there is complete; so are those before it, of which nothing else may have come."""
        for start in sorted(start for start in self._open if start <= start_ms):
            steps: dict[SeriesKey, dict[str, str]] = {}
            for _, partial in sorted(self._open.pop(start).items()):
                for (*key, part, state, reason), _, _, _ in partial.rows:
                    steps.setdefault(tuple(key), {})[part] = f"{state} by {reason}" if reason else state
            if steps:
                self._steps[start] = steps
        oldest = start_ms - STEPS_KEPT * self._monitor.bucket
        self._steps = {start: steps for start, steps in self._steps.items() if start > oldest}

    def mend(self, until_ms: int) -> None:
        """Forget what is from `until_ms` on; see `Engine.mend`."""
        self._open = {start: parts for start, parts in self._open.items() if start < until_ms}
        self._steps = {start: steps for start, steps in self._steps.items() if start < until_ms}

    def narrow(self, series: SeriesKey, start_ms: int, buckets: int = 1) -> str | None:
        """Why the fall in the bucket that starts there is none of the whole series; None where it is, or nothing tells.

        `buckets`: over how many buckets, that one included, the fall was seen.
        """
        size = self._monitor.bucket
        began = start_ms - (buckets - 1) * size
        past = self._values(series, began - BEFORE * size, began)
        usual = _usual(past)
        if not usual:
            return f"{self._monitor.parts}: none was there before" if len(past) >= BEFORE else None
        now = self._values(series, start_ms, start_ms + size).get(start_ms, {})
        steps: dict[str, str] = {}
        for start in sorted(self._steps):
            if start <= start_ms:
                steps.update(self._steps[start].get(series, {}))
        rest = [part for part in usual if part not in steps]
        fell = [part for part in rest if now.get(part, 0) <= FELL * usual[part]]
        if REST in fell or (len(fell) >= FEWEST and 2 * len(fell) > len(rest)):
            return None
        lost = {part: usual[part] - now.get(part, 0) for part in usual if part in steps}
        most = max(lost, key=lambda part: (lost[part], part), default="")
        name = self._monitor.parts
        if most and lost[most] > 0:
            return f"{name} {most}: {steps[most].lower()}"
        return f"{name}: {len(fell)} of {len(rest)} fell"

    def _values(self, series: SeriesKey, since_ms: int, until_ms: int) -> dict[int, dict[str, int]]:
        values: dict[int, dict[str, int]] = {}
        for start, rows in self._leaves.of(series, since_ms, until_ms).items():
            parts = values[start] = {}
            for dims, value, _ in rows:
                parts[dims[self._place]] = parts.get(dims[self._place], 0) + value
        return values

    def snapshot(self) -> dict[str, Any]:
        """All state but the leaves, as plain JSON values."""
        parts = [part for parts in self._open.values() for part in parts.values()]
        return {
            "open": [[part.start_ms, part.topic, part.partition, part.chunk, part.rows] for part in parts],
            "steps": [
                [start, [[*key, part, step] for key, found in steps.items() for part, step in found.items()]]
                for start, steps in self._steps.items()
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`."""
        monitor = self._monitor
        for start, topic, partition, chunk, rows in state["open"]:
            cut = tuple((tuple(key), value, exposure, sketch) for key, value, exposure, sketch in rows)
            place = (monitor.group_name, topic, partition, monitor.name, monitor.sums_hash)
            self.take(Partial(*place, start, chunk, cut, "exposure"))
        for start, rows in state["steps"]:
            steps = self._steps[start] = {}
            for *key, part, step in rows:
                steps.setdefault(tuple(key), {})[part] = step


def _usual(past: Mapping[int, Mapping[str, int]]) -> dict[str, float]:
    """The median value of each part that was there in at least `KNOWN` buckets."""
    found: dict[str, list[int]] = {}
    for values in past.values():
        for part, value in values.items():
            found.setdefault(part, []).append(value)
    return {part: usual for part, seen in found.items() if len(seen) >= KNOWN and (usual := median(seen)) > 0}
