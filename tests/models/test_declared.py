"""After a declared change less evidence calls: of the series that it names, for two hours, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from livewarden.alert import Alert
from livewarden.times import HOUR_MS, MINUTE_MS
from models.aggregate.change import Change
from models.aggregate.partial import Partial
from models.decide.declared import MAY_COST, Declared
from models.decide.monitor_judge import MonitorJudge
from models.explain.anatomy import anatomy
from models.explain.ledger import Ledger
from models.monitors.monitor import Monitor
from tests.core_fixtures import T0, monitor

ASKED = monitor(group_by=["policy_id"], bucket="5m", min_volume=5, min_effect=1.5, budget_per_day=0.01)
QUIET = 400
"""Buckets before the change."""
SERIES = [{"policy_id": f"p{number}"} for number in range(20)]


def rollout(at_ms: int, target: str = "p7", phase: str = "STARTED") -> Change:
    return Change(at_ms, "rollout", "POLICY_ROLLOUT", phase, target)


def ledger(*changes: Change) -> Ledger:
    kept = Ledger()
    for change in changes:
        kept.add(change)
    return kept


def threshold(
    asked: Monitor, kept: Ledger, series: Sequence[Mapping[str, str]], labels: Mapping[str, str], at_ms: int
) -> float:
    return Declared(asked, kept, series, at_ms).threshold(labels)


def notified(kept: Ledger) -> list[Alert]:
    """What is notified of two policies of which the first rises a little."""
    watch = MonitorJudge(ASKED, ledger=kept)
    rng = np.random.default_rng(3)
    alerts: list[Alert] = []
    for bucket in range(QUIET + 3):
        counts = rng.poisson(10, 2) if bucket < QUIET else np.array([23, 10])
        rows = tuple(((key,), int(value), 0, "") for key, value in zip(("p7", "p8"), counts, strict=True))
        start = T0 + bucket * ASKED.bucket
        place = (ASKED.group_name, ASKED.topic, 0, ASKED.name, ASKED.sums_hash)
        watch.take(Partial(*place, start, 0, rows))
        alerts += watch.judge(start, [])
    return [alert for alert in alerts if alert.version == 1]


def test_a_rise_that_is_too_small_by_itself_calls_after_a_rollout() -> None:
    assert not notified(ledger())
    assert not notified(ledger(rollout(T0 + QUIET * ASKED.bucket, phase="ANNOUNCED")))
    assert not notified(ledger(rollout(T0 + QUIET * ASKED.bucket, target="p8")))
    (alert,) = notified(ledger(rollout(T0 + QUIET * ASKED.bucket)))
    assert alert.series == {"policy_id": "p7"}
    assert alert.score is not None
    assert alert.score < ASKED.threshold
    said = anatomy(alert, ASKED)
    assert said is not None
    assert "after a declared change that names the series" in said["words"]


def test_it_is_over_after_two_hours() -> None:
    kept = ledger(rollout(T0))
    found = [threshold(ASKED, kept, SERIES, SERIES[7], T0 + minutes * MINUTE_MS) for minutes in (-1, 0, 119, 120)]
    assert found[0] == found[3] == ASKED.threshold
    assert found[1] == found[2] < ASKED.threshold


def test_the_more_series_a_change_names_the_more_evidence_is_asked() -> None:
    wide = Change(T0, "rule", "RULE_CHANGE", "COMPLETED", "", markets=("DE",))
    asked = monitor(group_by=["market", "policy_id"], bucket="1m", budget_per_day=0.01)
    series = [{"market": "DE", **each} for each in SERIES]
    one = threshold(asked, ledger(rollout(T0)), series, series[7], T0)
    many = threshold(asked, ledger(wide), series, series[7], T0)
    assert many - one == pytest.approx(np.log10(len(series)))
    assert one == pytest.approx(np.log10(120 / MAY_COST))


def test_traffic_and_coarse_buckets_ask_for_what_they_always_do() -> None:
    kept = ledger(rollout(T0))
    coarse = monitor(group_by=["policy_id"], bucket="1d", precision="day")
    assert threshold(coarse, kept, SERIES, SERIES[7], T0) == coarse.threshold
    river = monitor(group_by=["policy_id"], bucket="1m", detector="river", model="anomaly.GaussianScorer")
    assert threshold(river, kept, SERIES, SERIES[7], T0 + HOUR_MS) == river.threshold
