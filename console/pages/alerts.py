"""Alerts now: what needs a decision, first."""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Spanned, Text
from console.render import link
from livewarden.severity import WORST_FIRST, Severity
from sinks.queries import alerts as view
from sinks.queries import health
from sinks.queries.alerts import SUPPRESSED, AlertFilter

STATUSES = ("firing", "resolved")


class AlertQuery(Spanned):
    """What the list of alerts may be asked for."""

    monitor: Text = Field("", description="Name of a monitor.")
    slice: Text = Field("", description="A text in a `name=value` of the series.")
    severity: Severity | None = Field(None, description="How urgent.")
    status: Literal["firing", "resolved"] | None = Field(None, description="Whether it is over.")
    suppressed: SUPPRESSED = Field("no", description="Those of which detection notified nobody: left out, too, alone.")
    incident: Text = Field("", description="Id of an incident that it belongs to.")

    def wanted(self, now_ms: int) -> AlertFilter:
        """The same as a filter."""
        start, end = self.span(now_ms)
        return AlertFilter(
            monitor=self.monitor,
            slice=self.slice,
            severity=self.severity or "",
            status=self.status or "",
            suppressed=self.suppressed,
            from_ms=start,
            to_ms=end,
            incident=self.incident,
        )


async def alerts(request: Request, asked: AlertQuery) -> Response:
    """The list of alerts that the address asks for."""
    at = context(request)
    until = await health.judged_until(at.reader)
    wanted, given = asked.wanted(until if until is not None else at.clock.now_ms()), asked.given()
    rows, count, monitors = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(asked.page - 1) * ROWS),
        view.count(at.reader, wanted),
        view.monitors(at.reader),
    )
    return await at.page(
        request,
        "alerts.html",
        rows=rows,
        count=count,
        monitors=monitors,
        title=at.title,
        given=given,
        wanted=wanted,
        until=until,
        paging=Paging("/alerts", given, asked.page, count.all),
        link=lambda **changed: link("/alerts", given, **changed),
        severities=WORST_FIRST,
        statuses=STATUSES,
        spans=tuple(LAST_MS),
    )
