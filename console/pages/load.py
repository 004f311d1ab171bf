"""On-call load and noise: pages by channel, person and monitor, by class of hours, and what share was acted on."""

from __future__ import annotations

import asyncio
import zoneinfo
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.parameters import BadParameter, Query, Text
from console.render import link
from livewarden.times import DAY_MS
from sinks.queries import load as view
from sinks.queries import time_in_state

SPANS = {"7d": 7 * DAY_MS, "28d": 28 * DAY_MS, "90d": 90 * DAY_MS}


class LoadQuery(Query):
    """What the load may be asked for."""

    last: Literal["7d", "28d", "90d"] = Field("28d", description="So long back from now.")
    zone: Text = Field("UTC", description="Timezone by whose clocks hours are counted, such as Europe/Berlin.")


async def load(request: Request, asked: LoadQuery) -> Response:
    """The load of the last 7, 28 or 90 days, by the clocks of `zone`."""
    at, last, zone = context(request), asked.last, asked.zone
    if zone not in zoneinfo.available_timezones():
        raise BadParameter(f"no timezone is named {zone[:100]!r}: such as Europe/Berlin")
    to_ms, given = at.clock.now_ms(), asked.given()
    span = to_ms - SPANS[last], to_ms, zone
    channels, people, monitors, states = await asyncio.gather(
        view.by_channel(at.reader, *span),
        view.by_person(at.reader, *span),
        view.by_monitor(at.reader, *span),
        time_in_state.of_cases(at.reader, span[0], to_ms),
    )
    return await at.page(
        request,
        "load.html",
        tables=(
            ("Pages by channel", "channel", "pages", channels),
            ("Acknowledged by person", "person", "incidents", people),
            ("Pages by monitor", "monitor", "pages", monitors),
        ),
        states=states,
        last=last,
        spans=tuple(SPANS),
        zone=zone,
        link=lambda **changed: link("/load", given, **changed),
    )
