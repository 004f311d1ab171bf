"""Enforcement decisions, out of the plan of violations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livewarden.contracts import EnforcementAction
from livewarden.times import DAY_MS, MINUTE_MS, instant
from sources.simulate.draft import Draft
from sources.simulate.violations import Violation

_LASTS_MS = {
    "LIVE_INTERRUPTED": 5 * MINUTE_MS,
    "LIVE_FEATURE_RESTRICTED": 7 * DAY_MS,
    "LIVE_ACCESS_SUSPENDED": 3 * DAY_MS,
    "SHOP_CLOSED_TEMPORARY": 14 * DAY_MS,
    "SETTLEMENT_SUSPENDED": 30 * DAY_MS,
    "ORDER_VOLUME_LIMITED": 30 * DAY_MS,
}
"""How long a measure lasts; the others do not end by themselves."""


def actions(violations: Iterable[Violation], start_ms: int) -> Iterator[Draft]:
    """The actions of the violations from `start_ms` on, in the order of the violations."""
    for violation in violations:
        if violation.at_ms >= start_ms:
            for action_id, action_type in zip(violation.action_ids, violation.actions, strict=True):
                yield violation.at_ms, _action(violation, action_id, action_type)


def _action(violation: Violation, action_id: str, action_type: str) -> EnforcementAction:
    policy = violation.policy
    decided_at = instant(violation.at_ms)
    lasts_ms = _LASTS_MS.get(action_type)
    alone = not policy.batched
    return EnforcementAction(
        action_id=action_id,
        violation_id=violation.violation_id if alone else None,
        weight=violation.weight,
        time_precision="second" if alone else "minute",
        subject_type=policy.subject,
        subject_id=violation.subject_id,
        shop_id=violation.shop_id,
        market=violation.market.code,
        action_type=action_type,
        state="ENFORCED",
        decided_at=decided_at,
        effective_at=decided_at if alone else None,
        ends_at=instant(violation.at_ms + lasts_ms) if lasts_ms and alone else None,
        points_delta=policy.points if action_type == "POINTS_CHANGED" else None,
        policy_id=policy.policy_id,
        policy_version=violation.policy_version,
        model_id=None if violation.reviewer_type == "HUMAN" else policy.model_id,
        model_version=None if violation.reviewer_type == "HUMAN" else violation.model_version,
        queue_id=violation.dims["queue_id"],
        reviewer_type=violation.reviewer_type,
    )
