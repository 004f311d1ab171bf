"""Which incident an alert belongs to: a change joins what it touches; what follows from measures belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

import pytest

from livewarden.alert import Alert
from livewarden.times import HOUR_MS, MINUTE_MS
from models.monitors.monitor import Monitor
from models.response.grouper import FOLLOW_MS, Grouper
from models.response.incident import Incident
from models.response.incident_alert import IncidentAlert, incident_alert_of
from models.response.summary import summary_of
from tests.response_fixtures import NOW, PLAN, Desk, alert

MONITORS: Final[Mapping[str, Monitor]] = dict(PLAN.by_name) | {
    each.name: each
    for each in (
        Monitor(name="tickets", event="merchant.ticket", detector="enforcement", group_by=["market", "category"]),
        Monitor(name="granted", event="appeal.lifecycle", detector="enforcement"),
        Monitor(name="taken-back", event="enforcement.reversed", detector="enforcement", group_by=["reason"]),
        Monitor(
            name="by-policy", event="enforcement.action", detector="enforcement", group_by=["market", "policy_id"],
            severity="critical",
        ),
    )
}  # fmt: skip


def made(monitor: str, series: Mapping[str, str], at: int = NOW, **summary: str) -> IncidentAlert:
    name = f"{monitor}{sorted(series.items())}{at}"
    direction: Literal["UP", "DOWN"] = "DOWN" if monitor == "orders" else "UP"
    given = Alert(
        name, 1, name, monitor, "TRAFFIC_ANOMALY", direction, series, at - MINUTE_MS, at, 50.0, 5.0, 9.0,
        MONITORS[monitor].severity, "firing", "",
    )  # fmt: skip
    return incident_alert_of(given, summary)


def begun(grouper: Grouper, member: IncidentAlert) -> Incident:
    incident = Incident(f"of {member.alert_id}", NOW, member.start_ms, members={member.alert_id: member})
    grouper.put(incident, member)
    return incident


@pytest.mark.parametrize(("relation", "joined"), [("named", True), ("scoped", False), ("open", False), ("", False)])
async def test_a_change_joins_only_what_it_touches(relation: str, joined: bool) -> None:
    desk = Desk()
    falls, rises = alert(), alert("measures", {"policy_id": "P1"}, observed=500, expected=10)
    summary = {
        "change_id": "c9",
        "change_relation": relation,
        "change": "DEPLOYMENT of checkout, 72 min before it began",
    }
    await desk.alerts(falls, rises)
    await desk.alerts(replace(falls, version=2), replace(rises, version=2), summary=summary)
    await desk.wait(seconds=6)
    assert len([each for each in desk.notified if each.cause == "new"]) == (1 if joined else 2)


def test_the_summary_says_how_the_change_relates() -> None:
    change = {"change_id": "c9", "kind": "CONFIG", "minutes_before": 3, "relation": "scoped", "supports": True}
    assert summary_of({"changes": [change]})["change_relation"] == "scoped"


@pytest.mark.parametrize(
    ("monitor", "series", "hours", "follows"),
    [
        ("tickets", {"market": "DE", "category": "VIOLATION_DISPUTE"}, 2, True),
        ("tickets", {"market": "DE", "category": "LIVE_INTERRUPTED"}, 2, True),
        ("granted", {}, 8, True),
        ("taken-back", {"reason": "BULK_ROLLBACK"}, 3, True),
        ("tickets", {"market": "ES", "category": "VIOLATION_DISPUTE"}, 2, False),
        ("tickets", {"market": "DE", "category": "TECHNICAL"}, 2, False),
        ("granted", {}, FOLLOW_MS // HOUR_MS + 1, False),
        ("granted", {}, -1, False),
        ("by-policy", {"market": "DE", "policy_id": "P7"}, 2, False),
    ],
)
@pytest.mark.parametrize("over", [False, True])
def test_disputes_and_appeals_belong_to_the_measures_that_they_follow(
    monitor: str, series: Mapping[str, str], hours: int, follows: bool, over: bool
) -> None:
    grouper = Grouper(MONITORS)
    wave = begun(grouper, made("by-policy", {"market": "DE", "policy_id": "P1"}))
    if over:
        wave.status = "resolved"
        grouper.close(wave)
    late = made(monitor, series, NOW + hours * HOUR_MS)
    assert (grouper.home(late) == wave.incident_id) == follows


def test_of_two_waves_the_later_one_is_followed_and_none_that_a_person_ended() -> None:
    grouper = Grouper(MONITORS)
    first = begun(grouper, made("by-policy", {"market": "DE", "policy_id": "P1"}))
    second = begun(grouper, made("by-policy", {"market": "DE", "policy_id": "P2"}, NOW + HOUR_MS))
    late = made("granted", {}, NOW + 2 * HOUR_MS)
    assert grouper.home(late) == second.incident_id
    second.status, second.resolved_by = "resolved", "maria"
    grouper.close(second)
    assert grouper.home(late) == first.incident_id
    grouper.forget(first)
    assert grouper.home(late) is None


def test_a_fall_of_traffic_is_not_joined_by_disputes_of_the_same_market() -> None:
    grouper = Grouper(MONITORS)
    begun(grouper, made("orders", {"market": "ES"}))
    assert grouper.home(made("tickets", {"market": "ES", "category": "VIOLATION_DISPUTE"}, NOW + MINUTE_MS)) is None
    technical = made("tickets", {"market": "ES", "category": "TECHNICAL"}, NOW + MINUTE_MS)
    assert grouper.home(technical) is not None


async def test_a_scope_joins_what_is_about_the_same() -> None:
    desk = Desk()
    one, other = alert("orders"), alert("stalls", {"market": "FR"}, observed=900, expected=10)
    summary = {"change_id": "c9", "change_relation": "scoped", "change": "DEPLOYMENT of feed, 3 min before it began"}
    await desk.alerts(one, other)
    await desk.alerts(replace(one, version=2), replace(other, version=2), summary=summary)
    await desk.wait(seconds=6)
    assert [each.cause for each in desk.notified] == ["new"]


@pytest.mark.parametrize(
    ("category", "market", "hours", "follows"),
    [
        ("TECHNICAL", "ES", 1, True),
        ("TRAFFIC_DROP", "ES", 1, True),
        ("TECHNICAL", "DE", 1, False),
        ("TECHNICAL", "ES", 3, False),
        ("VIOLATION_DISPUTE", "ES", 1, False),
    ],
)
def test_tickets_belong_to_the_disturbance_that_they_follow(
    category: str, market: str, hours: int, follows: bool
) -> None:
    grouper = Grouper(MONITORS)
    stalls = begun(grouper, made("orders", {"market": "ES"}))
    late = made("tickets", {"market": market, "category": category}, NOW + hours * HOUR_MS)
    assert (grouper.home(late) == stalls.incident_id) == follows
