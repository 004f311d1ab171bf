"""The River face of the enforcement bank: one series of counts."""

from __future__ import annotations

from livewarden.times import MINUTE_MS
from models.detect.enforcement import EnforcementBank
from models.detect.one_series import OneSeries


class EnforcementScan(OneSeries):
    """One enforcement series as a River anomaly detector; see `EnforcementBank`.

    >>> model = EnforcementScan(bucket_ms=60_000)
    >>> for minute in range(1500):
    ...     model.learn_one({"value": float(minute % 3), "time_ms": minute * 60_000})
    >>> model.score_one({"value": 2.0, "time_ms": 1500 * 60_000}) < 2
    True
    >>> model.score_one({"value": 25.0, "time_ms": 1500 * 60_000}) > 7
    True
    """

    def __init__(self, bucket_ms: int = MINUTE_MS) -> None:
        self.bucket_ms = bucket_ms
        super().__init__(EnforcementBank(bucket_ms))
