"""A monitors file: TOML text to monitors, with every mistake named by its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from livewarden.errors import MonitorsError
from models.monitor import ExposureOf, Monitor

_Problem = tuple[tuple[int | str, ...], str, str]
"""Where in the table, of which kind, in which words."""
_STAND_INS = {"name": "stand-in", "detector": "silence", "precision": "second", "bucket": "1d"}
_HEADER = re.compile(r"\s*\[\[\s*monitor\s*\]\]")
_KEY = re.compile(r"\s*\"?([\w-]+)\"?\s*=")
_TABLE = re.compile(r"\s*\[\s*monitor\.([\w-]+)\s*\]")


def parse_monitors(text: str, name: str = "monitors") -> tuple[Monitor, ...]:
    """All monitors of a TOML text, in file order.

    Raises MonitorsError with *every* mistake, each with its line; `name` is how the file is called in the message.

    >>> parse_monitors('[[monitor]]\\nname = "a-b"\\nevent = "room.lifecycle"\\ndetector = "traffic"')[0].name
    'a-b'
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MonitorsError(name, [_syntax(str(error))]) from error
    lines = _Lines(text)
    mistakes = [
        (lines.top(key), f"unknown key {key!r}; a file holds [[monitor]] tables") for key in tree if key != "monitor"
    ]
    tables = tree.get("monitor", [])
    if not isinstance(tables, list) or not tables:
        mistakes.append((1, "no [[monitor]] table in the file"))
        tables = []
    monitors: list[tuple[int, Monitor]] = []
    seen: dict[str, int] = {}
    for index, table in enumerate(tables):
        monitor, problems = _validated(table)
        if monitor is None:
            mistakes += [_sentence(lines, index, *problem) for problem in problems]
            continue
        if monitor.name in seen:
            first = lines.of(seen[monitor.name], "name")
            mistakes.append((lines.of(index, "name"), f"the name {monitor.name!r} is taken since line {first}"))
        seen.setdefault(monitor.name, index)
        monitors.append((index, monitor))
    mistakes += _groups(monitors, lines)
    if mistakes:
        raise MonitorsError(name, [f"line {number}: {text}" for number, text in sorted(mistakes)])
    return tuple(monitor for _, monitor in monitors)


def _validated(table: Any) -> tuple[Monitor | None, list[_Problem]]:
    """The monitor, or all that is wrong with it: what keys say together shows only once each key by itself is right."""
    try:
        return Monitor.model_validate(table), []
    except ValidationError as error:
        problems: list[_Problem] = [
            (found["loc"], found["type"], text) for found in error.errors() for text in found["msg"].split("\n")
        ]
    wrong = {loc[0] for loc, _, _ in problems if loc}
    stand_ins = {key: value for key, value in _STAND_INS.items() if key in wrong}
    rest = {key: value for key, value in table.items() if key not in wrong} | stand_ins if wrong else table
    if rest != table:
        problems += [problem for problem in _validated(rest)[1] if problem[1] != "missing"]
    return None, problems


class _Lines:
    """Where each key of each [[monitor]] table stands; lines count from 1."""

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._keys: list[dict[str, int]] = []
        self._top: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if _HEADER.match(line):
                self._starts.append(number)
                self._keys.append({})
            elif match := _TABLE.match(line) or _KEY.match(line):
                (self._keys[-1] if self._keys else self._top).setdefault(match[1], number)

    def of(self, index: int, key: str) -> int:
        """The line of a key in the table with that index, or of the table itself."""
        return self._keys[index].get(key, self._starts[index]) if index < len(self._starts) else 1

    def top(self, key: str) -> int:
        """The line of a key above all tables."""
        return self._top.get(key, 1)


def _syntax(message: str) -> str:
    match = re.search(r"\(at line (\d+), column (\d+)\)", message)
    where = f"line {match[1]}" if match else "last line"
    return f"{where}: not TOML: {message.split(' (at')[0]}"


def _sentence(lines: _Lines, index: int, loc: Sequence[int | str], kind: str, message: str) -> tuple[int, str]:
    key = str(loc[0]) if loc else ""
    text = message.removeprefix("Value error, ")
    if not key and ": " in text:
        key, _, rest = text.partition(": ")
        text = f"{key}: {rest}"
    elif kind == "extra_forbidden":
        known = Monitor.model_fields if len(loc) == 1 else ExposureOf.model_fields
        near = difflib.get_close_matches(str(loc[-1]), known, n=1)
        text = f"unknown key {'.'.join(map(str, loc))!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    elif kind == "missing":
        text = f"{'.'.join(map(str, loc))} is missing"
    elif loc:
        text = f"{'.'.join(map(str, loc))}: {text}"
    return lines.of(index, key), text


def _groups(monitors: Sequence[tuple[int, Monitor]], lines: _Lines) -> list[tuple[int, str]]:
    topics: dict[str, str] = {}
    mistakes = []
    for index, monitor in monitors:
        if topics.setdefault(monitor.group_name, monitor.topic) != monitor.topic:
            text = f"group {monitor.group_name!r} is on {topics[monitor.group_name]}, {monitor.name!r} reads {monitor.topic}"
            mistakes.append((lines.of(index, "group"), f"{text}; a group reads one topic"))
    return mistakes
