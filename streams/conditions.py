"""What livewarden has to say about itself: when each condition begins, is worth a word again, and is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from livewarden.ids import stable_id

AGAIN_AFTER_MS: Final = 900_000
"""A condition that lasts is notified again so often."""
ROW_EVERY_MS: Final = 60_000
"""A row that says that a condition still holds is written so often."""

Kind = Literal[
    "canary_late",
    "clock_skew",
    "events_unread",
    "lost_unread",
    "source_ahead",
    "topic_grown",
    "watermark_ahead",
    "worker_stalled",
]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong with livewarden itself, or with what it is fed.

    `about` names the thing (a partition, a source, this worker): of one `kind` and `about` there is one condition at a
    time. `over`: the line that is notified when it is over; empty where nobody need be notified.
    """

    kind: Kind
    about: str
    title: str
    body: str
    severity: str = "critical"
    over: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A condition as it stands: since when, when it was last seen, and whether it is over."""

    condition: Condition
    since_ms: int
    seen_ms: int
    told_ms: int
    over: bool = False

    @property
    def alert_id(self) -> str:
        """The same for as long as it lasts."""
        return stable_id("health", self.condition.kind, self.condition.about, self.since_ms)


@dataclass(frozen=True, slots=True)
class Changes:
    """`to_tell`: what goes to the channels. `to_write`: what goes to the table."""

    to_tell: tuple[Held, ...] = ()
    to_write: tuple[Held, ...] = ()


class Conditions:
    """Takes what holds at each look, and answers what is to be sent and written. Pure: the time is an argument.

    A condition is sent when it begins, again every `AGAIN_AFTER_MS`, and, where it has words for that, when it is over.
    It knows only what this process has seen: after a restart what still holds begins anew.

    >>> conditions = Conditions()
    >>> late = Condition("canary_late", "canary", "The canary is late", "…")
    >>> [len(conditions.look(at, [late]).to_tell) for at in (0, 5_000, 900_000)]
    [1, 0, 1]
    """

    def __init__(self) -> None:
        self._held: dict[tuple[Kind, str], Held] = {}
        self._written: dict[tuple[Kind, str], int] = {}

    def look(self, now_ms: int, holding: Iterable[Condition]) -> Changes:
        """What follows from all that holds now."""
        to_tell: list[Held] = []
        to_write: list[Held] = []
        now = {(each.kind, each.about): each for each in holding}
        for key, condition in now.items():
            held = self._held.get(key)
            since_ms = held.since_ms if held else now_ms
            due = held is None or now_ms - held.told_ms >= AGAIN_AFTER_MS
            told_ms = now_ms if held is None or due else held.told_ms
            self._held[key] = current = Held(condition, since_ms, now_ms, told_ms)
            if due:
                to_tell.append(current)
            if due or now_ms - self._written[key] >= ROW_EVERY_MS:
                self._written[key] = now_ms
                to_write.append(current)
        for key in self._held.keys() - now.keys():
            ended = replace(self._held.pop(key), seen_ms=now_ms, over=True)
            del self._written[key]
            to_write.append(ended)
            if ended.condition.over:
                to_tell.append(ended)
        return Changes(tuple(to_tell), tuple(sorted(to_write, key=lambda held: held.alert_id)))
