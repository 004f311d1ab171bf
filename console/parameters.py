"""What an address asks for: every name and value after the `?` is understood, or refused in one line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError
from starlette.datastructures import QueryParams

from livewarden.times import DAY_MS, HOUR_MS, to_ms

Last = Literal["1h", "6h", "24h", "7d", "30d"]
LAST_MS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
"""Spans that `last` may name, in milliseconds."""
MOST_CHARACTERS = 200
MOST_PAGES = 10_000
ANSWER = "answer"
"""What any page may be asked for: the answer to the action of that id. It is no filter."""
_END_MS = to_ms(datetime(2200, 1, 1, tzinfo=UTC))


class BadParameter(Exception):
    """An address that cannot be understood; the message is one line for the person who typed it."""


def shown(value: str) -> str:
    """A value for a message: quoted, short, on one line."""
    return repr(value if len(value) <= 40 else value[:39] + "…")


def _page(value: Any) -> Any:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MOST_PAGES and len(value) < 9):
            raise PydanticCustomError("page", "{value} is no number from 1 to 10000", {"value": shown(value)})
        return int(value)
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
        ms = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        ms = -1
    if not 0 <= ms < _END_MS:
        text = "{value} is no time such as 2026-03-06 or 2026-03-06T18:30 (UTC)"
        raise PydanticCustomError("moment", text, {"value": shown(value)})
    return ms


Text = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]
MOMENT = BeforeValidator(_moment)
InstantParameter = Annotated[int | None, MOMENT]
"""An instant in milliseconds: a day, or a day and a time, UTC unless it says otherwise."""


class Query(BaseModel):
    """What a page may be asked for, as a model with a field for each name; this one takes none.

    `read` makes it of an address. An empty value is one that is not given.

    >>> Query.read(QueryParams("page=2"))
    Traceback (most recent call last):
    console.parameters.BadParameter: there is no parameter 'page' here, only none
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    _given: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def read(cls, query: QueryParams) -> Self:
        """The question that the names and values of an address ask; BadParameter where it is none."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in query:
            if len(query.getlist(name)) > 1:
                raise BadParameter(f"{shown(name)} is given twice: give it once")
            if name not in known and name != ANSWER:
                raise BadParameter(f"there is no parameter {shown(name)} here, only {', '.join(known) or 'none'}")
        given = {name: value.strip() for name, value in query.items() if name != ANSWER and value.strip()}
        try:
            asked = cls.model_validate(given)
        except ValidationError as error:
            raise BadParameter(_said(error)) from None
        asked._given.update({name: value for name, value in given.items() if name != "page"})
        return asked

    def given(self) -> dict[str, str]:
        """The filters that hold something, by name, as they were written."""
        return dict(self._given)


class Paged(Query):
    """A list of which one page is asked for."""

    page: Annotated[int, BeforeValidator(_page)] = Field(1, description="Number of the page, from 1; 50 rows each.")


class Spanned(Paged):
    """A list of what happened in a span of time: `from` and `to`, or `last`, which counts back from now.

    >>> Spanned.read(QueryParams("last=6h&page=2")).span(24 * HOUR_MS)
    (64800000, None)
    """

    from_: InstantParameter = Field(None, alias="from", description="From then on, that moment included.")
    to: InstantParameter = Field(None, description="Up to then, that moment left out.")
    last: Last | None = Field(None, description="So long back from now, in place of `from` and `to`.")

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what cannot be meant."""
        if self.last and (self.from_ is not None or self.to is not None):
            raise BadParameter("last: not together with from or to")
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise BadParameter("from: must be before to")

    def span(self, now_ms: int) -> tuple[int | None, int | None]:
        """From and to, in milliseconds; None where it is open."""
        return (now_ms - LAST_MS[self.last], None) if self.last else (self.from_, self.to)


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name, value = str(first["loc"][0]), str(first["input"])
    if first["type"] == "literal_error":
        options = re.findall(r"'([^']*)'", first["ctx"]["expected"])
        return f"{name}: {shown(value)} is none of {', '.join(options)}"
    if first["type"] == "string_too_long":
        return f"{name}: longer than {MOST_CHARACTERS} characters"
    return f"{name}: {first['msg']}"


def options(model: type[Query], name: str) -> tuple[str, ...]:
    """The values that a field may have.

    >>> options(Spanned, "last")
    ('1h', '6h', '24h', '7d', '30d')
    """
    found = get_args(model.model_fields[name].annotation)
    return tuple(value for each in found for value in (get_args(each) or (each,)) if isinstance(value, str))
