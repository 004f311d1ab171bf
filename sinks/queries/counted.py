"""What an alert's monitor counted: its configuration, and the raw events as a selection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from livewarden.contracts import AGGREGATES, CONTRACTS
from livewarden.contracts.change import PlatformChange
from livewarden.times import parse_ms
from sinks.present.wording import scanned_from
from sinks.queries.events import Selection
from sinks.store.records import AlertRecord

Monitors = Mapping[str, Mapping[str, Any]]
"""By name: the fields of a monitor as its file has them, and its `config_hash`."""

_PRECISIONS = {
    "second": ("second",),
    "minute": ("second", "minute"),
    "hour": ("hour",),
    "day": ("hour", "day"),
}
"""How exact an event's time must be for a monitor of each precision: coarse events have a topic of their own."""

_TOPICS = {contract.type_name: getattr(contract, "topic", "") for contract in CONTRACTS}


def evidence_of(stored: str) -> Mapping[str, Any]:
    """The evidence of a case out of its JSON; empty where there is none, or it cannot be read."""
    try:
        found = json.loads(stored or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def configuration(alert: AlertRecord, evidence: Mapping[str, Any], monitors: Monitors) -> Mapping[str, Any]:
    """The configuration under which the alert was raised: from its case, else the one in force if it is the same;
    or none.
    """
    kept = evidence.get("monitors")
    found = kept.get(alert.monitor) if isinstance(kept, dict) else None
    if isinstance(found, dict):
        return found
    now = monitors.get(alert.monitor, {})
    return now if now.get("config_hash") == alert.config_hash else {}


def selection(alert: AlertRecord, monitor: Mapping[str, Any], topics: Sequence[str] = ()) -> Selection | None:
    """The events in the buckets over which the alert was found; None where its configuration is not known.

    `topics`: those of the cluster; the ones that the events come on are looked through.
    A count is the sum of their weights. Of a sum or a ratio, these are the events whose fields were added up.
    """
    try:
        where = {str(name): [str(each) for each in accepted] for name, accepted in dict(monitor["where"]).items()}
        precisions = _PRECISIONS[monitor["precision"]]
        event = str(monitor["event"])
    except (KeyError, TypeError, ValueError):
        return None
    topic = AGGREGATES if monitor["precision"] in ("hour", "day") else _TOPICS.get(event, "")
    return Selection(
        event,
        precisions,
        scanned_from(alert),
        int(alert.window_end),
        where,
        dict(alert.series),
        _named(topic, topics),
    )


def of_changes(topics: Sequence[str]) -> list[str]:
    """Those topics on which changes come.

    >>> of_changes(["eu-live.changes", "eu-live.traffic"])
    ['eu-live.changes']
    """
    return _named(PlatformChange.topic, topics)


class SeriesPoints(NamedTuple):
    """A series in a case's evidence; of each point: start in ms, observed, expected, score."""

    monitor: str
    series: Mapping[str, str]
    points: list[tuple[int, float | None, float | None, float | None]]


def series_points(evidence: Mapping[str, Any]) -> list[SeriesPoints]:
    """The series in a case's evidence, as far as they can be read."""
    found = []
    for each in evidence.get("series") or ():
        try:
            points = [(parse_ms(at), _number(o), _number(e), _number(s)) for at, o, e, s in each["points"]]
            found.append(SeriesPoints(str(each["monitor"]), dict(each["series"]), points))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def _named(name: str, topics: Sequence[str]) -> list[str]:
    return [topic for topic in topics if name and topic.endswith(name)]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
