"""Dead letters: why records were set aside, and one of them byte by byte."""

from __future__ import annotations

import asyncio
import json

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console import hexdump
from console.context import context
from console.pages.paging import ROWS, Paging
from console.parameters import Paged, Query, Text
from console.render import link
from sinks.present import explanation
from sinks.queries import dead_letters as view

TEXT_SHOWN = 8_192
HEX_SHOWN = 1_024
"""Bytes shown as text, and as numbers."""
_MOST = {"partition": 2**32, "offset": 2**64}


class DeadLetterQuery(Paged):
    """What the list of dead letters may be asked for."""

    reason: Text = Field("", description="Why it was set aside.")
    topic: Text = Field("", description="Topic that it came on.")


async def dead_letters(request: Request, asked: DeadLetterQuery) -> Response:
    """Reasons with their counts, and the newest records of the reason that the address asks for."""
    at = context(request)
    reason, topic, page = asked.reason, asked.topic, asked.page
    reasons, rows = await asyncio.gather(
        view.reasons(at.reader),
        view.find(at.reader, reason=reason, topic=topic, limit=ROWS, offset=(page - 1) * ROWS),
    )
    given = {name: value for name, value in (("reason", reason), ("topic", topic)) if value}
    total = sum(each.records for each in reasons if reason in ("", each.reason) and topic in ("", each.topic))
    return await at.page(
        request,
        "dead_letters.html",
        reasons=reasons,
        rows=rows,
        total=total,
        given=given,
        paging=Paging("/dead-letters", given, page, total),
        link=lambda **changed: link("/dead-letters", given, **changed),
    )


async def dead_letter(request: Request, _: Query) -> Response:
    """One record as it came; 404 where there is none at that place."""
    at = context(request)
    place = request.path_params
    inside = all(place[name] < most for name, most in _MOST.items())
    found = await view.get(at.reader, place["topic"], place["partition"], place["offset"]) if inside else None
    if found is None:
        raise HTTPException(404, "there is no dead letter at that place")
    try:
        headers = explanation.tree(json.loads(found.headers or "{}"))
    except (ValueError, RecursionError):
        headers = [explanation.Line(0, "", found.headers)]
    value = found.value
    return await at.page(
        request,
        "dead_letter.html",
        letter=found,
        headers=headers,
        text=hexdump.as_text(value, TEXT_SHOWN),
        cut=len(value) > TEXT_SHOWN,
        dump=list(hexdump.lines(value, HEX_SHOWN)),
        dump_cut=len(value) > HEX_SHOWN,
    )
