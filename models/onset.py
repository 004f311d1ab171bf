"""When an anomaly began: before it is found, it has lasted a while."""

from __future__ import annotations

from collections.abc import Sequence

from models.alert import Alert
from models.series import Point


def onset(points: Sequence[Point], alert: Alert) -> int:
    """Start (ms) of the first bucket of the anomaly, as seen from the alert's bucket.

    `points` are the series' last judged buckets in order. The estimate is that of a CUSUM (Page, 1954) with half of the
    shift as its reference: the buckets from there on exceed what was expected by more than half of what the scanned window
    does, in sum. Late by some buckets where an anomaly creeps in; never before the first of the points.

    >>> from models.alert import gap_alert
    >>> from models.monitor import Monitor
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
    scanned = moved[-alert.scan_buckets :]
    shift = sum(scanned) / len(scanned)
    if shift <= 0:
        shift = moved[-1]
    best, total, place = 0.0, 0.0, len(moved) - 1
    for index in range(len(moved) - 1, -1, -1):
        total += moved[index] - shift / 2
        if total > best:
            best, place = total, index
    return upto[place][0]
