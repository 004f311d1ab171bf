"""A configuration file of the users: TOML to plain values, where each key stands, and mistakes in words."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

Loc = tuple[int | str, ...]
"""Where something is in the tree: keys, and positions in lists from 0."""
Problem = tuple[Loc, str, str]
"""Where, of which kind in pydantic's words, in which words of ours."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*([\w.\s"'-]+?)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def read_toml(text: str) -> dict[str, Any]:
    """The tree of a TOML text. Otherwise a ValueError whose one line begins with `line N: `.

    >>> read_toml("a = 1\\nb = \\nc = 2")
    Traceback (most recent call last):
    ValueError: line 2: not TOML: Invalid value
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"line {match[1]}" if match else "last line"
        raise ValueError(f"{where}: not TOML: {str(error).split(' (at')[0]}") from error


class Lines:
    """The line of every key of a TOML text, counted from 1.

    It goes by the beginnings of lines: a line inside a text of several lines that looks like a key is taken for one.

    >>> lines = Lines('[[route]]\\nname = "a"\\n[[route]]\\nname = "b"')
    >>> lines.of(("route", 1, "name")), lines.of(("route", 1, "to")), lines.of(("other",))
    (4, 3, 1)
    """

    def __init__(self, text: str) -> None:
        self._at: dict[Loc, int] = {}
        self._counts: dict[Loc, int] = {}
        table: Loc = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if match := _HEADER.fullmatch(line):
                table = self._table(_parts(match[2]), many=match[1] == "[[")
                self._add(table, number)
            elif match := _KEY.match(line):
                self._add(table + _parts(match[1]), number)

    def of(self, loc: Loc) -> int:
        """The line of what stands there, or of the nearest thing around it that has a line."""
        return next((self._at[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self._at), 1)

    def _table(self, names: Loc, *, many: bool) -> Loc:
        """The place of a table in the tree: inside the last one begun of each list on the way."""
        loc: Loc = ()
        for name in names[:-1]:
            loc += (name,)
            if loc in self._counts:
                loc += (self._counts[loc] - 1,)
        loc += names[-1:]
        if many:
            self._counts[loc] = self._counts.get(loc, 0) + 1
            loc += (self._counts[loc] - 1,)
        return loc

    def _add(self, loc: Loc, number: int) -> None:
        for end in range(1, len(loc) + 1):
            self._at.setdefault(loc[:end], number)


def _parts(text: str) -> Loc:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def near(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` where something known is like it, else nothing.

    >>> near("buckett", ["bucket", "name"])
    "; did you mean 'bucket'?"
    """
    found = difflib.get_close_matches(name, known, n=1) or [each for each in known if each.startswith(f"{name}_")]
    return f"; did you mean {found[0]!r}?" if found else ""


def sentence(lines: Lines, table: Loc, model: type[BaseModel], problem: Problem) -> tuple[int, str]:
    """The line of a problem that a model found in the table at `table`, and a sentence about it."""
    loc, kind, message = problem
    loc = tuple(part for part in loc if part != "[key]")
    text = message.removeprefix("Value error, ")
    about, _, rest = text.partition(": ")
    inside = _model_at(model, loc)
    if kind == "extra_forbidden":
        around = _model_at(model, loc[:-1])
        text = f"unknown key {_dotted(loc)!r}" + near(str(loc[-1]), _keys(around) if around else ())
    elif kind == "missing":
        text = f"{_dotted(loc)} is missing"
    elif inside is not None and rest and about in _keys(inside):
        loc += (about,)
        text = f"{_dotted(loc)}: {rest}"
    elif loc:
        text = f"{_dotted(loc)}: {text}"
    return lines.of(table + loc), text


def _dotted(loc: Loc) -> str:
    return ".".join(map(str, loc))


def _keys(model: type[BaseModel]) -> list[str]:
    """The keys that a table of that model may have, as the file calls them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model that says what stands there; None for plain values."""
    at: object = model
    for part in loc:
        if isinstance(part, int):
            continue
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = next((f.annotation for n, f in at.model_fields.items() if part in (n, f.alias)), None)
        elif typing.get_origin(at) is dict:
            at = typing.get_args(at)[1]
        else:
            return None
        at = _bare(at)
    return at if isinstance(at, type) and issubclass(at, BaseModel) else None


def _bare(annotation: object) -> object:
    """An annotation without list, tuple and None around it."""
    if typing.get_origin(annotation) in (list, tuple, typing.Union, types.UnionType):
        return _bare(typing.get_args(annotation)[0])
    return annotation
