"""The error tree. Three branches, because three different people act on them.

LivewardenError
├── InvalidEvent    bad input: the record goes to the dead letters, the stream goes on
├── RetryLater      busy neighbour: wait and do the same again
│   └── MessageRefused  the neighbour is well and does not take this one: others need not wait for it
└── SetupError      broken set-up: one line on stderr that says what to do, exit code 2
    ├── MistakesError   mistakes in a file of the users, each with its line
    │   ├── MonitorsError
    │   └── PolicyError
    ├── Stalled         this worker no longer gets on: started again, it does
    └── Unreachable     a service does not answer at start
"""

from __future__ import annotations


class LivewardenError(Exception):
    """Root of every error that livewarden raises on purpose."""


class InvalidEvent(LivewardenError):
    """A record that breaks its contract.

    `reason` is a short stable code (`broken_json`, `unknown_type`, `contract`, `oversized`, `null_value` …);
    the message says what is wrong in words. `source`: which producer it came from, where that could be read.

    >>> InvalidEvent("unknown_type", "no contract is named x.y.v1").reason
    'unknown_type'
    """

    def __init__(self, reason: str, detail: str, source: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.source = source


class RetryLater(LivewardenError):
    """A neighbour (ClickHouse, Kafka) cannot take the call now; nothing is lost, call again after `after_s` seconds."""

    def __init__(self, message: str, after_s: float = 1.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class MessageRefused(RetryLater):
    """A service answers, and refuses this message (HTTP 400, 413, 422): others need not wait for it."""


class SetupError(LivewardenError):
    """The set-up is broken and waiting will not mend it. The message is one line and says what to do."""


class Stalled(SetupError):
    """This worker makes no progress though nothing holds it up; whoever supervises it starts it again,
    and nothing is lost.
    """


class MistakesError(SetupError):
    """A file of the users with mistakes; `mistakes` holds one `line N: …` sentence each. What has no file has no
    `name`.
    """

    def __init__(self, name: str, mistakes: list[str]) -> None:
        super().__init__("\n".join(f"{name}: {mistake}" if name else mistake for mistake in mistakes))
        self.mistakes = mistakes


class MonitorsError(MistakesError):
    """A monitors file with mistakes."""


class PolicyError(MistakesError):
    """A response file with mistakes."""


class Unreachable(SetupError):
    """A service that the command needs does not answer."""
