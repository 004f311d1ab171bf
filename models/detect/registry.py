"""Which bank judges a monitor's series."""

from __future__ import annotations

from livewarden.times import DAY_MS
from models.detect.bank import Bank
from models.detect.daily import DailyBank
from models.detect.enforcement import EnforcementBank
from models.detect.traffic.bank import TrafficBank
from models.monitors.monitor import Monitor


def new_bank(monitor: Monitor) -> Bank:
    """An empty bank of the detector that the monitor names; counts by the day have one of their own."""
    if monitor.detector == "traffic":
        return TrafficBank(monitor.season, monitor.bucket)
    if monitor.detector == "river":
        from models.detect.river_bank import RiverBank
        from models.monitors.river_model import make

        return RiverBank(lambda: make(monitor.model, monitor.parameters), monitor.features)
    return DailyBank(monitor.bucket) if monitor.bucket == DAY_MS else EnforcementBank(monitor.bucket)
