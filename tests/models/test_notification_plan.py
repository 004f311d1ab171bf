"""Nobody is kept from a page by what another alert of the same incident waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_ms
from models.response.policy import Policy
from tests.response_fixtures import NOW, Desk, alert, policy

MILD = {"market": "DE", "traffic_source": "SEARCH"}
NIGHT = {"from": "00:00", "to": "06:00", "timezone": "UTC"}


async def mute(desk: Desk, name: str, value: str, minutes: int = 240, **fields: Any) -> None:
    now = desk.clock.now_ms()
    accepted, answer = await desk.ask(
        "silence", silence_id=f"s{now}{value}", owner="x", why="x", matchers=[{"name": name, "value": value}],
        starts_at=format_ms(now), ends_at=format_ms(now + minutes * MINUTE_MS), **fields,
    )  # fmt: skip
    assert accepted, answer


def said(desk: Desk) -> list[tuple[str, str, str]]:
    return [(each.channel, each.cause, each.title.partition("] ")[2]) for each in desk.notified]


KEPT_BACK: dict[str, tuple[list[dict[str, Any]] | None, Alert]] = {
    "no route takes the first": (
        [{"name": "critical", "match": ["severity=critical"], "to": ["log"]}],
        alert("views", MILD),
    ),
    "quiet hours of the first": ([{"name": "all", "to": ["log"], "quiet_hours": NIGHT}], alert("views", MILD)),
    "the first is muted by its monitor": (None, alert("views", MILD)),
    "the first is muted by its market": (None, alert("orders", {"market": "FR"})),
    "the first is stale": (None, alert(at=NOW - 8 * HOUR_MS)),
}


@pytest.mark.parametrize("why", KEPT_BACK)
@pytest.mark.parametrize("group_wait", ["0s", "5s"])
async def test_a_critical_alert_that_joins_what_nobody_was_told_of_is_told(why: str, group_wait: str) -> None:
    routes, first = KEPT_BACK[why]
    desk = Desk(policy(routes, group_wait=group_wait))
    if "monitor" in why:
        await mute(desk, "monitor", "views")
    if "market" in why:
        await mute(desk, "market", "FR")
    await desk.alerts(first)
    await desk.wait(minutes=2)
    assert desk.notified == []
    await desk.alerts(replace(alert("orders", observed=5.0), episode_id=first.episode_id))
    await desk.wait(seconds=6)
    assert said(desk) == [("log", "new", "Orders · DE: 5, expected 1,000")]
    assert len(desk.rows("incidents")) == 1


async def test_a_silence_that_covers_the_lead_does_not_cover_the_others() -> None:
    desk = Desk()
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    await mute(desk, "market", "DE")
    await desk.alerts(alert("orders", {"market": "FR"}, observed=300.0))
    await desk.wait(minutes=6)
    assert said(desk)[1:] == [("log", "wider", "also: Orders · FR: 300, expected 1,000")]


async def test_each_channel_hears_as_its_own_routes_say() -> None:
    routes = [
        {"name": "a", "to": ["chat"], "quiet_hours": NIGHT, "continue": True},
        {"name": "b", "to": ["log"]},
    ]
    desk = Desk(policy(routes, channels=("log", "chat")))
    await desk.alerts(alert("views", MILD))
    await desk.wait(seconds=6)
    assert [each.channel for each in desk.notified] == ["log"]
    await desk.wait(minutes=6 * 60)
    assert [(each.channel, each.cause) for each in desk.notified] == [("log", "new"), ("chat", "new")]


async def test_a_team_whose_alert_joins_later_hears_of_the_incident() -> None:
    routes = [
        {"name": "a", "match": ["monitor=orders"], "to": ["log"]},
        {"name": "b", "match": ["monitor=views"], "to": ["chat"]},
    ]
    desk = Desk(policy(routes, channels=("log", "chat")))
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    await desk.alerts(alert("views", MILD))
    await desk.wait(seconds=6)
    assert [(each.channel, each.cause) for each in desk.notified] == [("log", "new"), ("chat", "new")]


ESCALATES = {"name": "all", "to": ["log"], "escalate": [{"after": "10m", "to": ["boss"]}]}


async def test_who_was_called_because_nobody_acknowledged_hears_the_end() -> None:
    desk = Desk(policy([ESCALATES], channels=("log", "boss")))
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    await desk.wait(minutes=12)
    await desk.resolve(alert(), at=NOW + 12 * MINUTE_MS)
    await desk.wait(minutes=1)
    assert sorted((each.channel, each.cause) for each in desk.notified) == [
        ("boss", "escalation"), ("boss", "resolved"), ("log", "new"), ("log", "resolved"),
    ]  # fmt: skip


async def test_no_escalation_of_a_warning_in_the_quiet_hours_of_its_route() -> None:
    night = {"from": "00:35", "to": "06:00", "timezone": "UTC"}
    desk = Desk(policy([ESCALATES | {"quiet_hours": night}], channels=("log", "boss")))
    await desk.alerts(alert("views", MILD))
    await desk.wait(seconds=6)
    for _ in range(60):
        await desk.wait(minutes=5)
    assert [each.cause for each in desk.notified] == ["new"]
    await desk.wait(minutes=31)
    assert [each.cause for each in desk.notified] == ["new", "escalation"]


async def test_the_end_of_a_warning_waits_for_the_morning_and_that_of_a_page_does_not() -> None:
    night = {"from": "00:35", "to": "06:00", "timezone": "UTC"}
    desk = Desk(policy([{"name": "all", "to": ["log"], "quiet_hours": night}]))
    mild, page = alert("views", MILD), alert("orders", {"market": "FR"})
    await desk.alerts(mild, page)
    await desk.wait(minutes=1)
    await desk.wait(minutes=10)
    await desk.resolve(mild, page, at=NOW + 10 * MINUTE_MS)
    await desk.wait(minutes=1)
    assert [each.title.split("]")[0] for each in desk.notified if each.cause == "resolved"] == ["[critical"]
    await desk.wait(minutes=6 * 60)
    assert [each.cause for each in desk.notified].count("resolved") == 2


async def test_severity_title_and_beginning_follow_what_still_fires() -> None:
    desk = Desk()
    page, mild = alert("orders"), alert("views", MILD)
    await desk.alerts(page, mild)
    await desk.wait(seconds=6)
    assert desk.one("incidents")["severity"] == "critical"
    await desk.resolve(page)
    row = desk.one("incidents")
    assert (row["severity"], row["lead_alert_id"], row["firing_count"]) == ("warning", mild.alert_id, 1)
    await desk.resolve(mild)
    assert desk.one("incidents")["severity"] == "critical"


async def test_since_and_over_after_are_the_incidents_own() -> None:
    desk = Desk()
    first = alert("measures", {"policy_id": "P1"}, observed=900.0, expected=9.0)
    began = first.window_start_ms - 14 * DAY_MS
    await desk.alerts(first, summary={"onset": format_ms(began)})
    await desk.wait(seconds=6)
    await desk.resolve(first, at=NOW)
    await desk.wait(seconds=1)
    assert "over after 14 d" in desk.notified[-1].body.splitlines()[0]
    row = desk.one("incidents")
    assert (row["started_at"], row["ended_at"]) == (began, NOW)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["orders", "stalls", "views"]),
        st.sampled_from(["DE", "FR", "IT"]),
        st.sampled_from([0, 3, 40, 200]),
        st.sampled_from([1.0, 100.0, 700.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
POLICIES = st.sampled_from(
    [
        policy(),
        policy(group_wait="0s"),
        policy([{"name": "critical", "match": ["severity=critical"], "to": ["log"]}]),
        policy([{"name": "all", "to": ["log"], "quiet_hours": NIGHT}]),
        policy([{"name": "de", "match": ["market=DE"], "to": ["log"]}], fallback=("log",)),
    ]
)


@given(POLICIES, STEPS, st.sampled_from(["", "DE", "FR"]))
@settings(max_examples=40, deadline=None)
async def test_every_critical_alert_that_nothing_hides_is_told_in_time(
    rules: Policy, steps: list[tuple[str, str, int, float, bool]], muted: str
) -> None:
    desk = Desk(rules)
    if muted:
        await mute(desk, "market", muted, minutes=48 * 60)
    came: dict[str, tuple[Alert, int]] = {}
    for monitor, market, minutes, observed, ends in steps:
        series = {"market": market} | ({"traffic_source": "SEARCH"} if monitor == "views" else {})
        made = alert(monitor, series, at=desk.clock.now_ms() - 30 * SECOND_MS, observed=observed, expected=1_000.0)
        if made.alert_id not in came:
            came[made.alert_id] = made, desk.clock.now_ms()
            await desk.alerts(made)
        await desk.wait(seconds=6)
        if ends:
            await desk.resolve(made, at=desk.clock.now_ms())
        for _ in range(minutes // 3):
            await desk.wait(minutes=3)
    await desk.wait(minutes=6)
    members = {
        name: (incident, member)
        for incident in desk.local.stage.responder.incidents.by_id.values()
        for name, member in incident.members.items()
    }
    latest = {each.incident_id: each.created_ms for each in desk.notified if each.cause in ("new", "worse", "wider")}
    for name, (made, _) in came.items():
        incident, member = members[name]
        if made.severity == "critical" and made.series["market"] != muted:
            assert "log" in member.heard, (made, member)
            assert incident.incident_id in latest
            places = [set(each.labels) for each in incident.members.values() if "log" in each.said]
            assert any(member.labels & place for place in places), "a place of which nothing was said"


@given(POLICIES, STEPS)
@settings(max_examples=25, deadline=None)
async def test_whoever_hears_the_beginning_hears_the_end_and_never_before(
    rules: Policy, steps: list[tuple[str, str, int, float, bool]]
) -> None:
    desk = Desk(rules)
    made = []
    for monitor, market, minutes, observed, _ in steps:
        series = {"market": market} | ({"traffic_source": "SEARCH"} if monitor == "views" else {})
        made.append(alert(monitor, series, at=desk.clock.now_ms() - 30 * SECOND_MS, observed=observed))
        await desk.alerts(made[-1])
        await desk.wait(seconds=6)
        await desk.wait(minutes=minutes)
    await desk.resolve(*made, at=desk.clock.now_ms())
    await desk.wait(seconds=1)
    await desk.wait(minutes=8 * 60)
    for incident_id in {each.incident_id for each in desk.notified}:
        causes = [each.cause for each in desk.notified if each.incident_id == incident_id]
        assert causes[0] == "new"
        assert causes[-1] == "resolved" or causes == ["new"]
        assert causes.count("resolved") <= 1
