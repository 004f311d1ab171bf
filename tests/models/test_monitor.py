"""A monitor: defaults that follow from the bucket, refusals in words, and an identity that is what decides."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from livewarden.duration import format_duration, parse_duration_ms
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.monitors.monitor import Monitor
from tests.core_fixtures import monitor


@pytest.mark.parametrize(
    ("text", "ms"), [("10s", 10_000), ("90s", 90_000), ("5m", 300_000), ("1 h", HOUR_MS), ("1d", DAY_MS)]
)
def test_durations(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms
    assert parse_duration_ms(format_duration(ms)) == ms


@pytest.mark.parametrize("value", ["90", "1.5h", "-1m", "1w", "", 60, None, "1m30s"])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="a duration is a whole number and a unit"):
        parse_duration_ms(value)


@pytest.mark.parametrize(
    ("measure", "taken_apart"),
    [
        ("count", ("count", ())),
        ("sum(orders)", ("sum", ("orders",))),
        (" ratio( orders , product_clicks ) ", ("ratio", ("orders", "product_clicks"))),
        ("distinct(shop_id)", ("distinct", ("shop_id",))),
    ],
)
def test_measure(measure: str, taken_apart: tuple[str, tuple[str, ...]]) -> None:
    asked = monitor(event="traffic.sample", detector="traffic", measure=measure)
    assert asked.measured == taken_apart


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"event": "enforcement.acton"}, "no event is named 'enforcement.acton'"),
        ({"measure": "count(shop_id)"}, "measure: one of count"),
        ({"measure": "sum"}, "measure: one of count"),
        ({"measure": "ratio(points_delta)"}, "measure: one of count"),
        ({"measure": "mean(points_delta)"}, "measure: one of count"),
        ({"group_by": ["shop"]}, "group_by: enforcement.action has no field 'shop'"),
        ({"group_by": ["sor.categry"]}, "group_by: enforcement.action has no field 'sor.categry'"),
        ({"group_by": ["market.name"]}, "group_by: enforcement.action has no field 'market.name'"),
        ({"where": {"plattform": ["x"]}}, "where: enforcement.action has no field 'plattform'"),
        ({"explain_by": ["x"]}, "explain_by: enforcement.action has no field 'x'"),
        ({"subjects": "x"}, "subjects: enforcement.action has no field 'x'"),
        ({"measure": "distinct(x)"}, "measure: enforcement.action has no field 'x'"),
        ({"bucket": "5s"}, "bucket: from 10s to 1d"),
        ({"bucket": "2d"}, "bucket: from 10s to 1d"),
        ({"bucket": "7m"}, "bucket: from 10s to 1d"),
        ({"precision": "day", "bucket": "1h"}, "bucket: shorter than the precision"),
        ({"measure": "sum(points_delta)"}, "detector: the enforcement detector judges counts"),
        ({"name": "Two Words"}, "String should match pattern"),
        ({"budget_per_day": 0}, "greater than 0"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_refusals(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says.replace("(", r"\(")):
        monitor(**fields)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        monitor(group_by=["x"], where={"y": ["z"]}, bucket="7s", measure="many")
    text = str(caught.value)
    for key in ("group_by:", "where:", "bucket:", "measure:"):
        assert key in text


def test_nested_fields_are_fields() -> None:
    assert monitor(group_by=["sor.category"], where={"sor.source_type": ["SOURCE_ARTICLE_16"]}).group_by == [
        "sor.category"
    ]


@pytest.mark.parametrize(
    ("fields", "topic", "group"),
    [
        ({}, "live.enforcement", "live.enforcement"),
        ({"precision": "second"}, "live.enforcement", "live.enforcement"),
        ({"precision": "hour", "bucket": "1h"}, "live.aggregates", "live.aggregates"),
        ({"precision": "day", "bucket": "1d", "group": "daily"}, "live.aggregates", "daily"),
    ],
)
def test_topic_and_group(fields: dict[str, Any], topic: str, group: str) -> None:
    asked = monitor(**fields)
    assert (asked.topic, asked.group_name) == (topic, group)


def test_threshold_follows_from_the_alert_budget() -> None:
    asked = monitor(series=100, bucket="1m", budget_per_day=1.0)
    assert asked.threshold == pytest.approx(math.log10(100 * 1440))
    assert monitor(series=1000, bucket="1m", budget_per_day=1.0).threshold == pytest.approx(asked.threshold + 1)
    assert monitor(series=100, bucket="1m", budget_per_day=10.0).threshold == pytest.approx(asked.threshold - 1)
    assert monitor(series=1, bucket="1d", budget_per_day=1000.0).threshold == 3.0


def test_buckets_choose_what_is_left_open() -> None:
    assert monitor(bucket="5m").calm_buckets > monitor(bucket="1h").calm_buckets > 0
    assert monitor(bucket="1d").lasting_buckets == 7
    assert monitor(bucket="1m").lasting_buckets * MINUTE_MS >= HOUR_MS
    assert (monitor(rearm_buckets=4).calm_buckets, monitor(regime_after=9).lasting_buckets) == (4, 9)


@pytest.mark.parametrize(
    "fields", [{"title": "x"}, {"owner": "x"}, {"playbook": "x"}, {"severity": "info"}, {"explain_by": ["market"]}]
)
def test_words_are_no_configuration(fields: dict[str, Any]) -> None:
    assert monitor(**fields).config_hash == monitor().config_hash


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "other"},
        {"where": {"market": ["DE"]}},
        {"bucket": "5m"},
        {"min_volume": 11},
        {"series": 7},
        {"cooldown": "1h"},
        {"group": "g"},
        {"gap_after": 9},
    ],
)
def test_what_decides_is_configuration(fields: dict[str, Any]) -> None:
    assert monitor(**fields).config_hash != monitor().config_hash


def test_monitor_reads_back_from_its_json() -> None:
    asked = monitor(cooldown="90s", bucket="10s", precision="second")
    assert Monitor.model_validate(asked.model_dump(mode="json")) == asked
    assert Monitor.model_validate_json(asked.model_dump_json()).config_hash == asked.config_hash


@pytest.mark.parametrize(
    ("fields", "threshold", "quiet_h"),
    [
        ({"series": 100, "budget_per_day": 1.0}, 5.158, 12),
        ({"event": "traffic.sample", "measure": "sum(views)", "detector": "traffic", "series": 100}, 5.158, 1),
        ({"series": 1, "bucket": "1d", "precision": "day", "budget_per_day": 100}, 3.0, 12),  # never lower
        ({"cooldown": "3h"}, 5.158, 3),
    ],
)
def test_threshold_and_quiet_time_follow_from_the_budget_and_the_detector(
    fields: dict[str, Any], threshold: float, quiet_h: int
) -> None:
    asked = monitor(**fields)
    assert asked.threshold == pytest.approx(threshold, abs=0.001)
    assert asked.quiet_ms == quiet_h * HOUR_MS
