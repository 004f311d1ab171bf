"""What is said of one bucket, as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from models.monitors.monitor import Monitor

SKIPPED: Final = "skipped: not counted whole by one configuration"
"""The state of a bucket that was not judged; it stands for all series of its monitor, and names none."""

TRICKLE: Final = "skipped: next to nothing came from the source"
"""The same, of a bucket in which the source was as good as silent."""

WORTH_STORING: Final = 0.05
"""A quiet bucket of which no more than this was expected leaves no row."""


class Judged(NamedTuple):
    """One judged bucket of one series, as it is stored; or one that was skipped, without a series and numbers."""

    monitor: str
    config_hash: str
    series: Mapping[str, str]
    window_start_ms: int
    window_end_ms: int
    observed: float | None
    expected: float | None
    score: float | None
    state: str


def skipped(monitor: Monitor, start_ms: int, why: str = SKIPPED) -> Judged:
    """The word on a bucket of which a part was counted by another configuration, or not at all.

    Half of it would look like a fall.
    """
    return Judged(monitor.name, monitor.config_hash, {}, start_ms, start_ms + monitor.bucket, None, None, None, why)


def worth_storing(
    monitor: Monitor,
    start_ms: int,
    labels: Sequence[Mapping[str, str]],
    decided: Iterable[tuple[float, float, float, str, int]],
) -> list[Judged]:
    """The rows of a bucket's series that say anything: (observed, expected, score, state, position) in `decided`."""
    name, config, end_ms = monitor.name, monitor.config_hash, start_ms + monitor.bucket
    return [
        Judged(name, config, labels[at], start_ms, end_ms, observed, expected, score, state)
        for observed, expected, score, state, at in decided
        if observed or expected >= WORTH_STORING or state not in ("normal", "insufficient")
    ]
