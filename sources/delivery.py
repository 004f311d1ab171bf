"""How a recording goes into partitions: the same for the feeder, which sends it to Kafka, and for a replay,
which does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from livewarden.contracts import SourceHeartbeat
from livewarden.errors import SetupError
from livewarden.event import AHEAD_MS, Event
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, instant
from sources.codec import event_of, partition_of

_PRECISION_MS = {"second": SECOND_MS, "minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}


def deliver(events: Iterable[Event], partitions: Mapping[str, int]) -> Iterator[Event]:
    """Every event with its partition set, in order.

    An event keeps the partition that it was recorded with, else its key decides, as Kafka's default partitioner would.
    A heartbeat without one goes to every partition of its topic. To each partition that did not say that its source
    ended, behind the topic's last event, such a heartbeat is added: a recording that is over will not say more. One
    that was recorded on a partition that its topic has not here is a SetupError: elsewhere it would be judged
    otherwise.
    """
    ends: dict[str, int] = {}
    ended: dict[str, dict[int, int]] = {}
    for event in events:
        data, topic = event.data, event.topic
        until = (
            event.time_ms if isinstance(data, SourceHeartbeat) else event.time_ms + _PRECISION_MS[data.time_precision]
        )
        if not event.is_ahead(AHEAD_MS):
            ends[topic] = max(ends.get(topic, 0), until)
        if event.partition >= partitions[topic]:
            more = (
                f"of {topic}, which has {partitions[topic]} here; set LIVEWARDEN_PARTITIONS to what it was "
                "recorded with"
            )
            raise SetupError(f"event {event.id[:100]!r} was recorded on partition {event.partition} {more}")
        if event.partition >= 0:
            places: Iterable[int] = (event.partition,)
        elif isinstance(data, SourceHeartbeat):
            places = range(partitions[topic])
        else:
            places = (partition_of(data.key().encode(), partitions[topic]),)
        over = isinstance(data, SourceHeartbeat) and data.state == "ENDED"
        for place in places:
            ended.setdefault(topic, {})[place] = until if over else -1
            yield event if event.partition == place else replace(event, partition=place)
    for topic in sorted(ends):
        beat = _closing(topic, ends[topic])
        for place in range(partitions[topic]):
            if ended[topic].get(place, -1) < ends[topic]:
                yield replace(beat, partition=place)


def _closing(topic: str, end_ms: int) -> Event:
    moment = instant(end_ms)
    data = SourceHeartbeat.model_validate(
        {"topic": topic, "state": "ENDED", "covers_from": moment, "covers_until": moment}
    )
    return event_of(data, id=f"end-of-recording-{topic}-{end_ms}", source="urn:livewarden:recording", time_ms=end_ms)
