"""Events that a test of monitors describes, instead of a recording."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from livewarden.event import Event
from models.monitors.monitor_tests import EventsTable
from sources.codec import event_of

SOURCE = "urn:livewarden:test"


def made(tables: Sequence[EventsTable]) -> Iterator[Event]:
    """The events of all tables by time; equal tables give equal events.

    >>> table = EventsTable.model_validate({"event": "room.lifecycle", "from": "2026-03-06", "to": "2026-03-07",
    ...     "every": "12h", "data": {"room_id": "r{n}", "state": "STARTED"}})
    >>> [(event.id, event.data.room_id) for event in made([table])]
    [('0-0', 'r0'), ('0-1', 'r1')]
    """
    yield from heapq.merge(*map(_events, range(len(tables)), tables), key=lambda event: event.time_ms)


def _events(place: int, table: EventsTable) -> Iterator[Event]:
    for number, (time_ms, body) in enumerate(table.bodies()):
        yield event_of(body, id=f"{place}-{number}", source=SOURCE, time_ms=time_ms)
