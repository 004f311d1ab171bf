"""What a form says: read within limits, every field known, texts without control characters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from console.parameters import BadParameter, shown
from livewarden.matcher import Matcher
from livewarden.times import to_ms

Model = TypeVar("Model", bound=BaseModel)

MOST_BYTES = 131_072
MOST_FIELDS = 60
KIND = "application/x-www-form-urlencoded"
SET_BY_US = ("action_id", "who", "role", "at", "do")
"""Fields of an action that no form may set."""


class BadForm(BadParameter):
    """A form that cannot be acted on; `typed` is what was written into it, so that it is not lost."""

    def __init__(self, text: str, typed: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.typed = dict(typed or {})


async def read(request: Request) -> dict[str, str]:
    """The fields of a form by name. BadForm where it is too long, is no form, or holds what is no text."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise BadForm(f"this address takes a form: {KIND}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise BadForm(f"the form is longer than {MOST_BYTES:,} bytes")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise BadForm("the form is not UTF-8, or has too many fields") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise BadForm(f"{shown(name)} is given twice: give it once")
        fields[name] = value.replace("\r\n", "\n").replace("\r", "\n")
    for name, value in fields.items():
        if any((ord(letter) < 32 and letter not in "\n\t") or letter == "\x7f" for letter in name + value):
            raise BadForm(f"{shown(name)} holds a character that is no text", fields)
    return fields


def instant(name: str, text: str) -> datetime:
    """A time as a browser or a person writes it, UTC unless it says otherwise.

    >>> instant("due_at", "2026-03-06T18:30").isoformat()
    '2026-03-06T18:30:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not 0 <= to_ms(moment) < to_ms(datetime(2200, 1, 1, tzinfo=UTC)):
            raise ValueError
    except (ValueError, OverflowError):
        raise BadForm(f"{name}: {shown(text)} is no time such as 2026-03-06T18:30 (UTC)") from None
    return moment


def matchers(name: str, text: str) -> list[Matcher]:
    """Conditions, one a line.

    >>> list(map(str, matchers("matchers", "market = DE\\npolicy_id ~ p7*")))
    ['market=DE', 'policy_id~p7*']
    """
    try:
        return [Matcher.parse(line) for line in filter(None, map(str.strip, text.split("\n")))]
    except ValueError as error:
        raise BadForm(f"{name}: {error}") from None


def version(name: str, text: str) -> int:
    """The version of what was seen."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadForm(f"{name}: {shown(text)} is no version")
    return int(text)


_READ: Mapping[str, Callable[[str, str], Any]] = {
    "due_at": instant,
    "starts_at": instant,
    "ends_at": instant,
    "matchers": matchers,
    "expects": version,
    "alert_ids": lambda _, text: text.split(),
    "unnecessary": lambda _, text: text == "true",
    "entry_ids": lambda _, text: text.split(),
}


def parse(make: type[Model], form: Mapping[str, str], known: Mapping[str, Any]) -> Model:
    """The action that a form asks for: `known` is set whatever the form says, and an empty field is left out."""
    for name in form:
        if name not in make.model_fields or name in known or name in SET_BY_US:
            raise BadForm(f"there is no field {shown(name)} here", form)
    try:
        values = {name: _READ.get(name, _text)(name, text.strip()) for name, text in form.items() if text.strip()}
        return make.model_validate({**values, **known})
    except BadForm as error:
        raise BadForm(str(error), form) from None
    except ValidationError as error:
        raise BadForm(_said(error), form) from None


def _text(name: str, text: str) -> str:
    return text


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else text
