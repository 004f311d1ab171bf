"""Silences, maintenance windows and planned campaigns: for a while,
alerts that match are kept back or notified with a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from livewarden.action import Silence
from livewarden.matcher import Matcher, matches
from livewarden.times import to_ms


@dataclass(slots=True)
class SilenceState:
    """A silence as it stands. It holds from `starts_ms` to `ends_ms`, by the clock.

    `notified`: the alerts that it matched.
    """

    silence_id: str
    kind: str
    effect: str
    matchers: list[str]
    owner: str
    reason: str
    created_by: str
    created_ms: int
    starts_ms: int
    ends_ms: int
    remind_ms: int
    version: int = 1
    ended_by: str | None = None
    reminded: bool = False
    hits: int = 0

    @property
    def words(self) -> str:
        """Whose it is and why, for a sentence.

        >>> who, times = ("cdn team", "switch of the CDN", "maria"), (0, 0, 9, 0)
        >>> SilenceState("s1", "maintenance", "mute", ["market=DE"], *who, *times).words
        'maintenance of cdn team (market=DE): switch of the CDN'
        """
        return f"{self.kind} of {self.owner} ({', '.join(self.matchers)}): {self.reason}"

    def holds(self, now_ms: int) -> bool:
        """Whether it is in force."""
        return self.starts_ms <= now_ms < self.ends_ms

    def matches(self, facts: Mapping[str, str]) -> bool:
        """Whether an alert with these facts meets all its conditions."""
        return matches(_read(tuple(self.matchers)), facts)

    def state(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return asdict(self)


@lru_cache(maxsize=1_000)
def _read(matchers: tuple[str, ...]) -> tuple[Matcher, ...]:
    return tuple(map(Matcher.parse, matchers))


def silence_of(action: Silence, now_ms: int) -> SilenceState:
    """The silence that an action asks for."""
    ends = to_ms(action.ends_at)
    return SilenceState(
        silence_id=action.silence_id,
        kind=action.kind,
        effect=action.effect,
        matchers=[str(matcher) for matcher in action.matchers],
        owner=action.owner,
        reason=action.why,
        created_by=action.who,
        created_ms=now_ms,
        starts_ms=to_ms(action.starts_at),
        ends_ms=ends,
        remind_ms=ends - 1000 * action.remind_s if action.remind_s else 0,
    )


def holding(
    silences: Iterable[SilenceState], facts: Mapping[str, str], now_ms: int, effect: str
) -> SilenceState | None:
    """The silence of that effect that holds for these facts; of several the one that ends last."""
    found = [each for each in silences if each.effect == effect and each.holds(now_ms) and each.matches(facts)]
    return max(found, key=lambda each: (each.ends_ms, each.silence_id), default=None)
