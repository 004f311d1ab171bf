"""A rolling change of the monitors: what goes on, what begins anew, and that no bucket is skipped unsaid."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
import pytest

from livewarden.times import MINUTE_MS
from models.aggregate.partial import Partial, Seal
from models.decide.engine import Engine, Findings
from models.decide.judged import SKIPPED, Judged
from models.monitors.change import differences, what_begins_anew
from models.monitors.monitor import SHAPES_MODEL, SHAPES_SUMS, Monitor
from models.monitors.plan import Plan
from streams.stages import Detect, Ingest
from tests.core_fixtures import T0, TOPIC, action, monitor
from tests.streams.test_stages import wire

NEW = monitor(where={"market": ["DE", "FR"]})
OLD = monitor()
LEARNED = 1_500
FREE = {
    *("name", "title", "direction", "budget_per_day", "series", "min_volume", "min_effect", "min_subjects"),
    *("rearm_buckets", "cooldown", "regime_after", "gap_after", "severity", "owner", "playbook", "explain_by"),
    *("shadow", "never_learn"),
}
"""Keys that may change at any time; min_volume of a ratio is among what shapes the model."""


def minute(engine: Engine, number: int, hashes: tuple[str, str], findings: Findings) -> None:
    start = T0 + number * MINUTE_MS
    for partition, config in enumerate(hashes):
        rows = ((("DE",), 50, 0, ""),)
        engine.apply(Partial(TOPIC, TOPIC, partition, "measures", config, start, 0, rows), findings)
        engine.apply(Seal(TOPIC, TOPIC, partition, 2, start + MINUTE_MS), findings)


def states(judged: list[Judged]) -> dict[int, str]:
    """State by the bucket's number."""
    assert len({each.window_start_ms for each in judged}) == len(judged)
    return {(each.window_start_ms - T0) // MINUTE_MS: each.state for each in judged}


def restarted(engine: Engine, *monitors: Monitor) -> Engine:
    header, entries = engine.snapshot(full=True)
    again = Engine(Plan(monitors), TOPIC)
    again.restore(orjson.loads(orjson.dumps(header)), entries)
    return again


@cache
def _learned() -> tuple[dict[str, Any], dict[str, str]]:
    engine = Engine(Plan([OLD]), TOPIC)
    for number in range(LEARNED):
        minute(engine, number, (OLD.sums_hash, OLD.sums_hash), Findings())
    return engine.snapshot(full=True)


def learned() -> Engine:
    """An engine whose one monitor judges, after a day of minutes."""
    engine = Engine(Plan([OLD]), TOPIC)
    engine.restore(*_learned())
    return engine


def test_every_key_of_a_monitor_shapes_its_sums_or_its_model_or_may_change_freely() -> None:
    keys = Monitor.model_fields.keys()
    assert keys == SHAPES_SUMS | SHAPES_MODEL | FREE
    assert len(SHAPES_SUMS) + len(SHAPES_MODEL) + len(FREE) == len(keys)


def test_a_bucket_that_two_configurations_counted_is_skipped_and_that_is_said() -> None:
    engine, findings = Engine(Plan([NEW]), TOPIC), Findings()
    both, mixed = (NEW.sums_hash, NEW.sums_hash), (NEW.sums_hash, OLD.sums_hash)
    for number in range(80):
        minute(engine, number, both, findings)
    for number in range(80, 90):
        minute(engine, number, mixed, findings)
    for number in range(90, 100):
        minute(engine, number, both, findings)
    found = states(findings.judged)
    assert found.keys() == set(range(100))
    assert {number for number, state in found.items() if state == SKIPPED} == set(range(80, 90))
    assert {judged.observed for judged in findings.judged} == {100.0, None}
    assert findings.alerts == []


def test_a_bucket_that_only_the_other_configuration_counted_is_said_to_be_skipped() -> None:
    engine, findings = Engine(Plan([NEW]), TOPIC), Findings()
    minute(engine, 0, (OLD.sums_hash, OLD.sums_hash), findings)
    assert states(findings.judged) == {0: SKIPPED}
    assert findings.judged[0].series == {}


def test_what_two_configurations_counted_survives_a_restart() -> None:
    engine, findings = Engine(Plan([NEW]), TOPIC), Findings()
    engine.apply(Partial(TOPIC, TOPIC, 0, "measures", OLD.sums_hash, T0, 0, ()), findings)
    again = restarted(engine, NEW)
    minute(again, 0, (NEW.sums_hash, NEW.sums_hash), findings)
    assert states(findings.judged) == {0: SKIPPED}


@pytest.mark.parametrize(
    "changed", [{"budget_per_day": 0.5}, {"severity": "critical"}, {"owner": "o"}, {"title": "t"}, {"min_effect": 2.0}]
)
def test_a_changed_budget_severity_owner_or_text_keeps_sums_and_model(changed: dict[str, Any]) -> None:
    asked = monitor(**changed)
    before = learned()
    open_bucket = Partial(
        TOPIC, TOPIC, 0, "measures", OLD.sums_hash, T0 + LEARNED * MINUTE_MS, 0, ((("DE",), 50, 0, ""),)
    )
    before.apply(open_bucket, Findings())
    engine, findings = restarted(before, asked, monitor(name="added")), Findings()
    start = T0 + LEARNED * MINUTE_MS
    rows = ((("DE",), 50, 0, ""),)  # a worker with the old file counted it
    engine.apply(Partial(TOPIC, TOPIC, 1, "measures", OLD.sums_hash, start, 0, rows), findings)
    for partition in (0, 1):
        engine.apply(Seal(TOPIC, TOPIC, partition, 2, start + MINUTE_MS), findings)
    (judged,) = findings.judged
    assert (judged.state, judged.observed) == ("normal", 100.0)
    assert judged.config_hash == asked.config_hash


def test_a_changed_model_learns_anew_of_the_sums_that_are_there() -> None:
    asked = monitor(season="none")
    before = learned()
    rows = ((("DE",), 50, 0, ""),)
    before.apply(Partial(TOPIC, TOPIC, 0, "measures", OLD.sums_hash, T0 + LEARNED * MINUTE_MS, 0, rows), Findings())
    engine, findings = restarted(before, asked), Findings()
    start = T0 + LEARNED * MINUTE_MS
    engine.apply(Partial(TOPIC, TOPIC, 1, "measures", OLD.sums_hash, start, 0, rows), findings)
    for partition in (0, 1):
        engine.apply(Seal(TOPIC, TOPIC, partition, 2, start + MINUTE_MS), findings)
    (judged,) = findings.judged
    assert (judged.state, judged.observed) == ("insufficient", 100.0)


def test_buckets_that_wait_when_a_monitor_comes_to_sum_something_else_are_said_to_be_skipped() -> None:
    before = learned()
    rows = ((("DE",), 50, 0, ""),)
    before.apply(Partial(TOPIC, TOPIC, 0, "measures", OLD.sums_hash, T0 + LEARNED * MINUTE_MS, 0, rows), Findings())
    engine, findings = restarted(before, NEW), Findings()
    for partition in (0, 1):
        engine.apply(Seal(TOPIC, TOPIC, partition, 2, T0 + (LEARNED + 1) * MINUTE_MS), findings)
    minute(engine, LEARNED + 1, (NEW.sums_hash, NEW.sums_hash), findings)
    assert states(findings.judged) == {LEARNED: SKIPPED, LEARNED + 1: "insufficient"}


def told_of(old: list[Monitor], new: list[Monitor], name: str) -> dict[int, tuple[str, float | None]]:
    """State and observed of a monitor's buckets: five events a minute for ten minutes, a new file in the sixth."""
    first, second = Ingest(Plan(old), TOPIC, 0, 1, 0), Ingest(Plan(new), TOPIC, 0, 1, 0)
    detect = Detect(Plan(new), "livewarden.partials", 0)
    records = [wire(n, action(f"e{n}", T0 + n * 12_000, "DE")) for n in range(55)]
    first.process(records[:27])
    second.restore(first.checkpoint())
    second.process(records[27:])
    detect.apply([m for stage in (first, second) for m in stage.output.messages])  # type: ignore[misc]
    rows = [row for row in detect.output.rows["judgements"] if row["monitor"] == name]
    return {(row["window_start"] - T0) // MINUTE_MS: (row["state"], row["observed"]) for row in rows}


def test_the_bucket_under_way_goes_on_where_the_sums_are_the_same() -> None:
    found = told_of([OLD], [monitor(budget_per_day=0.5), monitor(name="added")], "measures")
    assert found == dict.fromkeys(range(10), ("insufficient", 5.0))


def test_the_bucket_under_way_is_skipped_where_a_monitor_is_new_or_sums_something_else() -> None:
    added = told_of([OLD], [OLD, monitor(name="added")], "added")
    assert added == {5: (SKIPPED, None)} | dict.fromkeys(range(6, 10), ("insufficient", 5.0))
    changed = told_of([OLD], [NEW], "measures")
    assert changed == dict.fromkeys(range(6), (SKIPPED, None)) | dict.fromkeys(range(6, 10), ("insufficient", 5.0))


def test_a_bucket_in_part_stays_one_across_another_restart() -> None:
    old, new = Plan([OLD]), Plan([NEW])
    stages = [Ingest(plan, TOPIC, 0, 1, 0) for plan in (old, new, new)]
    records = [wire(n, action(f"e{n}", T0 + n * 12_000, "DE")) for n in range(12)]
    stages[0].process(records[:2])
    for before, after, some in zip(stages[:2], stages[1:], (records[2:3], records[3:]), strict=True):
        after.restore(before.checkpoint())
        after.process(some)
    said = [m for m in stages[2].output.messages if isinstance(m, Partial)]
    assert [(m.start_ms, m.sums_hash) for m in said] == [(T0, "in-part"), (T0 + MINUTE_MS, NEW.sums_hash)]


def test_what_begins_anew_is_said_with_its_reason() -> None:
    state = learned().snapshot(full=True)[0]["watches"]["measures"]
    assert what_begins_anew(monitor(budget_per_day=0.5), state) is None
    assert what_begins_anew(monitor(season="none"), state) == "model"
    assert what_begins_anew(NEW, state) == "sums"
    assert what_begins_anew(NEW, None) == "new"
    assert differences(monitor(season="none"), state) == ['season: "day", now "none"']
    assert differences(NEW, state) == ['where: none, now {"market": ["DE", "FR"]}']
    assert what_begins_anew(OLD, {"config": OLD.config_hash, "shape": [{}, {}]}) is None  # saved by an older version
    assert differences(NEW, {"config": "?"}) == ["it was saved by a version that does not say what it was"]
