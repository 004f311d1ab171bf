"""Appeals against decisions, what becomes of them, and the decisions taken back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from livewarden.contracts import AppealLifecycle, EnforcementReversed
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, instant
from sources.simulate.draft import Draft, by_time
from sources.simulate.incident import Quantity, matches
from sources.simulate.market import Market
from sources.simulate.scenario import Scenario
from sources.simulate.violations import Violation

_APPEAL_MEDIAN_MS, _APPEAL_SPREAD = 2.5 * HOUR_MS, 1.2
_REVIEW_MEDIAN_MS, _REVIEW_SPREAD = 5.0 * HOUR_MS, 0.9
_DEADLINE_MS = 30 * DAY_MS
_COMPLAINTS = {
    "ACCOUNT": ("SHOP_CLOSED", "ACCOUNT_"),
    "MONEY": ("SETTLEMENT", "COMMISSION", "FUNDS"),
    "SERVICE": ("LIVE_INTERRUPTED", "LIVE_ACCESS", "LIVE_FEATURE", "ORDER_VOLUME", "AFFILIATE"),
}
_CHANNELS = ("SELLER_CENTER", "SELLER_CENTER", "IN_APP", "EMAIL")


def appeals(scenario: Scenario, market: Market, violations: Iterable[Violation]) -> list[Draft]:
    """Appeals and reversals inside the scenario, in time order.

    An appeal comes hours after its decision and is answered hours to days later (both lognormal), so that the overturn
    rate of yesterday is not yet known today. A bulk rollback takes decisions back without any appeal.
    """
    rng = scenario.generator("appeals", market.code)
    recalls = scenario.recalls()
    drafts: list[Draft] = []
    for violation in violations:
        if violation.policy.batched:
            continue
        luck = rng.random(4).tolist()
        waits = rng.normal(0.0, 1.0, 2).tolist()
        reversed_at, reason = None, "BULK_ROLLBACK"
        for recall in recalls:
            inside = recall.start_ms <= violation.at_ms < recall.end_ms and matches(recall.where, violation.dims)
            if inside and luck[0] < recall.share:
                reversed_at = recall.at_ms + int(luck[1] * 15 * MINUTE_MS)
        if luck[2] < violation.policy.appealed * factor_at(scenario, "appeals", violation):
            submitted = violation.at_ms + int(_APPEAL_MEDIAN_MS * np.exp(_APPEAL_SPREAD * waits[0]))
            resolved = submitted + int(_REVIEW_MEDIAN_MS * np.exp(_REVIEW_SPREAD * waits[1]))
            granted = luck[3] < violation.policy.overturned * factor_at(scenario, "overturns", violation)
            drafts += _lifecycle(violation, submitted, resolved, granted)
            if granted and (reversed_at is None or resolved < reversed_at):
                reversed_at, reason = resolved + SECOND_MS, "APPEAL_GRANTED"
        if reversed_at is not None:
            drafts += (
                (reversed_at, EnforcementReversed(action_id=action_id, reason=reason, at=instant(reversed_at)))
                for action_id in violation.action_ids
            )
    return sorted((draft for draft in drafts if scenario.start_ms <= draft[0] < scenario.end_ms), key=by_time)


def factor_at(scenario: Scenario, quantity: Quantity, violation: Violation) -> float:
    """What incidents multiply `quantity` by, for this violation."""
    pushes = scenario.pushes(quantity, violation.dims)
    return float(np.prod([push.factors(np.array([violation.at_ms]))[0] for push in pushes])) if pushes else 1.0


def _complaint(actions: tuple[str, ...]) -> str:
    """What a complaint is against, as reports count it: the gravest of the measures."""
    for kind, words in _COMPLAINTS.items():
        if any(word in action for action in actions for word in words):
            return kind
    return "VISIBILITY"


def _lifecycle(violation: Violation, submitted: int, resolved: int, granted: bool) -> list[Draft]:
    first = violation.action_ids[0]
    appeal_id = first.replace("action", "appeal")
    channel = _CHANNELS[violation.number % len(_CHANNELS)]
    deadline_at = instant(submitted + _DEADLINE_MS)

    def step(at_ms: int, state: str, outcome: str | None = None) -> Draft:
        return at_ms, AppealLifecycle(
            appeal_id=appeal_id,
            action_id=first,
            attempt=1,
            channel=channel,
            state=state,
            outcome=outcome,
            complaint_type=_complaint(violation.actions),
            complainant="AFFECTED",
            deadline_at=deadline_at,
            at=instant(at_ms),
            reviewer_type="HUMAN" if state != "SUBMITTED" else None,
            decided_by=f"sim-reviewer-{violation.number % 40:02d}" if outcome else None,
            automated=False if outcome else None,
        )

    return [
        step(submitted, "SUBMITTED"),
        step(submitted + (resolved - submitted) // 2, "UNDER_REVIEW"),
        step(resolved, "RESOLVED", "REVERSED" if granted else "UPHELD"),
    ]
