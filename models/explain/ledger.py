"""The change ledger: what the platform did lately, and which slices each change touches."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from livewarden.times import DAY_MS, HOUR_MS
from models.aggregate.change import Change, change_from, change_row

Relation = Literal["named", "scoped", "open"]
"""How a change relates to a slice: it names one of the slice's values as its target or version; its scope lists one of
them; or it reaches everybody."""

KEEP_MS: Final = 14 * DAY_MS
"""How long a change is remembered."""
MOST: Final = 5_000
"""How many changes are remembered at most; the oldest go first."""

ANCHORING: Final = frozenset(
    {
        "POLICY_ROLLOUT",
        "RULE_CHANGE",
        "MODEL_RELEASE",
        "THRESHOLD_CHANGE",
        "SCHEMA_VERSION",
        "REPORTING_SCOPE",
        "QUEUE_ROUTING",
    }
)
"""Kinds after which another level is to be expected to stay."""

TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "POLICY_ROLLOUT": ("policy_id", "rule_id"),
    "RULE_CHANGE": ("rule_id", "policy_id"),
    "MODEL_RELEASE": ("model_id",),
    "THRESHOLD_CHANGE": ("model_id",),
    "QUEUE_ROUTING": ("queue_id",),
    "CDN_SWITCH": ("cdn",),
    "REPORTING_SCOPE": ("platform",),
}
"""Which dimension the target of a kind is a value of. A slice that has another value there is not touched."""
VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "MODEL_RELEASE": ("model_version",),
    "THRESHOLD_CHANGE": ("model_version",),
    "POLICY_ROLLOUT": ("policy_version",),
    "RULE_CHANGE": ("policy_version",),
    "DEPLOYMENT": ("client_version",),
    "ROLLBACK": ("client_version", "model_version", "policy_version"),
}
"""Which dimension the versions of a kind are values of."""
NAMED: Final = (
    "policy_id",
    "policy_version",
    "rule_id",
    "model_id",
    "model_version",
    "queue_id",
    "cdn",
    "isp",
    "client_version",
    "device_class",
    "platform",
    "event",
    "topic",
)
"""Dimensions whose values a target may name. A market is named by the scope."""


def relation(
    change: Change, labels: Mapping[str, str], inside: Mapping[str, Collection[str]] | None = None
) -> Relation | None:
    """How a change relates to the slice `labels`; None where it cannot reach it. Bad at targets named after nothing in
    the events.

    `inside` lists, for finer dimensions, the values that occur within the slice: a release of a model of which nothing
    is there cannot be the reason. Labels may also say `event` and `topic`, for changes of a schema.

    >>> rollout = Change(0, "c", "POLICY_ROLLOUT", "STARTED", "p7", markets=("FR",))
    >>> relation(rollout, {"market": "FR", "policy_id": "p7"}), relation(rollout, {"market": "FR"})
    ('named', 'scoped')
    >>> relation(rollout, {"market": "DE", "policy_id": "p7"}), relation(rollout, {"market": "FR", "policy_id": "p8"})
    (None, None)
    """
    scopes = (("market", change.markets), ("action_type", change.action_types))
    for name, listed in scopes:
        if listed and labels.get(name) and labels[name] not in listed:
            return None
    values = {name: {value} for name, value in labels.items() if value}
    within = {name: set(found) for name, found in (inside or {}).items() if name not in values}
    for names, given in (
        (TARGETS.get(change.kind, ()), {change.target} - {""}),
        (VERSIONS.get(change.kind, ()), set(change.versions)),
    ):
        seen = [each[name] for name in names for each in (values, within) if name in each]
        if given and seen and not any(given & found for found in seen):
            return None
    if any(_names(change, value) for name in NAMED for value in values.get(name, ())):
        return "named"
    return "scoped" if any(labels.get(name) in listed for name, listed in scopes) else "open"


def _names(change: Change, value: str) -> bool:
    """Whether a change names a value: as its target, as a version, or as a word of its target (`app-android`)."""
    if value == change.target or value in change.versions:
        return True
    return len(value) > 2 and value.lower() in re.split(r"[-_./: ]", change.target.lower())


def anchors(change: Change, labels: Mapping[str, str]) -> bool:
    """Whether a series with these labels is to expect another level that stays: it is named, or the scope names it
    and there is no target.

    >>> anchors(Change(0, "c", "MODEL_RELEASE", "COMPLETED", "m1"), {"market": "DE", "policy_id": "p7"})
    False
    """
    if change.kind not in ANCHORING or not change.effective:
        return False
    found = relation(change, labels)
    return found == "named" or (found == "scoped" and not change.target)


def campaign(ledger: Ledger, labels: Mapping[str, str], at_ms: int, direction: str) -> str | None:
    """The planned campaign that says why a slice has more than usual at a time, or less than just before; None without
    one.

    A rise is explained while it goes on, a fall in the hour after its end.

    >>> ledger = Ledger()
    >>> for at_ms, phase in ((0, "STARTED"), (60_000, "ENDED")):
    ...     _ = ledger.add(Change(at_ms, "sale", "CAMPAIGN", phase, markets=("DE",)))
    >>> campaign(ledger, {"market": "DE"}, 30_000, "UP"), campaign(ledger, {"market": "DE"}, 60_000, "DOWN")
    ('campaign sale', 'campaign sale ended')
    >>> campaign(ledger, {"market": "FR"}, 30_000, "UP"), campaign(ledger, {"market": "DE"}, 30_000, "DOWN")
    (None, None)
    """
    running: dict[str, str] = {}
    for change in ledger.between(at_ms - KEEP_MS, at_ms + 1):
        if change.kind != "CAMPAIGN" or not change.effective or relation(change, labels) is None:
            continue
        ends_ms = change.at_ms if change.phase == "ENDED" else change.ends_ms
        if direction == "DOWN" and ends_ms and 0 <= at_ms - ends_ms <= HOUR_MS:
            return f"campaign {change.change_id} ended"
        if direction == "UP" and change.phase == "STARTED" and (not ends_ms or at_ms < ends_ms):
            running[change.change_id] = f"campaign {change.change_id}"
        elif change.phase == "ENDED":
            running.pop(change.change_id, None)
    return next(iter(running.values()), None)


def _moment(change: Change) -> int:
    return change.at_ms


class Ledger:
    """The changes of the last `KEEP_MS`, in order. The same set of changes gives the same ledger, however it came.

    >>> ledger = Ledger()
    >>> ledger.add(Change(60_000, "c", "CONFIG", "COMPLETED")), ledger.add(Change(60_000, "c", "CONFIG", "COMPLETED"))
    (True, False)
    >>> [(change.change_id, how) for change, how in ledger.touching({"market": "DE"}, 0, 120_000)]
    [('c', 'open')]
    """

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, change: Change) -> bool:
        """Keep a change; False where it is known. What has become too old goes."""
        place = bisect_left(self._changes, change)
        if place < len(self._changes) and self._changes[place] == change:
            return False
        insort(self._changes, change)
        oldest = self._changes[-1].at_ms - KEEP_MS
        first = max(len(self._changes) - MOST, 0)
        while self._changes[first].at_ms < oldest:
            first += 1
        del self._changes[:first]
        return True

    def between(self, since_ms: int, until_ms: int) -> list[Change]:
        """The changes that began in [since, until), in order."""
        first, behind = (bisect_left(self._changes, at_ms, key=_moment) for at_ms in (since_ms, until_ms))
        return self._changes[first:behind]

    def origin(self, change: Change) -> str:
        """The kind of a change, that of a rollback being what it takes back, where that is known."""
        if change.kind == "ROLLBACK":
            for other in self._changes:
                if other.change_id == change.change_id and other.kind != "ROLLBACK":
                    return other.kind
        return change.kind

    def touching(
        self,
        labels: Mapping[str, str],
        since_ms: int,
        until_ms: int,
        inside: Mapping[str, Collection[str]] | None = None,
    ) -> list[tuple[Change, Relation]]:
        """The changes that began in [since, until) and reach the slice, with how they relate to it, in order."""
        found = ((change, relation(change, labels, inside)) for change in self.between(since_ms, until_ms))
        return [(change, how) for change, how in found if how is not None]

    def snapshot(self) -> list[dict[str, Any]]:
        """All of it as plain JSON values."""
        return [change_row(change) for change in self._changes]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Go on from `snapshot`."""
        self._changes = sorted(change_from(row) for row in state)
