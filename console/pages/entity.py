"""One shop, room, creator, product or measure on one time line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from itertools import groupby

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.parameters import Query
from sinks.present.wording import day
from sinks.queries import entity as queries
from sinks.queries import harm
from sinks.queries.entity import Happening

SHOWN = 300
_LONGEST = 256
_FACTS = (
    "action_type",
    "state",
    "outcome",
    "reason",
    "verdict",
    "category",
    "monitor",
    "status",
    "policy_id",
    "queue_id",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the time line: what happened in a few words, and the page or entity it leads to."""

    at: int
    what: str
    facts: str
    leads_to: str


async def entity(request: Request, _: Query) -> Response:
    """The page of an entity; 404 where nothing is known of that id."""
    at = context(request)
    id_ = request.path_params["entity_id"]
    if len(id_) > _LONGEST or not id_.isprintable():
        raise HTTPException(404, "nothing is known of that id")
    spans, happened, alerts, cost = await asyncio.gather(
        queries.totals(at.reader, id_),
        queries.timeline(at.reader, id_, limit=SHOWN),
        queries.alerts(at.reader, id_, limit=SHOWN),
        harm.of_entity(at.reader, id_),
    )
    line = sorted([*happened, *alerts], key=lambda each: (each.at, each.type, each.id))[-SHOWN:]
    if not spans and not line:
        raise HTTPException(404, "nothing is known of that id")
    return await at.page(
        request,
        "entity.html",
        entity=id_,
        spans=spans,
        harm=cost,
        shown=len(line),
        most=SHOWN,
        days=[
            (name, list(of_day)) for name, of_day in groupby(map(_entry, reversed(line)), key=lambda each: day(each.at))
        ],
    )


def _entry(happened: Happening) -> Entry:
    body = json.loads(happened.data)
    facts = " · ".join(str(body[name]) for name in _FACTS if body.get(name))
    if happened.type == "alert":
        return Entry(happened.at, "alert", facts, f"/alerts/{happened.id}")
    action = str(body.get("action_id") or "")
    return Entry(happened.at, happened.type, facts, f"/entity/{action}" if action and "/" not in action else "")
