"""Which bank judges a monitor's series."""

from __future__ import annotations

from functools import partial

from models.alone import Alone
from models.bank import Bank
from models.enforcement_scan import EnforcementScan
from models.monitor import Monitor
from models.traffic_bank import TrafficBank


def new_bank(monitor: Monitor) -> Bank:
    """An empty bank of the detector that the monitor names."""
    if monitor.detector == "enforcement":
        return Alone(partial(EnforcementScan, monitor.bucket))
    return TrafficBank(monitor.season, monitor.bucket)
