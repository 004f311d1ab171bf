"""What stands in the log of responses, one JSON record each: alerts, candidates, wishes, tries, and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from livewarden.action import ACTION, Action
from livewarden.alert import Alert
from models.response.story import story_of

MOST_IDS = 10_000
"""Alerts of a candidate that are named."""


@dataclass(frozen=True, slots=True)
class AlertNews:
    """An alert in a new version, and in place of its explanation the `story` that `story_of` makes of it."""

    alert: Alert
    story: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CaseNews:
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
class Mark:
    """A group of monitors has judged everything before `watermark_ms`, event time."""

    group: str
    watermark_ms: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A person wants something done."""

    action: Action


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker wants to try a notification. The first claim of an attempt in the log has it, so that two never try at once."""

    notification_id: str
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of that try: `error` is empty where the channel took it."""

    notification_id: str
    attempt: int
    worker: str
    error: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock moved on: the record's own time says how far. What waits for a moment happens at the next record after it."""


News = AlertNews | CaseNews | Mark | Wish | Claim | Delivery | Tick

_PLAIN: Mapping[str, type[CaseNews | Mark | Claim | Delivery | Tick]] = {
    "case": CaseNews,
    "mark": Mark,
    "claim": Claim,
    "delivery": Delivery,
    "tick": Tick,
}
_NAME = {kind: name for name, kind in _PLAIN.items()}


def case_news(case: Mapping[str, Any], started_ms: int, ended_ms: int | None) -> CaseNews:
    """The news of a candidate as `CaseCandidate.to_json` writes it."""
    return CaseNews(
        case["case_id"],
        case["title"],
        case["kind"],
        case["severity"],
        tuple(case["alert_ids"][:MOST_IDS]),
        tuple(case["monitors"]),
        started_ms,
        ended_ms,
    )


def alert_news(alert: Alert) -> AlertNews:
    """The news of an alert."""
    return AlertNews(replace(alert, explanation=None), story_of(alert.explanation))


def to_dict(news: News) -> dict[str, Any]:
    """The news as JSON-plain values.

    >>> to_dict(Mark("live.traffic", 60_000))
    {'what': 'mark', 'group': 'live.traffic', 'watermark_ms': 60000}
    """
    if isinstance(news, AlertNews):
        return {"what": "alert", "alert": asdict(news.alert), "story": dict(news.story)}
    if isinstance(news, Wish):
        return {"what": "action", "action": ACTION.dump_python(news.action, mode="json")}
    return {"what": _NAME[type(news)], **asdict(news)}


def from_dict(data: Mapping[str, Any]) -> News:
    """The news that `to_dict` wrote. What is none is a ValueError, KeyError or TypeError (a wish: pydantic's ValidationError).

    >>> from_dict(to_dict(Claim("n1", 1, "w1")))
    Claim(notification_id='n1', attempt=1, worker='w1')
    """
    fields = dict(data)
    what = fields.pop("what")
    if what == "alert":
        return AlertNews(Alert(**fields["alert"]), dict(fields["story"]))
    if what == "action":
        return Wish(ACTION.validate_python(fields["action"], strict=False))
    if what == "case":
        fields |= {name: tuple(fields[name]) for name in ("alert_ids", "monitors")}
    return _PLAIN[what](**fields)


def key_of(news: News) -> str:
    """What the news is about: the record's key."""
    if isinstance(news, AlertNews):
        return news.alert.alert_id
    if isinstance(news, CaseNews):
        return news.case_id
    if isinstance(news, Wish):
        return news.action.action_id
    if isinstance(news, Claim | Delivery):
        return news.notification_id
    return news.group if isinstance(news, Mark) else "tick"
