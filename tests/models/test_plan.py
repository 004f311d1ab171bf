"""What each monitor takes from an event."""

from __future__ import annotations

from typing import Any

import pytest

from livewarden.contracts import EnforcementAction, RoomLifecycle
from models.monitors.monitor import Monitor
from models.monitors.plan import CompiledMonitor, Plan, Reading
from tests.core_fixtures import T0, monitor, quality, sample, silent

ACTION: dict[str, Any] = {"action_id": "a1", "market": "DE", "shop_id": "s1", "weight": 3, "points_delta": 12}


def read(asked: Monitor, **fields: Any) -> Reading | None:
    return CompiledMonitor(asked).read(EnforcementAction.model_validate(ACTION | fields))


@pytest.mark.parametrize(
    ("asked", "fields", "reading"),
    [
        ({}, {}, (("DE",), 3, 0, None)),
        ({"group_by": []}, {}, ((), 3, 0, None)),
        ({"group_by": ["shop_id", "market"]}, {"market": None}, (("s1", ""), 3, 0, None)),
        ({"group_by": ["weight"]}, {}, (("3",), 3, 0, None)),
        ({"group_by": ["sor.category"]}, {}, (("",), 3, 0, None)),
        (
            {"group_by": ["sor.category"]},
            {"sor": {"category": "STATEMENT_CATEGORY_CYBER_VIOLENCE"}},
            (("STATEMENT_CATEGORY_CYBER_VIOLENCE",), 3, 0, None),
        ),
        ({"where": {"market": ["FR", "DE"]}}, {}, (("DE",), 3, 0, None)),
        ({"where": {"market": ["FR"]}}, {}, None),
        ({"where": {"market": ["DE"], "shop_id": ["s2"]}}, {}, None),
        ({"where": {"market": ["DE"]}}, {"market": None}, None),
        ({"subjects": "shop_id"}, {}, (("DE",), 3, 0, "s1")),
        ({"subjects": "shop_id"}, {"shop_id": None}, (("DE",), 3, 0, None)),
        ({"measure": "distinct(shop_id)"}, {}, (("DE",), 0, 0, "s1")),
        ({"measure": "distinct(shop_id)", "subjects": "market"}, {}, (("DE",), 0, 0, "s1")),
        ({"measure": "sum(points_delta)", "detector": "traffic"}, {}, (("DE",), 12, 0, None)),
        ({"measure": "sum(points_delta)", "detector": "traffic"}, {"points_delta": None}, None),
        ({"measure": "ratio(points_delta, weight)", "detector": "traffic"}, {}, (("DE",), 12, 3, None)),
    ],
)
def test_reading(asked: dict[str, Any], fields: dict[str, Any], reading: Reading | None) -> None:
    assert read(monitor(**asked), **fields) == reading


def test_ratio_needs_both_parts() -> None:
    stalls = CompiledMonitor(monitor(event="traffic.quality", measure="ratio(stalled, samples)", detector="traffic"))
    assert stalls.read(quality("q", T0, stalled=0, samples=10).data) == (("DE",), 0, 10, None)
    assert stalls.read(quality("q", T0, stalled=1).data) is None
    assert stalls.read(quality("q", T0, samples=10).data) is None


def test_precision_decides_who_reads() -> None:
    by_second = monitor(name="by-second", precision="second")
    by_minute = monitor(name="by-minute", precision="minute")
    by_day = monitor(name="by-day", precision="day", bucket="1d")
    plan = Plan([by_second, by_minute, by_day])

    def readers(precision: str) -> set[str]:
        data = EnforcementAction.model_validate(ACTION | {"time_precision": precision})
        return {question.monitor.name for question in plan.questions(data)}

    assert "by-second" in readers("second")
    assert "by-minute" in readers("minute")
    assert "by-second" not in readers("minute")
    assert readers("day") == {"by-day"}
    assert readers("hour") <= {"by-day"}


def test_plan_finds_monitors_by_event_topic_and_group() -> None:
    plan = Plan(
        [monitor(), silent(), monitor(name="apart", group="apart"), monitor(name="daily", precision="day", bucket="1d")]
    )
    assert [each.name for each in plan.on_topic("live.enforcement")] == ["measures", "silence", "apart"]
    assert [each.name for each in plan.on_topic("live.aggregates")] == ["daily"]
    assert plan.on_topic("live.rooms") == []
    assert plan.groups == ("apart", "live.aggregates", "live.enforcement")
    assert [each.name for each in plan.in_group("live.enforcement")] == ["measures", "silence"]
    assert set(plan.by_name) == {"measures", "silence", "apart", "daily"}
    room = RoomLifecycle.model_validate({"room_id": "r1", "state": "STARTED"})
    assert list(plan.questions(room)) == []
    assert list(plan.questions(sample("t", T0).data)) == []
    data = EnforcementAction.model_validate(ACTION)
    assert [question.monitor.name for question in plan.questions(data)] == [
        "measures",
        "apart",
    ]  # silence reads no event
