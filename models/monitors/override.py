"""Keys of monitors set to other values than their file has: what if?"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from pydantic import ValidationError

from livewarden.config_file import Lines, near, sentence
from livewarden.errors import MonitorsError
from models.monitors.file import group_mistakes
from models.monitors.monitor import Monitor


class Override(NamedTuple):
    """One key of one monitor, and its value instead; a key inside a table has a dot."""

    monitor: str
    key: str
    value: Any

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.monitor}.{self.key}={shown(self.value)}"


def parse_override(text: str) -> Override:
    """An override as `MONITOR.KEY=VALUE`, where VALUE is as in TOML, and a word needs no quotes.

    >>> parse_override("live-orders.budget_per_day=0.5"), parse_override("live-orders.direction=up").value
    (Override(monitor='live-orders', key='budget_per_day', value=0.5), 'up')
    """
    place, given, value = text.partition("=")
    monitor, dot, key = place.strip().partition(".")
    if not (given and dot and key):
        raise MonitorsError(
            "", [f"{text}: an override is written MONITOR.KEY=VALUE, for example live-orders.min_volume=50"]
        )
    return Override(monitor, key, _value(value))


def parse_grid(texts: Sequence[str]) -> list[tuple[Override, ...]]:
    """Every combination of several values each: `MONITOR.KEY=VALUE,VALUE…`, in the order in which they are written.

    >>> [[str(each) for each in point] for point in parse_grid(["a.season=day,week", "a.min_volume=1,2"])][1]
    ['a.season=day', 'a.min_volume=2']
    """
    axes = []
    for text in texts:
        monitor, key, _ = parse_override(text)
        axes.append([Override(monitor, key, value) for value in _values(text.partition("=")[2])])
    return list(product(*axes))


def overridden(monitors: Sequence[Monitor], overrides: Sequence[Override]) -> tuple[Monitor, ...]:
    """The monitors with these keys set, checked as their file is; a later override of a key wins.

    MonitorsError names every override that is wrong, and how it was written.

    >>> before = (Monitor(name="a-b", event="room.lifecycle", detector="traffic"),)
    >>> overridden(before, [parse_override("a-b.bucket=5m")])[0].bucket
    300000
    >>> overridden(before, [parse_override("a-b.buckett=5m")])
    Traceback (most recent call last):
    livewarden.errors.MonitorsError: a-b.buckett=5m: unknown key 'buckett'; did you mean 'bucket'?
    """
    by_name = {monitor.name: monitor for monitor in monitors}
    tables: dict[str, dict[str, Any]] = {}
    mistakes = []
    for each in overrides:
        if each.monitor not in by_name:
            known = near(each.monitor, list(by_name)) or f"; there are {', '.join(sorted(by_name))}"
            mistakes.append(f"{each}: no monitor is named {each.monitor!r}{known}")
            continue
        monitor = by_name[each.monitor]
        table = tables.setdefault(each.monitor, monitor.model_dump(mode="json", exclude_unset=True))
        _put(table, each.key.split("."), each.value)
    changed: dict[str, Monitor] = {}
    for name, table in tables.items():
        try:
            changed[name] = Monitor.model_validate(table)
        except ValidationError as error:
            mistakes += [f"{_about(name, said, overrides)}: {said}" for said in _sentences(error)]
    found = tuple(changed.get(monitor.name, monitor) for monitor in monitors)
    if not mistakes:
        mistakes = [text for _, text in group_mistakes(list(enumerate(found)), Lines(""))]
    if mistakes:
        raise MonitorsError("", mistakes)
    return found


def shown(value: Any) -> str:
    """A value as one would write it in an override.

    >>> shown("up"), shown(0.5), shown(["DE", "IT"])
    ('up', '0.5', '["DE", "IT"]')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return "[" + ", ".join(f'"{each}"' for each in value) + "]" if isinstance(value, list) else str(value)


def _sentences(error: ValidationError) -> list[str]:
    problems = [(found["loc"], found["type"], text) for found in error.errors() for text in found["msg"].split("\n")]
    return [sentence(Lines(""), (), Monitor, problem)[1] for problem in problems]


def _about(name: str, said: str, overrides: Sequence[Override]) -> str:
    """The override that a sentence names the key of; else all of the monitor's."""
    ours = [each for each in overrides if each.monitor == name]
    named = [each for each in ours if each.key.split(".")[0] in said]
    return ", ".join(map(str, named or ours))


def _put(table: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = table.get(key)
        table[key] = dict(inner) if isinstance(inner, Mapping) else {}
        table = table[key]
    table[keys[-1]] = value


def _value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    return found["value"] if len(found) == 1 else text.strip()


def _values(text: str) -> list[Any]:
    try:
        found = tomllib.loads(f"value = [{text}]")
    except tomllib.TOMLDecodeError:
        return [_value(part) for part in text.split(",")]
    return list(found["value"]) if len(found) == 1 else [text]
