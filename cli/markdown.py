"""Tables of the reference pages: what a value is, its default, and a row, in Markdown."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from livewarden.duration import format_duration
from livewarden.matcher import Matcher

DURATIONS: Final = ("bucket", "cooldown")
"""Keys that hold a whole number and a unit: 10s, 5m, 1h, 1d."""


def kind_of(annotation: Any) -> str:
    """What a value is, in words.

    >>> kind_of(int), kind_of(list[str]), kind_of(typing.Literal["up", "down"]), kind_of(str | None), kind_of(SecretStr)
    ('whole number', 'list of text', '`up` or `down`', 'text', 'secret')
    """
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind_of(inner[0])
    if origin is typing.Literal:
        names = [f"`{each}`" for each in inner]
        return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(kind_of(each) for each in inner if each is not type(None))
    if origin in (list, tuple):
        return f"list of {kind_of(inner[0])}"
    if origin is dict or (origin is not None and issubclass(origin, Mapping)):
        return f"table of {kind_of(inner[1])}"
    plain = {
        int: "whole number",
        float: "number",
        str: "text",
        bool: "`true` or `false`",
        Path: "path",
        AwareDatetime: "time",
        Matcher: "condition",
    }
    if annotation in plain:
        return plain[annotation]
    if annotation is SecretStr:
        return "secret"
    return "table" if isinstance(annotation, type) and issubclass(annotation, BaseModel) else "value"


def default_of(name: str, field: FieldInfo) -> str:
    """What holds where a value is not given."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "must be given"
    if value is None or value in ("", [], {}, ()) or isinstance(value, SecretStr):
        return ""
    if name in DURATIONS:
        return f"`{format_duration(value)}`" if value else "`0s`"
    return f"`{json.dumps(value if not isinstance(value, tuple) else list(value))}`"


def row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
