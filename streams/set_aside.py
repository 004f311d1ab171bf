"""What was lost before it was read, and sources that are repeatedly ahead of the clock: seen in what the stages put
out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from livewarden.times import HOUR_MS
from streams.conditions import Condition
from streams.stages import Output

REPEATEDLY: Final = 3
"""Events of one source within an hour that are dated in the future; fewer are a mishap."""
MOST_SOURCES: Final = 1_000
"""Sources that are counted; of more, those that came first."""
MOST_GAPS: Final = 20
"""Gaps of an hour that are notified one by one; of more, the last."""


@dataclass(frozen=True, slots=True)
class _Gap:
    at_ms: int
    topic: str
    partition: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class _Ahead:
    at_ms: int
    topic: str
    partition: int
    offset: int


class SetAside:
    """Remembers for an hour what its worker has lost or set aside; `now_ms` is Kafka's clock.

    A restart forgets it, and what is read again counts again.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._gaps: deque[_Gap] = deque(maxlen=MOST_GAPS)
        self._ahead: dict[str, deque[_Ahead]] = {}

    def take(self, topic: str, output: Output) -> None:
        """Look at what a stage has put out, once it is stored."""
        now_ms = self._now_ms()
        if output.lost:
            for letter in output.rows.get("dead_letters", ()):
                if letter["reason"] == "lost_unread":
                    count = int(orjson.loads(letter["headers"])["livewarden_lost"])
                    self._gaps.append(_Gap(now_ms, topic, letter["partition"], letter["offset"], count))
        for source, partition, offset in output.ahead:
            if source in self._ahead or len(self._ahead) < MOST_SOURCES:
                seen = self._ahead.setdefault(source, deque(maxlen=10_000))
                seen.append(_Ahead(now_ms, topic, partition, offset))

    def holding(self) -> list[Condition]:
        """What is to be notified now."""
        since_ms = self._now_ms() - HOUR_MS
        while self._gaps and self._gaps[0].at_ms < since_ms:
            self._gaps.popleft()
        for source, seen in list(self._ahead.items()):
            while seen and seen[0].at_ms < since_ms:
                seen.popleft()
            if not seen:
                del self._ahead[source]
        repeated = [(source, seen) for source, seen in self._ahead.items() if len(seen) >= REPEATEDLY]
        return [*map(_lost, self._gaps), *(_ahead(source, seen) for source, seen in repeated)]


def _lost(gap: _Gap) -> Condition:
    place = f"{gap.topic}/{gap.partition}"
    return Condition(
        "lost_unread",
        f"{place}/{gap.first}",
        "Records were deleted before they were read",
        f"{place}: {gap.count} records, offsets {gap.first} to {gap.first + gap.count - 1}, are gone:"
        " Kafka's retention was shorter than the workers were behind",
    )


def _ahead(source: str, seen: deque[_Ahead]) -> Condition:
    last = seen[-1]
    return Condition(
        "source_ahead",
        source,
        "A source is repeatedly ahead of the clock",
        f"{len(seen)} events of {source!r} in the last hour are dated in the future and were set aside, the last at"
        f" {last.topic}/{last.partition}, offset {last.offset}: its clock is wrong",
        "warning",
        "A source is no longer ahead of the clock",
    )
