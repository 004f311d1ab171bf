"""Too many series: what is beyond a monitor's cap is counted together, as one series, and said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from livewarden.alert import Alert
from livewarden.times import HOUR_MS
from models.aggregate.leaf import REST, size_of
from models.decide.alert import cardinality_alert
from models.monitors.monitor import Monitor
from models.monitors.plan import SeriesKey

Sums = tuple[int, int, list[str]]
"""Value, exposure and distinct sketches of one series in one bucket."""

CROWDED_MS: Final = 6 * HOUR_MS
"""At the cap, a series without an event for this long (or 60 buckets, if longer) makes room for a new one."""


def other(monitor: Monitor) -> SeriesKey:
    """The series in which everything beyond the cap is counted: `…` in every dimension."""
    return (REST,) * len(monitor.group_by)


def widest(monitor: Monitor, keys: Collection[SeriesKey]) -> str:
    """The dimension with the most values; of equals the one that the monitor names first.

    >>> by = ["market", "shop_id"]
    >>> monitor = Monitor(name="measures", event="enforcement.action", detector="enforcement", group_by=by)
    >>> widest(monitor, [("DE", "a"), ("DE", "b"), ("FR", "c")])
    'shop_id'
    """
    counts = [len({key[place] for key in keys}) for place in range(len(monitor.group_by))]
    return monitor.group_by[counts.index(max(counts))]


class Crowd:
    """Folds what is beyond the cap of one monitor, and keeps the alert that says so while it lasts.

    Which of the new series still get a place is decided by their size in the bucket, then by name: neither the order in
    which events came nor the number of partitions changes it.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._alert: Alert | None = None
        self._normal = 0

    def fold(self, merged: Mapping[SeriesKey, Sums], known: Collection[SeriesKey]) -> dict[SeriesKey, Sums]:
        """The bucket's sums with every new series for which there is no room in `other`."""
        rest = other(self._monitor)
        new = [key for key in merged if key not in known and key != rest]
        room = max(0, self._monitor.max_series - len(known) + (rest in known))
        if len(new) <= room:
            return dict(merged)
        kept = set(sorted(new, key=lambda key: (-size_of(*merged[key][:2]), key))[:room])
        folded = {key: sums for key, sums in merged.items() if key in known or key in kept or key == rest}
        value, exposure, sketches = folded.get(rest, (0, 0, []))
        for key in sorted(set(new) - kept):
            more = merged[key]
            value, exposure, sketches = value + more[0], exposure + more[1], sketches + more[2]
        folded[rest] = value, exposure, sketches
        return folded

    def tell(self, start_ms: int, merged: Mapping[SeriesKey, Sums], folded: Mapping[SeriesKey, Sums]) -> list[Alert]:
        """The alert when it begins, its end after as many buckets without it as end any episode."""
        monitor = self._monitor
        if other(monitor) not in folded or not monitor.group_by:
            self._normal += 1
            if self._alert is None or self._normal < monitor.calm_buckets:
                return []
            over, self._alert = self._alert.resolved(start_ms), None
            return [over]
        self._normal = 0
        if self._alert is not None:
            return []
        self._alert = cardinality_alert(monitor, widest(monitor, merged), start_ms, len(merged))
        return [self._alert]

    def snapshot(self) -> Any:
        """All state as plain JSON values."""
        return [self._alert.as_dict() if self._alert else None, self._normal]

    def restore(self, state: Any) -> None:
        """Go on from `snapshot`."""
        alert, self._normal = state
        self._alert = Alert(**alert) if alert else None
