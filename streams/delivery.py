"""How a recording goes into partitions: the same for the feeder, which sends it to Kafka, and for a replay, which does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from livewarden.contracts import SourceHeartbeat
from livewarden.event import Event
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from streams.codec import event_of, partition_of

_PRECISION_MS = {"second": SECOND_MS, "minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def deliver(events: Iterable[Event], partitions: Mapping[str, int]) -> Iterator[Event]:
    """Every event with its partition set, in order.

    An event keeps the partition that it was recorded with, else its key decides, as Kafka's default partitioner would. A
    heartbeat without one goes to every partition of its topic. Where a topic's last heartbeat did not say that the source
    ended, one is added behind the last event: a recording that is over will not say more.
    """
    ends: dict[str, int] = {}
    ended: dict[str, bool] = {}
    for event in events:
        data, topic = event.data, event.topic
        until = (
            event.time_ms if isinstance(data, SourceHeartbeat) else event.time_ms + _PRECISION_MS[data.time_precision]
        )
        ends[topic] = max(ends.get(topic, 0), until)
        ended[topic] = isinstance(data, SourceHeartbeat) and data.state == "ENDED"
        if event.partition >= 0:
            yield event
        elif isinstance(data, SourceHeartbeat):
            for partition in range(partitions[topic]):
                yield replace(event, partition=partition)
        else:
            yield replace(event, partition=partition_of(data.key().encode(), partitions[topic]))
    for topic in sorted(ends):
        if not ended[topic]:
            beat = _closing(topic, ends[topic])
            for partition in range(partitions[topic]):
                yield replace(beat, partition=partition)


def _closing(topic: str, end_ms: int) -> Event:
    moment = _EPOCH + timedelta(milliseconds=end_ms)
    data = SourceHeartbeat.model_validate(
        {"topic": topic, "state": "ENDED", "covers_from": moment, "covers_until": moment}
    )
    return event_of(data, id=f"end-of-recording-{topic}-{end_ms}", source="urn:livewarden:recording", time_ms=end_ms)
