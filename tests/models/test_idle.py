"""How far the clock may seal."""

from __future__ import annotations

import pytest

from livewarden.clock import ManualClock
from livewarden.settings import Settings
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.aggregate.idle import LIVE_MS, seal_until
from models.monitors.plan import CHANGES, Plan
from streams.log_clock import LogClock
from tests.core_fixtures import T0, monitor

EXPOSED = monitor(exposure={"event": "traffic.sample", "measure": "sum(ccu)", "by": ["market"]})
PLAN = Plan([EXPOSED])
TOPIC, TRAFFIC = EXPOSED.topic, "live.traffic"
BEHIND = MINUTE_MS


def until(topic: str, lag_ms: int | None, positions: dict[tuple[str, int], tuple[int, int]]) -> int:
    return seal_until(PLAN, topic, 0, lag_ms, T0, BEHIND, positions)


def test_what_is_live_is_sealed_by_the_clock_and_a_recording_is_not() -> None:
    alone = {(TOPIC, 0): (5, T0 - DAY_MS)}
    assert until(TOPIC, 0, alone) == T0 - BEHIND
    assert until(TOPIC, LIVE_MS + BEHIND, alone) == T0 - BEHIND
    assert until(TOPIC, LIVE_MS + BEHIND + 1, alone) == 0
    assert until(TOPIC, None, alone) == 0


def test_what_is_not_live_follows_the_furthest_of_its_topic() -> None:
    beside = {(TOPIC, 0): (0, 0), (TOPIC, 1): (5, T0 - DAY_MS), (TOPIC, 2): (5, T0 - HOUR_MS), (TRAFFIC, 0): (9, T0)}
    assert until(TOPIC, None, beside) == T0 - HOUR_MS
    assert until(TOPIC, 400 * DAY_MS, beside) == T0 - HOUR_MS


def test_a_topic_without_any_record_follows_those_whose_listeners_wait_for_it() -> None:
    empty = {(TRAFFIC, 0): (0, T0 - DAY_MS), (TRAFFIC, 1): (0, 0), (TOPIC, 1): (5, T0 - HOUR_MS)}
    assert until(TRAFFIC, None, empty) == T0 - HOUR_MS
    assert until(TRAFFIC, None, empty | {(TRAFFIC, 1): (1, 0)}) == 0  # it speaks: its own events say how far it is
    assert until("live.tickets", None, empty) == 0


def test_the_ledger_never_holds_anybody_up() -> None:
    spoken = {(CHANGES, 0): (1, T0 - DAY_MS), (TOPIC, 1): (5, T0 - HOUR_MS)}
    assert until(CHANGES, 3 * DAY_MS, spoken) == T0 - HOUR_MS


def test_counts_of_days_may_come_days_later_and_a_setting_of_one_topic_leaves_that_alone() -> None:
    settings = Settings(lateness_by_topic={"live.traffic": 7.0}, idle_by_topic={"live.rooms": 9.0})
    assert settings.lateness_ms()["live.aggregates"] == 2 * DAY_MS
    assert settings.lateness_ms()["live.traffic"] == 7_000
    assert settings.idle_ms()["live.aggregates"] == 7 * DAY_MS
    assert settings.idle_ms()["live.rooms"] == 9_000
    assert settings.idle_ms()[CHANGES] == 0
    assert settings.idle_ms()["live.tickets"] == 30_000
    assert Settings(lateness_by_topic={"live.aggregates": 1.0}).lateness_ms()["live.aggregates"] == 1_000


def test_the_brokers_answer_is_believed_over_the_machine_and_told(caplog: pytest.LogCaptureFixture) -> None:
    machine = ManualClock(T0 + HOUR_MS)
    clock = LogClock(machine)
    assert clock.now_ms() == T0 + HOUR_MS
    clock.read(T0 - MINUTE_MS)
    assert clock.now_ms() == T0 - MINUTE_MS
    clock.read(T0 - DAY_MS)  # read from a backlog
    assert clock.now_ms() == T0 - MINUTE_MS
    clock.answered(T0)
    machine.advance(minutes=2)
    assert clock.now_ms() == T0 + 2 * MINUTE_MS
    clock.answered(T0 + 2 * MINUTE_MS)
    assert [record.message for record in caplog.records] == [
        "this machine's clock is 3600 s ahead of Kafka's: set it by NTP; until then Kafka's holds"
    ]


def test_a_record_from_a_wrong_clock_moves_nothing_beyond_the_machines() -> None:
    clock = LogClock(ManualClock(T0))
    clock.read(T0 + HOUR_MS)
    assert clock.now_ms() == T0
