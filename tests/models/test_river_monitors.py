"""Monitors that name River models, from a recording to their rows and to the health page."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from river.anomaly import GaussianScorer

from livewarden.settings import Settings
from models.aggregate.partial import Partial
from models.decide.judged import Judged
from models.decide.monitor_judge import MonitorJudge
from models.detect.river_bank import RiverBank
from models.monitors.file import parse_monitors
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from sinks.queries import health
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.core_fixtures import T0
from tests.live import delivered, evening, replayed

__all__ = ["clickhouse", "clickhouse_server"]

MONITORS = """
[[monitor]]
name = "scorer"
event = "enforcement.action"
group_by = ["market"]
detector = "river"
model = "anomaly.GaussianScorer"
parameters = { "anomaly.GaussianScorer" = { grace_period = 30 } }
budget_per_day = 1

[[monitor]]
name = "trees"
event = "enforcement.action"
detector = "river"
model = "anomaly.HalfSpaceTrees"
parameters = { "anomaly.HalfSpaceTrees" = { n_trees = 5, window_size = 40, limits = { value = [0, 200] } } }

[[monitor]]
name = "pipeline"
event = "enforcement.action"
detector = "river"
model = "preprocessing.StandardScaler | linear_model.LinearRegression"
features = ["value", "hour", "weekday"]
"""


@pytest.fixture(scope="module")
def monitors() -> tuple[Monitor, ...]:
    return tuple(parse_monitors(MONITORS))


def test_three_models_judge_the_evening_and_a_second_replay_says_the_same(monitors: tuple[Monitor, ...]) -> None:
    plan, settings = Plan(monitors), Settings()
    events = delivered(settings, evening())
    first, second = (replayed(plan, settings, events) for _ in range(2))
    states = Counter((row["monitor"], row["state"]) for row in first.judgements.values())
    assert {name for name, _ in states} == {"scorer", "trees", "pipeline"}
    assert {name for name, state in states if state in ("normal", "anomalous", "firing")} >= {"scorer", "pipeline"}
    assert not [state for _, state in states if state.startswith("failed")]
    assert first == second


def buckets(count: int, seed: int = 4) -> Iterator[tuple[int, int]]:
    rng = random.Random(seed)
    for number in range(count):
        yield T0 + number * 60_000, 900 if number == count - 5 else 50 + rng.randrange(30)


def judged(watch: MonitorJudge, given: list[tuple[int, int]]) -> list[Judged]:
    found: list[Judged] = []
    asked = watch.monitor
    for start, value in given:
        key = ("DE",) * len(asked.group_by)
        watch.take(
            Partial(asked.group_name, asked.topic, 0, asked.name, asked.sums_hash, start, 0, ((key, value, 0, ""),))
        )
        watch.judge(start, found)
    return found


@pytest.mark.parametrize("name", ["scorer", "trees", "pipeline"])
def test_a_restored_monitor_goes_on_as_if_never_interrupted(name: str, monitors: tuple[Monitor, ...]) -> None:
    asked = next(each for each in monitors if each.name == name)
    given = [*buckets(400)]
    whole, before, after = (MonitorJudge(asked) for _ in range(3))
    expected = judged(whole, given)
    found = judged(before, given[:250])
    after.restore(before.snapshot())
    after.restore_entries(list(before.entries(full=True)))
    assert found + judged(after, given[250:]) == expected
    assert {each.state for each in expected} >= {"insufficient", "normal"}


class Breaks(GaussianScorer):  # type: ignore[misc]
    def score_one(self, x: Any, y: Any) -> float:
        if y > 70:
            raise OverflowError("too much")
        return float(super().score_one(x, y))


def test_a_model_that_fails_is_said_in_every_row_that_follows(monitors: tuple[Monitor, ...]) -> None:
    watch = MonitorJudge(monitors[0])
    watch.bank._make = Breaks  # type: ignore[attr-defined]
    assert isinstance(watch.bank, RiverBank)
    found = judged(watch, [*buckets(60)])
    states = [each.state for each in found]
    first = states.index("failed: OverflowError: too much")
    assert set(states[:first]) == {"insufficient"}
    assert set(states[first:]) == {"failed: OverflowError: too much"}


@pytest.mark.clickhouse
async def test_health_names_the_monitor_the_reason_and_how_many_series(clickhouse: Address) -> None:
    row = {"run": "live", "monitor": "tried", "config_hash": "c", "observed": 1.0, "expected": 1.0, "score": 0.0}
    times = {"window_start": T0, "window_end": T0 + 60_000}
    rows = [row | times | {"series": {"market": market}, "state": "failed: it answered nan"} for market in ("DE", "FR")]
    rows += [row | times | {"series": {"market": "ES"}, "state": "normal"}]
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await store.write("judgements", rows)
    await store.close()
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        found = await health.failed_models(reader, T0)
    assert [dict(each) for each in found] == [{"monitor": "tried", "why": "it answered nan", "series": 2, "since": T0}]
