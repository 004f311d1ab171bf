"""How the pipeline is doing, as far as ClickHouse knows."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.parameters import Parameters
from livewarden.times import HOUR_MS
from sinks.present.chart import strip
from sinks.queries import health as view
from sinks.queries import notifications

HOURS = 48


async def health(request: Request) -> Response:
    """Positions, rows by hour, late and repeated ones, and when each table last grew."""
    at = context(request)
    Parameters(request.query_params).done()
    until = await view.judged_until(at.reader)
    now = at.clock.now_ms()
    end = until if until is not None else now
    hours, topics, unknown, positions, tables, channels, waiting, failed = await asyncio.gather(
        view.by_hour(at.reader, end, hours=HOURS),
        view.by_topic(at.reader, end, hours=HOURS),
        view.unknown_fields(at.reader),
        view.positions(at.reader),
        view.newest_rows(at.reader),
        notifications.channels(at.reader),
        notifications.waiting(at.reader),
        view.failed_models(at.reader, end, hours=HOURS),
    )
    # the response stage goes by the clock, the others by the time of events
    newest = max((each["watermark"] for each in positions if each["stage"] != "respond"), default=0)
    first = end - end % HOUR_MS - (HOURS - 1) * HOUR_MS
    events = {each["hour"]: each["events"] for each in hours}
    counts = [events.get(first + number * HOUR_MS, 0) for number in range(HOURS)]
    return await at.page(
        request,
        "health.html",
        hours=hours,
        topics=topics,
        unknown=unknown,
        positions=[each | {"behind": newest - each["watermark"]} for each in positions],
        tables=tables,
        until=until,
        channels=channels,
        waiting=waiting,
        failed=failed,
        chart=strip(counts, first, first + HOURS * HOUR_MS, (), "events") if any(counts) else None,
        window=HOURS,
    )
