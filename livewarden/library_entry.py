"""An entry of the case library: what was learned from one closed case, in the standard schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from livewarden.case_state import Resolution
from livewarden.contracts.base import Id, Instant, Language, Market, Part
from livewarden.contracts.enforcement import SubjectType

Word = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
"""A name or a code; "" is not known."""
Words = Annotated[str, StringConstraints(max_length=4_000, strip_whitespace=True)]
Enforcement = Literal["wrong", "right", "unknown"]
"""Whether the measures were wrong."""
Precedent = Literal["none", "guiding", "binding"]
"""What the decision is worth for later ones: nothing, look at it, decide alike. A person says so."""
REJECTED: frozenset[Resolution] = frozenset(("EXPECTED_EVENT", "REPORTING_ARTEFACT", "BELOW_THRESHOLD", "FALSE_ALERT"))
"""Resolutions after which nothing recurs: such a case is kept and found, and is in no pattern."""
OF_RESOLUTION: dict[Resolution, Enforcement] = {
    "WRONG_ENFORCEMENT": "wrong",
    "AS_INTENDED": "right",
    "SELLER_BEHAVIOUR": "right",
}
"""What a resolution says of the measures; any other says nothing of them."""


class Harm(Part):
    """What wrong measures cost, as far as it is known; None is not known, 0 is known to be none."""

    gmv_minor: int | None = Field(default=None, ge=0, description="Sales that were lost, in minor units.")
    viewer_minutes: int | None = Field(default=None, ge=0, description="Minutes that viewers did not watch.")


class LibraryEntry(Part):
    """One entry. What is not known is "", None or empty, never a guess.

    The same case always has the same `entry_id`. `pattern_id` was found when it came in and stays; "" where it is in
    none.

    >>> entry = LibraryEntry(entry_id="c1", title="Warnings doubled", resolution="WRONG_ENFORCEMENT")
    >>> entry.enforcement, entry.rejected
    ('wrong', False)
    """

    entry_id: Id
    source: Annotated[str, StringConstraints(max_length=300)] = Field(
        default="case", description="`case`, or file and row that it was imported from."
    )
    title: Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)] = Field(
        description="What happened, in one line."
    )
    summary: Words = Field(default="", description="The same in a few sentences, made of the facts below.")
    language: Language | None = Field(default=None, description="Of title and rationale.")
    kind: Word = Field(default="", description="Kind of its alerts, ENFORCEMENT_SPIKE say.")
    markets: tuple[Market, ...] = Field(default=(), description="Where.")
    subject_type: SubjectType | None = Field(default=None, description="What the measures hit.")
    policy_clause: Word = Field(default="", description="Policy that was applied.")
    policy_version: Word = Field(default="", description="Its version.")
    action_type: Word = Field(default="", description="What was done; its family is in the pattern key.")
    queue: Word = Field(default="", description="Review queue.")
    model_version: Word = Field(default="", description="Model and version that decided.")
    changes: tuple[Id, ...] = Field(default=(), description="Platform changes beside its onset.")
    cause: Word = Field(default="", description="Kind of cause that the evidence spoke for, POLICY say.")
    resolution: Resolution | None = Field(default=None, description="Why it was over.")
    measures: int | None = Field(default=None, ge=0, description="Measures that it was about.")
    wrong_measures: int | None = Field(default=None, ge=0, description="Those of them that were taken back.")
    shops: int | None = Field(default=None, ge=0, description="Merchants hit.")
    harm: Harm = Harm()
    evidence: tuple[Word, ...] = Field(default=(), description="Packages by digest, links by kind and name.")
    playbooks: tuple[Word, ...] = Field(default=(), description="Playbooks that helped: name@version outcome.")
    rationale: Words = Field(default="", description="Why it was decided so, in the words of who decided.")
    precedent: Precedent = "none"
    started_at: Instant | None = None
    closed_at: Instant | None = None
    pattern_id: Annotated[str, StringConstraints(max_length=256)] = ""

    @property
    def enforcement(self) -> Enforcement:
        """Whether the measures were wrong, as the resolution says."""
        return OF_RESOLUTION.get(self.resolution, "unknown") if self.resolution else "unknown"

    @property
    def rejected(self) -> bool:
        """Whether nothing was wrong after all, so that it is in no pattern."""
        return self.resolution in REJECTED
