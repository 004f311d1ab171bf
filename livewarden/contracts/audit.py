"""Second looks at measures, out of quality samples."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Flag, Id, Instant, Label, Topic

AuditVerdict = Literal["RIGHT", "WRONG", "UNCLEAR"]


class ReviewAudit(Contract):
    """A reviewer judged a measure again. Event time is `at`.

    Blind: without the first decision, the statistics, or the word that it is a sample. It travels with the appeals:
    both say whether a measure was right.
    """

    type_name: ClassVar[str] = "review.audit"
    topic: ClassVar[Topic] = "live.appeals"
    key_fields: ClassVar[tuple[str, ...]] = ("action_id",)

    sample_id: Id = Field(description="The sample that the measure was drawn into.")
    action_id: Id = Field(description="The measure.")
    reviewer: Id = Field(description="Pseudonym of the reviewer.")
    verdict: AuditVerdict = Field(description="Whether the measure was right.")
    blind: Flag = Field(default=True, description="Whether the reviewer saw nothing of the first decision.")
    golden: Flag = Field(default=False, description="Whether the right verdict was known beforehand.")
    adjudicates: Flag = Field(default=False, description="Whether it settles a difference between reviewers.")
    policy_version: Label | None = Field(default=None, description="Version of the policy that was applied.")
    at: Instant = Field(description="When.")
