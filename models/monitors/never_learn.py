"""Periods that a monitor judges and never learns from: a test, an outage, a day that will not come again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from livewarden.times import to_ms


def _moment(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


WrittenInstant = Annotated[AwareDatetime, BeforeValidator(_moment)]


class Excluded(BaseModel):
    """One period: what falls into it is judged as ever, and taught to no model.

    >>> test = Excluded.model_validate({"from": "2026-03-06T20:00:00Z", "to": "2026-03-06T21:00:00Z",
    ...                                 "where": {"market": ["DE"]}, "why": "load test"})
    >>> test.holds(1_772_829_000_000), test.names({"market": "DE"}), test.names({"market": "FR"})
    (True, True, False)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: WrittenInstant = Field(alias="from", description="beginning, RFC 3339 with its offset")
    to: WrittenInstant = Field(description="end; a bucket that begins then is learned again")
    where: dict[str, list[str]] = Field(default_factory=dict, description="label of group_by -> values; all if none")
    why: str = Field(min_length=1, description="the reason, for whoever reads this later")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("never_learn: `from` is not before `to`")
        return self

    @cached_property
    def _span(self) -> tuple[int, int]:
        return to_ms(self.from_), to_ms(self.to)

    def holds(self, start_ms: int) -> bool:
        """Whether a bucket that begins then is in it."""
        begins, ends = self._span
        return begins <= start_ms < ends

    def names(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about that series."""
        return all(labels.get(name) in values for name, values in self.where.items())
