"""The change ledger: what the platform did to itself."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Body, Contract, Id, Instant, Label, Market, Topic
from livewarden.contracts.enforcement import ActionType

ChangeKind = Literal[
    "DEPLOYMENT",
    "ROLLBACK",
    "CONFIG",
    "FEATURE_FLAG",
    "POLICY_ROLLOUT",
    "RULE_CHANGE",
    "MODEL_RELEASE",
    "THRESHOLD_CHANGE",
    "QUEUE_ROUTING",
    "SCHEMA_VERSION",
    "REPORTING_SCOPE",
    "CDN_SWITCH",
    "CAMPAIGN",
    "INCIDENT",
]
ChangePhase = Literal["ANNOUNCED", "STARTED", "PERCENT", "COMPLETED", "ROLLED_BACK", "ENDED"]


class Scope(Body):
    """Whom a change reaches. An empty list is no limit: every market, every action type."""

    markets: tuple[Market, ...] = Field(default=(), max_length=250, description="Markets, ISO 3166-1 alpha-2.")
    action_types: tuple[ActionType, ...] = Field(default=(), max_length=100, description="Action types it touches.")
    percent: Annotated[float, Field(ge=0, le=100, strict=True)] | None = Field(
        default=None, description="Share of the traffic reached, percent."
    )


class PlatformChange(Contract):
    """A change reached `phase`. Event time is `starts_at`."""

    type_name: ClassVar[str] = "platform.change"
    topic: ClassVar[Topic] = "live.changes"
    key_fields: ClassVar[tuple[str, ...]] = ("change_id",)

    change_id: Id = Field(description="The change; its phases share it.")
    kind: ChangeKind = Field(description="What sort of change.")
    phase: ChangePhase | None = Field(default=None, description="How far it has come.")
    target: Label | None = Field(
        default=None, description="What is changed: a service, model, policy, queue, platform."
    )
    from_version: Label | None = Field(default=None, description="Version before.")
    to_version: Label | None = Field(default=None, description="Version after.")
    scope: Scope | None = Field(default=None, description="Whom it reaches; unset where unknown.")
    starts_at: Instant = Field(description="When this phase starts.")
    ends_at: Instant | None = Field(default=None, description="When it ends, where that is known.")
    owner_team: Label | None = Field(default=None, description="Team to ask.")
