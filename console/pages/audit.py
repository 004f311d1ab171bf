"""The audit: everything that anybody asked for, refused requests too."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, BadParameter, Spanned, Text, shown
from console.render import link
from livewarden.action import Action
from sinks.present import explanation
from sinks.queries import actions as view
from sinks.queries.actions import ActionFilter
from sinks.store.records import ActionRecord

DONE: tuple[str, ...] = tuple(each.model_fields["do"].default for each in get_args(get_args(Action)[0]))


def _known(do: str) -> str:
    if do and do not in DONE:
        raise BadParameter(f"do: {shown(do)} is none of {', '.join(DONE)}")
    return do


OUTCOMES = ("accepted", "refused")


class ShownAction(ActionRecord):
    """An action as the page shows it: line by line, and the list that what it is about stands in."""

    lines: list[explanation.Line]
    place: str


class ActionQuery(Spanned):
    """What the audit may be asked for."""

    who: Text = Field("", description="Who asked, to the letter.")
    do: Annotated[Text, AfterValidator(_known)] = Field("", description="What was asked for, such as `acknowledge`.")
    target: Text = Field("", description="Id of what it is about.")
    outcome: Literal["accepted", "refused"] | None = Field(None, description="What became of it.")

    def wanted(self, now_ms: int) -> ActionFilter:
        """The same as a filter."""
        start, end = self.span(now_ms)
        return ActionFilter(self.who, self.do, self.target, self.outcome or "", start, end)


async def actions(request: Request, asked: ActionQuery) -> Response:
    """The actions that the address asks for."""
    at = context(request)
    wanted, given = asked.wanted(at.clock.now_ms()), asked.given()
    rows, total = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(asked.page - 1) * ROWS), view.count(at.reader, wanted)
    )
    return await at.page(
        request,
        "actions.html",
        rows=[ShownAction(**dict(row), lines=_lines(row.data), place=place(row.do)) for row in rows],
        total=total,
        given=given,
        wanted=wanted,
        paging=Paging("/actions", given, asked.page, total),
        link=lambda **changed: link("/actions", given, **changed),
        done=DONE,
        outcomes=OUTCOMES,
        spans=tuple(LAST_MS),
    )


def place(do: str) -> str:
    """The list that what an action is about stands in."""
    if do in ("acknowledge", "resolve_incident"):
        return "incidents"
    if do in ("silence", "expire_silence"):
        return "silences"
    return "alerts" if do == "feedback" else "cases"


def _lines(data: str) -> list[explanation.Line]:
    try:
        return explanation.tree(json.loads(data))
    except (ValueError, RecursionError):
        return [explanation.Line(0, "", data[:400])]
