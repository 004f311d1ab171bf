"""What merchants complain about: an early signal of misjudgements."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Id, Instant, Language, Market, Topic

TicketCategory = Literal[
    "VIOLATION_DISPUTE", "LIVE_INTERRUPTED", "TRAFFIC_DROP", "PRODUCT_AUDIT", "PAYOUT", "TECHNICAL", "OTHER"
]
TicketState = Literal["OPEN", "ANSWERED", "CLOSED", "REOPENED"]


class MerchantTicket(Contract):
    """A merchant's support ticket. Event time is `opened_at`, whatever the state.

    Its text stays elsewhere: `text_ref` says where.
    """

    type_name: ClassVar[str] = "merchant.ticket"
    topic: ClassVar[Topic] = "live.tickets"
    key_fields: ClassVar[tuple[str, ...]] = ("shop_id", "market", "ticket_id")

    ticket_id: Id = Field(description="The ticket.")
    shop_id: Id | None = Field(default=None, description="The shop that wrote; opaque.")
    market: Market | None = Field(default=None, description="Market of the shop, ISO 3166-1 alpha-2.")
    opened_at: Instant = Field(description="When it was opened.")
    category: TicketCategory | None = Field(default=None, description="What it is about.")
    refs: tuple[Id, ...] = Field(default=(), max_length=100, description="Ids of measures, rooms, products it names.")
    severity: Annotated[int, Field(ge=1, le=4, strict=True)] | None = Field(
        default=None, description="1 to 4; 1 is the most severe."
    )
    language: Language | None = Field(default=None, description="Language it is written in, BCP 47.")
    state: TicketState = Field(description="How far it has come.")
    sentiment: Annotated[float, Field(ge=-1, le=1, strict=True)] | None = Field(
        default=None, description="Tone in [-1, 1]; lower is angrier."
    )
    text_ref: Id | None = Field(default=None, description="Where its text is kept.")
