"""What else a case's error hit: its extent, the list to review all of it again, and the queue of the sample."""

from __future__ import annotations

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.identity import visitor
from console.parameters import Query, Text
from console.render import link
from livewarden.blast_radius import BlastRadius, review_list
from livewarden.errors import SetupError
from sinks.queries import cases, harm
from sinks.queries.cases import WholeCase

SHOWN = 200
"""Siblings that are listed."""


class RadiusQuery(Query):
    """How the slices of the case's alerts are narrowed."""

    rule_id: Text = Field("", description="Only measures of this rule.")
    model_version: Text = Field("", description="Only measures of this version of a model.")
    market: Text = Field("", description="Only measures in this market.")
    shop_id: Text = Field("", description="Only measures against this shop.")

    def where(self) -> dict[str, str]:
        """The slice that it narrows to."""
        return {name: value for name, value in self.model_dump().items() if value}


async def blast_radius(request: Request, asked: RadiusQuery) -> Response:
    """The extent of a case's error, and its siblings in the order of their review."""
    case, where = await _case(request), asked.where()
    found, refused = None, ""
    try:
        found = await _radius(request, case.case_id, where)
    except SetupError as error:
        refused = str(error)
    path = f"/cases/{case.case_id}/blast-radius"
    return await context(request).page(
        request,
        "blast_radius.html",
        case=case,
        it=found,
        harm=await harm.of_radius(context(request).reader, found) if found else None,
        refused=refused,
        names=[(name, where.get(name, "")) for name in RadiusQuery.model_fields],
        file=link(f"{path}.csv", where),
        shown=[found.siblings[each] for each in found.order[:SHOWN]] if found else [],
    )


async def siblings(request: Request, asked: RadiusQuery) -> Response:
    """The same siblings as a file, for those who review all of them again."""
    case = await _case(request)
    try:
        found = await _radius(request, case.case_id, asked.where())
    except SetupError as error:
        raise HTTPException(404, str(error)) from error
    name = "".join(letter for letter in case.case_id if letter.isascii() and (letter.isalnum() or letter in "-_"))
    headers = {"Content-Disposition": f'attachment; filename="siblings-{name}.csv"'}
    return Response(review_list(found), media_type="text/csv; charset=utf-8", headers=headers)


async def review(request: Request, _: Query) -> Response:
    """The next measure that nobody has reviewed: blind, by its ids alone."""
    at, case = context(request), await _case(request)
    try:
        found = await _radius(request, case.case_id, {})
    except SetupError as error:
        raise HTTPException(404, str(error)) from error
    over = found.verdict != "go on" and found.reviewed > 0
    waiting = [] if over else found.waiting
    return await at.page(
        request,
        "review.html",
        case=case,
        over=over,
        measure=found.siblings[waiting[0]] if waiting else None,
        open=case.worked and case.state not in ("closed", "merged"),
        me=visitor(request).name,
    )


async def _case(request: Request) -> WholeCase:
    found = await cases.get(context(request).reader, request.path_params["case_id"])
    if found is None:
        raise HTTPException(404, "there is no case of that id")
    return found


async def _radius(request: Request, case_id: str, where: dict[str, str]) -> BlastRadius:
    radius = context(request).radius
    if radius is None:
        raise HTTPException(404, "this console finds no blast radius")
    return await radius(case_id, where)
