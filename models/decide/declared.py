"""Less evidence calls where somebody said that he changed something."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from livewarden.times import HOUR_MS
from models.explain.ledger import Ledger, anchors
from models.monitors.monitor import Monitor

FOLLOWS_MS: Final = 2 * HOUR_MS
"""For how long after a change something odd is likely to come from it."""
MAY_COST: Final = 0.1
"""How many false alerts a declared change may bring, over all series that it names."""
LEAST: Final = 3.0
"""The lowest threshold."""


def threshold(
    monitor: Monitor, ledger: Ledger, series: Iterable[Mapping[str, str]], labels: Mapping[str, str], at_ms: int
) -> float:
    """The score from which on a series of counts alerts at a time: the monitor's, or less in the two hours after a
    declared change that names it.

    Before it is known that a policy changed, a rise is one of many thousands of buckets that may be odd by chance;
    after that it is one of the few in which something was to be expected. The threshold is then log₁₀ of the buckets of
    two hours of all `series` that the change names, over .1 false alerts; at least 3. Coarse buckets and traffic have
    the monitor's always.

    >>> from models.aggregate.change import Change
    >>> monitor = Monitor(name="measures", event="enforcement.action", detector="enforcement", group_by=["policy_id"],
    ...                   bucket="1m")
    >>> ledger, series = Ledger(), [{"policy_id": "p7"}, {"policy_id": "p8"}]
    >>> _ = ledger.add(Change(HOUR_MS, "c", "POLICY_ROLLOUT", "STARTED", "p7"))
    >>> [round(threshold(monitor, ledger, series, series[0], hour * HOUR_MS), 2) for hour in (0, 1, 2, 3)]
    [5.16, 3.08, 3.08, 5.16]
    >>> round(threshold(monitor, ledger, series, series[1], HOUR_MS), 2)
    5.16
    """
    least = monitor.threshold
    if monitor.detector != "enforcement" or monitor.bucket >= FOLLOWS_MS:
        return least
    source = {"event": monitor.event, "topic": monitor.topic}
    for change in ledger.between(at_ms - FOLLOWS_MS + 1, at_ms + 1):
        if anchors(change, {**source, **labels}):
            named = sum(anchors(change, {**source, **other}) for other in series)
            least = min(least, math.log10(max(named, 1) * FOLLOWS_MS / monitor.bucket / MAY_COST))
    return min(monitor.threshold, max(least, LEAST))
