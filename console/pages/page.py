"""An address that shows something: where it is, what answers, and what it may be asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.parameters import Query


@dataclass(frozen=True)
class Page:
    """One page. Its names and values after the `?` are read before `show` is asked; what it does not know is a 400."""

    path: str
    show: Callable[[Request, Any], Awaitable[Response]]
    query: type[Query] = Query

    def route(self) -> Route:
        """The route that shows it."""
        return Route(self.path, self._answer)

    async def _answer(self, request: Request) -> Response:
        return await self.show(request, self.query.read(request.query_params))
