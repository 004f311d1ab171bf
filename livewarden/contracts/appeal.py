"""Appeals against measures."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Flag, Id, Instant, Label, ReviewerType, Topic

AppealChannel = Literal["IN_APP", "SELLER_CENTER", "EMAIL", "ODS_BODY"]
AppealState = Literal["SUBMITTED", "MORE_INFO_REQUESTED", "UNDER_REVIEW", "RESOLVED", "WITHDRAWN", "EXPIRED"]
AppealOutcome = Literal["UPHELD", "REVERSED", "PARTLY_REVERSED", "REJECTED_LATE"]
ComplaintType = Literal["VISIBILITY", "SERVICE", "ACCOUNT", "MONEY", "NOTICE_NOT_ACTED_ON", "TRUSTED_FLAGGER"]
"""The six kinds of complaint that a transparency report counts apart (Implementing Regulation (EU) 2024/2835, table
7)."""
Complainant = Literal["AFFECTED", "REPORTER"]


class AppealLifecycle(Contract):
    """An appeal passed into `state`. Event time is `at`.

    `outcome` speaks of the measure, not of the appeal: UPHELD leaves the measure standing, REVERSED takes it back. A
    notice under DSA Art. 16 is no event of its own; a complaint about one that was not acted on is, with its
    `notice_id`.
    """

    type_name: ClassVar[str] = "appeal.lifecycle"
    topic: ClassVar[Topic] = "live.appeals"
    key_fields: ClassVar[tuple[str, ...]] = ("action_id", "appeal_id")

    appeal_id: Id = Field(description="The appeal.")
    action_id: Id | None = Field(default=None, description="The measure appealed against.")
    attempt: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        default=None, description="1 for the first appeal against a measure, 2 for the second."
    )
    channel: AppealChannel | None = Field(default=None, description="How it came in; ODS_BODY is out-of-court.")
    state: AppealState = Field(description="The state it passed into.")
    outcome: AppealOutcome | None = Field(default=None, description="What became of the measure, once resolved.")
    complaint_type: ComplaintType | None = Field(default=None, description="What it is against, as reports count it.")
    complainant: Complainant | None = Field(
        default=None, description="AFFECTED: whom the measure hits. REPORTER: who had reported something."
    )
    notice_id: Id | None = Field(default=None, description="The notice that was not acted on, where it is about one.")
    deadline_at: Instant | None = Field(default=None, description="When the platform must have answered.")
    at: Instant = Field(description="When it passed into the state.")
    reviewer_type: ReviewerType | None = Field(default=None, description="Who decides.")
    decided_by: Id | None = Field(default=None, description="Pseudonym of the reviewer who decided.")
    automated: Flag | None = Field(
        default=None, description="Whether it was decided without a person, which DSA Art. 20(6) forbids."
    )
    implemented: Flag | None = Field(
        default=None, description="Of an out-of-court body: whether the platform did what it decided."
    )
    procedural: Flag | None = Field(
        default=None, description="Reversed by default, without a look at the measure (content was not delivered, say)."
    )
    reason_code: Label | None = Field(default=None, description="Why, as a code; never free text.")
