"""A rolling change of the monitors: for a while, workers with the old and the new file share a topic."""

from __future__ import annotations

from livewarden.times import MINUTE_MS
from models.aggregate.partial import Partial, Seal
from models.decide.engine import Engine, Findings
from models.monitors.plan import Plan
from tests.core_fixtures import T0, TOPIC, monitor

NEW = monitor(min_volume=11)
OLD = monitor(min_volume=10)


def minute(engine: Engine, number: int, hashes: tuple[str, str], findings: Findings) -> None:
    start = T0 + number * MINUTE_MS
    for partition, config in enumerate(hashes):
        rows = ((("DE",), 50, 0, ""),)
        engine.apply(Partial(TOPIC, TOPIC, partition, "measures", config, start, 0, rows), findings)
        engine.apply(Seal(TOPIC, TOPIC, partition, 2, start + MINUTE_MS), findings)


def test_a_bucket_that_two_configurations_counted_is_not_judged() -> None:
    engine, findings = Engine(Plan([NEW]), TOPIC), Findings()
    both, mixed = (NEW.config_hash, NEW.config_hash), (NEW.config_hash, OLD.config_hash)
    for number in range(800):
        minute(engine, number, both, findings)
    for number in range(800, 810):
        minute(engine, number, mixed, findings)
    for number in range(810, 820):
        minute(engine, number, both, findings)
    starts = {judged.window_start_ms for judged in findings.judged}
    assert starts == {T0 + number * MINUTE_MS for number in [*range(800), *range(810, 820)]}
    assert {judged.observed for judged in findings.judged} == {100.0}
    assert findings.alerts == []


def test_what_two_configurations_counted_survives_a_restart() -> None:
    engine, findings = Engine(Plan([NEW]), TOPIC), Findings()
    engine.apply(Partial(TOPIC, TOPIC, 0, "measures", OLD.config_hash, T0, 0, ()), findings)
    again = Engine(Plan([NEW]), TOPIC)
    again.restore(*engine.snapshot(full=True))
    minute(again, 0, (NEW.config_hash, NEW.config_hash), findings)
    assert findings.judged == []
