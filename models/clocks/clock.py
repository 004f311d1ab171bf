"""The clock of a promise: so much business time, paused while others have to do something, and how it came out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from livewarden.times import format_ms
from livewarden.wording import duration
from models.clocks.calendar import BusinessCalendar


@dataclass(frozen=True, slots=True)
class PromiseClock:
    """One promise. `promised_ms` of business time from `started_ms`; of it `used_ms` had passed at `since_ms`, where
    it last began or stopped. `due_ms` is None while it is paused.

    A calendar that is changed later changes nothing of a deadline that was said; it counts from the next pause on.
    `digest` names the calendar that it was computed by, `paused_ms` is how long it stood still, on the wall.
    """

    calendar: str
    words: str
    digest: str
    promised_ms: int
    started_ms: int
    used_ms: int
    since_ms: int
    due_ms: int | None
    pauses: int = 0
    paused_ms: int = 0

    @property
    def how(self) -> str:
        """How the deadline was computed, in words."""
        times = "once" if self.pauses == 1 else f"{self.pauses} times"
        paused = f", paused {times} for {duration(self.paused_ms)}" if self.pauses else ""
        until = "it stands still" if self.due_ms is None else f"due {format_ms(self.due_ms)}"
        return (
            f"{duration(self.promised_ms)} of {self.words} ({self.calendar}, {self.digest}) from"
            f" {format_ms(self.started_ms)}{paused}: {until}"
        )

    def plain(self) -> dict[str, Any]:
        """It as JSON-ready values, to be stored."""
        return asdict(self) | {"how": self.how}


def started(calendar: BusinessCalendar, promised_ms: int, now_ms: int) -> PromiseClock:
    """A clock that begins now."""
    due = calendar.after(now_ms, promised_ms)
    return PromiseClock(calendar.name, calendar.words, calendar.digest, promised_ms, now_ms, 0, now_ms, due)


def paused(clock: PromiseClock, calendar: BusinessCalendar, now_ms: int) -> PromiseClock:
    """The clock stands still from now on; one that does already is as it was."""
    if clock.due_ms is None:
        return clock
    used = clock.used_ms + calendar.between(clock.since_ms, now_ms)
    return replace(clock, used_ms=used, since_ms=now_ms, due_ms=None, pauses=clock.pauses + 1)


def resumed(clock: PromiseClock, calendar: BusinessCalendar, now_ms: int) -> PromiseClock:
    """The clock goes on, by the calendar as it is now; one that runs already is as it was. What was used up stays used
    up: a promise that was broken before is due at once.
    """
    if clock.due_ms is not None:
        return clock
    due = calendar.after(now_ms, clock.promised_ms - clock.used_ms)
    return replace(
        clock,
        words=calendar.words,
        digest=calendar.digest,
        since_ms=now_ms,
        due_ms=due,
        paused_ms=clock.paused_ms + now_ms - clock.since_ms,
    )


def clock_from(state: dict[str, Any] | None) -> PromiseClock | None:
    """The clock that its plain values say; None of none."""
    return None if state is None else PromiseClock(**{name: each for name, each in state.items() if name != "how"})
