"""The console under a path of its own, such as /livewarden, behind a proxy that others share."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ADDRESS = re.compile(r'\b(href|src|action)="/(?!/)')


def under(root: str, page: str) -> str:
    """A page whose own addresses lead to where the console is. A quotation mark in a text is escaped, so no text is
    one.

    >>> under("/watch", '<a href="/alerts">a</a> <a href="https://x.example/">x</a>')
    '<a href="/watch/alerts">a</a> <a href="https://x.example/">x</a>'
    """
    return _ADDRESS.sub(rf'\1="{root}/', page) if root else page


class Under:
    """Serves `app` under `root`, whether the proxy takes the path off or leaves it on; redirects stay under it."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = str(scope.get("path", ""))
        if path == self._root or path.startswith(f"{self._root}/"):
            scope = {**scope, "path": path.removeprefix(self._root) or "/"}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["Location"] = self._root + headers["Location"]
            await send(message)

        await self._app(scope, receive, sending)
