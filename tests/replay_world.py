"""A small world to replay: eighty hours of measures in two markets, and two hours of many more of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from livewarden.contracts import TOPICS
from livewarden.event import Event
from livewarden.times import HOUR_MS
from models.monitors.plan import Plan
from sources.delivery import deliver
from streams.replay import Replay, Result
from tests.core_fixtures import T0, action, monitor

WAVE_MS = T0 + 60 * HOUR_MS
PLAN = Plan(
    [
        monitor(name="measures", bucket="1h", series=1, min_volume=5, explain_by=["policy_id"]),
        monitor(name="shops", measure="distinct(shop_id)", bucket="1h", series=1, min_volume=5),
    ]
)


def events(*more: int) -> list[Event]:
    """In event-time order, in no partition yet; as many measures again in the hours `more`."""
    many = {60, 61, *more}
    return [
        action(
            f"e{hour}-{n}",
            T0 + hour * HOUR_MS + 1_000 * n,
            "DE" if n % 2 else "IT",
            partition=-1,
            policy_id=f"p{n % 3}",
            shop_id=f"s{n}",
            weight=20 if hour in many else 1,
        )
        for hour in range(80)
        for n in range(30 if hour in many else 3)
    ]


@cache
def delivered(partitions: int = 2) -> tuple[Event, ...]:
    """The same in their partitions, with the end of each."""
    return tuple(deliver(events(), dict.fromkeys(TOPICS, partitions)))


def fresh(partitions: int = 2, made: type[Replay] = Replay) -> Replay:
    """A replay that has read nothing, and waits for no ledger: it judges as it reads."""
    return made(PLAN, dict.fromkeys(TOPICS, partitions), dict.fromkeys(TOPICS, 30_000), awaited_topics=())


def said(driver: Replay, parts: Sequence[Sequence[Event]]) -> Result:
    """What a replay says of events that come in these parts."""
    for part in parts:
        for _ in driver.feed(part):
            pass
    for _ in driver.finish():
        pass
    return driver.result()
