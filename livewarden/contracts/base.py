"""What every event carries, and the field types that contracts share."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo

TYPE_PREFIX = "eu.liveshop."
AGGREGATES: Topic = "live.aggregates"
"""Where events go whose time is known to the hour or the day only."""

Topic = Literal[
    "live.traffic",
    "live.rooms",
    "live.enforcement",
    "live.appeals",
    "live.tickets",
    "live.changes",
    "live.aggregates",
]
Precision = Literal["second", "minute", "hour", "day"]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^\S+$")]
"""An opaque id: 1 to 256 characters, no white space."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A short name that may become a dimension of a series."""
MOST = 2**40
"""The largest count or weight, 1.1 × 10¹²: eight million of them in a bucket still fit 64 bits."""
Count = Annotated[int, Field(ge=0, le=MOST, strict=True)]
"""A whole number of things, never negative; 1.0, true and "1" are no counts."""
WindowSeconds = Annotated[int, Field(ge=1, le=86_400, strict=True)]
"""Length of a measured window: 1 s to a day."""
Flag = Annotated[bool, Field(strict=True)]
"""true or false; 0, 1 and "yes" are no flags."""
Market = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2 (Greece is GR)."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""
Language = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
"""BCP 47 (`de`, `pt-BR`)."""


def _dated(value: Any, info: ValidationInfo) -> Any:
    in_words = isinstance(value, str) and _DATE.match(value)
    if not in_words and (info.mode == "json" or not isinstance(value, datetime)):
        raise ValueError("no RFC 3339 time with an offset, such as 2026-03-06T18:00:00Z")
    return value


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d", re.ASCII)
Instant = Annotated[AwareDatetime, BeforeValidator(_dated)]
"""RFC 3339 text with an offset in JSON, an aware datetime in Python; a number is no instant, nor are digits in a text:
the unit would be a guess."""
ReviewerType = Literal["AUTOMATED", "HUMAN", "HYBRID"]


class Part(BaseModel):
    """A closed, frozen record: an unknown field is an error, not a surprise, and no number is infinite or NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Body(BaseModel):
    """A frozen part of an event that keeps what it does not know: a producer may be newer than this contract.

    `unknown_fields` names what it kept. Known fields are as strict as in a `Part`.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


def unknown_fields(body: Body) -> list[str]:
    """Names of the fields that its contract does not know, in order; those of an inner part behind a dot.

    >>> unknown_fields(Body.model_validate({"colour": "red"}))
    ['colour']
    """
    found = list(body.model_extra or ())
    for name in _bodies_in(type(body)):
        inner = getattr(body, name)
        if inner is not None:
            found += [f"{name}.{each}" for each in unknown_fields(inner)]
    return sorted(found)


@cache
def _bodies_in(kind: type[Body]) -> tuple[str, ...]:
    return tuple(
        name
        for name, field in kind.model_fields.items()
        if any(
            isinstance(each, type) and issubclass(each, Body)
            for each in (field.annotation, *get_args(field.annotation))
        )
    )


class Contract(Body):
    """An event body.

    `weight` says how many things the event stands for, and `time_precision` how exactly its time is known, so that real
    aggregates (a daily count) replay without invented times.
    """

    type_name: ClassVar[str]
    """`<domain>.<event>`, for example `enforcement.action`."""
    schema_version: ClassVar[int] = 1
    topic: ClassVar[Topic]
    """Where events of second and minute precision go; coarser ones go to `AGGREGATES`."""
    key_fields: ClassVar[tuple[str, ...]]
    """The first of these that is set is the Kafka key."""

    weight: Annotated[int, Field(ge=1, le=MOST, strict=True)] = Field(
        default=1, description="How many things the event stands for; 1 unless it is an aggregate."
    )
    time_precision: Precision = Field(default="second", description="How exactly the event time is known.")

    @classmethod
    def ce_type(cls) -> str:
        """The CloudEvents type, `eu.liveshop.<domain>.<event>.v<version>`."""
        return f"{TYPE_PREFIX}{cls.type_name}.v{cls.schema_version}"

    def key(self) -> str:
        """The Kafka key: the first of `key_fields` that is set, else the type name."""
        for name in self.key_fields:
            value: Any = getattr(self, name)
            if value is not None:
                return str(value)
        return self.type_name
