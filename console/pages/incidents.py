"""Incidents: what on-call gets as one thing; the list, and one of them with all that it takes to decide."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.context import context
from console.pages.alert import surroundings
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Query, Spanned, Text
from console.render import link
from livewarden.severity import WORST_FIRST, Severity
from sinks.present import explanation, wording
from sinks.present.chart import Chart, Point, draw
from sinks.queries import actions, alerts, cases, dispositions, health, notifications, sparklines
from sinks.queries import incidents as view
from sinks.queries.actions import ActionFilter
from sinks.queries.alerts import AlertFilter
from sinks.queries.incidents import IncidentFilter
from sinks.queries.sparklines import Sparkline
from sinks.store.reader import Reader

STATUSES = ("firing", "acknowledged", "resolved")
MOST_ALERTS = 50
MOST_ACTIONS = 50


class IncidentQuery(Spanned):
    """What the list of incidents may be asked for."""

    text: Text = Field("", description="A text in the title, the owner, or who acknowledged it.")
    monitor: Text = Field("", description="Name of a monitor.")
    severity: Severity | None = Field(None, description="How urgent.")
    status: Literal["firing", "acknowledged", "resolved"] | None = Field(None, description="How far it is.")

    def wanted(self, now_ms: int) -> IncidentFilter:
        """The same as a filter."""
        start, end = self.span(now_ms)
        return IncidentFilter(
            text=self.text,
            monitor=self.monitor,
            severity=self.severity or "",
            status=self.status or "",
            from_ms=start,
            to_ms=end,
        )


async def door(request: Request) -> Response:
    """The address without a path: to the incidents, or with filters to the alerts, whose list was here once."""
    query = request.url.query
    return RedirectResponse(f"/alerts?{query}" if query else "/incidents", 307)


async def incidents(request: Request, asked: IncidentQuery) -> Response:
    """The list of incidents that the address asks for."""
    at = context(request)
    wanted, given = asked.wanted(at.clock.now_ms()), asked.given()
    rows, count, until, monitors, fires = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(asked.page - 1) * ROWS),
        view.count(at.reader, wanted),
        health.judged_until(at.reader),
        alerts.monitors(at.reader),
        alerts.count(at.reader, AlertFilter(status="firing")),
    )
    return await at.page(
        request,
        "incidents.html",
        rows=rows,
        lines=await _lines(at.reader, [row.lead_alert_id for row in rows]),
        count=count,
        fires=fires.all,
        monitors=monitors,
        title=at.title,
        given=given,
        wanted=wanted,
        until=until,
        paging=Paging("/incidents", given, asked.page, count.all),
        link=lambda **changed: link("/incidents", given, **changed),
        severities=WORST_FIRST,
        statuses=STATUSES,
        spans=tuple(LAST_MS),
    )


async def _lines(reader: Reader, alert_ids: Sequence[str]) -> dict[str, tuple[str, Chart | None]]:
    """By leading alert: its market, and its series as a small picture."""
    found = await sparklines.of_alerts(reader, alert_ids)
    return {name: (line.market, _small(line)) for name, line in found.items()}


def _small(line: Sparkline) -> Chart | None:
    if len(line.points) < 2:
        return None
    points = [Point(*each) for each in line.points]
    return draw(points, line.bucket_ms, from_ms=points[0].start, to_ms=points[-1].start + line.bucket_ms)


async def incident(request: Request, _: Query) -> Response:
    """The page of an incident; 404 where there is none of that id."""
    at = context(request)
    incident_id = request.path_params["incident_id"]
    found = await view.get(at.reader, incident_id)
    if found is None:
        raise HTTPException(404, "there is no incident of that id")
    lead, until, topics, worked = await asyncio.gather(
        alerts.get(at.reader, found.lead_alert_id),
        health.judged_until(at.reader),
        health.topics(at.reader),
        cases.by_ids(at.reader, found.case_ids),
    )
    listed, outcomes, notified, asked = await asyncio.gather(
        dispositions.of_incident(at.reader, incident_id, limit=MOST_ALERTS),
        dispositions.outcomes(at.reader, incident_id),
        notifications.of_incident(at.reader, incident_id),
        actions.find(at.reader, ActionFilter(target=incident_id), limit=MOST_ACTIONS),
    )
    chart, near = (
        (None, []) if lead is None else await surroundings(at, lead, wording.scanned_from(lead), until, topics)
    )
    names = found.monitors if lead is None else [lead.monitor, *found.monitors]
    monitor = next((at.monitors[name] for name in names if name in at.monitors), {})
    explained = explanation.read(lead.explanation) if lead is not None else None
    what = "" if lead is None else at.title(lead.monitor)
    onset = explained.onset_ms if explained is not None else None
    return await at.page(
        request,
        "incident.html",
        incident=found,
        lead=lead,
        sentence="" if lead is None else wording.sentence(lead, what, onset, until),
        explained=explained,
        alerts=listed,
        outcomes=outcomes,
        notified=notified,
        cases=worked,
        asked=asked,
        changes=near,
        chart=chart,
        until=until,
        title=at.title,
        playbook=str(monitor.get("playbook") or ""),
    )
