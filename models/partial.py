"""What the aggregate stage says to the detect stage: partial sums, and seals. Both are one JSON record each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.plan import SeriesKey

Row = tuple[SeriesKey, int, int, str]
"""Series, value, exposure, distinct sketch (base64, "" without)."""

ROWS_PER_RECORD = 250
"""A bucket with more series is cut into several records, so that none nears Kafka's limit of 1 MB."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The sums of one monitor's bucket on one source partition; complete, and never changed once said.

    No rows means: the source was alive in this bucket and nothing was counted. `chunk` numbers the records of one bucket.
    """

    group: str
    topic: str
    partition: int
    monitor: str
    config_hash: str
    start_ms: int
    chunk: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Seal:
    """A promise: source partition `partition` of `of` has said everything it will say before `watermark_ms`.

    `ended`: the source ended on purpose, so that its silence from here on is no gap.
    """

    group: str
    topic: str
    partition: int
    of: int
    watermark_ms: int
    ended: bool = False


Message = Partial | Seal


def to_dict(message: Message) -> dict[str, Any]:
    """The record's JSON object; `v` is its schema version."""
    if isinstance(message, Seal):
        return {
            "v": 1,
            "seal": message.watermark_ms,
            "group": message.group,
            "topic": message.topic,
            "partition": message.partition,
            "of": message.of,
            "ended": message.ended,
        }
    return {
        "v": 1,
        "group": message.group,
        "topic": message.topic,
        "partition": message.partition,
        "monitor": message.monitor,
        "config": message.config_hash,
        "start": message.start_ms,
        "chunk": message.chunk,
        "rows": message.rows,
    }


def from_dict(record: Any) -> Message:
    """The inverse of `to_dict`. A record of another schema version, without its fields or of another shape raises ValueError, KeyError or TypeError.

    >>> from_dict(to_dict(Seal("live.traffic", "live.traffic", 0, 4, 1000)))
    Seal(group='live.traffic', topic='live.traffic', partition=0, of=4, watermark_ms=1000, ended=False)
    """
    if not isinstance(record, dict):
        raise TypeError("not a JSON object")
    if record.get("v") != 1:
        raise ValueError(f"partials of version {record.get('v')!r}, this program reads 1")
    group, topic, partition = record["group"], record["topic"], record["partition"]
    if "seal" in record:
        return Seal(group, topic, partition, record["of"], record["seal"], record["ended"])
    rows = tuple((tuple(series), value, exposure, sketch) for series, value, exposure, sketch in record["rows"])
    return Partial(group, topic, partition, record["monitor"], record["config"], record["start"], record["chunk"], rows)
