"""State and position, saved together: what a stage needs to go on exactly where it durably stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stage's state on one partition after all records below `next_offset`.

    `header` is JSON, small, written each time. `entries` are the keyed parts (JSON by key): all of them where `full`,
    else only those that changed since the previous checkpoint. A checkpoint with a larger `(next_offset, watermark_ms)`
    supersedes; two with an equal pair have equal content, because stages are deterministic. `topic_id`: which log the
    offset belongs to, since a topic that is made again has another id; empty where the broker has none.
    """

    stage: str
    topic: str
    partition: int
    next_offset: int
    watermark_ms: int
    header: str
    entries: Mapping[str, str] = field(default_factory=dict)
    full: bool = True
    topic_id: str = ""
