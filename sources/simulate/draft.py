"""An event before it has an id: its time and its body."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import itemgetter

from livewarden.contracts import Contract

Draft = tuple[int, Contract]
"""Event time in milliseconds since the epoch, UTC, and the event body."""

by_time = itemgetter(0)
"""Sort key of drafts; sorting is stable, so that ties keep the order they were drawn in."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(ms: int) -> datetime:
    """The aware datetime of an instant.

    >>> instant(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return _EPOCH + timedelta(milliseconds=ms)
