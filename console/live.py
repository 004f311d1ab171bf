"""What is new, said once to all who listen: one look at ClickHouse every few seconds, however many pages are open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import ServerSentEvent

from livewarden.errors import LivewardenError
from sinks.present.wording import place, size, when
from sinks.queries import alerts
from sinks.queries import live_updates as news
from sinks.queries.live_updates import ResponseEvent
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord

MOST_LISTENERS = 200
MOST_TOLD = 20
"""More new alerts than this at once are notified as a number."""
MOST_CHANGED = 200
"""More changes to incidents and cases than this at once are notified as a number."""
OVERLAP_S = 10
"""How far the next look reaches back: a row is stamped when its insert begins and seen when it ends."""
RETRY_MS = 3_000
"""A browser that lost its connection asks again after so long."""
BREATH_S = 15.0
"""A comment goes out after so many seconds of nothing, so that a dead connection is noticed."""

Message = tuple[str, dict[str, Any]]
"""Name of the event, and its data."""


class Live:
    """Watches alerts, incidents, cases and what belongs to them while somebody listens, and tells every new version.

    Messages: `alert` (id, version, severity, status, and what a person should hear), `work` (the ids of incidents,
    cases and so on that changed, and what a person should hear), `many` (how many), `trouble` (ClickHouse does not
    answer, in one line) and `well` (it does again; look anew).
    """

    def __init__(self, reader: Reader, *, run: str = "live", poll_s: float = 2.0) -> None:
        self._reader = reader
        self._run = run
        self._poll_s = poll_s
        self._listeners: set[asyncio.Queue[Message | None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False
        self._since = 0
        self._seen: dict[tuple[str, int], int] = {}
        self._work_since = 0
        self._work_seen: dict[ResponseEvent, tuple[int, str]] = {}

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return self._closed or len(self._listeners) >= MOST_LISTENERS

    async def listen(self) -> AsyncIterator[ServerSentEvent]:
        """What is new from now on, as server-sent events, until the listener goes or `close` is called."""
        queue: asyncio.Queue[Message | None] = asyncio.Queue(100)
        self._listeners.add(queue)
        try:
            if self._watching is None or self._watching.done():
                await self._begin()
            yield ServerSentEvent("{}", event="hello", retry=RETRY_MS, sep="\n")
            while not self._closed:
                message = await queue.get()
                if message is None:
                    return
                name, data = message
                yield ServerSentEvent(json.dumps(data, ensure_ascii=False), event=name, sep="\n")
        finally:
            self._listeners.discard(queue)
            if not self._listeners and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    def close(self) -> None:
        """End every listener."""
        self._closed = True
        self._notify(None)
        if self._watching is not None:
            self._watching.cancel()

    async def _begin(self) -> None:
        self._seen, self._work_seen = {}, {}
        with contextlib.suppress(LivewardenError):
            self._since = await alerts.stored_until(self._reader, self._run)
            self._seen = await alerts.stored_since(self._reader, max(0, self._since - OVERLAP_S), self._run)
            self._work_since = await news.until(self._reader)
            self._work_seen = await news.since(self._reader, max(0, self._work_since - OVERLAP_S))
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        troubled = False
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                fresh = [*await self._look(), *await self._work()]
            except LivewardenError as error:
                if not troubled:
                    self._notify(("trouble", {"text": str(error)}))
                troubled = True
                continue
            if troubled:
                self._notify(("well", {}))
                troubled = False
            for message in fresh:
                self._notify(message)

    async def _look(self) -> list[Message]:
        found = await alerts.stored_since(self._reader, max(0, self._since - OVERLAP_S), self._run)
        fresh = [key for key in found if key not in self._seen]
        if not fresh:
            return []
        notified: list[Message] = [("many", {"count": len(fresh)})]
        if len(fresh) <= MOST_TOLD:
            ids = sorted({alert_id for alert_id, _ in fresh})
            notified = [("alert", _notified(row)) for row in await alerts.by_ids(self._reader, ids, self._run)]
        self._since = max(self._since, *found.values())
        self._seen = found
        return notified

    async def _work(self) -> list[Message]:
        found = await news.since(self._reader, max(0, self._work_since - OVERLAP_S))
        fresh = [each for each in found if each not in self._work_seen]
        if not fresh:
            return []
        self._work_since = max(self._work_since, *(at for at, _ in found.values()))
        self._work_seen, said = found, {found[each][1] for each in fresh} - {""}
        if len(fresh) > MOST_CHANGED:
            return [("many", {"count": len(fresh)})]
        ids = sorted({name for each in fresh for name in each.ids if name})
        return [("work", {"ids": ids, "text": "; ".join(sorted(said)[:3])})]

    def _notify(self, message: Message | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)


def _notified(alert: AlertRecord) -> dict[str, Any]:
    words = f"{alert.severity}: {alert.monitor}, {place(alert.series)}: {size(alert)}, {when(alert.window_start)} UTC"
    notified = {
        name: getattr(alert, name) for name in ("alert_id", "version", "severity", "status", "monitor", "case_id")
    }
    return notified | {"suppressed": alert.suppressed_by is not None, "text": words}
