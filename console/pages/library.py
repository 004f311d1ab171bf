"""The case library: patterns in their ranking, entries by text and facets, one entry, one pattern."""

from __future__ import annotations

import asyncio

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.context import CaseLibrary, PageContext, context
from console.pages.paging import ROWS, Paging
from console.parameters import ANSWER, Paged, Query, Text
from livewarden.case_state import RESOLUTIONS
from livewarden.library import STATUS_MOVES
from sinks.queries import library as queries
from sinks.queries import recommendations

MOST_PATTERNS = 12


class LibraryQuery(Paged):
    """What the library may be asked for."""

    text: Text = Field("", description="Stands in title, summary or rationale.")
    policy: Text = Field("", description="Policy that was applied.")
    market: Text = Field("", description="Market concerned, such as DE.")
    cause: Text = Field("", description="Kind of cause, such as MODEL.")
    resolution: Text = Field("", description="Why it was over, such as FIXED.")
    enforcement: Text = Field("", description="wrong, right or unknown.")

    def wanted(self) -> queries.EntryFilter:
        """The filter that it asks for."""
        named = {name: getattr(self, name) for name in ("policy", "market", "cause", "resolution", "enforcement")}
        return queries.EntryFilter(self.text, {name: value for name, value in named.items() if value})


async def library(request: Request, asked: LibraryQuery) -> Response:
    """Patterns and entries."""
    at = context(request)
    wanted = asked.wanted()
    found, count, lines, coverage = await asyncio.gather(
        queries.find(at.reader, wanted, limit=ROWS, offset=(asked.page - 1) * ROWS),
        queries.count(at.reader, wanted),
        _library(at).patterns(at.clock.now_ms()),
        _library(at).coverage(),
    )
    return await at.page(
        request,
        "library.html",
        entries=[each.whole for each in found],
        names={each.pattern_id: each.name for each in lines},
        count=count,
        pages=Paging("/library", asked.given(), asked.page, count),
        lines=lines[:MOST_PATTERNS],
        more=max(0, len(lines) - MOST_PATTERNS),
        covered=coverage,
        given=asked.given(),
        resolutions=tuple(RESOLUTIONS),
    )


async def entry(request: Request, _: Query) -> Response:
    """The page of an entry; 404 where there is none of that id."""
    at = context(request)
    found = await _library(at).entry(request.path_params["entry_id"])
    if found is None:
        if ANSWER in request.query_params:  # it is being written
            return RedirectResponse(f"/library?{ANSWER}={request.query_params[ANSWER]}", 303)
        raise HTTPException(404, "there is no entry of that id in the library")
    return await at.page(request, "library_entry.html", it=found, entry=found.entry)


async def pattern(request: Request, _: Query) -> Response:
    """The page of a pattern, or of what an old id leads to; 404 where nothing ever had that id."""
    at = context(request)
    found = await _library(at).pattern(request.path_params["pattern_id"], at.clock.now_ms())
    if found is None:
        raise HTTPException(404, "no pattern ever had that id")
    return await at.page(
        request,
        "library_pattern.html",
        it=found,
        line=found.line,
        in_force=list(found.leads_to) == [found.pattern_id],
        advised=await _library(at).advised(found.pattern_id),
        recommended=await recommendations.find(at.reader, [found.pattern_id, *found.leads_to]),
        moves=STATUS_MOVES,
    )


def _library(at: PageContext) -> CaseLibrary:
    if at.library is None:
        raise HTTPException(404, "this console has no library")
    return at.library
