"""The demo goes on: sixty days after the evening in coarse steps, in which the radar sees Friday's bad model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

import orjson

from cli.common import clickhouse_address, reading
from livewarden.alert import Alert
from livewarden.contracts import PlatformChange
from livewarden.event import Event
from livewarden.settings import RESPONSE, Settings
from livewarden.times import DAY_MS, format_ms
from models.misjudgement.cohorts import Cohorts
from models.misjudgement.join import Joined
from models.misjudgement.reversal import ReversalKind
from sinks.store.clickhouse import ClickHouseStore
from sources.codec import to_line
from sources.simulate.misjudged_events import LINES, MONTHS_START_MS, MisjudgedMonths, misjudged_months
from streams.kafka_access import access_of
from streams.producer import producing
from streams.radar import Radar, in_order
from streams.stages import Said, encode_message

RELEASE_DAY = 60
"""Friday 2026-03-06: the sixty days before it are the history without which no delay is known."""
MONTHS = MisjudgedMonths(
    days=RELEASE_DAY + 60,
    release_day=RELEASE_DAY,
    rollback_day=RELEASE_DAY + 14,
    lines=(LINES[0]._replace(per_day=200), LINES[1]._replace(per_day=80)),
)
LOOKS = (*range(RELEASE_DAY + 2, RELEASE_DAY + 16, 2), *range(RELEASE_DAY + 16, RELEASE_DAY + 60, 6))
"""The days at whose end the radar looks."""
TOPIC = "simulation.months"
"""Under this name its events stand in `events`: they went through no topic."""


async def months(settings: Settings) -> dict[str, Any]:
    """Store the months, let the radar look at the end of some of their days, and say when it saw the release.

    The events go straight into ClickHouse: days in coarse steps have nothing for monitors of minutes. What the radar
    says takes the way that it always takes.
    """
    events = list(misjudged_months(MONTHS))
    joined = Joined()
    for event in events:
        joined.add(event.data, event.time_ms)
    cohorts, first = joined.cohorts(), MONTHS_START_MS // DAY_MS
    changes = in_order(
        (each.data.change_id, each.time_ms, each.data.target or "", ())
        for each in events
        if isinstance(each.data, PlatformChange)
    )
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(settings)))
    said: list[Alert] = []
    try:
        await store.write("events", list(_rows(events)))
        async with producing(access_of(settings)) as producer:

            async def tell(messages: Sequence[Said]) -> None:
                for message in messages:
                    key, value = encode_message(message)
                    await producer.send_and_wait(settings.topic_prefix + RESPONSE, value, key)

            radar = Radar(0, lambda: reading(settings), lambda: True, tell, store.write)
            for day in LOOKS:
                said += await radar.look(cohorts, changes, first + day)
    finally:
        await store.close()
    return {"simulated": True, "events": len(events)} | _seen(cohorts, said, first)


def _rows(events: Iterable[Event]) -> Iterable[dict[str, Any]]:
    for number, event in enumerate(events):
        yield {
            "topic": TOPIC,
            "partition": 0,
            "offset": number,
            "event_id": event.id,
            "type": event.type_name,
            "source": event.source,
            "event_time": event.time_ms,
            "precision": event.data.time_precision,
            "weight": event.data.weight,
            "late": 0,
            "duplicate": 0,
            "key": event.data.key(),
            "data": orjson.dumps(orjson.loads(to_line(event))["data"]).decode(),
        }


def _seen(cohorts: Cohorts, said: Sequence[Alert], first: int) -> dict[str, Any]:
    """When the radar saw the release, and how many of the reversals of the measures of that time had come by then."""
    alert = next((each for each in said if each.status == "firing"), None)
    if alert is None:
        return {"release": format_ms((first + RELEASE_DAY) * DAY_MS)[:10], "seen_after_days": None}
    last = alert.window_end_ms // DAY_MS - 1
    bad = {
        (day, age): number
        for (cell, day, age, outcome), number in cohorts.counts.items()
        if outcome == ReversalKind.APPEAL and first + RELEASE_DAY <= day <= last and cell.market == "DE"
    }
    known = sum(number for (day, age), number in bad.items() if day + age <= last)
    return {
        "release": format_ms((first + RELEASE_DAY) * DAY_MS)[:10],
        "seen_after_days": last - first - RELEASE_DAY + 1,
        "seen_at": format_ms(alert.window_end_ms)[:10],
        "factor": alert.score,
        "share_of_reversals_known": round(known / max(1, sum(bad.values())), 3),
    }


def months_line(found: dict[str, Any]) -> str:
    """What came of it, in one line."""
    if found["seen_after_days"] is None:
        return f"the bad model of {found['release']} was not seen"
    return (
        f"the bad model of {found['release']} is seen after {found['seen_after_days']} days"
        f" (×{found['factor']:.1f} per decided appeal), when {found['share_of_reversals_known']:.0%} of the reversals"
        " of its measures had come"
    )
