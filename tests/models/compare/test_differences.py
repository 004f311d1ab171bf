"""Alerts of two runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert, example
from livewarden.times import MINUTE_MS
from models.compare.difference import differences, summaries
from models.compare.pairs import pairs, subject

EXPLAINED: Mapping[str, Any] = {
    "verdict": {"verdict": "POLICY"},
    "slices": {"causes": [{"slice": {"policy_id": "p7"}}]},
    "facts": {"case_id": "c1"},
}


def whats(a: Sequence[Alert], b: Sequence[Alert]) -> list[tuple[str, ...]]:
    return [each.what or (each.rest,) for each in differences(a, b)]


BASE = example(0)
CHANGED: Mapping[str, tuple[Alert, tuple[str, ...]]] = {
    "nothing": (BASE, ("same",)),
    "ids and the configuration": (
        example(0, alert_id="x", episode_id="y", case_id="z", config_hash="c2"),
        ("configuration",),
    ),
    "later": (example(2 * MINUTE_MS), ("moved",)),
    "far later": (example(30 * MINUTE_MS), ("removed",)),
    "more of it": (example(0, observed=70.0), ("larger",)),
    "less expected": (example(0, expected=1.0), ("larger",)),
    "a little less": (example(0, observed=59.9), ("details",)),
    "less of it, later": (example(MINUTE_MS, observed=30.0), ("moved", "smaller")),
    "another cause": (example(0, explanation=EXPLAINED), ("other explanation",)),
    "another series": (example(0, series={"market": "IT"}), ("removed",)),
    "another direction": (example(0, direction="DOWN"), ("removed",)),
    "kept back": (example(0, suppressed_by="cooldown"), ("removed",)),
    "more severe": (example(0, severity="critical"), ("details",)),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_different_about_an_alert(what: str) -> None:
    other, expected = CHANGED[what]
    found = whats([BASE], [other])
    assert expected in found
    assert expected == ("removed",) or found == [expected]


def test_ids_inside_an_explanation_do_not_count() -> None:
    other = {**EXPLAINED, "facts": {"case_id": "c2"}}
    a, b = example(0, explanation=EXPLAINED), example(0, explanation=other, alert_id="x")
    assert whats([a], [b]) == [("configuration",)]


def test_what_both_keep_back_is_a_detail() -> None:
    kept = example(0, suppressed_by="cooldown")
    assert whats([kept], []) == [("details",)]
    assert whats([kept], [example(0, suppressed_by="cooldown", observed=99.0)]) == [("details",)]


def test_one_that_lasts_is_met_by_one_that_begins_in_it() -> None:
    lasting = example(0, ends_at_ms=60 * MINUTE_MS)
    assert whats([lasting], [example(40 * MINUTE_MS)]) == [("moved",)]
    assert whats([example(40 * MINUTE_MS)], [lasting]) == [("moved",)]


def test_of_several_the_nearest_is_the_same() -> None:
    a = [example(0, ends_at_ms=90 * MINUTE_MS), example(60 * MINUTE_MS)]
    b = [example(59 * MINUTE_MS), example(3 * MINUTE_MS)]
    met = [(p.a and p.a.window_start_ms // MINUTE_MS, p.b and p.b.window_start_ms // MINUTE_MS) for p in pairs(a, b)]
    assert met == [(0, 3), (60, 59)]


def test_a_near_one_is_the_same_before_one_that_only_lasts_until_then() -> None:
    lasting, near = example(0, ends_at_ms=90 * MINUTE_MS), example(60 * MINUTE_MS)
    assert [each[0] for each in whats([lasting, near], [example(61 * MINUTE_MS)])] == ["removed", "moved"]


def test_a_line_a_monitor() -> None:
    a = [
        example(0),
        example(90 * MINUTE_MS),
        example(0, monitor="stalls"),
        example(0, monitor="kept", suppressed_by="x"),
    ]
    b = [example(0, observed=99.0), example(200 * MINUTE_MS), example(0, monitor="stalls", alert_id="x")]
    kept, orders, stalls = summaries(differences(a, b))
    assert (orders.a, orders.b, orders.added, orders.removed, orders.larger, orders.same) == (2, 2, 1, 1, 1, 0)
    assert (stalls.a, stalls.b, stalls.same, stalls.larger) == (1, 1, 1, 0)
    assert (kept.a, kept.b, kept.removed) == (0, 0, 0)


alerts = st.lists(
    st.builds(
        example,
        st.integers(0, 40).map(lambda minute: minute * MINUTE_MS),
        monitor=st.sampled_from(["orders", "stalls"]),
        series=st.sampled_from([{"market": "DE"}, {"market": "IT"}]),
        observed=st.sampled_from([60.0, 80.0]),
        suppressed_by=st.sampled_from([None, "cooldown"]),
    ),
    max_size=8,
    unique_by=lambda alert: (alert.window_start_ms, subject(alert)),
)


@settings(max_examples=60)
@given(alerts, alerts, st.randoms(use_true_random=False))
def test_every_alert_is_in_one_pair_and_neither_order_nor_side_counts(
    a: list[Alert], b: list[Alert], random: Any
) -> None:
    found = pairs(a, b)
    assert sorted(x.window_start_ms for x, _ in found if x) == sorted(x.window_start_ms for x in a)
    assert sorted(y.window_start_ms for _, y in found if y) == sorted(y.window_start_ms for y in b)
    assert all(subject(x) == subject(y) for x, y in found if x and y)
    assert {repr(tuple(pair)) for pair in found} == {repr((pair.b, pair.a)) for pair in pairs(b, a)}
    assert found == pairs(random.sample(a, len(a)), random.sample(b, len(b)))


@settings(max_examples=30)
@given(alerts)
def test_a_run_is_the_same_as_itself(a: list[Alert]) -> None:
    assert {each.rest for each in differences(a, a)} <= {"same"}
    assert not any(each.what for each in differences(a, a))
