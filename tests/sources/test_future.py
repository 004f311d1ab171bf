"""One wrong clock makes nothing late: what speaks of a moment after it was logged is set aside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from livewarden.contracts import TOPICS
from livewarden.errors import InvalidEvent
from livewarden.event import AHEAD_MS, Event
from livewarden.times import DAY_MS, MINUTE_MS
from models.monitors.plan import Plan
from sources.codec import Record, decode_record, encode, from_line, to_line
from sources.delivery import deliver
from sources.log_time import with_log_time
from sources.recording import read
from streams.replay import Replay
from streams.stages import Ingest
from tests.core_fixtures import T0, TOPIC, action, beat, monitor

FAR = T0 + 20_000 * DAY_MS
PLAN = Plan([monitor()])


class Wire:
    def __init__(self, offset: int, event: Event, timestamp: int) -> None:
        self.topic, self.partition, self.offset, self.timestamp = TOPIC, 0, offset, timestamp
        self.key, self.value, self.headers = encode(event)


def fresh(*events: Event) -> list[Event]:
    return [replace(event, partition=-1, offset=-1) for event in events]


def minutes(count: int) -> list[Event]:
    return fresh(*(action(f"a{n}", T0 + n * MINUTE_MS) for n in range(count)))


@pytest.mark.parametrize("wrong", [action("x", FAR), beat(T0, T0 + 20 * DAY_MS), action("x", T0 + AHEAD_MS + 1)])
def test_a_record_ahead_of_its_own_timestamp_is_a_dead_letter_and_moves_nothing(wrong: Event) -> None:
    stage = Ingest(PLAN, TOPIC, 0, 1, 0)
    good = action("good", T0 + AHEAD_MS)
    stage.process([Wire(0, good, T0), Wire(1, wrong, T0), Wire(2, replace(good, id="again"), T0)])
    assert [(row["offset"], row["reason"]) for row in stage.output.rows["dead_letters"]] == [(1, "future")]
    assert [row["late"] for row in stage.output.rows["events"]] == [0, 0]
    assert stage.watermark_ms == T0 + AHEAD_MS
    assert stage.dead == 1


@pytest.mark.parametrize("at", [0, 2, 5])
def test_one_line_of_2099_makes_no_other_line_late(at: int, tmp_path: Path) -> None:
    events = minutes(5)
    events[at:at] = fresh(action("x", FAR))
    path = tmp_path / "a.jsonl"
    path.write_text("".join(to_line(event) + "\n" for event in events))
    driver = Replay(PLAN, dict.fromkeys(TOPICS, 1), dict.fromkeys(TOPICS, 30_000))
    list(driver.take(deliver(read(path), dict.fromkeys(TOPICS, 1))))
    assert driver.result().outcomes == {"counted": 6, "dead": 1}  # five, and the closing heartbeat


def test_a_source_that_is_often_wrong_is_found_each_time() -> None:
    events = minutes(60)
    for at in range(0, 60, 5):
        events[at:at] = fresh(action(f"x{at}", FAR + at), action(f"y{at}", FAR + at))
    marked = {event.id for event in with_log_time(events) if event.is_ahead(AHEAD_MS)}
    assert marked == {event.id for event in events if event.id[0] in "xy"}


def test_a_recording_may_jump_ahead_and_have_stragglers() -> None:
    straggling = fresh(*(action(f"s{n}", T0 + (n * 7 % 5) * 60 * MINUTE_MS) for n in range(50)))
    jumping = [*minutes(50), *(replace(event, time_ms=event.time_ms + 250 * DAY_MS) for event in minutes(50))]
    for events in (straggling, jumping, minutes(1)):
        assert list(with_log_time(events)) == events


def test_what_was_in_kafka_is_not_judged_again() -> None:
    events = [replace(event, partition=0, offset=n) for n, event in enumerate([action("x", FAR), *minutes(40)])]
    assert list(with_log_time(events)) == events


def test_live_decides_as_the_replay_when_a_recording_is_fed() -> None:
    """Two days ahead of its neighbours, and long ago for Kafka: the feeder says when it was logged."""
    wrong, *_ = with_log_time([*fresh(action("x", T0 + 2 * DAY_MS)), *minutes(40)])
    assert wrong.is_ahead(AHEAD_MS)
    key, value, headers = encode(wrong)
    record = Record(TOPIC, 0, 0, key, value, headers, T0 + 400 * DAY_MS)
    assert decode_record(record).logged_ms == wrong.logged_ms
    with pytest.raises(InvalidEvent, match="future"):
        decode_record(record).checked(AHEAD_MS)
    assert from_line(to_line(wrong)).logged_ms == wrong.logged_ms
