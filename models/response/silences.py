"""All silences, and who is reminded of their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livewarden.action import ExpireSilence, Silence
from livewarden.times import format_ms, to_ms
from models.monitors.monitor import Monitor
from models.response.change_set import ChangeSet
from models.response.conditions import mistakes
from models.response.message import link_of
from models.response.notification_queue import NotificationQueue
from models.response.policy import Policy
from models.response.rejected import Rejected
from models.response.silence import SilenceState, silence_of


class Silences:
    """Silences by id, those that are over too: their ids are not given twice."""

    def __init__(
        self, monitors: Mapping[str, Monitor], policy: Policy, changes: ChangeSet, queue: NotificationQueue
    ) -> None:
        self._monitors = monitors
        self._policy = policy
        self._changes = changes
        self._queue = queue
        self.by_id: dict[str, SilenceState] = {}

    @property
    def wait(self) -> bool:
        """Whether the clock may change one."""
        return any(each.ends_ms > self._changes.now_ms for each in self.by_id.values())

    def hit(self, silence: SilenceState) -> None:
        """It matched an alert."""
        silence.hits += 1
        self._changed(silence)

    def hit_by(self, silence_id: str) -> None:
        """That one kept an alert back."""
        self.hit(self.by_id[silence_id])

    def add(self, action: Silence) -> SilenceState:
        """Make one; Rejected where the id is taken, it would be over already, or no alert can meet a condition."""
        if action.silence_id in self.by_id:
            raise Rejected("there is a silence of that id")
        if to_ms(action.ends_at) <= self._changes.now_ms:
            raise Rejected("it would be over already")
        wrong = list(mistakes(action.matchers, self._monitors.values()))
        if wrong:
            raise Rejected("; ".join(wrong)[:500])
        silence = self.by_id[action.silence_id] = silence_of(action, self._changes.now_ms)
        self._changes.silence(silence)
        return silence

    def expire(self, action: ExpireSilence) -> None:
        """End one now; Refused where it is over."""
        silence = self.by_id.get(action.silence_id)
        if silence is None or silence.ends_ms <= self._changes.now_ms:
            raise Rejected("no active silence with this id")
        silence.ends_ms, silence.ended_by = self._changes.now_ms, action.who
        self._changed(silence)

    def sooner(self, since_ms: int, by_ms: int) -> None:
        """A clock was ahead: what somebody ended at `since_ms` or later ended so much earlier."""
        for silence in self.by_id.values():
            if silence.ended_by and silence.ends_ms >= since_ms:
                silence.ends_ms -= by_ms
                self._changed(silence)

    def tick(self) -> None:
        """Remind owners of what ends soon."""
        for silence in self.by_id.values():
            if (
                silence.remind_ms
                and not silence.reminded
                and silence.remind_ms <= self._changes.now_ms < silence.ends_ms
            ):
                silence.reminded = True
                self._changed(silence)
                title = f"ends at {format_ms(silence.ends_ms)}: {silence.words}"
                link = link_of(self._policy.console_url, "silences", "")
                self._queue.aside("reminder", silence.silence_id, title, "info", link)

    def _changed(self, silence: SilenceState) -> None:
        silence.version += 1
        self._changes.silence(silence)

    def restore(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from the states of all silences."""
        self.by_id = {name: SilenceState(**state) for name, state in states.items()}
