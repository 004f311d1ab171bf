"""What has changed since somebody asked: what the response stage writes down, and what it saves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livewarden.action import Action, Feedback
from livewarden.alert import Alert


@dataclass(frozen=True, slots=True)
class Audited:
    """A request and its answer."""

    action: Action
    at_ms: int
    accepted: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The disposition of an alert that is in no incident."""

    alert: Alert
    at_ms: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody says an alert was worth."""

    action: Feedback
    monitor: str
    version: int
    at_ms: int


@dataclass(slots=True)
class ChangeSet:
    """Things by kind and id in their newest version; what is only ever added; and which things are to be saved.

    `now_ms` is the time of the record that is applied. Everything that acts on it writes into one book.
    """

    now_ms: int = 0
    upserts: dict[str, dict[str, Any]] = field(default_factory=dict)
    appended: list[Any] = field(default_factory=list)
    dirty: set[tuple[str, str]] = field(default_factory=set)

    def change(self, kind: str, name: str, thing: Any) -> None:
        """A thing has a new version."""
        self.upserts.setdefault(kind, {})[name] = thing
        self.dirty.add((kind, name))

    def take(self) -> tuple[dict[str, dict[str, Any]], list[Any]]:
        """What changed since last taken."""
        upserts, appended = self.upserts, self.appended
        self.upserts, self.appended = {}, []
        return upserts, appended
