"""An event before it has an id: its time and its body."""

from __future__ import annotations

from operator import itemgetter

from livewarden.contracts import Contract

Draft = tuple[int, Contract]
"""Event time in milliseconds since the epoch, UTC, and the event body."""

by_time = itemgetter(0)
"""Sort key of drafts; sorting is stable, so that ties keep the order they were drawn in."""
