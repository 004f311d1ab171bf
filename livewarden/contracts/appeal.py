"""Appeals against measures."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Id, Instant, Label, ReviewerType, Topic

AppealChannel = Literal["IN_APP", "SELLER_CENTER", "EMAIL", "ODS_BODY"]
AppealState = Literal["SUBMITTED", "MORE_INFO_REQUESTED", "UNDER_REVIEW", "RESOLVED", "WITHDRAWN", "EXPIRED"]
AppealOutcome = Literal["UPHELD", "REVERSED", "PARTLY_REVERSED", "REJECTED_LATE"]


class AppealLifecycle(Contract):
    """An appeal passed into `state`. Event time is `at`.

    `outcome` speaks of the measure, not of the appeal: UPHELD leaves the measure standing, REVERSED takes it back.
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
    deadline_at: Instant | None = Field(default=None, description="When the platform must have answered.")
    at: Instant = Field(description="When it passed into the state.")
    reviewer_type: ReviewerType | None = Field(default=None, description="Who decides.")
    reason_code: Label | None = Field(default=None, description="Why, as a code; never free text.")
