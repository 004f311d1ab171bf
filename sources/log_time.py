"""When the lines of a recording were logged, where nobody wrote it down."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from statistics import median_low
from typing import Final

from livewarden.errors import LivewardenError
from livewarden.event import Event
from livewarden.times import DAY_MS

NEIGHBOURS: Final = 31
FAR_MS: Final = DAY_MS
"""A line that is so far ahead of those behind it has a wrong clock."""
FAR_AT_END_MS: Final = 366 * DAY_MS
"""The same of the last line, against those before it: a recording may jump."""


def with_log_time(events: Iterable[Event]) -> Iterator[Event]:
    """The events; one whose time cannot be gets as `logged_ms` the time of its neighbours, so that it is set aside.

    That is one more than a day ahead of the median of the 31 lines behind it (of those that there are; where none
    follow, more than 366 days ahead of the median of the 31 before). An event that has its `logged_ms`, or an offset
    (it was in Kafka and judged there), keeps what it has. Bounded memory; the same file gives the same.
    """
    coming: deque[Event] = deque()
    before: deque[int] = deque(maxlen=NEIGHBOURS)
    try:
        for event in events:
            coming.append(event)
            if len(coming) > NEIGHBOURS:
                yield _judged(coming, before)
    except LivewardenError:
        while coming:
            yield _judged(coming, before)
        raise
    while coming:
        yield _judged(coming, before)


def _judged(coming: deque[Event], before: deque[int]) -> Event:
    event = coming.popleft()
    if event.logged_ms < 0 and event.offset < 0:
        around, far_ms = ([each.reach_ms for each in coming], FAR_MS) if coming else ([*before], FAR_AT_END_MS)
        if around and event.reach_ms > (usual_ms := median_low(around)) + far_ms:
            return replace(event, logged_ms=usual_ms)
    before.append(event.reach_ms)
    return event
