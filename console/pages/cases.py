"""Cases: the board of what is worked on, the list that filters show, and the form for one that is opened by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.casework import ACTIVE
from console.context import context
from console.identity import visitor
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Query, Spanned, Text
from console.render import link
from livewarden.case_state import CLOSED, RESOLUTIONS, CaseState
from livewarden.severity import WORST_FIRST, Severity
from sinks.present.wording import place, size
from sinks.queries import alerts, dispositions, health, incidents
from sinks.queries import cases as view
from sinks.queries.cases import CaseFilter

STATES = (*ACTIVE, *CLOSED, "ongoing", "ended")
CARDS = 8
"""Cards of a column."""


class CaseQuery(Spanned):
    """What the cases may be asked for."""

    monitor: Text = Field("", description="Name of a monitor.")
    slice: Text = Field("", description="A text in a `name=value` of a series, or in the title.")
    severity: Severity | None = Field(None, description="How urgent.")
    state: CaseState | Literal["ongoing", "ended"] | None = Field(
        None, description="A state; or whether an alert of it still fires."
    )
    owner: Text = Field("", description="Who works on it.")
    overdue: Literal["yes"] | None = Field(None, description="Only those whose next step is late.")
    view: Literal["board", "list"] | None = Field(
        None, description="As a board by state, or as a list; a list where a state or a page is named."
    )

    def wanted(self, now_ms: int) -> CaseFilter:
        """The same as a filter."""
        start, end = self.span(now_ms)
        return CaseFilter(
            monitor=self.monitor,
            slice=self.slice,
            severity=self.severity or "",
            state=self.state or "",
            from_ms=start,
            to_ms=end,
            owner=self.owner,
            overdue=self.overdue == "yes",
        )


class AboutQuery(Query):
    """What a form for something new is filled in from."""

    alert: Text = Field("", description="Id of an alert.")
    incident: Text = Field("", description="Id of an incident.")


async def cases(request: Request, asked: CaseQuery) -> Response:
    """The cases that the address asks for: as a board by state, or as a list where it names a state or a page."""
    at = context(request)
    until = await health.judged_until(at.reader)
    wanted, given = asked.wanted(until if until is not None else at.clock.now_ms()), asked.given()
    listed = (asked.view or ("list" if asked.state or asked.page > 1 else "board")) == "list"
    rows, count, states, monitors = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(asked.page - 1) * ROWS)
        if listed
        else view.board(at.reader, wanted, each=CARDS),
        view.count(at.reader, wanted),
        view.states(at.reader, replace(wanted, state="")),
        alerts.monitors(at.reader),
    )
    return await at.page(
        request,
        "cases.html",
        rows=rows,
        listed=listed,
        columns=[(state, [row for row in rows if _column(row.state) == state]) for state in ACTIVE],
        over=[(state, states[state]) for state in CLOSED if states.get(state)],
        states_now=states,
        cards=CARDS,
        count=count,
        monitors=monitors,
        title=at.title,
        given={name: value for name, value in given.items() if name != "view"},
        wanted=wanted,
        until=until,
        me=visitor(request).name,
        resolutions=RESOLUTIONS,
        paging=Paging("/cases", given, asked.page, count.all if listed else 0),
        link=lambda **changed: link("/cases", given, **changed),
        severities=WORST_FIRST,
        states=STATES,
        spans=tuple(LAST_MS),
    )


def _column(state: str) -> str:
    return state if state in ACTIVE else ACTIVE[0]


async def new_case(request: Request, asked: AboutQuery) -> Response:
    """The form for a case, filled in from the alert or incident that the address names."""
    at = context(request)
    alert_id, incident_id = asked.alert, asked.incident
    title, severity, ids = "", "warning", [alert_id] if alert_id else []
    if alert_id:
        alert = await alerts.get(at.reader, alert_id)
        if alert is None:
            raise HTTPException(404, "there is no alert of that id")
        title = f"{at.title(alert.monitor)} · {place(alert.series)}: {size(alert)}"
        severity = alert.severity
    elif incident_id:
        found = await incidents.get(at.reader, incident_id)
        if found is None:
            raise HTTPException(404, "there is no incident of that id")
        title, severity = found.title, found.severity
        ids = [each.alert_id for each in await dispositions.of_incident(at.reader, incident_id, limit=1000)]
    return await at.page(
        request, "new_case.html", case_title=title[:300], severity=severity, ids=ids, severities=WORST_FIRST
    )
