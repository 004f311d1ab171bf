"""The misjudgement radar: which cells are wrong how often, and where that jumped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.parameters import Query
from console.render import link
from livewarden.alert import CELL_LABELS, RADAR
from sinks.queries import alerts, health, readings

Depth = Literal["1", "2", "3", "4", "5"]
NAMES = ("policy", "market", "queue", "model", "who decides")


class RadarQuery(Query):
    """What the radar may be asked for."""

    depth: Depth = Field("2", description="How many parts of a cell to tell apart.")


class CellQuery(Query):
    """Which cell."""

    cell: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] = Field(
        description="The cell in words, as the radar names it."
    )


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


async def cell(request: Request, asked: CellQuery) -> Response:
    """One cell of the radar: how it went day by day, and the alerts about it, above it and below it."""
    at = context(request)
    days, raised, until = await asyncio.gather(
        readings.of_cell(at.reader, asked.cell),
        alerts.find(at.reader, alerts.AlertFilter(monitor=RADAR), limit=200),
        health.judged_until(at.reader),
    )
    if not days:
        raise HTTPException(404, "the radar never read such a cell")
    labels = _labels(days[0].reading)
    return await at.page(
        request,
        "misjudgement_cell.html",
        cell=asked.cell,
        newest=days[0],
        days=days,
        alerts=[each for each in raised if _about(each.series, labels)],
        title=at.title,
        until=until,
    )


def _labels(reading: str) -> dict[str, str]:
    """The parts of a cell by the names that series have."""
    try:
        found = json.loads(reading or "{}").get("cell") or {}
    except (ValueError, AttributeError):
        return {}
    return {CELL_LABELS[name]: str(part) for name, part in found.items() if name in CELL_LABELS}


def _about(series: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether an alert is about the cell, one above it or one below it: what both name is the same."""
    return all(series[name] == labels[name] for name in series.keys() & labels.keys())
