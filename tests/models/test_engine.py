"""The detect stage: what it says depends on the partials and seals alone, not on how they arrived."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.times import DAY_MS, HOUR_MS
from models.aggregate.aggregator import Aggregator
from models.aggregate.partial import Message, Seal
from models.decide.engine import Engine, Findings
from models.decide.judged import SKIPPED
from models.decide.monitor_judge import FORGET_DAYS
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from tests.core_fixtures import T0, TOPIC, action, beat, found, monitor, say, silent

PARTITIONS = 3
HOURS = 200
MONITORS = (
    monitor(
        name="hourly",
        bucket="1h",
        min_volume=20,
        cooldown="2h",
        rearm_buckets=2,
        regime_after=6,
        series=1,
        budget_per_day=100,
    ),
    monitor(name="slow", bucket="4h", min_volume=20, group_by=["action_type"], series=1, budget_per_day=100),
    monitor(
        name="shops",
        bucket="1h",
        measure="distinct(shop_id)",
        min_volume=5,
        rearm_buckets=2,
        series=1,
        budget_per_day=100,
    ),
    monitor(
        name="weights",
        bucket="2h",
        event="enforcement.action",
        measure="ratio(weight, weight)",
        detector="traffic",
        min_volume=3,
    ),
    silent(name="quiet", bucket="1h", gap_after=3),
    monitor(name="apart", bucket="1h", group="apart", min_volume=20),
)
PLAN = Plan(MONITORS)


def stream(seed: int) -> list[list[Message]]:
    """What three source partitions say of 200 hours with spikes, a new market, a gap and an end;
    in order by partition.
    """
    rng = random.Random(seed)
    aggregators = [Aggregator(PLAN, TOPIC, partition, PARTITIONS, 600_000) for partition in range(PARTITIONS)]
    said: list[list[Message]] = [[] for _ in aggregators]
    gap = rng.randrange(90, 110)
    spikes = {rng.randrange(40, HOURS) for _ in range(6)}
    number = 0
    for hour in range(HOURS):
        if gap <= hour < gap + 6:
            continue
        for market in ("DE", "FR", "ES") if hour < 120 else ("DE", "FR", "ES", "IT"):
            for _ in range(rng.randrange(3)):
                number += 1
                time_ms = T0 + hour * HOUR_MS + rng.randrange(HOUR_MS)
                burst = hour in spikes and market in ("DE", "IT")
                event = action(
                    f"e{number}",
                    time_ms,
                    market,
                    weight=rng.randrange(400, 900) if burst else rng.randrange(1, 9),
                    shop_id=f"s{rng.randrange(40)}",
                    action_type="WARNING",
                )
                place = rng.randrange(PARTITIONS)
                said[place] += aggregators[place].add(event)[1]
        if hour % 3 == 0 and hour + 1 != gap:
            for place, aggregator in enumerate(aggregators):
                until = T0 + (hour + 1) * HOUR_MS
                said[place] += aggregator.add(beat(until - HOUR_MS, until, partition=place))[1]
    for place, aggregator in enumerate(aggregators):
        end = T0 + HOURS * HOUR_MS
        said[place] += aggregator.add(beat(end, end, "ENDED", partition=place))[1]
        said[place] += aggregator.advance(end + DAY_MS)  # whoever watches the clock goes on sealing
    return said


def merged(parts: list[list[Message]], rng: random.Random) -> list[Message]:
    """One arrival order: each partition's own order kept, now one partition far ahead and now another."""
    left = [list(reversed(part)) for part in parts]
    order: list[Message] = []
    while any(left):
        place = rng.choice([index for index, part in enumerate(left) if part])
        order += [left[place].pop() for _ in range(min(len(left[place]), rng.choice([1, 1, 3, 200])))]
    return order


def only(messages: list[Message], group: str) -> list[Message]:
    return [message for message in messages if message.group == group]


STREAM = [only(part, TOPIC) for part in stream(1)]
WHOLE = found(Engine(PLAN, TOPIC), merged(STREAM, random.Random(0)))


def comparable(findings: Findings) -> Any:
    return orjson.loads(
        orjson.dumps(
            {
                "judged": [judged._asdict() for judged in findings.judged],
                "alerts": [alert.to_json("r") for alert in findings.alerts],
                "cases": findings.cases,
            }
        )
    )


