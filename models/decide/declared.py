"""Less evidence calls where somebody said that he changed something."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

from livewarden.times import HOUR_MS
from models.aggregate.change import Change
from models.explain.ledger import Ledger, anchors
from models.monitors.monitor import LOWEST_THRESHOLD, Monitor

FOLLOWS_MS: Final = 2 * HOUR_MS
"""For how long after a change something odd is likely to come from it."""
MAY_COST: Final = 0.1
"""How many false alerts a declared change may bring, over all series that it names."""


class Declared:
    """What a bucket of a monitor's series asks for after declared changes; each change is held against all series once.

    Before it is known that a policy changed, a rise is one of many thousands of buckets that may be odd by chance;
    after that it is one of the few in which something was to be expected. In the two hours after a change the threshold
    of the series that it names is log₁₀ of the buckets of two hours of all `series` that it names, over .1 false
    alerts; at least the lowest of any monitor, at most the monitor's own. Coarse buckets and traffic have the monitor's
    always.

    >>> from models.aggregate.change import Change
    >>> monitor = Monitor(name="measures", event="enforcement.action", detector="enforcement", group_by=["policy_id"],
    ...                   bucket="1m")
    >>> ledger, series = Ledger(), [{"policy_id": "p7"}, {"policy_id": "p8"}]
    >>> _ = ledger.add(Change(HOUR_MS, "c", "POLICY_ROLLOUT", "STARTED", "p7"))
    >>> hours = [Declared(monitor, ledger, series, hour * HOUR_MS) for hour in (0, 1, 2, 3)]
    >>> [round(hour.threshold(series[0]), 2) for hour in hours], round(hours[1].threshold(series[1]), 2)
    ([5.16, 3.08, 3.08, 5.16], 5.16)
    """

    def __init__(self, monitor: Monitor, ledger: Ledger, series: Collection[Mapping[str, str]], at_ms: int) -> None:
        self._monitor = monitor
        self._series = series
        self._source = {"event": monitor.event, "topic": monitor.topic}
        applies = monitor.detector == "enforcement" and monitor.bucket < FOLLOWS_MS
        self._changes = ledger.between(at_ms - FOLLOWS_MS + 1, at_ms + 1) if applies else []
        self._asked = dict[Change, float]()

    def threshold(self, labels: Mapping[str, str]) -> float:
        """The score from which on the series of these labels alerts."""
        asked = (self._of(change) for change in self._changes if self._names(change, labels))
        return min(self._monitor.threshold, max(LOWEST_THRESHOLD, min(asked, default=math.inf)))

    def _of(self, change: Change) -> float:
        if change not in self._asked:
            named = max(1, sum(self._names(change, labels) for labels in self._series))
            self._asked[change] = math.log10(named * FOLLOWS_MS / self._monitor.bucket / MAY_COST)
        return self._asked[change]

    def _names(self, change: Change, labels: Mapping[str, str]) -> bool:
        return anchors(change, {**self._source, **labels})
