"""A monitor in shadow judges as it would live, and calls nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from livewarden.contracts import TOPICS
from livewarden.times import HOUR_MS
from models.decide.alert import SHADOW
from models.decide.decision import COOLDOWN
from models.monitors.override import overridden, parse_override
from models.monitors.plan import Plan
from sources.delivery import deliver
from streams.replay import Replay, Result
from tests.replay_world import PLAN, WAVE_MS, delivered, events, said

ON = Plan(overridden(PLAN.monitors, [parse_override("measures.shadow=true")]))
PARTITIONS = dict.fromkeys(TOPICS, 2)
LATENESS_MS = dict.fromkeys(TOPICS, 30_000)


def of(plan: Plan) -> Result:
    return said(Replay(plan, PARTITIONS, LATENESS_MS, awaited_topics=()), [delivered()])


def bare(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"suppressed_by": None, "case_id": None} for each in alerts]


def test_it_says_the_same_with_the_same_ids_and_is_explained_but_nobody_is_notified_and_no_case_begins() -> None:
    live, shadow = of(PLAN), of(ON)
    ours = [each for each in shadow.alerts if each["monitor"] == "measures"]
    assert bare(shadow.alerts) == bare(live.alerts)
    assert {each["suppressed_by"] for each in ours} == {SHADOW}
    assert all(each["explanation"]["verdict"] and each["status"] == "resolved" for each in ours)
    assert {each["suppressed_by"] for each in shadow.alerts if each["monitor"] == "shops"} == {None}
    assert {monitor for case in shadow.cases for monitor in case["monitors"]} == {"shops"}
    assert live.summary()["alerts"] == shadow.summary()["alerts"] + len(ours)


def test_an_alert_that_began_in_shadow_ends_in_it_when_the_monitor_is_live_by_then() -> None:
    whole = delivered()
    before = [event for event in whole if event.time_ms < WAVE_MS + 3 * HOUR_MS]
    driver = Replay(ON, PARTITIONS, LATENESS_MS, awaited_topics=())
    for _ in driver.feed(before):
        pass
    firing = {each["alert_id"] for each in driver.result().alerts if each["status"] == "firing"}
    assert firing
    live = Replay(PLAN, PARTITIONS, LATENESS_MS, awaited_topics=())
    live.restore(json.loads(json.dumps(driver.snapshot())))
    found = said(live, [whole[len(before) :]])
    ended = [each for each in found.alerts if each["alert_id"] in firing and each["monitor"] == "measures"]
    assert {(each["status"], each["suppressed_by"]) for each in ended} == {("resolved", SHADOW)}


def test_its_cooldown_is_the_one_that_it_would_have() -> None:
    again = list(deliver(events(67, 68), PARTITIONS))
    live, shadow = (said(Replay(plan, PARTITIONS, LATENESS_MS, awaited_topics=()), [again]) for plan in (PLAN, ON))
    why = [each["suppressed_by"] for each in live.alerts if each["monitor"] == "measures"]
    assert sorted(set(why), key=str) == [None, COOLDOWN]
    shadowed = [each["suppressed_by"] for each in shadow.alerts if each["monitor"] == "measures"]
    assert shadowed == [SHADOW if each is None else each for each in why]


def test_it_may_go_into_shadow_and_out_at_any_time() -> None:
    in_shadow, live = ON.by_name["measures"], PLAN.by_name["measures"]
    assert in_shadow.config_hash == live.config_hash
    assert replace(of(ON), alerts=[]).outcomes == of(PLAN).outcomes