def firsts(findings: Findings) -> list[Alert]:
    """The alerts as they went out first, without their explanations."""
    return [alert for alert in findings.alerts if alert.version == 1]


def test_the_stream_of_these_tests_has_all_that_can_happen() -> None:
    kinds = {(alert.kind, alert.status) for alert in WHOLE.alerts}
    assert {("ENFORCEMENT_SPIKE", "firing"), ("ENFORCEMENT_SPIKE", "resolved"), ("REPORTING_GAP", "resolved")} <= kinds
    assert {alert.monitor for alert in WHOLE.alerts} >= {"hourly", "slow", "quiet"}
    assert {judged.monitor for judged in WHOLE.judged} == {"hourly", "slow", "shops", "weights"}
    assert {judged.state for judged in WHOLE.judged} >= {"insufficient", "normal", "firing"}
    assert any(alert.suppressed_by for alert in WHOLE.alerts)
    assert any(len(case["alert_ids"]) > 1 for case in WHOLE.cases)
    assert len({case["case_id"] for case in WHOLE.cases}) > 2


@settings(max_examples=7, deadline=None)
@given(st.integers(0, 2**32))
def test_order_between_partitions_changes_nothing(seed: int) -> None:
    again = found(Engine(PLAN, TOPIC), merged(STREAM, random.Random(seed)))
    assert comparable(again) == comparable(WHOLE)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
def test_order_between_partitions_changes_nothing_in_any_stream(seed: int) -> None:
    parts = [only(part, TOPIC) for part in stream(seed)]
    one_by_one = found(Engine(PLAN, TOPIC), [message for part in parts for message in part])
    other = found(Engine(PLAN, TOPIC), merged(parts, random.Random(seed)))
    assert comparable(other) == comparable(one_by_one)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_repeated_messages_change_nothing(seed: int) -> None:
    """As after a crash: a source partition says a run of its messages once more, then goes on."""
    rng = random.Random(seed)
    parts = []
    for part in STREAM:
        cut = sorted(rng.sample(range(len(part)), 3))
        parts.append(
            [m for back, upto in zip([0, *cut], [*cut, len(part)], strict=True) for m in part[max(0, back - 40) : upto]]
        )
    engine = Engine(PLAN, TOPIC)
    assert comparable(found(engine, merged(parts, rng))) == comparable(WHOLE)
    assert engine.repeated > 0
    assert engine.open_buckets == 0


