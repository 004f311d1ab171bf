"""A producer's word that it was alive: what tells silence from absence."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from livewarden.contracts.base import Contract, Instant, Topic

HeartbeatState = Literal["ALIVE", "ENDED"]

LONGEST = timedelta(days=31)
"""A longer interval is a mistake, and costs memory for each of its buckets."""


class SourceHeartbeat(Contract):
    """The source was alive from `covers_from` until `covers_until`: what is missing in between did not happen.

    Event time is `covers_until`, and no event of the source earlier than that will follow. It goes to every partition
    of the topic that it speaks for. ENDED: the source stops on purpose, and its silence is no alert.
    """

    type_name: ClassVar[str] = "source.heartbeat"
    key_fields: ClassVar[tuple[str, ...]] = ("topic",)

    # Every other contract has one topic; a heartbeat goes to the topic it speaks for.
    topic: Topic = Field(description="The topic it speaks for, and goes to.")  # type: ignore[misc]
    state: HeartbeatState = Field(default="ALIVE", description="ENDED where the source stops on purpose.")
    covers_from: Instant = Field(description="Start of the interval, inclusive.")
    covers_until: Instant = Field(description="End of the interval, exclusive; at most 31 days after its start.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not timedelta(0) <= self.covers_until - self.covers_from <= LONGEST:
            raise ValueError("covers_until must not be before covers_from, nor more than 31 days after it")
        return self
