"""A source that sends next to nothing is as good as silent: a gap, no fall inside it, no storm after it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from livewarden.times import DAY_MS
from models.aggregate.partial import Message, Seal
from models.decide.engine import Engine, Findings
from models.decide.judged import TRICKLE
from models.detect.volume import Volume
from models.monitors.plan import Plan
from tests.core_fixtures import T0, found, monitor, say, silent

COUNTS = monitor(name="counts", bucket="1d", precision="day", min_volume=10, series=1)
SOURCE = silent(name="source", bucket="1d", precision="day", gap_after=2)
PLAN = Plan([COUNTS, SOURCE])
USUAL = {"DE": 5_000, "FR": 3_000, "IT": 900}
FEW = {"DE": 40, "FR": 3}


def both(day: int, rows: dict[str, int]) -> list[Message]:
    partial, seal = say(COUNTS, day, rows)
    return [partial, say(SOURCE, day, {})[0], seal]


def reported(days: Sequence[dict[str, int]]) -> list[Message]:
    return [message for day, rows in enumerate(days) for message in both(day, rows)]


TRICKLING = reported([*[USUAL] * 60, FEW, FEW, FEW, *[USUAL] * 6])
MORE_AFTERWARDS = reported([*[USUAL] * 60, FEW, FEW, FEW, *[{key: 3 * value for key, value in USUAL.items()}] * 20])
"""What is usual later must not change what the gap says, however much is judged at once."""


def comparable(findings: Findings) -> object:
    return findings.alerts, findings.cases, findings.judged


def test_a_trickle_is_a_gap_and_no_fall_and_what_follows_is_ordinary() -> None:
    findings = found(Engine(PLAN, COUNTS.group_name), TRICKLING)
    assert {alert.kind for alert in findings.alerts} == {"REPORTING_GAP"}
    gap, over = findings.alerts[0], findings.alerts[-1]
    assert (gap.window_start_ms, gap.window_end_ms) == (T0 + 60 * DAY_MS, T0 + 62 * DAY_MS)
    assert (gap.observed, gap.expected) == (86, 2 * 8_900)
    assert (over.status, over.ends_at_ms) == ("resolved", T0 + 63 * DAY_MS)
    skipped = [each.window_start_ms for each in findings.judged if each.state == TRICKLE]
    assert skipped == [T0 + day * DAY_MS for day in (60, 61, 62)]
    last = {each.series["market"]: each.expected for each in findings.judged[-3:]}
    assert last == pytest.approx(USUAL, rel=0.05)


def test_it_says_the_same_at_once_and_out_of_a_saved_state() -> None:
    engine = Engine(PLAN, COUNTS.group_name)
    step_by_step = comparable(found(engine, MORE_AFTERWARDS))
    at_once = [message for message in MORE_AFTERWARDS if not isinstance(message, Seal)] + MORE_AFTERWARDS[-1:]
    assert comparable(found(Engine(PLAN, COUNTS.group_name), at_once)) == step_by_step
    for cut in (3 * 61, 3 * 62 + 1):
        first, second = Engine(PLAN, COUNTS.group_name), Engine(PLAN, COUNTS.group_name)
        before = found(first, MORE_AFTERWARDS[:cut])
        header, entries = first.snapshot(full=True)
        second.restore(json.loads(json.dumps(header)), entries)
        after = found(second, MORE_AFTERWARDS[cut:])
        whole = before.alerts + after.alerts, before.cases + after.cases, before.judged + after.judged
        assert whole == step_by_step


def test_one_series_that_falls_is_a_fall_while_the_source_sends() -> None:
    findings = found(Engine(PLAN, COUNTS.group_name), reported([*[USUAL] * 60, *[USUAL | {"DE": 20}] * 3]))
    assert [(alert.kind, alert.series) for alert in findings.alerts[:1]] == [("ENFORCEMENT_DROP", {"market": "DE"})]


def test_a_source_that_is_alive_and_sends_nothing_is_a_zero() -> None:
    findings = found(Engine(PLAN, COUNTS.group_name), reported([*[USUAL] * 60, {}, {}, {}]))
    assert {alert.kind for alert in findings.alerts} == {"ENFORCEMENT_DROP"}


def test_a_weekday_on_which_little_comes_is_learned() -> None:
    volume = Volume(DAY_MS)
    sundays = [day for day in range(70) if volume.trickle(day * DAY_MS, 10.0 if day % 7 == 6 else 9_000.0, 5)]
    assert sundays == [13]


def test_what_stays_little_becomes_the_usual() -> None:
    volume = Volume(DAY_MS)
    few = [volume.trickle(day * DAY_MS, 9_000.0 if day < 20 else 150.0, 5) for day in range(90)]
    assert few.index(True) == 20
    assert not any(few[60:])
    assert volume.usual == 150.0
