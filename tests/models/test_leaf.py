"""Leaves, what they are out of, and the two periods made of them."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.times import MINUTE_MS
from models.aggregate.aggregator import Aggregator
from models.aggregate.leaf import KEPT_BUCKETS, NAMED_VALUES, Leaves, fold
from models.aggregate.partial import Partial
from models.detect.exposure import LEAST, READY, Exposures
from models.explain import explain
from models.explain.leaves import REST
from models.explain.onset import onset
from models.explain.window import FEWEST, periods
from models.monitors.plan import Plan
from tests.core_fixtures import T0, TOPIC, action, beat, monitor, partials, sample

EXPOSURE = {"event": "enforcement.action", "measure": "count", "by": ["market"]}
ASKED = monitor(explain_by=["policy_id", "market", "queue_id"])

keys = st.tuples(st.sampled_from(["DE", "FR"]), st.text("abc", max_size=3), st.text("xy", max_size=2))


@given(st.dictionaries(keys, st.tuples(st.integers(0, 50), st.integers(0, 50))), st.integers(3, 30))
def test_fold_keeps_every_series_sum_and_few_rows(rows: dict[tuple[str, ...], tuple[int, int]], most: int) -> None:
    folded = fold(rows, 2, most)
    assert len(folded) <= max(most, 1) + 1
    for place in (0, 1):
        before, after = Counter[str](), Counter[str]()
        for key, sums in rows.items():
            before[key[0]] += sums[place]
        for key, sums in folded.items():
            after[key[0]] += sums[place]
        assert +before == +after
    assert fold(dict(reversed(rows.items())), 2, most) == folded
    if len(rows) <= most:
        assert folded == rows


def test_wide_dimension_keeps_its_largest_values_by_name() -> None:
    rows = {("DE", f"s{number}", "q"): (number, 0) for number in range(3 * NAMED_VALUES)}
    folded = fold(rows, 2)
    assert len(folded) == len(rows)  # few enough as they are
    folded = fold(rows, 2, NAMED_VALUES + 5)
    assert len(folded) == NAMED_VALUES + 1
    assert ("DE", f"s{3 * NAMED_VALUES - 1}", "q") in folded
    assert folded["DE", REST, "q"] == (sum(range(2 * NAMED_VALUES)), 0)


def test_aggregator_says_leaves_that_add_up_to_the_sums() -> None:
    stage = Aggregator(Plan([ASKED]), TOPIC, 0, 1, 0)
    for number in range(1, 21):
        fields = {"policy_id": f"p{number % 3}", "queue_id": None if number % 2 else "q"}
        stage.add(action(f"e{number}", T0 + number, "DE" if number % 5 else "FR", weight=number, **fields))
    said = partials(stage.advance(T0 + MINUTE_MS))
    assert [(part.role, part.sums_hash) for part in said] == [
        ("sums", ASKED.sums_hash),
        ("leaves", ASKED.leaf_hash),
    ]
    sums = {row[0]: row[1] for row in said[0].rows}
    leaves = Counter[tuple[str, ...]]()
    for key, value, _, _ in said[1].rows:
        assert len(key) == 3  # the market is in the series already
        leaves[key[:1]] += value
    assert dict(leaves) == sums
    assert len(said[1].rows) > 6


def test_leaves_of_distinct_subjects_count_events() -> None:
    shops = monitor(measure="distinct(shop_id)", explain_by=["queue_id"])
    stage = Aggregator(Plan([shops]), TOPIC, 0, 1, 0)
    for number in range(6):
        stage.add(action(f"e{number}", T0, shop_id="s", queue_id="q", weight=2))
    assert [row[:2] for row in partials(stage.advance(T0 + MINUTE_MS))[1].rows] == [(("DE", "q"), 12)]


def test_open_leaves_and_exposure_survive_a_restart_of_the_aggregator() -> None:
    asked = monitor(explain_by=["queue_id"], exposure=EXPOSURE)
    whole, again = (Aggregator(Plan([asked]), TOPIC, 0, 1, 0) for _ in range(2))
    for number in range(9):
        whole.add(action(f"e{number}", T0 + number, queue_id=f"q{number % 2}"))
    again.restore(orjson.loads(orjson.dumps(whole.snapshot())))
    assert again.advance(T0 + MINUTE_MS) == whole.advance(T0 + MINUTE_MS)
    other = Aggregator(Plan([monitor(explain_by=["policy_id"], exposure=EXPOSURE)]), TOPIC, 0, 1, 0)
    other.restore(orjson.loads(orjson.dumps(whole.snapshot())))
    assert [part.role for part in partials(other.advance(T0 + 2 * MINUTE_MS))].count("leaves") == 0


def part(bucket: int, rows: dict[tuple[str, ...], int], partition: int = 0, asked: object = ASKED) -> Partial:
    cut = tuple((key, value, 0, "") for key, value in rows.items())
    place = (TOPIC, TOPIC, partition, ASKED.name, ASKED.leaf_hash)
    return Partial(*place, T0 + bucket * MINUTE_MS, 0, cut, "leaves")


def test_leaves_merge_by_series_and_leave_when_they_are_old() -> None:
    leaves = Leaves(ASKED)
    for bucket in range(KEPT_BUCKETS + 5):
        for partition in (0, 1, 1):
            leaves.take(part(bucket, {("DE", "p", "q"): 2, ("FR", "p", ""): 1}, partition))
        leaves.close(T0 + bucket * MINUTE_MS)
    kept = leaves.of(("DE",), 0, 2 * T0)
    assert len(kept) == KEPT_BUCKETS
    assert min(kept) == T0 + 5 * MINUTE_MS
    assert set(map(tuple, kept.values())) == {((("p", "q"), 4, 0),)}
    assert leaves.of(("ES",), T0 + 9 * MINUTE_MS, T0 + 10 * MINUTE_MS) == {T0 + 9 * MINUTE_MS: []}
    leaves.take(Partial(TOPIC, TOPIC, 0, ASKED.name, "another", T0 + 10**9, 0, (), "leaves"))
    assert leaves.snapshot() == []


def test_closed_bucket_is_written_once_and_once_more_when_it_leaves() -> None:
    leaves, again = Leaves(ASKED), Leaves(ASKED)
    written: list[tuple[int, str]] = []
    for bucket in range(KEPT_BUCKETS + 3):
        leaves.take(part(bucket, {("DE", "p", "q"): bucket}))
        leaves.close(T0 + bucket * MINUTE_MS)
        written += leaves.entries(full=False)
    assert Counter(start for start, _ in written).most_common(1)[0][1] == 2
    assert [start for start, blob in written if blob == "null"] == [T0 + n * MINUTE_MS for n in range(3)]
    assert not list(leaves.entries(full=False))
    for start, blob in leaves.entries(full=True):
        again.restore_entry(start, blob)
    assert again.of(("DE",), 0, 2 * T0) == leaves.of(("DE",), 0, 2 * T0)


EXPOSED = monitor(exposure={"event": "traffic.sample", "measure": "sum(ccu)", "by": ["market"]})


def viewers(bucket: int, sums: dict[str, int]) -> Partial:
    rows = tuple(((market,), value, 0, "") for market, value in sums.items())
    place = ("live.enforcement", "live.traffic", 0, EXPOSED.name, EXPOSED.sums_hash)
    return Partial(*place, T0 + bucket * MINUTE_MS, 0, rows, "exposure")


def test_exposure_is_relative_to_its_mean_and_unknown_is_usual() -> None:
    exposures = Exposures(EXPOSED)
    for bucket in range(READY):
        exposures.take(viewers(bucket, {"DE": 100, "FR": 10}))
        exposures.close(T0 + bucket * MINUTE_MS)
        assert exposures.relative(("DE",)) == 1.0
    exposures.take(viewers(READY, {"DE": 200}))
    exposures.close(T0 + READY * MINUTE_MS)
    assert exposures.relative(("DE",)) == 2.0
    assert exposures.relative(("FR",)) == LEAST  # its source was alive, and nobody watched
    assert exposures.relative(("ES",)) == 1.0
    usual = exposures.usual(("DE",))
    assert usual is not None
    assert 100 < usual < 110
    exposures.close(T0 + (READY + 1) * MINUTE_MS)  # nothing came
    assert exposures.relative(("DE",)) == 1.0
    assert exposures.usual(("DE",)) == usual
    assert exposures.over(("DE",), [T0 + READY * MINUTE_MS, T0 + 99 * MINUTE_MS]) == [2.0, 1.0]
    again = Exposures(EXPOSED)
    exposures.take(viewers(99, {"DE": 5}))
    again.restore(orjson.loads(orjson.dumps(exposures.snapshot())))
    assert again.snapshot() == exposures.snapshot()


def test_aggregator_of_the_other_topic_says_the_exposure_to_the_monitors_group() -> None:
    stage = Aggregator(Plan([EXPOSED]), "live.traffic", 0, 1, 0)
    for number, market in enumerate(["DE", "DE", "FR"]):
        stage.add(sample(f"t{number}", T0, market, ccu=number))
    stage.add(beat(T0, T0 + 2 * MINUTE_MS, topic="live.traffic"))
    assert stage.open_events == 0
    said = stage.seals()
    assert {message.group for message in said} == {TOPIC}
    again = Aggregator(Plan([EXPOSED]), "live.traffic", 0, 1, 0)
    again.add(sample("t", T0, "DE", ccu=7))
    (first,) = partials(again.advance(T0 + MINUTE_MS))
    assert (first.group, first.role, first.rows) == (TOPIC, "exposure", ((("DE",), 7, 0, ""),))


def buckets(
    before: dict[tuple[str, ...], int], now: dict[tuple[str, ...], int], length: int
) -> dict[int, list[object]]:
    past = {n * MINUTE_MS: [(key, value, 0) for key, value in before.items()] for n in range(60)}
    return past | {n * MINUTE_MS: [(key, value, 0) for key, value in now.items()] for n in range(60, 60 + length)}


@pytest.mark.parametrize("length", [1, 3, 15])
def test_counts_are_searched_whatever_the_size_of_slices(length: int) -> None:
    """A large slice is not to blame for being large: the small one grew."""
    dims = ("size",)
    summary = buckets({("large",): 900, ("small",): 10}, {("large",): 905, ("small",): 60}, length)
    both = periods(summary, {}, 60 * MINUTE_MS, (60 + length) * MINUTE_MS, MINUTE_MS, "UP", ratio=False)  # type: ignore[arg-type]
    assert both is not None
    found = explain(dims, *both, direction="UP")
    assert [cause.slice for cause in found.causes] == [{"size": "small"}]
    assert found.volume == 0
    alike = buckets({("large",): 900, ("small",): 100}, {("large",): 1800, ("small",): 200}, length)
    both = periods(alike, {}, 60 * MINUTE_MS, (60 + length) * MINUTE_MS, MINUTE_MS, "UP", ratio=False)  # type: ignore[arg-type]
    assert both is not None
    assert explain(dims, *both, direction="UP").none


def test_twice_the_exposure_is_volume_and_not_rate() -> None:
    summary = buckets({("a",): 50, ("b",): 20}, {("a",): 100, ("b",): 40}, 1)
    both = periods(summary, {60 * MINUTE_MS: 2.0}, 60 * MINUTE_MS, 61 * MINUTE_MS, MINUTE_MS, "UP", ratio=False)  # type: ignore[arg-type]
    assert both is not None
    found = explain(("d",), *both, direction="UP")
    assert found.none
    assert found.volume == pytest.approx(70, rel=0.05)
    assert found.rate == pytest.approx(0, abs=4)


def test_too_little_before_is_no_comparison() -> None:
    summary = {n * MINUTE_MS: [(("a",), 1, 1)] for n in range(FEWEST)}
    assert periods(summary, {}, (FEWEST - 1) * MINUTE_MS, FEWEST * MINUTE_MS, MINUTE_MS, "UP", ratio=False) is None


def alert(**fields: object) -> Alert:
    usual = {
        "alert_id": "a",
        "version": 1,
        "episode_id": "a",
        "monitor": "m",
        "kind": "ENFORCEMENT_SPIKE",
        "direction": "UP",
        "series": {},
        "window_start_ms": 29 * MINUTE_MS,
        "window_end_ms": 30 * MINUTE_MS,
        "observed": 9,
        "expected": 1,
        "score": 9.0,
        "severity": "info",
        "status": "firing",
        "config_hash": "",
    }
    return Alert(**(usual | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(("began", "scan"), [(29, 1), (25, 1), (25, 5), (20, 15), (28, 15)])
@pytest.mark.parametrize("direction", ["UP", "DOWN"])
def test_onset_is_where_the_shift_begins(began: int, scan: int, direction: str) -> None:
    level = 30.0 if direction == "UP" else 2.0
    points = [(n * MINUTE_MS, level if n >= began else 10.0 + n % 3, 11.0, 0.0) for n in range(35)]
    assert onset(points, alert(direction=direction, scan_buckets=scan)) == began * MINUTE_MS


def test_onset_without_points_is_the_window() -> None:
    assert onset([], alert()) == 29 * MINUTE_MS
