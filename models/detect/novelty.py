"""The River face of the traffic bank: one series of sums, rates or ratios of any unit."""

from __future__ import annotations

from livewarden.times import MINUTE_MS
from models.detect.one_series import OneSeries
from models.detect.traffic.bank import TrafficBank


class TrafficNovelty(OneSeries):
    """A `TrafficBank` of one series as a River anomaly detector. `season`: none, day or week; `bucket_ms`: length of a
    bucket.

    It costs about a hundred microseconds a bucket to judge and learn; in a bank of thousands a few.

    >>> model = TrafficNovelty()
    >>> for minute in range(200):
    ...     model.learn_one({"value": 100.0 + minute % 5, "time_ms": minute * 60_000})
    >>> model.score_one({"value": 104.0, "time_ms": 200 * 60_000}) < 3
    True
    >>> model.score_one({"value": 20.0, "time_ms": 200 * 60_000}) > 5
    True
    """

    def __init__(self, season: str = "day", bucket_ms: int = MINUTE_MS) -> None:
        super().__init__(TrafficBank(season, bucket_ms))
        self.season = season
        self.bucket_ms = bucket_ms
