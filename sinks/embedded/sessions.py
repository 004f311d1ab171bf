"""Sessions that clients name: what one request sets, or puts into a temporary table, the next one finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sinks.embedded.engine import Engine, QueryFailed, Session

MOST_SESSIONS = 100
LONGEST_S = 3600.0
"""As on a server; a session is kept for a minute where its client says nothing."""
USUAL_S = 60.0


@dataclass
class _Kept:
    session: Session
    busy: bool = True
    until_s: float = 0.0


class Sessions:
    """Sessions of one engine by name, for its event loop. One request at a time each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[str, _Kept] = {}

    @asynccontextmanager
    async def held(
        self, name: str, timeout_s: str, check: bool, call: Callable[[Callable[[], Any]], Awaitable[Any]]
    ) -> AsyncIterator[Session]:
        """The session `name`, made where it is not there; kept for `timeout_s` seconds after its last request.

        QueryFailed as on a server: 372 where it must be there (`check`) and is not, 373 where another request has it.
        """
        clock = asyncio.get_running_loop().time
        for gone in [each for each, kept in self._kept.items() if not kept.busy and kept.until_s < clock()]:
            await call(self._kept.pop(gone).session.close)
        kept = self._kept.get(name)
        if kept is not None and kept.busy:
            raise QueryFailed(f"Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)", 373)
        if kept is None:
            if check:
                raise QueryFailed(f"Session {name} not found. (SESSION_NOT_FOUND)", 372)
            if len(self._kept) >= MOST_SESSIONS:
                raise QueryFailed(f"There are {MOST_SESSIONS} sessions. (TOO_MANY_SIMULTANEOUS_QUERIES)", 202)
            fresh = await call(self._engine.session)
            kept = self._kept.setdefault(name, _Kept(fresh))
            if kept.session is not fresh:
                await call(fresh.close)
                raise QueryFailed(f"Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)", 373)
        kept.busy = True
        try:
            yield kept.session
        finally:
            kept.busy = False
            kept.until_s = clock() + min(float(timeout_s) if timeout_s.isdigit() else USUAL_S, LONGEST_S)

    async def close(self, *_: object) -> None:
        """Close all of them, at the end: it may block the loop."""
        for kept in self._kept.values():
            kept.session.close()
        self._kept.clear()
