"""How a recording goes into partitions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livewarden.contracts import EnforcementAction, SourceHeartbeat
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.times import DAY_MS, MINUTE_MS, SECOND_MS, to_ms
from sources.codec import encode, event_of, partition_of
from sources.delivery import deliver
from tests.core_fixtures import T0, TOPIC, action, beat, sample

PARTITIONS = {TOPIC: 4, "live.traffic": 2, "live.aggregates": 3}


def fresh(event: Event) -> Event:
    """As it is before it has been in Kafka."""
    return replace(event, partition=-1, offset=-1)


def closing(events: list[Event]) -> list[Event]:
    return [event for event in events if event.id.startswith("end-of-recording")]


def heartbeat(event: Event) -> SourceHeartbeat:
    assert isinstance(event.data, SourceHeartbeat)
    return event.data


def test_key_decides_as_the_default_partitioner_would() -> None:
    events = [fresh(action(f"e{n}", T0 + n, f"{'ABCDEFGH'[n % 8]}E")) for n in range(40)]
    delivered = [event for event in deliver(events, PARTITIONS) if event.type_name == "enforcement.action"]
    assert [replace(event, partition=-1) for event in delivered] == events
    assert [event.partition for event in delivered] == [partition_of(encode(event)[0], 4) for event in events]
    assert len({event.partition for event in delivered}) > 1


def test_recorded_partition_is_kept() -> None:
    events = [replace(action("a", T0), partition=3), replace(beat(T0, T0 + 1), partition=2)]
    assert list(deliver(events, PARTITIONS))[:2] == events


def test_a_partition_that_is_not_there_is_one_line() -> None:
    events = [replace(action("a", T0), partition=3), replace(action("b", T0), partition=4)]
    with pytest.raises(
        SetupError, match=r"'b' was recorded on partition 4 of .* which has 4 here; set LIVEWARDEN_PARTITIONS"
    ):
        list(deliver(events, PARTITIONS))


def test_partitions_that_ended_early_or_not_at_all_are_ended_with_the_recording() -> None:
    ends = [
        replace(beat(T0, T0 + minute * MINUTE_MS, "ENDED"), partition=place) for place, minute in enumerate((9, 5, 9))
    ]
    added = closing(list(deliver([fresh(action("a", T0)), *ends], PARTITIONS)))
    assert [(event.partition, event.time_ms) for event in added] == [(1, T0 + 9 * MINUTE_MS), (3, T0 + 9 * MINUTE_MS)]


def test_heartbeat_goes_to_every_partition_of_its_topic() -> None:
    delivered = list(deliver([fresh(beat(T0, T0 + MINUTE_MS)), fresh(sample("t", T0))], PARTITIONS))
    alive = [event for event in delivered if event.id.startswith("beat")]
    assert [event.partition for event in alive] == [0, 1, 2, 3]


def test_recording_that_does_not_say_that_its_source_ended_is_ended() -> None:
    daily = EnforcementAction(action_id="a1", time_precision="day")
    events = [
        fresh(action("a", T0)),
        event_of(daily, id="d", source="/test", time_ms=T0),
        fresh(action("b", T0 + MINUTE_MS)),
    ]
    ends = closing(list(deliver(events, PARTITIONS)))
    assert [(event.topic, event.partition) for event in ends] == [
        *(("live.aggregates", partition) for partition in range(3)),
        *((TOPIC, partition) for partition in range(4)),
    ]
    until = {event.topic: to_ms(heartbeat(event).covers_until) for event in ends}
    assert until == {"live.aggregates": T0 + DAY_MS, TOPIC: T0 + MINUTE_MS + SECOND_MS}
    assert {heartbeat(event).state for event in ends} == {"ENDED"}
    assert all(event.time_ms == to_ms(heartbeat(event).covers_until) for event in ends)


def test_source_that_ended_is_left_alone_unless_it_speaks_again() -> None:
    ended = fresh(beat(T0, T0 + MINUTE_MS, "ENDED"))
    assert closing(list(deliver([fresh(action("a", T0)), ended], PARTITIONS))) == []
    again = fresh(action("b", T0 + 2 * MINUTE_MS))
    assert len(closing(list(deliver([ended, again], PARTITIONS)))) == 4


def test_end_is_behind_the_latest_event_whatever_came_last() -> None:
    events = [fresh(action("a", T0 + DAY_MS)), fresh(action("b", T0)), fresh(beat(T0, T0 + MINUTE_MS))]
    assert {event.time_ms for event in closing(list(deliver(events, PARTITIONS)))} == {T0 + DAY_MS + SECOND_MS}


def test_equal_recordings_end_alike() -> None:
    events = [fresh(action("a", T0))]
    assert list(deliver(events, PARTITIONS)) == list(deliver(events, PARTITIONS))
    assert list(deliver([], PARTITIONS)) == []