@settings(max_examples=7, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_snapshot_and_restore_at_any_point_equals_uninterrupted(seed: int, snapshots: int) -> None:
    """A full snapshot, then dirty ones; what was saved last is what a new owner goes on from."""
    rng = random.Random(seed)
    order = merged(STREAM, rng)
    cuts = sorted(rng.sample(range(len(order)), snapshots))
    engine = Engine(PLAN, TOPIC)
    header: dict[str, Any] = {}
    entries: dict[str, str] = {}
    for index, (begin, end) in enumerate(zip([0, *cuts], cuts, strict=False)):
        found(engine, order[begin:end])
        header, changed = engine.snapshot(full=index == 0)
        entries |= changed
    resumed = Engine(PLAN, TOPIC)
    resumed.restore(orjson.loads(orjson.dumps(header)), entries)
    assert comparable(found(resumed, order[cuts[-1] :])) == comparable(found(engine, order[cuts[-1] :]))
    left, right = engine.snapshot(full=True), resumed.snapshot(full=True)
    assert orjson.loads(orjson.dumps(left[0])) == orjson.loads(orjson.dumps(right[0]))
    assert left[1] == right[1]
    assert len(left[1]) > 5


def series_in(entries: dict[str, str]) -> dict[str, str]:
    """The entries of series; those of their parents, whose keys are shorter, left out."""
    return {entry: blob for entry, blob in entries.items() if len(orjson.loads(entry)) == 2}


def test_dirty_snapshot_holds_what_was_judged_since_the_last() -> None:
    asked = monitor()
    engine = Engine(Plan([asked]), TOPIC)
    found(engine, say(asked, 0, {"DE": 1, "FR": 1}))
    assert len(series_in(engine.snapshot(full=False)[1])) == 2
    assert engine.snapshot(full=False)[1] == {}
    found(engine, say(asked, 1, {"DE": 1}))
    assert len(series_in(engine.snapshot(full=False)[1])) == 2  # a known series without an event is a zero, and learned


def test_ratio_that_is_too_thin_to_judge_is_still_remembered() -> None:
    asked = monitor(event="traffic.quality", measure="ratio(stalled, samples)", detector="traffic", min_volume=100)
    engine = Engine(Plan([asked]), asked.topic)
    findings = found(engine, say(asked, 0, {"DE": 1}))
    assert findings.judged == []
    assert list(series_in(engine.snapshot(full=False)[1])) == ['["measures", "DE"]']


def test_groups_do_not_touch_each_other() -> None:
    order = merged(stream(1), random.Random(5))
    together: dict[str, Findings] = {}
    engines = {group: Engine(PLAN, group) for group in PLAN.groups}
    for message in order:
        engines[message.group].apply(message, together.setdefault(message.group, Findings()))
    assert set(together) == {TOPIC, "apart"}
    for group, findings in together.items():
        alone = Plan([asked for asked in MONITORS if asked.group_name == group])
        assert comparable(found(Engine(alone, group), only(order, group))) == comparable(findings)


def test_bucket_waits_for_every_partition() -> None:
    asked = monitor()
    engine = Engine(Plan([asked]), TOPIC)
    assert not found(engine, say(asked, 0, {"DE": 2}, 0, 2)).judged
    assert engine.open_buckets == 1
    assert engine.watermark_ms is None
    (judged,) = found(engine, say(asked, 0, {"DE": 3}, 1, 2)).judged
    assert (judged.observed, judged.state) == (5.0, "insufficient")
    assert engine.open_buckets == 0


def test_partials_of_another_configuration_or_monitor_are_dropped() -> None:
    asked, changed = monitor(), monitor(where={"action_type": ["WARNING"]})
    engine = Engine(Plan([asked]), TOPIC)
    (judged,) = found(engine, say(changed, 0, {"DE": 2})).judged
    assert (judged.state, judged.observed) == (SKIPPED, None)
    assert not found(engine, say(monitor(name="gone"), 1, {"DE": 2})).judged


DAILY = monitor(name="daily", bucket="1d", precision="day", min_volume=10, series=1)
GAPS = silent(name="gaps", bucket="1d", precision="day", gap_after=2)


def days(*asked: Monitor) -> tuple[Engine, Plan]:
    plan = Plan(asked)
    return Engine(plan, asked[0].group_name), plan


def sealed(day: int, *, ended: bool = False) -> Seal:
    return Seal(GAPS.group_name, GAPS.topic, 0, 1, T0 + day * DAY_MS, ended)


def test_gap_is_told_once_with_its_start_and_resolved_with_its_end() -> None:
    engine, _ = days(GAPS)
    assert not found(engine, say(GAPS, 0, {})).alerts
    assert not found(engine, [sealed(2)]).alerts
    gap, explained = found(engine, [sealed(3)]).alerts
    assert explained == replace(gap, version=2, explanation=explained.explanation)
    assert (gap.kind, gap.direction, gap.status) == ("REPORTING_GAP", "MISSING", "firing")
    assert (gap.window_start_ms, gap.window_end_ms) == (T0 + DAY_MS, T0 + 3 * DAY_MS)
    assert (gap.observed, gap.expected, gap.score, gap.series) == (None, None, None, {})
    assert not found(engine, [sealed(4), sealed(5)]).alerts
    (over,) = found(engine, say(GAPS, 5, {})).alerts
    assert (over.alert_id, over.version, over.status, over.ends_at_ms) == (gap.alert_id, 3, "resolved", T0 + 5 * DAY_MS)
    assert over.case_id == gap.case_id is not None


def test_gap_that_is_only_seen_when_it_is_over_is_told_the_same() -> None:
    step_by_step, at_once = days(GAPS)[0], days(GAPS)[0]
    slow = [message for day in range(8) for message in (say(GAPS, day, {}) if day in (0, 5, 6) else [sealed(day + 1)])]
    fast = [message for message in slow if not isinstance(message, Seal)] + [sealed(8)]
    assert comparable(found(step_by_step, slow)) == comparable(found(at_once, fast))


def test_traffic_that_stops_is_a_silent_source() -> None:
    asked = monitor(name="still", event="traffic.sample", detector="silence", group_by=[], gap_after=1)
    engine = Engine(Plan([asked]), asked.topic)
    found(engine, say(asked, 0, {}))
    late = Seal(asked.group_name, asked.topic, 0, 1, T0 + 5 * asked.bucket)
    assert [(alert.kind, alert.version) for alert in found(engine, [late]).alerts] == [
        ("SOURCE_SILENT", 1),
        ("SOURCE_SILENT", 2),
    ]


def test_gap_behind_the_very_first_bucket_is_told_at_once() -> None:
    engine, _ = days(GAPS)
    assert len(firsts(found(engine, [*say(GAPS, 0, {})[:1], sealed(3)]))) == 1


def test_case_that_is_over_takes_no_more_whether_the_engine_went_step_by_step_or_not() -> None:
    """The candidate of a fine monitor is over before the bucket of a coarse one ends, however late both are judged."""
    coarse = monitor(name="coarse", bucket="1d", series=1, min_volume=10)
    fine = monitor(name="fine", bucket="1h", series=1, min_volume=10, rearm_buckets=1)
    plan = Plan([coarse, fine])
    summary: list[Message] = []
    for hour in range(24 * 31):
        summary += say(fine, hour, {"DE": 900 if hour == 24 * 30 + 3 else 3})
        if hour % 24 == 23:
            summary[-1:-1] = say(coarse, hour // 24, {"DE": 5000 if hour > 24 * 30 else 70})[:1]
    at_once = [message for message in summary if not isinstance(message, Seal)] + summary[-1:]
    notified = [found(Engine(plan, TOPIC), messages) for messages in (summary, at_once)]
    assert comparable(notified[0]) == comparable(notified[1])
    assert len({case["case_id"] for case in notified[0].cases}) == 2


def test_source_that_ended_is_no_gap_until_it_speaks_again() -> None:
    engine, _ = days(GAPS)
    found(engine, say(GAPS, 0, {}))
    assert not found(engine, [sealed(1, ended=True), sealed(9, ended=True)]).alerts
    assert found(engine, [sealed(10)]).alerts


def test_silence_before_the_end_is_a_gap_however_it_arrives() -> None:
    for order in ([sealed(5), sealed(6, ended=True)], [sealed(6, ended=True)]):
        engine, _ = days(GAPS)
        found(engine, say(GAPS, 0, {}))
        (gap,) = firsts(found(engine, order))
        assert gap.window_start_ms == T0 + DAY_MS


def test_no_gap_before_the_first_bucket() -> None:
    engine, _ = days(GAPS)
    assert not found(engine, [sealed(100)]).alerts


def test_alive_without_an_event_is_a_zero_and_nothing_at_all_is_no_bucket() -> None:
    engine, _ = days(DAILY)
    for day in range(30):
        found(engine, say(DAILY, day, {"DE": 50}))
    (zero,) = found(engine, say(DAILY, 30, {})).judged
    assert zero.observed == 0.0
    assert zero.expected > 10
    assert not found(engine, [sealed(32), sealed(40)]).judged


def test_drop_to_zero_is_told_and_a_gap_is_not_a_drop() -> None:
    notified = {}
    for name, lines in (("zeros", {}), ("gap", None)):
        engine, _ = days(DAILY, GAPS)
        found(engine, [message for day in range(60) for message in both(day, {"DE": 5000 + day % 3})])
        silence = [m for day in range(60, 66) for m in (both(day, lines) if lines is not None else [sealed(day + 1)])]
        notified[name] = [alert.kind for alert in firsts(found(engine, silence))]
    assert notified == {"zeros": ["ENFORCEMENT_DROP"], "gap": ["REPORTING_GAP"]}


def both(day: int, rows: dict[str, int]) -> list[Message]:
    """One bucket for the counts and for the silence beside them."""
    partial, seal = say(DAILY, day, rows)
    return [partial, say(GAPS, day, {})[0], seal]


def test_catch_up_after_a_gap_is_stored_not_told_for_new_series_too() -> None:
    engine, _ = days(DAILY, GAPS)
    found(engine, [message for day in range(60) for message in both(day, {"DE": 20 + day % 3})])
    found(engine, [sealed(65)])
    piled_up = found(engine, both(65, {"DE": 900, "FR": 900})).alerts
    spikes = [alert for alert in piled_up if alert.kind == "ENFORCEMENT_SPIKE"]
    assert {alert.series["market"]: alert.suppressed_by for alert in spikes} == {
        "DE": "catch-up after a gap",
        "FR": "catch-up after a gap",
    }


def test_new_series_inherits_the_quiet_past_of_its_monitor() -> None:
    engine, _ = days(DAILY)
    found(engine, [message for day in range(40) for message in say(DAILY, day, {"DE": 20})])
    judged = {each.series["market"]: each for each in found(engine, say(DAILY, 40, {"DE": 20, "FR": 500})).judged}
    assert judged["FR"].state == "firing"
    young, _ = days(DAILY)
    found(young, say(DAILY, 0, {"DE": 20}))
    judged = {each.series["market"]: each for each in found(young, say(DAILY, 1, {"DE": 20, "FR": 500})).judged}
    assert judged["FR"].state == "insufficient"


def test_series_without_events_is_forgotten_and_may_come_back() -> None:
    asked = monitor(name="hourly", bucket="1h", min_volume=10)
    engine = Engine(Plan([asked]), TOPIC)
    found(engine, say(asked, 0, {"DE": 1, "FR": 1}))
    engine.snapshot(full=True)
    horizon = FORGET_DAYS * 24
    for hour in range(1, horizon + 1):
        found(engine, say(asked, hour, {"FR": 1}))
    assert len(series_in(engine.snapshot(full=True)[1])) == 2
    found(engine, say(asked, horizon + 1, {"FR": 1}))
    changed = engine.snapshot(full=False)[1]
    assert {key: blob == "null" for key, blob in series_in(changed).items()} == {
        '["hourly", "DE"]': True,
        '["hourly", "FR"]': False,
    }
    header, _ = engine.snapshot(full=True)
    resumed = Engine(Plan([asked]), TOPIC)
    resumed.restore(orjson.loads(orjson.dumps(header)), changed)
    assert list(series_in(resumed.snapshot(full=True)[1])) == ['["hourly", "FR"]']
    assert found(engine, say(asked, horizon + 2, {"DE": 500})).judged[0].state == "firing"


def test_series_is_forgotten_after_its_episode() -> None:
    engine, _ = days(DAILY)
    found(engine, [message for day in range(60) for message in say(DAILY, day, {"DE": 5000})])
    dropped = firsts(found(engine, say(DAILY, 60, {})))
    assert [alert.kind for alert in dropped] == ["ENFORCEMENT_DROP"]
    notified = found(engine, [message for day in range(61, 200) for message in say(DAILY, day, {})]).alerts
    assert [(alert.kind, alert.status, alert.version) for alert in notified] == [
        ("REGIME_CHANGE", "resolved", 1),
        ("ENFORCEMENT_DROP", "resolved", 3),
        ("REGIME_CHANGE", "resolved", 2),
    ]
    assert engine.snapshot(full=True)[1] == {}


def test_series_is_kept_while_its_episode_is_open() -> None:
    patient = monitor(
        name="daily", bucket="1d", precision="day", min_volume=10, series=1, regime_after=1000, rearm_buckets=1000
    )
    engine, _ = days(patient)
    found(engine, [message for day in range(60) for message in say(patient, day, {"DE": 5000, "FR": 1})])
    found(engine, [message for day in range(60, 160) for message in say(patient, day, {})])
    assert list(series_in(engine.snapshot(full=True)[1])) == ['["daily", "DE"]']


@pytest.mark.parametrize("change", [{"where": {"action_type": ["WARNING"]}}, {"name": "renamed"}])
def test_changed_monitor_begins_anew_and_the_others_go_on(change: dict[str, Any]) -> None:
    other = monitor(name="other")
    old = Engine(Plan([monitor(), other]), TOPIC)
    for minute in range(5):
        found(old, [*say(monitor(), minute, {"DE": 1})[:1], *say(other, minute, {"FR": 1})])
    header, entries = old.snapshot(full=True)
    new = Engine(Plan([monitor(**change), other]), TOPIC)
    new.restore(orjson.loads(orjson.dumps(header)), entries)
    assert list(series_in(new.snapshot(full=True)[1])) == ['["other", "FR"]']
    assert new.watermark_ms == old.watermark_ms
