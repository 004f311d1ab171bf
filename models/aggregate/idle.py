"""How far a quiet partition may be sealed by the clock: what a clock knows of event time, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from livewarden.times import HOUR_MS
from models.monitors.plan import CHANGES, Plan

LIVE_MS: Final = HOUR_MS
"""What took longer than this to the log, beyond what its topic allows, was recorded at another time:
the clock says nothing of it.
"""

Positions = Mapping[tuple[str, int], tuple[int, int]]
"""Next offset and watermark of source partitions, by topic and partition."""


def seal_until(
    plan: Plan, topic: str, partition: int, lag_ms: int | None, now_ms: int, behind_ms: int, positions: Positions
) -> int:
    """The moment up to which a partition that is read to its end and quiet may be sealed; 0 is not at all.

    A partition whose newest event came to the log in time is live: it is sealed to `behind_ms` before `now_ms`. Any
    other (one that never got a record, or got a recording of long ago) follows the furthest of its topic's partitions,
    since its events would come beside theirs. Where the whole topic never got a record, and for the change ledger, for
    which everybody waits, it follows those topics for which its listeners also wait. `lag_ms`: how long its newest
    event had taken to the log, None where unknown; `positions`: what is known of all partitions.
    """
    if lag_ms is not None and lag_ms <= LIVE_MS + behind_ms:
        return now_ms - behind_ms
    followed = {topic}
    if topic == CHANGES or not any(offset for (name, _), (offset, _) in positions.items() if name == topic):
        followed |= plan.mates(topic)
    return max(
        (mark for place, (_, mark) in positions.items() if place[0] in followed and place != (topic, partition)),
        default=0,
    )
