"""What the aggregate stage says to the detect stage: partial sums, changes, and seals. Each is one JSON record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson

from models.aggregate.change import Change, change_from, change_row
from models.monitors.plan import SeriesKey

Role = Literal["sums", "leaves", "exposure"]
"""What the rows of a partial are: the sums of the series; the same at the finest grain (the values of `explain_by`
behind those of the series); or what the values are out of (by the dimensions that the monitor's `exposure` names)."""

Row = tuple[SeriesKey, int, int, str]
"""Series, value, exposure, distinct sketch (base64, "" without)."""

ROWS_PER_RECORD = 250
"""A bucket with more series is cut into several records."""
BYTES_PER_RECORD = 512 * 1024
"""So is one whose rows are longer, so that none nears Kafka's usual limit of 1 MB."""


def in_records(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """The rows cut into what fits a record each, in order; no rows are one empty record, a longer row is one alone.

    >>> [len(cut) for cut in in_records([(("a" * 300_000,), 1, 0, ""), (("b" * 300_000,), 1, 0, "")])]
    [1, 1]
    """
    cut: list[Row] = []
    size = 0
    for row in rows:
        length = len(orjson.dumps(row)) + 1
        if cut and (len(cut) == ROWS_PER_RECORD or size + length > BYTES_PER_RECORD):
            yield tuple(cut)
            cut, size = [], 0
        cut.append(row)
        size += length
    yield tuple(cut)


IN_PART = "in-part"
"""In place of a hash: the bucket was under way when its monitor came, so its sums are of a part of it."""


@dataclass(frozen=True, slots=True)
class Partial:
    """The sums of one monitor's bucket on one source partition; complete, and never changed once said.

    No rows means: the source was alive in this bucket and nothing was counted. `chunk` numbers the records of one
    bucket and role. `sums_hash`: what the monitor counted by, of leaves its `leaf_hash`, or `IN_PART`.
    """

    group: str
    topic: str
    partition: int
    monitor: str
    sums_hash: str
    start_ms: int
    chunk: int
    rows: tuple[Row, ...]
    role: Role = "sums"


@dataclass(frozen=True, slots=True)
class Notice:
    """The platform changed: notified to every group before the seal that covers it."""

    group: str
    topic: str
    partition: int
    change: Change


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


Message = Partial | Notice | Seal


def to_dict(message: Message) -> dict[str, Any]:
    """The record's JSON object; `v` is its schema version: 1 for seals and sums, 2 for what came later.

    So a worker of an older version beside this one sets aside what it does not know, and judges as it did.
    """
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
    if isinstance(message, Notice):
        return {
            "v": 2,
            "group": message.group,
            "topic": message.topic,
            "partition": message.partition,
            "change": change_row(message.change),
        }
    record = {
        "v": 1,
        "group": message.group,
        "topic": message.topic,
        "partition": message.partition,
        "monitor": message.monitor,
        "config": message.sums_hash,
        "start": message.start_ms,
        "chunk": message.chunk,
        "rows": message.rows,
    }
    return record if message.role == "sums" else record | {"v": 2, "role": message.role}


def from_dict(record: Any) -> Message:
    """The inverse of `to_dict`. A record of another schema version, without its fields or of another shape raises
    ValueError, KeyError or TypeError.

    >>> from_dict(to_dict(Seal("live.traffic", "live.traffic", 0, 4, 1000)))
    Seal(group='live.traffic', topic='live.traffic', partition=0, of=4, watermark_ms=1000, ended=False)
    """
    if not isinstance(record, dict):
        raise TypeError("not a JSON object")
    if record.get("v") not in (1, 2):
        raise ValueError(f"partials of version {record.get('v')!r}, this program reads 1 and 2")
    group, topic, partition = record["group"], record["topic"], record["partition"]
    if "seal" in record:
        return Seal(group, topic, partition, record["of"], record["seal"], record["ended"])
    if "change" in record:
        return Notice(group, topic, partition, change_from(record["change"]))
    role = record.get("role", "sums")
    if role not in get_args(Role):
        raise ValueError(f"partials of a role {role!r} that this program does not know")
    rows = tuple((tuple(series), value, exposure, sketch) for series, value, exposure, sketch in record["rows"])
    head = (record["monitor"], record["config"], record["start"], record["chunk"])
    return Partial(group, topic, partition, *head, rows, role)
