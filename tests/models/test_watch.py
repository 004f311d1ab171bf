"""One monitor at work: what it makes of complete buckets, and which series it remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from livewarden.alert import Alert
from livewarden.times import DAY_MS
from models.aggregate.partial import Partial
from models.decide.judged import Judged
from models.decide.monitor_judge import FORGET_DAYS, MonitorJudge
from models.detect.checks import ordinary
from models.monitors.monitor import Monitor
from tests.core_fixtures import T0, monitor

DAILY = monitor(name="daily", bucket="1d", precision="day", min_volume=10, series=1)


def tell(watch: MonitorJudge, bucket: int, rows: Mapping[tuple[str, ...], int]) -> tuple[list[Alert], list[Judged]]:
    """Judge one bucket, of the number since T0, that held these values."""
    asked = watch.monitor
    start = T0 + bucket * asked.bucket
    cut = tuple((key, value, 0, "") for key, value in sorted(rows.items()))
    watch.take(Partial(asked.group_name, asked.topic, 0, asked.name, asked.sums_hash, start, 0, cut))
    judged: list[Judged] = []
    return watch.judge(start, judged), judged


def lasting(asked: Monitor, values: Iterable[float]) -> list[tuple[str, str | None]]:
    watch = MonitorJudge(asked)
    notified = [tell(watch, bucket, {(): int(value)})[0] for bucket, value in enumerate(values)]
    return [(alert.kind, alert.suppressed_by) for alerts in notified for alert in alerts if alert.version == 1]


def test_level_shift_of_traffic_is_told_as_regime_change_once() -> None:
    asked = monitor(
        event="traffic.sample", measure="sum(views)", detector="traffic", season="none", group_by=[], regime_after=30
    )
    notified = lasting(asked, [*ordinary("traffic", 300), *(0.1 * value for value in ordinary("traffic", 600, seed=8))])
    assert notified == [("TRAFFIC_ANOMALY", None), ("REGIME_CHANGE", None)]


def test_level_shift_of_counts_is_told_as_regime_change_once() -> None:
    asked = monitor(precision="day", bucket="1d", group_by=[], series=1)
    values = [*(20.0 + index % 3 for index in range(60)), *(400.0 + index % 3 for index in range(60))]
    assert lasting(asked, values) == [("ENFORCEMENT_SPIKE", None), ("REGIME_CHANGE", None)]


def test_catch_up_is_over_after_two_buckets() -> None:
    notified: dict[int, list[str | None]] = {}
    for late in (0, 1, 2):
        watch = MonitorJudge(DAILY)
        for day in range(60):
            tell(watch, day, {("DE",): 20 + day % 3})
        for day in range(late):
            tell(watch, 70 + day, {("DE",): 20})
        alerts, _ = tell(watch, 70 + late, {("DE",): 900})
        notified[late] = [alert.suppressed_by for alert in alerts]
    assert notified == {0: ["catch-up after a gap"], 1: ["catch-up after a gap"], 2: [None]}


def test_baselines_survive_a_gap_of_forty_days() -> None:
    """A gap is no time in which nothing was seen of a series: nobody could have spoken."""
    watch = MonitorJudge(DAILY)
    for day in range(60):
        tell(watch, day, {("DE",): 500 + day % 3, ("FR",): 50 + day % 3})
    alerts, judged = tell(watch, 100, {("DE",): 500})
    assert {each.series["market"]: round(each.expected, -1) for each in judged} == {"DE": 500, "FR": 50}
    assert not [alert for alert in alerts if alert.direction == "UP"]
    for day in range(101, 101 + FORGET_DAYS):
        tell(watch, day, {("DE",): 500})
    assert ("FR",) in watch.series_index


def test_series_borrow_from_the_slice_that_all_but_their_last_dimension_make() -> None:
    asked = monitor(group_by=["market", "policy_id"])
    watch = MonitorJudge(asked)
    tell(watch, 0, {("DE", "p1"): 3, ("DE", "p2"): 4, ("FR", "p1"): 5})
    assert watch.series_index.parents == [("DE",), ("FR",)]
    entries = dict(watch.entries(full=True))
    assert list(entries) == [("DE",), ("DE", "p1"), ("DE", "p2"), ("FR",), ("FR", "p1")]
    lone = MonitorJudge(monitor(group_by=["market"]))
    tell(lone, 0, {("DE",): 7})
    whole = dict(lone.entries(full=True))[()]
    assert whole == entries[("DE",)]  # both learned a bucket of seven: sums over the children


def test_last_buckets_are_kept_in_order_and_come_back() -> None:
    watch = MonitorJudge(DAILY)
    for day in range(45):
        tell(watch, day, {("DE",): day} if day else {("DE",): 0, ("FR",): 1})
    points = watch.points({"market": "DE"})
    assert [(start - T0) // DAY_MS for start, *_ in points] == list(range(15, 45))
    assert [observed for _, observed, _, _ in points] == [float(day) for day in range(15, 45)]
    again = MonitorJudge(DAILY)
    again.restore(watch.snapshot())
    again.restore_entries(watch.entries(full=True))
    assert again.points({"market": "DE"}) == points
    assert again.points({"market": "XX"}) == []


def test_a_change_loosens_only_what_it_touches() -> None:
    watch = MonitorJudge(DAILY)
    for day in range(60):
        tell(watch, day, {("DE",): 500, ("FR",): 500})
    before = dict(watch.entries(full=True))
    watch.widen(lambda labels: labels["market"] == "FR")
    after = dict(watch.entries(full=True))
    assert {key for key in before if before[key] != after[key]} == {("FR",)}


def test_series_that_are_new_after_others_were_dropped_begin_without_their_past() -> None:
    watch = MonitorJudge(DAILY)
    tell(watch, 0, {("DE",): 5, ("FR",): 700})
    for day in range(1, 62):
        tell(watch, day, {("DE",): 5})
    assert ("FR",) not in watch.series_index
    tell(watch, 62, {("DE",): 5, ("IT",): 9})
    assert [observed for _, observed, _, _ in watch.points({"market": "IT"})] == [9.0]


def test_series_that_is_absent_is_a_zero_or_not_judged_as_the_monitor_says() -> None:
    judged = {}
    for absent in ("zero", "unknown"):
        watch = MonitorJudge(monitor(name="rooms", absent=absent))
        for minute in range(1500):
            tell(watch, minute, {("r1",): 20, ("r2",): 20})
        alerts, rows = tell(watch, 1500, {("r1",): 20})
        judged[absent] = [(row.series["market"], row.observed) for row in rows], [alert.kind for alert in alerts]
    assert judged["unknown"] == ([("r1", 20.0)], [])
    assert judged["zero"] == ([("r1", 20.0), ("r2", 0.0)], ["ENFORCEMENT_DROP"])


def test_rooms_that_come_and_go_are_forgotten_within_hours() -> None:
    watch = MonitorJudge(monitor(name="rooms", absent="unknown"))
    for minute in range(400):
        tell(watch, minute, {(f"r{minute // 30}",): 20})
    assert len(watch.series_index) < 10


@pytest.mark.parametrize(("silent", "held"), [(1, 2), (8, 2), (40, 10), (240, 60), (40 * 1440, 60)])
def test_catch_up_is_longer_after_a_longer_gap(silent: int, held: int) -> None:
    watch = MonitorJudge(monitor(name="counts", min_volume=5))
    for minute in range(1500):
        tell(watch, minute, {("DE",): 5 + minute % 3})
    notified = []
    for minute in range(held + 1):
        alerts, _ = tell(watch, 1500 + silent + minute, {("DE",): 900 if minute in (held - 1, held) else 6})
        notified += [(minute, alert.suppressed_by) for alert in alerts if alert.version == 1]
    assert notified[0] == (held - 1, "catch-up after a gap")
