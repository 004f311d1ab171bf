"""How the pipeline is doing, as far as ClickHouse knows."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from console.context import context
from console.parameters import Query
from livewarden.event import AHEAD_MS
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from sinks.present.chart import strip
from sinks.queries import health as view
from sinks.queries import notifications, self_watch
from sinks.store.reader import Reader

HOURS = 48
GONE_MS = 5 * MINUTE_MS
"""A worker that has said nothing for so long is gone, and what it had to tell is not known to last."""


async def health(request: Request, _: Query) -> Response:
    """Positions, rows by hour, late and repeated ones, and when each table last grew."""
    at = context(request)
    until = await view.judged_until(at.reader)
    now = at.clock.now_ms()
    end = until if until is not None else now
    hours, topics, unknown = await asyncio.gather(
        view.by_hour(at.reader, end, hours=HOURS),
        view.by_topic(at.reader, end, hours=HOURS),
        view.unknown_fields(at.reader),
    )
    positions, tables, channels, waiting, failed = await asyncio.gather(
        self_watch.partitions(at.reader),
        view.newest_rows(at.reader),
        notifications.channels(at.reader),
        notifications.waiting(at.reader),
        view.failed_models(at.reader, end, hours=HOURS),
    )
    # the response stage and canaries go by the clock, the others by the time of events
    marks = [each["watermark"] for each in positions if each["stage"] in ("ingest", "detect")]
    newest = max((mark for mark in marks if mark <= now + AHEAD_MS), default=0)
    first = end - end % HOUR_MS - (HOURS - 1) * HOUR_MS
    events = {each.hour: each.events for each in hours}
    counts = [events.get(first + number * HOUR_MS, 0) for number in range(HOURS)]
    return await at.page(
        request,
        "health.html",
        hours=hours,
        topics=topics,
        unknown=unknown,
        **await _ourselves(at.reader, now),
        positions=[
            each | {"behind": newest - each["watermark"], "ahead": max(0, each["watermark"] - now)}
            for each in positions
        ],
        ahead_bound=AHEAD_MS,
        tables=tables,
        until=until,
        channels=channels,
        waiting=waiting,
        failed=failed,
        chart=strip(counts, first, first + HOURS * HOUR_MS, (), "events") if any(counts) else None,
        window=HOURS,
    )


async def _ourselves(reader: Reader, now_ms: int) -> dict[str, Any]:
    """What the workers say of themselves: messages to the channels of `watch`, clocks, losses, the canary."""
    alerts, workers, set_aside, gaps, canary = await asyncio.gather(
        self_watch.alerts(reader),
        self_watch.workers(reader, now_ms - DAY_MS),
        self_watch.set_aside(reader, now_ms),
        self_watch.gaps(reader),
        self_watch.canary(reader),
    )
    return {
        "health_alerts": [
            each | {"lasts": each["status"] == "firing" and now_ms - each["seen_at"] < GONE_MS} for each in alerts
        ],
        "workers": [each | {"gone": now_ms - each["seen_at"] >= GONE_MS} for each in workers],
        "set_aside": set_aside,
        "gaps": gaps,
        "canary": canary,
    }
