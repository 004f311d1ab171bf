"""Cases: the board of what is worked on, the list that filters show, and the form for one that is opened by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.casework import ACTIVE
from console.context import context
from console.identity import visitor
from console.pages.alerts import SEVERITIES
from console.pages.paging import ROWS, Paging
from console.parameters import LAST_MS, Parameters
from console.render import link
from livewarden.action import RESOLUTIONS
from sinks.present.wording import place, size
from sinks.queries import alerts, dispositions, health, incidents
from sinks.queries import cases as view
from sinks.queries.cases import OVER, CaseFilter

STATES = (*ACTIVE, *OVER, "ongoing", "ended")
CARDS = 8
"""Cards of a column."""


async def cases(request: Request) -> Response:
    """The cases that the address asks for: as a board by state, or as a list where it names a state or a page."""
    at = context(request)
    asked = Parameters(request.query_params)
    until = await health.judged_until(at.reader)
    page = asked.page()
    start, end = asked.span(until if until is not None else at.clock.now_ms())
    wanted = CaseFilter(
        monitor=asked.text("monitor"),
        slice=asked.text("slice"),
        severity=asked.choice("severity", SEVERITIES),
        state=asked.choice("state", STATES),
        from_ms=start,
        to_ms=end,
        owner=asked.text("owner"),
        overdue=asked.choice("overdue", ("yes",)) == "yes",
    )
    listed = asked.choice("view", ("board", "list"), "list" if wanted.state or page > 1 else "board") == "list"
    asked.done()
    given = asked.given()
    rows, count, states, monitors = await asyncio.gather(
        view.find(at.reader, wanted, limit=ROWS, offset=(page - 1) * ROWS)
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
        columns=[(state, [row for row in rows if _column(row["state"]) == state]) for state in ACTIVE],
        over=[(state, states[state]) for state in OVER if states.get(state)],
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
        paging=Paging("/cases", given, page, count["all"] if listed else 0),
        link=lambda **changed: link("/cases", given, **changed),
        severities=SEVERITIES,
        states=STATES,
        spans=tuple(LAST_MS),
    )


def _column(state: str) -> str:
    return state if state in ACTIVE else ACTIVE[0]


async def new_case(request: Request) -> Response:
    """The form for a case, filled in from the alert or incident that the address names."""
    at = context(request)
    asked = Parameters(request.query_params)
    alert_id, incident_id = asked.text("alert"), asked.text("incident")
    asked.done()
    title, severity, ids = "", "warning", [alert_id] if alert_id else []
    if alert_id:
        alert = await alerts.get(at.reader, alert_id)
        if alert is None:
            raise HTTPException(404, "there is no alert of that id")
        title = f"{at.title(alert['monitor'])} · {place(alert['series'])}: {size(alert)}"
        severity = alert["severity"]
    elif incident_id:
        found = await incidents.get(at.reader, incident_id)
        if found is None:
            raise HTTPException(404, "there is no incident of that id")
        title, severity = found["title"], found["severity"]
        ids = [each["alert_id"] for each in await dispositions.of_incident(at.reader, incident_id, limit=1000)]
    return await at.page(
        request, "new_case.html", case_title=title[:300], severity=severity, ids=ids, severities=SEVERITIES
    )
