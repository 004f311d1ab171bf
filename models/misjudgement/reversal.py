"""A reversal: a measure that was taken back, and the one class that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReversalKind(StrEnum):
    """Why a measure was taken back. Every reversal has exactly one kind.

    The first four say that the measure was wrong, or that its rule was. The others say nothing about it and stand
    apart.
    """

    APPEAL = "appeal_granted"
    CORRECTION = "proactive_correction"
    ROLLBACK = "bulk_rollback"
    POLICY = "policy_change"
    EXPIRY = "expired_early"
    COURT = "court_or_out_of_court"
    PROCEDURAL = "procedural"
    UNEXPLAINED = "unexplained"


NOWCAST = (ReversalKind.APPEAL, ReversalKind.CORRECTION)
"""The kinds whose rate is nowcast: errors that come to light one by one. A rollback is one decision about many
measures, and a change of policy no error of the measure; both are shown beside it, as counted."""

OF_REASON: dict[str, ReversalKind] = {
    "APPEAL_GRANTED": ReversalKind.APPEAL,
    "APPEAL_UPHELD": ReversalKind.APPEAL,
    "POLICY_ERROR": ReversalKind.CORRECTION,
    "MODEL_ERROR": ReversalKind.CORRECTION,
    "BULK_ROLLBACK": ReversalKind.ROLLBACK,
    "POLICY_CHANGE": ReversalKind.POLICY,
    "EXPIRED_EARLY": ReversalKind.EXPIRY,
    "COURT_ORDER": ReversalKind.COURT,
    "OUT_OF_COURT": ReversalKind.COURT,
    "PROCEDURAL": ReversalKind.PROCEDURAL,
}


@dataclass(frozen=True, slots=True, order=True)
class Reversal:
    """A measure was taken back at `at_ms`. `decision_id`: the one decision behind it, which may be about many measures.

    Ordered by time, so that the first of several about one measure is the one that counts. `reason`: as the contract of
    `enforcement.reversed` has it, "" where none was given.
    """

    at_ms: int
    reason: str
    action_id: str
    decision_id: str = ""


def kind_of(reversal: Reversal, appealed_ms: int | None) -> ReversalKind:
    """The one class of a reversal. `appealed_ms`: when the first appeal against the measure came in, None where none
    did.

    A granted appeal needs an appeal that was there before it; without one (it may still be on its way) the reversal is
    unexplained, and no part of the rate.

    >>> kind_of(Reversal(9, "APPEAL_GRANTED", "a1"), appealed_ms=5).value
    'appeal_granted'
    >>> kind_of(Reversal(9, "APPEAL_GRANTED", "a1"), appealed_ms=None).value
    'unexplained'
    """
    kind = OF_REASON.get(reversal.reason, ReversalKind.UNEXPLAINED)
    if kind is ReversalKind.APPEAL and (appealed_ms is None or appealed_ms > reversal.at_ms):
        return ReversalKind.UNEXPLAINED
    return kind
