"""A range of the log as a recording: read by a consumer of its own, in no group, so that nobody's position moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from livewarden.contracts import TOPICS
from livewarden.errors import InvalidEvent, SetupError
from livewarden.times import HOUR_MS
from sources.codec import to_line
from sources.recording import DeadLine
from streams.kafka_access import DENIED, Access, denied, start
from streams.stages.output import event_in
from streams.unpacking import install

POLL_MS = 500
_OFFSETS = re.compile(r"([\w.-]+)/(\d+):(\d+)-(\d*)")


class Offsets(NamedTuple):
    """A range of one partition: from `first`, the end excluded; `end` None: what was there when reading began."""

    topic: str
    partition: int
    first: int
    end: int | None

    @classmethod
    def parse(cls, text: str) -> Offsets:
        """The range that a text such as `live.traffic/0:1200-3400` is; a ValueError says what one looks like.

        >>> Offsets.parse("live.traffic/0:1200-")
        Offsets(topic='live.traffic', partition=0, first=1200, end=None)
        """
        found = _OFFSETS.fullmatch(text)
        if found is None or (found[4] and int(found[4]) <= int(found[3])):
            raise ValueError(f"{text!r}: a range is TOPIC/PARTITION:FIRST-END, for example live.traffic/0:1200-3400")
        return cls(found[1], int(found[2]), int(found[3]), int(found[4]) if found[4] else None)


@dataclass(frozen=True, slots=True)
class KafkaRange:
    """What to read: whole partitions of all source topics, or the offsets of some; `from_ms`: no event before it is
    wanted, so what was logged more than an hour before is passed over where Kafka can look that up.
    """

    access: Access
    prefix: str = ""
    offsets: Sequence[Offsets] = ()
    from_ms: int | None = None

    async def record(self, path: Path, on_dead: Callable[[DeadLine], None]) -> int:
        """Write the events to `path` (`.jsonl`) with partition, offset and log time; returns how many.

        Each partition keeps its order, which is all that a replay needs. What is no event goes to `on_dead`. It ends
        at what was there when it began. SetupError where a partition does not exist, or its offsets are gone.
        """
        install()
        consumer = AIOKafkaConsumer(
            **self.access.client(), group_id=None, enable_auto_commit=False, auto_offset_reset="none"
        )
        await start(consumer, self.access)
        try:
            return await self._record(consumer, path, on_dead)
        except DENIED as error:
            raise denied(error) from error
        finally:
            await consumer.stop()

    async def _record(self, consumer: Any, path: Path, on_dead: Callable[[DeadLine], None]) -> int:
        places = await self._places(consumer)
        consumer.assign(sorted(places))
        first, end = await self._bounds(consumer, places)
        left = {place for place in places if first[place] < end[place]}
        for place in places:
            consumer.seek(place, first[place])
        consumer.pause(*(place for place in places if place not in left))
        count = 0
        with path.open("w", encoding="utf-8") as file:
            while left:
                for place, records in (await consumer.getmany(*left, timeout_ms=POLL_MS)).items():
                    for record in records:
                        if record.offset < end[place]:
                            count += _written(file.write, record, self.prefix, on_dead)
                for place in list(left):
                    if await consumer.position(place) >= end[place]:
                        left.discard(place)
                        consumer.pause(place)
        return count

    async def _places(self, consumer: Any) -> dict[TopicPartition, Offsets | None]:
        await consumer._client.force_metadata_update()
        known = {topic: consumer.partitions_for_topic(topic) or set() for topic in await consumer.topics()}
        if not self.offsets:
            names = [self.prefix + topic for topic in TOPICS if self.prefix + topic in known]
            if not names:
                raise SetupError(f"Kafka at {self.access.bootstrap} has none of the source topics")
            return {TopicPartition(name, partition): None for name in names for partition in known[name]}
        found: dict[TopicPartition, Offsets | None] = {}
        for each in self.offsets:
            name = self.prefix + each.topic
            if each.topic not in TOPICS or each.partition not in known.get(name, set()):
                raise SetupError(f"--offsets: Kafka has no partition {each.partition} of a source topic {each.topic}")
            found[TopicPartition(name, each.partition)] = each
        return found

    async def _bounds(
        self, consumer: Any, places: Mapping[TopicPartition, Offsets | None]
    ) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        first = await consumer.beginning_offsets(list(places))
        end = await consumer.end_offsets(list(places))
        if self.from_ms is not None and not self.offsets:
            for place, found in (await _by_time(consumer, places, self.from_ms - HOUR_MS)).items():
                first[place] = max(first[place], found)
        for place, each in places.items():
            if each is None:
                continue
            last = end[place] if each.end is None else each.end
            if each.first < first[place] or last > end[place]:
                there = f"{first[place]} to {end[place]}"
                raise SetupError(f"--offsets: of {each.topic}/{each.partition} Kafka has {there} (the end excluded)")
            first[place], end[place] = each.first, last
        return first, end


async def _by_time(
    consumer: Any, places: Mapping[TopicPartition, Offsets | None], at_ms: int
) -> dict[TopicPartition, int]:
    """Where what was logged since that time begins. Where nothing was, or a broker cannot look it up, nothing: then all
    is read, which is slower and no less right.
    """
    try:
        found = await consumer.offsets_for_times(dict.fromkeys(places, at_ms))
    except (KafkaError, ValueError):
        return {}
    return {place: each.offset for place, each in found.items() if each is not None and each.offset >= 0}


def _written(write: Callable[[str], Any], record: Any, prefix: str, on_dead: Callable[[DeadLine], None]) -> int:
    try:
        event = event_in(record, record.topic.removeprefix(prefix))
    except InvalidEvent as error:
        place = f"{record.topic}/{record.partition}"
        on_dead(DeadLine(place, record.offset, error.reason, error.detail, record.value or b""))
        return 0
    write(f"{to_line(event)}\n")
    return 1


def parse_offsets(texts: Sequence[str]) -> Iterator[Offsets]:
    """Ranges as they are written; SetupError names the one that is none."""
    for text in texts:
        try:
            yield Offsets.parse(text)
        except ValueError as error:
            raise SetupError(f"--offsets: {error}") from error
