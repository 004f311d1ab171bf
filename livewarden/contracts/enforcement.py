"""Measures against rooms, products, shops and accounts, and their being taken back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Id, Instant, Label, Market, ReviewerType, Topic
from livewarden.contracts.sor import StatementOfReasons

SubjectType = Literal["ROOM", "PRODUCT", "SHOP", "CREATOR", "VIDEO", "COMMENT", "AD"]
ActionType = Literal[
    "LIVE_REMINDER_SHOWN",
    "LIVE_WARNING_SHOWN",
    "LIVE_REDUCED_VISIBILITY",
    "LIVE_INTERRUPTED",
    "LIVE_FEATURE_RESTRICTED",
    "LIVE_ACCESS_SUSPENDED",
    "LIVE_PRODUCT_REMOVED",
    "VIDEO_PRODUCT_REMOVED",
    "PRODUCT_REMOVED",
    "PRODUCT_DEACTIVATED",
    "PRODUCT_SUSPENDED",
    "PRODUCT_FROZEN",
    "POINTS_CHANGED",
    "ORDER_VOLUME_LIMITED",
    "CAMPAIGN_BARRED",
    "AFFILIATE_DISMISSED",
    "CREATOR_SALES_RESTRICTED",
    "COMMISSION_WITHHELD",
    "SETTLEMENT_SUSPENDED",
    "FUNDS_DEDUCTED",
    "SHOP_CLOSED_TEMPORARY",
    "SHOP_CLOSED_PERMANENT",
    "ACCOUNT_SUSPENDED",
    "ACCOUNT_TERMINATED",
    "AD_REJECTED",
    "WARNING",
    "RESTRICTION_UNSPECIFIED",
]
ActionState = Literal["PENDING", "ENFORCED", "NO_ACTION", "EXPIRED", "REVERSED"]
ReversalReason = Literal[
    "APPEAL_GRANTED",
    "POLICY_ERROR",
    "MODEL_ERROR",
    "BULK_ROLLBACK",
    "POLICY_CHANGE",
    "EXPIRED_EARLY",
    "COURT_ORDER",
    "OUT_OF_COURT",
    "PROCEDURAL",
    "APPEAL_UPHELD",
]
"""APPEAL_UPHELD is an older name of APPEAL_GRANTED, and read as that: the appeal won. It is the opposite of the
outcome UPHELD of an appeal, which leaves the measure standing."""


class EnforcementAction(Contract):
    """One measure, or `weight` measures that share every field. Event time is `decided_at`.

    Only `action_id` is required, so that official aggregates fit without invented facts. Several actions may share one
    `violation_id`. In a daily aggregate the day is the day of entry in the database, not of the decision.
    """

    type_name: ClassVar[str] = "enforcement.action"
    topic: ClassVar[Topic] = "live.enforcement"
    key_fields: ClassVar[tuple[str, ...]] = ("shop_id", "subject_id", "market", "action_type")

    action_id: Id = Field(description="The measure.")
    violation_id: Id | None = Field(
        default=None, description="The violation that it answers; may have several actions."
    )
    platform: Label | None = Field(default=None, description="Platform that took it, as the DSA database names it.")
    subject_type: SubjectType | None = Field(default=None, description="What it hits.")
    subject_id: Id | None = Field(default=None, description="The one thing that it hits; opaque.")
    shop_id: Id | None = Field(default=None, description="The shop concerned; opaque.")
    market: Market | None = Field(default=None, description="Market concerned, ISO 3166-1 alpha-2.")
    action_type: ActionType | None = Field(default=None, description="What was done.")
    restriction: Label | None = Field(default=None, description="Finer name of what was done, as its source has it.")
    state: ActionState | None = Field(default=None, description="How far it has come.")
    decided_at: Instant | None = Field(default=None, description="When it was decided.")
    informed_at: Instant | None = Field(
        default=None,
        description="When the one concerned was informed; complaints are open from then on (DSA Art. 20(2)).",
    )
    effective_at: Instant | None = Field(default=None, description="When it takes effect.")
    ends_at: Instant | None = Field(default=None, description="When it ends by itself; unset where it does not.")
    points_delta: Annotated[int, Field(ge=-1_000_000, le=1_000_000, strict=True)] | None = Field(
        default=None, description="Change of the shop's violation points; positive is worse."
    )
    policy_id: Label | None = Field(default=None, description="Policy that was broken.")
    policy_version: Label | None = Field(default=None, description="Version of that policy.")
    rule_id: Label | None = Field(default=None, description="Rule that matched.")
    model_id: Label | None = Field(default=None, description="Model that proposed or decided it.")
    model_version: Label | None = Field(default=None, description="Version of that model.")
    queue_id: Label | None = Field(default=None, description="Review queue it went through.")
    reviewer_type: ReviewerType | None = Field(default=None, description="Who decided.")
    sor: StatementOfReasons | None = Field(default=None, description="Its EU DSA statement of reasons.")


class EnforcementReversed(Contract):
    """A measure was taken back. Event time is `at`.

    The key is the measure, since its shop is not named here: the two may stand in different partitions.
    """

    type_name: ClassVar[str] = "enforcement.reversed"
    topic: ClassVar[Topic] = "live.enforcement"
    key_fields: ClassVar[tuple[str, ...]] = ("action_id",)

    action_id: Id = Field(description="The measure taken back.")
    reason: ReversalReason | None = Field(
        default=None,
        description="Why. APPEAL_GRANTED: the appeal won (APPEAL_UPHELD is its older name). PROCEDURAL: by default,"
        " without a look at the measure. OUT_OF_COURT: a body under DSA Art. 21.",
    )
    decision_id: Id | None = Field(
        default=None, description="The one decision behind it, where it takes back many measures (BULK_ROLLBACK)."
    )
    at: Instant = Field(description="When.")
