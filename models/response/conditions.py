"""Conditions of routes and silences, checked against the monitors: what no alert can have is a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Literal, get_args, get_origin

from livewarden.alert import RADAR, Kind
from livewarden.config_file import near
from livewarden.matcher import Matcher, matches
from models.monitors.monitor import EVENTS, RANK, Monitor, field_type

FIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": get_args(Kind),
    "severity": tuple(RANK),
    "direction": ("UP", "DOWN", "MISSING"),
}
"""What every alert has, and what it may be."""


def mistakes(conditions: Iterable[Matcher], monitors: Collection[Monitor]) -> Iterator[str]:
    """What is wrong with conditions, a sentence each: a name that no alert of these monitors has, or a value that it
    never has.

    Of a label any value may come, unless the events have it from a list. A value may be empty: that asks for alerts
    without it.

    >>> from livewarden.matcher import Matcher
    >>> monitors = [Monitor(name="live-orders", event="traffic.sample", measure="sum(orders)", detector="traffic",
    ...                     group_by=["market"])]
    >>> list(mistakes([Matcher.parse("markte=DE"), Matcher.parse("market=DE")], monitors))
    ["no alert has a 'markte'; did you mean 'market'?"]
    >>> list(mistakes([Matcher.parse("monitor=live-ordes"), Matcher.parse("monitor~live-*")], monitors))
    ["monitor: no alert has 'live-ordes'; did you mean 'live-orders'?"]
    """
    for condition in conditions:
        sentence = mistake(condition, monitors)
        if sentence is not None:
            yield sentence


def mistake(condition: Matcher, monitors: Collection[Monitor]) -> str | None:
    """What is wrong with one; None where nothing is, and where there is no monitor to go by."""
    if not monitors:
        return None
    labels = {label for monitor in monitors for label in monitor.group_by}
    if condition.name not in labels | {*FIXED, "monitor", "owner"}:
        known = sorted(labels | {*FIXED, "monitor", "owner"})
        return f"no alert has a {condition.name!r}{near(condition.name, known) or '; it has ' + ', '.join(known)}"
    if condition.value[:1] in ("=", "~") or condition.value != condition.value.strip():
        return f"{str(condition)!r}: the value follows =, != or ~ at once"
    values = _values(condition.name, monitors)
    if values is None or not condition.value or condition.value in values:
        return None
    if condition.op == "~" and any(matches([condition], {condition.name: value}) for value in values):
        return None
    listed = sorted(values)
    also = near(condition.value, listed) or (f"; there is {', '.join(listed[:12])}" if listed else "")
    return f"{condition.name}: no alert has {condition.value!r}{also}"


def _values(name: str, monitors: Collection[Monitor]) -> set[str] | None:
    """The values that a name may have; None where any may come."""
    if name in FIXED:
        return set(FIXED[name])
    if name == "monitor":
        return {RADAR, *(monitor.name for monitor in monitors)}
    if name == "owner":
        return {monitor.owner for monitor in monitors if monitor.owner}
    found: set[str] = set()
    for monitor in monitors:
        if name in monitor.group_by:
            listed = _listed(field_type(EVENTS[monitor.event], name))
            if listed is None:
                return None
            found |= listed
    return found


def _listed(annotation: object) -> set[str] | None:
    """The values of a field that has them from a list."""
    if get_origin(annotation) is Literal:
        return {str(value) for value in get_args(annotation)}
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return _listed(parts[0]) if len(parts) == 1 else None
