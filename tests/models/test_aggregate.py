"""Sums beside the source: exact, whatever the order, each event accounted for."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.contracts import TrafficQuality
from livewarden.event import Event
from livewarden.times import MINUTE_MS
from models.aggregate.aggregator import Aggregator
from models.aggregate.distinct import count_distinct
from models.aggregate.partial import ROWS_PER_RECORD, Message, Partial, to_dict
from models.monitors.plan import Plan
from tests.core_fixtures import T0, action, aggregator, beat, monitor, partials, quality, seals, silent

ALL = monitor()
BY_SHOP = monitor(name="shops", measure="distinct(shop_id)", bucket="5m")
OTHER_GROUP = monitor(name="apart", group="apart", bucket="5m", where={"action_type": ["WARNING"]})

Spec = tuple[int, str, str, int, int]
specs = st.lists(
    st.tuples(
        st.integers(0, 10 * MINUTE_MS - 1),
        st.sampled_from(["DE", "FR", "ES"]),
        st.sampled_from(["s1", "s2", "s3", "s4"]),
        st.integers(1, 2**40),
        st.integers(0, 40),
    ),
    max_size=60,
)


def events_of(specs: list[Spec], *, own_ids: bool = False) -> list[Event]:
    """Events from drawn tuples; with `own_ids` no two share an id."""
    return [
        action(f"e{index if own_ids else id}", T0 + offset, market, shop_id=shop, weight=weight)
        for index, (offset, market, shop, weight, id) in enumerate(specs)
    ]


def said(target: Aggregator, events: list[Event]) -> list[Message]:
    return [message for event in events for message in target.add(event)[1]]


@settings(max_examples=60, deadline=None)
@given(specs, st.randoms(use_true_random=False))
def test_order_between_watermarks_changes_nothing(drawn: list[Spec], rng: random.Random) -> None:
    events = events_of(drawn, own_ids=True)
    shuffled = rng.sample(events, len(events))
    outcomes = []
    for order in (events, shuffled):
        target = aggregator(ALL, BY_SHOP, lateness_ms=10 * MINUTE_MS)
        outcome = partials([*said(target, order), *target.advance(T0 + 15 * MINUTE_MS)])
        assert target.outcomes["counted"] == len(events)
        outcomes.append(
            [
                (p.monitor, p.start_ms, p.chunk, [(key, value, count_distinct([s])) for key, value, _, s in p.rows])
                for p in outcome
            ]
        )
    assert outcomes[0] == outcomes[1]
    assert bool(outcomes[0]) == bool(events)


@settings(max_examples=60, deadline=None)
@given(specs, st.integers(0, 3 * MINUTE_MS))
def test_every_event_is_counted_late_or_duplicate_and_no_weight_is_lost(drawn: list[Spec], lateness_ms: int) -> None:
    target = aggregator(ALL, lateness_ms=lateness_ms)
    weight_counted = 0
    messages = []
    for event in events_of(drawn):
        outcome, new = target.add(event)
        messages += new
        weight_counted += event.data.weight if outcome == "counted" else 0
    assert sum(target.outcomes.values()) == len(drawn)
    in_partials = sum(value for partial in partials(messages) for _, value, _, _ in partial.rows)
    assert in_partials + target.open_events == weight_counted
    closed = sum(value for p in partials(target.advance(T0 + 10**9)) for _, value, _, _ in p.rows)
    assert in_partials + closed == weight_counted
    assert target.open_events == 0


@settings(max_examples=60, deadline=None)
@given(specs, st.integers(0, 60), st.integers(0, 3 * MINUTE_MS))
def test_snapshot_and_restore_at_any_point_equals_uninterrupted(drawn: list[Spec], cut: int, lateness_ms: int) -> None:
    monitors = (ALL, BY_SHOP, OTHER_GROUP)
    events = events_of(drawn)
    events[5:5] = [beat(T0, T0 + 2 * MINUTE_MS)]
    whole = aggregator(*monitors, lateness_ms=lateness_ms)
    said(whole, events[:cut])
    resumed = aggregator(*monitors, lateness_ms=lateness_ms)
    resumed.restore(orjson.loads(orjson.dumps(whole.snapshot(), option=orjson.OPT_NON_STR_KEYS)))
    assert resumed.open_events == whole.open_events
    end = beat(T0, T0 + 20 * MINUTE_MS, "ENDED")
    rest, again = (said(target, [*events[cut:], end]) for target in (whole, resumed))
    assert notified(rest) == notified(again)
    assert whole.outcomes == resumed.outcomes
    assert whole.snapshot() | {"open": 0} == resumed.snapshot() | {"open": 0}


def notified(messages: list[Message]) -> list[Any]:
    """Messages with distinct counts in the place of sketches: equal sets may be written in different bytes."""
    return [
        (message.monitor, message.start_ms, [(k, v, e, count_distinct([s])) for k, v, e, s in message.rows])
        if isinstance(message, Partial)
        else message
        for message in messages
    ]


def test_late_event_is_in_no_bucket_of_any_monitor() -> None:
    target = aggregator(ALL, monitor(name="slow", bucket="1h"), lateness_ms=MINUTE_MS)
    target.add(action("a", T0 + 3 * MINUTE_MS))
    assert target.watermark_ms == T0 + 2 * MINUTE_MS
    assert target.add(action("b", T0 + 2 * MINUTE_MS - 1)) == ("late", [])
    assert target.add(action("c", T0 + 2 * MINUTE_MS))[0] == "counted"
    closed = partials(target.advance(T0 + 60 * MINUTE_MS))
    by_monitor = {
        name: sum(v for p in closed if p.monitor == name for _, v, _, _ in p.rows) for name in ("measures", "slow")
    }
    assert by_monitor == {"measures": 2, "slow": 2}
    assert target.outcomes == {"counted": 2, "late": 1}


def test_same_event_again_counts_once_and_the_same_id_of_another_source_counts() -> None:
    target = aggregator(ALL, lateness_ms=MINUTE_MS)
    assert target.add(action("a", T0, weight=3))[0] == "counted"
    assert target.add(action("a", T0, weight=3)) == ("duplicate", [])
    assert target.add(action("a", T0, weight=5, source="/other"))[0] == "counted"
    assert target.open_events == 8
    target.advance(T0 + MINUTE_MS)
    assert target.add(action("a", T0, weight=3))[0] == "late"


def test_the_same_id_that_says_something_else_is_a_conflict_and_the_first_counts() -> None:
    target = aggregator(ALL, lateness_ms=MINUTE_MS)
    target.add(action("a", T0, weight=3))
    again = aggregator(ALL, lateness_ms=MINUTE_MS)
    again.restore(orjson.loads(orjson.dumps(target.snapshot(), option=orjson.OPT_NON_STR_KEYS)))
    for each in (target, again):
        assert each.add(action("a", T0, weight=4)) == ("conflict", [])
        assert each.add(action("a", T0 + 1, weight=3)) == ("conflict", [])
        assert each.add(action("a", T0, weight=3)) == ("duplicate", [])
        assert each.open_events == 3
        assert each.outcomes == {"counted": 1, "conflict": 2, "duplicate": 1}


def test_ids_of_a_state_without_what_they_said_are_duplicates() -> None:
    target = aggregator(ALL, lateness_ms=MINUTE_MS)
    target.add(action("a", T0, weight=3))
    old = orjson.loads(orjson.dumps(target.snapshot(), option=orjson.OPT_NON_STR_KEYS))
    old["ids"] = {source: {name: seen for name, (seen, _) in ids.items()} for source, ids in old["ids"].items()}
    target.restore(old)
    assert target.add(action("a", T0, weight=4)) == ("duplicate", [])


def test_ids_behind_the_watermark_are_forgotten() -> None:
    target = aggregator(ALL)
    for minute in range(500):
        target.add(action(f"e{minute}", T0 + minute * MINUTE_MS))
    assert sum(map(len, target.snapshot()["ids"].values())) <= 2


def test_watermark_never_goes_back() -> None:
    target = aggregator(ALL)
    target.advance(T0 + 10 * MINUTE_MS)
    assert target.advance(T0) == []
    assert target.watermark_ms == T0 + 10 * MINUTE_MS
    target.add(beat(T0, T0 + MINUTE_MS))
    assert target.watermark_ms == T0 + 10 * MINUTE_MS


def test_quiet_partition_is_sealed_by_whoever_advances_it_and_says_no_bucket() -> None:
    target = aggregator(ALL)
    target.add(action("a", T0))
    messages = target.advance(T0 + 5 * MINUTE_MS)
    assert [partial.start_ms for partial in partials(messages)] == [T0]
    assert [seal.watermark_ms for seal in seals(messages)] == [T0 + 5 * MINUTE_MS]
    assert target.advance(T0 + 5 * MINUTE_MS + 1) == []


def test_heartbeat_makes_empty_buckets_alive_and_the_rest_stays_silent() -> None:
    target = aggregator(ALL)
    target.add(action("a", T0))
    _, messages = target.add(beat(T0 + 3 * MINUTE_MS, T0 + 5 * MINUTE_MS))
    assert [(p.start_ms - T0) // MINUTE_MS for p in partials(messages)] == [0, 3, 4]
    assert [len(p.rows) for p in partials(messages)] == [1, 0, 0]
    assert seals(messages)[-1].watermark_ms == T0 + 5 * MINUTE_MS


def test_heartbeat_about_the_past_opens_nothing_again() -> None:
    target = aggregator(ALL)
    target.add(beat(T0, T0 + 5 * MINUTE_MS))
    assert target.add(beat(T0, T0 + 5 * MINUTE_MS))[1] == []
    assert partials(target.add(beat(T0, T0 + 6 * MINUTE_MS))[1])[0].start_ms == T0 + 5 * MINUTE_MS


def test_end_is_told_to_every_group_at_once_even_between_ticks() -> None:
    target = aggregator(ALL, OTHER_GROUP)
    target.add(action("a", T0 + MINUTE_MS))
    _, messages = target.add(beat(T0, T0 + 3 * MINUTE_MS + 5000, "ENDED"))
    assert {(seal.group, seal.watermark_ms, seal.ended) for seal in seals(messages)} == {
        ("live.enforcement", T0 + 3 * MINUTE_MS + 5000, True),
        ("apart", T0 + 3 * MINUTE_MS + 5000, True),
    }
    assert partials(messages)
    _, messages = target.add(action("b", T0 + 10 * MINUTE_MS))
    assert {seal.ended for seal in seals(messages)} == {False}


def test_end_without_any_event_is_told() -> None:
    _, messages = aggregator(ALL).add(beat(T0, T0, "ENDED"))
    assert [(seal.watermark_ms, seal.ended) for seal in seals(messages)] == [(T0, True)]


def test_sums_of_the_largest_weights_are_exact() -> None:
    target = aggregator(ALL)
    for index in range(5):
        target.add(action(f"e{index}", T0, weight=2**40))
    target.add(action("one", T0, weight=1))
    (partial,) = partials(target.advance(T0 + MINUTE_MS))
    assert partial.rows == ((("DE",), 5 * 2**40 + 1, 0, ""),)


def test_bucket_with_many_series_is_cut_into_records() -> None:
    target = aggregator(monitor(group_by=["shop_id"]))
    count = 2 * ROWS_PER_RECORD + 1
    for index in range(count):
        target.add(action(f"e{index}", T0, shop_id=f"s{index:04}"))
    cut = partials(target.advance(T0 + MINUTE_MS))
    assert [(partial.chunk, len(partial.rows)) for partial in cut] == [
        (0, ROWS_PER_RECORD),
        (1, ROWS_PER_RECORD),
        (2, 1),
    ]
    series = [key for partial in cut for key, *_ in partial.rows]
    assert series == sorted(series)
    assert len(set(series)) == count


def test_exposure_is_summed_beside_the_value() -> None:
    stalls = monitor(name="stalls", event="traffic.quality", measure="ratio(stalled, samples)", detector="traffic")
    target = aggregator(stalls)
    target.add(quality("a", T0, stalled=3, samples=10))
    target.add(quality("b", T0, stalled=1, samples=30))
    target.add(quality("c", T0, stalled=None, samples=30))
    (partial,) = partials(target.advance(T0 + MINUTE_MS))
    assert partial.rows == ((("DE",), 4, 40, ""),)
    assert TrafficQuality.topic == partial.topic


@pytest.mark.parametrize("change", [{"group_by": ["market", "shop_id"]}, {"where": {"market": ["DE"]}}])
def test_open_buckets_of_a_changed_monitor_are_dropped(change: dict[str, Any]) -> None:
    before = aggregator(ALL, silent())
    before.add(action("a", T0))
    after = Aggregator(Plan([monitor(**change), silent()]), ALL.topic, 0, 1, 0)
    after.restore(orjson.loads(orjson.dumps(before.snapshot(), option=orjson.OPT_NON_STR_KEYS)))
    assert after.open_events == 0
    assert after.outcomes == {"counted": 1}
    assert after.add(action("a", T0))[0] == "duplicate"


def test_seals_are_repeated_on_request_and_silent_before_the_first() -> None:
    target = aggregator(ALL, OTHER_GROUP)
    assert target.seals() == []
    target.advance(T0)
    assert [(seal.group, seal.watermark_ms) for seal in seals(target.seals())] == [
        ("apart", T0),
        ("live.enforcement", T0),
    ]


def test_a_bucket_of_long_texts_is_cut_by_bytes() -> None:
    """Four hundred series whose labels are as long as the contract allows, four bytes a character:
    each its own record's share.
    """
    fields = ["policy_id", "rule_id", "shop_id", "subject_id", "restriction"]
    asked = monitor(group_by=fields)
    target = aggregator(asked)
    long = {name: "\N{FIRE}" * (250 if name.endswith(("shop_id", "subject_id")) else 195) for name in fields}
    events = [
        action(f"e{number}", T0, **{name: f"{text}{number:04}" for name, text in long.items()}) for number in range(400)
    ]
    messages = [*said(target, events), *target.advance(T0 + MINUTE_MS)]
    cuts = partials(messages)
    assert max(len(orjson.dumps(to_dict(cut))) for cut in cuts) < 600_000
    assert [cut.chunk for cut in cuts] == list(range(len(cuts)))
    assert sum(row[1] for cut in cuts for row in cut.rows) == 400
