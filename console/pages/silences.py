"""Silences, maintenance windows and planned campaigns: the list, and the form for a new one."""

from __future__ import annotations

import asyncio

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console import forms
from console.context import context
from console.identity import visitor
from console.pages.cases import AboutQuery
from console.pages.forms import admitted, signed
from console.pages.paging import ROWS, Paging
from console.parameters import Paged
from console.render import link
from livewarden.action import Silence
from livewarden.times import HOUR_MS, MINUTE_MS
from sinks.queries import alerts, incidents
from sinks.queries import silences as view
from sinks.queries.silences import Phase
from sinks.store.records import AlertRecord

PHASES = ("active", "coming", "past")
KINDS = ("silence", "maintenance", "campaign")
USUAL_MS = 2 * HOUR_MS
"""How long a silence lasts unless somebody says otherwise."""
REMINDERS = ((0, "never"), (300, "5 min before"), (900, "15 min before"), (3600, "1 h before"), (86_400, "1 d before"))


class SilenceQuery(Paged):
    """What the list of silences may be asked for."""

    phase: Phase | None = Field(None, description="Whether it is in force.")


async def silences(request: Request, asked: SilenceQuery) -> Response:
    """The list of silences that the address asks for."""
    at = context(request)
    page, phase = asked.page, asked.phase
    now, given = at.clock.now_ms(), asked.given()
    rows, count = await asyncio.gather(
        view.find(at.reader, now, phase or "", limit=ROWS, offset=(page - 1) * ROWS), view.count(at.reader, now)
    )
    return await at.page(
        request,
        "silences.html",
        rows=rows,
        count=count,
        given=given,
        paging=Paging("/silences", given, page, getattr(count, phase or "all")),
        link=lambda **changed: link("/silences", given, **changed),
        phases=PHASES,
    )


async def new_silence(request: Request, asked: AboutQuery) -> Response:
    """The form for a silence, filled in from the alert or incident that the address names."""
    at = context(request)
    alert_id, incident_id = asked.alert, asked.incident
    found = await incidents.get(at.reader, incident_id) if incident_id else None
    if incident_id and found is None:
        raise HTTPException(404, "there is no incident of that id")
    alert_id = alert_id or (found.lead_alert_id if found is not None else "")
    alert = await alerts.get(at.reader, alert_id) if alert_id else None
    if alert_id and alert is None and found is None:
        raise HTTPException(404, "there is no alert of that id")
    now = at.clock.now_ms()
    return await at.page(
        request,
        "new_silence.html",
        matchers="" if alert is None else "\n".join(_matching(alert)),
        about=found.title if found is not None else "",
        alert=alert,
        owner=visitor(request).name,
        starts=now - now % MINUTE_MS,
        ends=now - now % MINUTE_MS + USUAL_MS,
        kinds=KINDS,
        reminders=REMINDERS,
    )


async def preview(request: Request) -> Response:
    """What the silence of a form would mute, before it does."""
    who, form, _ = await admitted(request)
    at = context(request)
    action = forms.parse(Silence, form, {"silence_id": "preview"} | signed(request, who, "preview"))
    owners = {name: str(monitor.get("owner") or "") for name, monitor in at.monitors.items()}
    found = await view.preview(at.reader, action.matchers, owners, at.clock.now_ms())
    return await at.page(
        request,
        "silence_preview.html",
        silence=action,
        fields=form,
        found=found,
        words=view.preview_in_words(found),
    )


def _matching(alert: AlertRecord) -> list[str]:
    labels = {"monitor": alert.monitor, **alert.series}
    return [f"{name}={' '.join(str(value).split())}" for name, value in labels.items()]
