"""The misjudgement radar: which cells are wrong how often, and where that jumped."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.parameters import Query
from console.render import link
from sinks.queries import readings

Depth = Literal["1", "2", "3", "4", "5"]
NAMES = ("policy", "market", "queue", "model", "who decides")


class RadarQuery(Query):
    """What the radar may be asked for."""

    depth: Depth = Field("2", description="How many parts of a cell to tell apart.")


async def misjudgement(request: Request, asked: RadarQuery) -> Response:
    """The newest reading of every cell, down to the depth that the address asks for."""
    at = context(request)
    depth = int(asked.depth)
    day = await readings.last_day(at.reader)
    rows = await readings.of_day(at.reader, day, depth) if day is not None else []
    addresses = [link("/misjudgement", {}, depth=number) for number in get_args(Depth)]
    return await at.page(
        request,
        "misjudgement.html",
        day=day,
        rows=rows,
        depth=depth,
        depths=list(zip(NAMES, addresses, strict=True)),
    )
