"""A monitors file: TOML text to monitors, with every mistake named by its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from livewarden.config_file import Lines, Problem, read_toml, sentence
from livewarden.errors import MonitorsError
from models.monitors.monitor import Monitor

_STAND_INS = {"name": "stand-in", "detector": "silence", "precision": "second", "bucket": "1d"}


def parse_monitors(text: str, name: str = "monitors") -> tuple[Monitor, ...]:
    """All monitors of a TOML text, in file order.

    Raises MonitorsError with *every* mistake, each with its line; `name` is how the file is called in the message.

    >>> parse_monitors('[[monitor]]\\nname = "a-b"\\nevent = "room.lifecycle"\\ndetector = "traffic"')[0].name
    'a-b'
    """
    try:
        tree = read_toml(text)
    except ValueError as error:
        raise MonitorsError(name, [str(error)]) from error
    lines = Lines(text)
    mistakes = [
        (lines.of((key,)), f"unknown key {key!r}; a file holds [[monitor]] tables")
        for key in tree
        if key not in ("monitor", "test")
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
            mistakes += [sentence(lines, ("monitor", index), Monitor, problem) for problem in problems]
            continue
        if monitor.name in seen:
            first = lines.of(("monitor", seen[monitor.name], "name"))
            mistakes.append(
                (lines.of(("monitor", index, "name")), f"the name {monitor.name!r} is taken since line {first}")
            )
        seen.setdefault(monitor.name, index)
        monitors.append((index, monitor))
    mistakes += group_mistakes(monitors, lines)
    if mistakes:
        raise MonitorsError(name, [f"line {number}: {text}" for number, text in sorted(mistakes)])
    return tuple(monitor for _, monitor in monitors)


def _validated(table: Any) -> tuple[Monitor | None, list[Problem]]:
    """The monitor, or all that is wrong with it: what keys say together shows only once each key by itself is right."""
    try:
        return Monitor.model_validate(table), []
    except ValidationError as error:
        problems: list[Problem] = [
            (found["loc"], found["type"], text) for found in error.errors() for text in found["msg"].split("\n")
        ]
    wrong = {loc[0] for loc, _, _ in problems if loc}
    stand_ins = {key: value for key, value in _STAND_INS.items() if key in wrong}
    rest = {key: value for key, value in table.items() if key not in wrong} | stand_ins if wrong else table
    if rest != table:
        problems += [problem for problem in _validated(rest)[1] if problem[1] != "missing"]
    return None, problems


def group_mistakes(monitors: Sequence[tuple[int, Monitor]], lines: Lines) -> list[tuple[int, str]]:
    """Groups whose monitors read several topics: the line of each mistake, and a sentence."""
    topics: dict[str, str] = {}
    mistakes = []
    for index, monitor in monitors:
        if topics.setdefault(monitor.group_name, monitor.topic) != monitor.topic:
            text = (
                f"group {monitor.group_name!r} is on {topics[monitor.group_name]}, "
                f"{monitor.name!r} reads {monitor.topic}"
            )
            mistakes.append((lines.of(("monitor", index, "group")), f"{text}; a group reads one topic"))
    return mistakes
