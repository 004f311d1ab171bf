"""Events, monitors and messages for the tests of the pure core."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from livewarden.contracts import EnforcementAction, SourceHeartbeat, TrafficQuality, TrafficSample
from livewarden.event import Event
from models.aggregate.aggregator import Aggregator
from models.aggregate.partial import Message, Partial, Seal
from models.decide.engine import Engine, Findings
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from sources.codec import event_of

T0: Final = 1_772_409_600_000
"""Monday, 2026-03-02T00:00:00Z."""
TOPIC: Final = "live.enforcement"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def monitor(**fields: Any) -> Monitor:
    """Counts enforcement actions by market and minute, unless notified otherwise."""
    usual = {"name": "measures", "event": "enforcement.action", "detector": "enforcement", "group_by": ["market"]}
    return Monitor.model_validate(usual | fields)


def action(
    id: str, time_ms: int, market: str | None = "DE", *, source: str = "/test", partition: int = 0, **fields: Any
) -> Event:
    data = EnforcementAction.model_validate({"action_id": "a1", "market": market} | fields)
    return Event(id, source, time_ms, data, TOPIC, partition, 0)


def sample(id: str, time_ms: int, market: str = "DE", **fields: Any) -> Event:
    body = {"room_id": "r1", "market": market, "window_start": moment(time_ms), "window_s": 10} | fields
    return event_of(TrafficSample.model_validate(body), id=id, source="/test", time_ms=time_ms)


def quality(id: str, time_ms: int, market: str = "DE", **fields: Any) -> Event:
    body = {"market": market, "window_start": moment(time_ms), "window_s": 60} | fields
    return event_of(TrafficQuality.model_validate(body), id=id, source="/test", time_ms=time_ms)


def beat(from_ms: int, until_ms: int, state: str = "ALIVE", *, topic: str = TOPIC, partition: int = 0) -> Event:
    body = {"topic": topic, "state": state, "covers_from": moment(from_ms), "covers_until": moment(until_ms)}
    data = SourceHeartbeat.model_validate(body)
    return Event(f"beat-{from_ms}-{until_ms}-{state}", "/test", until_ms, data, topic, partition, 0)


def aggregator(*monitors: Monitor, partition: int = 0, of: int = 1, lateness_ms: int = 0) -> Aggregator:
    return Aggregator(Plan(monitors), monitors[0].topic, partition, of, lateness_ms)


def partials(messages: Iterable[Message]) -> list[Partial]:
    return [message for message in messages if isinstance(message, Partial)]


def seals(messages: Iterable[Message]) -> list[Seal]:
    return [message for message in messages if isinstance(message, Seal)]


def say(asked: Monitor, bucket: int, rows: dict[str, int], partition: int = 0, of: int = 1) -> list[Message]:
    """What an aggregator would say of one bucket (its number since T0) and no other."""
    start = T0 + bucket * asked.bucket
    cut = tuple(((key,), value, 0, "") for key, value in sorted(rows.items()))
    place = (asked.group_name, asked.topic, partition)
    return [
        Partial(*place, asked.name, asked.sums_hash, start, 0, cut),
        Seal(*place, of, start + asked.bucket),
    ]


def found(engine: Engine, messages: Iterable[Message]) -> Findings:
    findings = Findings()
    for message in messages:
        engine.apply(message, findings)
    return findings


def silent(**fields: Any) -> Monitor:
    """A monitor of silence over the same events."""
    return monitor(**({"name": "silence", "detector": "silence", "group_by": []} | fields))
