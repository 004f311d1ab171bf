"""The audit: everything that anybody asked for, refused requests too."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Parameters
from console.render import link
from livewarden.action import Action
from sinks.present import explanation
from sinks.queries import actions as view
from sinks.queries.actions import ActionFilter

DONE: tuple[str, ...] = tuple(each.model_fields["do"].default for each in get_args(get_args(Action)[0]))
OUTCOMES = ("accepted", "refused")


async def actions(request: Request) -> Response:
    """The actions that the address asks for."""
    at = context(request)
    asked = Parameters(request.query_params)
    page = asked.page()
    start, end = asked.span(at.clock.now_ms())
    wanted = ActionFilter(
        who=asked.text("who"),
        do=asked.choice("do", DONE),
        target=asked.text("target"),
        outcome=asked.choice("outcome", OUTCOMES),
        from_ms=start,
        to_ms=end,
    )
    asked.done()
    given = asked.given()
    rows, total = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(page - 1) * ROWS), view.count(at.reader, wanted)
    )
    return await at.page(
        request,
        "actions.html",
        rows=[row | {"lines": _lines(row["data"]), "place": place(row)} for row in rows],
        total=total,
        given=given,
        wanted=wanted,
        paging=Paging("/actions", given, page, total),
        link=lambda **changed: link("/actions", given, **changed),
        done=DONE,
        outcomes=OUTCOMES,
        spans=tuple(LAST_MS),
    )


def place(row: dict[str, Any]) -> str:
    """The list that what an action is about stands in."""
    if row["do"] in ("acknowledge", "resolve_incident"):
        return "incidents"
    if row["do"] in ("silence", "expire_silence"):
        return "silences"
    return "alerts" if row["do"] == "feedback" else "cases"


def _lines(data: str) -> list[explanation.Line]:
    try:
        return explanation.tree(json.loads(data))
    except (ValueError, RecursionError):
        return [explanation.Line(0, "", data[:400])]
