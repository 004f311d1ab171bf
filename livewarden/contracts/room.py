"""The life of a LIVE room."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Id, Label, Market, Topic

RoomState = Literal["SCHEDULED", "STARTED", "PAUSED", "RESUMED", "ENDED", "INTERRUPTED"]
EndReason = Literal["HOST", "NETWORK", "ENFORCEMENT", "PLATFORM"]


class RoomLifecycle(Contract):
    """A room passed into `state`. Event time is the moment it did."""

    type_name: ClassVar[str] = "room.lifecycle"
    topic: ClassVar[Topic] = "live.rooms"
    key_fields: ClassVar[tuple[str, ...]] = ("room_id", "shop_id", "market")

    room_id: Id = Field(description="The LIVE room.")
    shop_id: Id | None = Field(default=None, description="The shop that sells in the room; opaque.")
    creator_id: Id | None = Field(default=None, description="The host; opaque.")
    market: Market | None = Field(default=None, description="Market of the room, ISO 3166-1 alpha-2.")
    state: RoomState = Field(description="The state it passed into.")
    end_reason: EndReason | None = Field(default=None, description="Who or what ended or interrupted it.")
    category: Label | None = Field(default=None, description="Product category of the LIVE.")
    products: tuple[Id, ...] = Field(default=(), max_length=500, description="Products shown, opaque ids.")
