"""What merchants complain about: an early signal of misjudgements."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Body, Contract, Id, Instant, Language, Market, Topic

TicketCategory = Literal[
    "VIOLATION_DISPUTE", "LIVE_INTERRUPTED", "TRAFFIC_DROP", "PRODUCT_AUDIT", "PAYOUT", "TECHNICAL", "OTHER"
]
TicketState = Literal["OPEN", "ANSWERED", "CLOSED", "REOPENED"]


LengthClass = Literal["SHORT", "MEDIUM", "LONG"]
Hash32 = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]


class TicketFingerprint(Body):
    """What may be known of a ticket's text without the text, computed where the text lives."""

    language: Language | None = Field(default=None, description="Language found in it, BCP 47.")
    minhash: tuple[Hash32, ...] = Field(
        default=(), max_length=128, description="MinHash values of its character 4-grams: equal ones, similar texts."
    )
    stems: tuple[Hash32, ...] = Field(
        default=(), max_length=20, description="Hashes of its most characteristic word stems."
    )
    length_class: LengthClass | None = Field(
        default=None, description="SHORT to 200 characters, MEDIUM to 1,000, LONG above."
    )


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
    fingerprint: TicketFingerprint | None = Field(
        default=None, description="What may be known of its text; the text itself never enters the stream."
    )
    text_ref: Id | None = Field(default=None, description="Where its text is kept.")
