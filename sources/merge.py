"""Several recordings as one: their events in the order of event time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from livewarden.event import AHEAD_MS, Event
from sources.recording import OnDead, raise_dead, read


def read_all(paths: Sequence[Path], on_dead: OnDead = raise_dead, ahead_ms: int = AHEAD_MS) -> Iterator[Event]:
    """The events of one recording in file order, or of several in the order of event time (`merged`), whatever the
    order of `paths`: at the same time, that of their names decides. Raises as `read` does.
    """
    return merged([read(path, on_dead) for path in sorted(paths, key=str)], ahead_ms)


def merged(recordings: Sequence[Iterable[Event]], ahead_ms: int = AHEAD_MS) -> Iterator[Event]:
    """The events of all recordings, each recording in its own order, those of different ones by event time.

    An event counts for the latest time that its recording has come to, so a late one stays as late as it was, and one
    that is ahead of the log (`Event.is_ahead`) holds nothing back. It holds one event of each recording, and those it
    reads must be in event-time order but for stragglers.
    """
    if len(recordings) == 1:
        return iter(recordings[0])
    return map(itemgetter(1), heapq.merge(*(_dated(each, ahead_ms) for each in recordings), key=itemgetter(0)))


def _dated(events: Iterable[Event], ahead_ms: int) -> Iterator[tuple[int, Event]]:
    reached = -(2**62)
    for event in events:
        if not event.is_ahead(ahead_ms):
            reached = max(reached, event.reach_ms)
        yield reached, event
