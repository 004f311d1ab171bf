"""Heartbeats: the sources' word that they are alive, so that nothing means nothing."""

from __future__ import annotations

from collections.abc import Iterator

from livewarden.contracts import SourceHeartbeat, Topic
from livewarden.times import MINUTE_MS, instant
from sources.simulate.draft import Draft
from sources.simulate.scenario import Scenario

TOPICS: tuple[Topic, ...] = (
    "live.traffic", "live.rooms", "live.enforcement", "live.appeals", "live.tickets", "live.changes",
)  # fmt: skip


def heartbeats(scenario: Scenario) -> Iterator[Draft]:
    """One for each topic and minute, the last with state ENDED; none that covers a part of a silence."""
    for start_ms in scenario.minutes().tolist():
        end_ms = start_ms + MINUTE_MS
        for topic in TOPICS:
            if not scenario.silent(topic, start_ms, end_ms):
                yield (
                    end_ms,
                    SourceHeartbeat(
                        topic=topic,
                        state="ENDED" if end_ms == scenario.end_ms else "ALIVE",
                        covers_from=instant(start_ms),
                        covers_until=instant(end_ms),
                    ),
                )
