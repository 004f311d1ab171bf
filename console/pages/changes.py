"""The change ledger on a timeline, beside the alerts."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Spanned, Text
from console.render import link
from livewarden.contracts.change import ChangeKind
from livewarden.times import DAY_MS
from sinks.present.chart import Mark, strip
from sinks.present.wording import day, when
from sinks.queries import alerts, health
from sinks.queries import changes as view
from sinks.queries.changes import ChangeFilter
from sinks.queries.counted import of_changes

SHOWN_MS = 14 * DAY_MS
"""How far back the page looks where the address names no time."""
KINDS: tuple[str, ...] = get_args(ChangeKind)


class ChangeQuery(Spanned):
    """What the change ledger may be asked for; without a span the last fourteen days."""

    kind: ChangeKind | None = Field(None, description="Kind of the change.")
    text: Text = Field("", description="A text in the event.")


async def changes(request: Request, asked: ChangeQuery) -> Response:
    """The changes that the address asks for."""
    at = context(request)
    until = await health.judged_until(at.reader)
    now = until if until is not None else at.clock.now_ms()
    start, end = asked.span(now)
    start = now - SHOWN_MS if start is None and end is None else start
    wanted = ChangeFilter(asked.kind or "", asked.text, start, end, of_changes(await health.topics(at.reader)))
    given = asked.given()
    rows, total = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(asked.page - 1) * ROWS), view.count(at.reader, wanted)
    )
    chart = None
    if rows:
        first, last = rows[-1].at, rows[0].at + 1
        room = max((last - first) // 20, 60_000)
        counts = await alerts.onsets(at.reader, first - room, last + room)
        marks = [Mark(row.at, f"{when(row.at)} {row.kind} {row.target}") for row in rows]
        chart = strip(counts, first - room, last + room, marks, "alerts")
    return await at.page(
        request,
        "changes.html",
        days=[(name, list(of_day)) for name, of_day in groupby(rows, key=lambda row: day(row.at))],
        chart=chart,
        total=total,
        given=given,
        wanted=wanted,
        until=until,
        paging=Paging("/changes", given, asked.page, total),
        link=lambda **changed: link("/changes", given, **changed),
        kinds=KINDS,
        spans=tuple(LAST_MS),
    )
