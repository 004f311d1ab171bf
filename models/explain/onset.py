"""When an anomaly began: before it is found, it has lasted a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from livewarden.alert import Alert
from models.detect.series_index import Point

ROUNDS: Final = 3


def onset(points: Sequence[Point], alert: Alert) -> int:
    """Start (ms) of the first bucket of the anomaly, as seen from the alert's bucket.

    `points` are the series' last judged buckets in order. The estimate is that of a CUSUM (Page, 1954) with half of the
    shift as its reference: the buckets from there on exceed what was expected by more than half of what they do on
    average, in sum. The shift is first that of the scanned window, then that of what was found. Late by some buckets
    where an anomaly creeps in; never before the first of the points.

    >>> from models.decide.alert import gap_alert
    >>> from models.monitors.monitor import Monitor
    >>> quiet = Monitor(name="no-news", event="room.lifecycle", detector="silence", bucket="1m")
    >>> onset([], gap_alert(quiet, 60_000, 360_000))
    60000
    """
    if alert.direction == "MISSING":
        return alert.window_start_ms
    sign = 1.0 if alert.direction == "UP" else -1.0
    upto = [point for point in points if point[0] <= alert.window_start_ms]
    moved = [sign * (observed - expected) for _, observed, expected, _ in upto]
    if not moved:
        return alert.window_start_ms
    place = max(0, len(moved) - alert.scan_buckets)
    for _ in range(ROUNDS):
        shift = sum(moved[place:]) / len(moved[place:])
        place = _reset(moved, shift / 2 if shift > 0 else moved[-1] / 2)
    return upto[place][0]


def _reset(moved: Sequence[float], reference: float) -> int:
    """Where the sum to the end of what exceeds the reference is largest; the last bucket where it never is above 0."""
    best, total, place = 0.0, 0.0, len(moved) - 1
    for index in range(len(moved) - 1, -1, -1):
        total += moved[index] - reference
        if total > best:
            best, place = total, index
    return place
