"""What stands in the log of responses, one JSON record each: alerts, candidates, requests, tries, and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from livewarden.action import ACTION, Action
from livewarden.alert import Alert
from models.response.summary import summary_of

MOST_IDS = 10_000
"""Alerts of a candidate that are named."""


@dataclass(frozen=True, slots=True)
class AlertUpdated:
    """An alert in a new version, and in place of its explanation the `summary` that `summary_of` makes of it."""

    alert: Alert
    summary: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CandidateUpdated:
    """A case candidate in a new version, without its evidence: that is in `case_candidates`."""

    case_id: str
    title: str
    kind: str
    severity: str
    alert_ids: tuple[str, ...]
    monitors: tuple[str, ...]
    started_ms: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class WatermarkAdvanced:
    """A group of monitors has judged everything before `watermark_ms`, event time."""

    group: str
    watermark_ms: int


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A person wants something done."""

    action: Action


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker wants to try a notification. The first claim of an attempt in the log has it,
    so that two never try at once.
    """

    notification_id: str
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of that try: `error` is empty where the channel took it; `refused`: the service is well, and does not
    take this one.
    """

    notification_id: str
    attempt: int
    worker: str
    error: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock moved on: the record's own time says how far. What waits for a moment happens at the next record after
    it.
    """


@dataclass(frozen=True, slots=True)
class CanaryReached:
    """A canary has come through the detect stage; it goes on to its own channel. It was sent at `sent_ms`."""

    sent_ms: int


ResponseEvent = (
    AlertUpdated | CandidateUpdated | WatermarkAdvanced | ActionRequest | Claim | Delivery | Tick | CanaryReached
)

_PLAIN: Mapping[str, type[CandidateUpdated | WatermarkAdvanced | Claim | Delivery | Tick | CanaryReached]] = {
    "case": CandidateUpdated,
    "mark": WatermarkAdvanced,
    "claim": Claim,
    "delivery": Delivery,
    "tick": Tick,
    "canary": CanaryReached,
}
_NAME = {kind: name for name, kind in _PLAIN.items()}
_FIELDS = {kind: tuple(each.name for each in fields(kind)) for kind in _NAME}
"""None of them holds anything that would have to be taken apart."""


def candidate_updated(case: Mapping[str, Any], started_ms: int, ended_ms: int | None) -> CandidateUpdated:
    """The news of a candidate as `CaseCandidate.to_json` writes it."""
    return CandidateUpdated(
        case["case_id"],
        case["title"],
        case["kind"],
        case["severity"],
        tuple(case["alert_ids"][:MOST_IDS]),
        tuple(case["monitors"]),
        started_ms,
        ended_ms,
    )


def alert_updated(alert: Alert) -> AlertUpdated:
    """The news of an alert."""
    return AlertUpdated(replace(alert, explanation=None), summary_of(alert.explanation))


def to_dict(news: ResponseEvent) -> dict[str, Any]:
    """The news as JSON-plain values.

    >>> to_dict(WatermarkAdvanced("live.traffic", 60_000))
    {'what': 'mark', 'group': 'live.traffic', 'watermark_ms': 60000}
    """
    if isinstance(news, AlertUpdated):
        return {"what": "alert", "alert": news.alert.as_dict(), "summary": dict(news.summary)}
    if isinstance(news, ActionRequest):
        return {"what": "action", "action": ACTION.dump_python(news.action, mode="json")}
    return {"what": _NAME[type(news)]} | {name: getattr(news, name) for name in _FIELDS[type(news)]}


def from_dict(data: Mapping[str, Any]) -> ResponseEvent:
    """The news that `to_dict` wrote. What is none is a ValueError, KeyError or TypeError (a request: pydantic's
    ValidationError).

    >>> from_dict(to_dict(Claim("n1", 1, "w1")))
    Claim(notification_id='n1', attempt=1, worker='w1')
    """
    said = dict(data)
    what = said.pop("what")
    if what == "alert":
        return AlertUpdated(Alert(**said["alert"]), dict(said["summary"]))
    if what == "action":
        return ActionRequest(ACTION.validate_python(said["action"], strict=False))
    if what == "case":
        said |= {name: tuple(said[name]) for name in ("alert_ids", "monitors")}
    return _PLAIN[what](**said)


def key_of(news: ResponseEvent) -> str:
    """What the news is about: the record's key."""
    if isinstance(news, AlertUpdated):
        return news.alert.alert_id
    if isinstance(news, CandidateUpdated):
        return news.case_id
    if isinstance(news, ActionRequest):
        return news.action.action_id
    if isinstance(news, Claim | Delivery):
        return news.notification_id
    return news.group if isinstance(news, WatermarkAdvanced) else "tick"
