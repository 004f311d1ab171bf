"""Alerts now: what needs a decision, first."""

from __future__ import annotations

import asyncio
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Parameters
from console.render import link
from sinks.queries import alerts as view
from sinks.queries import health
from sinks.queries.alerts import SUPPRESSED, AlertFilter

SEVERITIES = ("critical", "warning", "info")
STATUSES = ("firing", "resolved")


async def alerts(request: Request) -> Response:
    """The list of alerts that the address asks for."""
    at = context(request)
    asked = Parameters(request.query_params)
    until = await health.judged_until(at.reader)
    page = asked.page()
    start, end = asked.span(until if until is not None else at.clock.now_ms())
    wanted = AlertFilter(
        monitor=asked.text("monitor"),
        slice=asked.text("slice"),
        severity=asked.choice("severity", SEVERITIES),
        status=asked.choice("status", STATUSES),
        suppressed=cast(SUPPRESSED, asked.choice("suppressed", ("no", "yes", "only"), "no")),
        from_ms=start,
        to_ms=end,
        incident=asked.text("incident"),
    )
    asked.done()
    given = asked.given()
    rows, count, monitors = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(page - 1) * ROWS),
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
        paging=Paging("/alerts", given, page, count["all"]),
        link=lambda **changed: link("/alerts", given, **changed),
        severities=SEVERITIES,
        statuses=STATUSES,
        spans=tuple(LAST_MS),
    )
