"""Alerts become incidents; who is notified, and who is not and why."""

from __future__ import annotations

from dataclasses import replace

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from models.response.outbox import DOWN_AFTER
from models.response.response_event import ActionRequest, Claim, Delivery
from tests.response_fixtures import NOW, Desk, alert, policy


async def test_one_alert_is_one_incident_told_once_after_the_wait() -> None:
    desk = Desk()
    await desk.alerts(alert())
    assert desk.notified == []
    incident = desk.one("incidents")
    assert (incident["status"], incident["notified"], incident["alert_count"]) == ("firing", 0, 1)
    assert desk.dispositions() == {alert().alert_id: "waiting"}
    await desk.wait(seconds=6)
    (message,) = desk.notified
    assert (message.channel, message.cause, message.number) == ("log", "new", 1)
    assert message.title == "[critical] Orders · DE: 100, expected 1,000"
    assert message.body.splitlines() == [
        "Since 2026-03-02 00:29:00 UTC, ongoing",
        "What changed: not looked up yet; its page will say",
        "What to do: open a room there yourself: can it be watched, and bought in? Then ask feed and delivery",
        "Owner: live-infra",
        "Playbook: https://wiki.example/orders",
        f"https://wall.example/incidents/{incident['incident_id']}",
    ]
    assert desk.one("incidents")["notified"] == 1
    assert desk.dispositions() == {alert().alert_id: "notified"}
    await desk.wait(minutes=60)
    assert len(desk.notified) == 1


async def test_the_explanation_that_follows_is_in_the_text() -> None:
    desk = Desk()
    await desk.alerts(alert())
    summary = {
        "text": "cdn = 3 carries 83 % of it.",
        "verdict": "INFRASTRUCTURE",
        "strength": "strong",
        "onset": "2026-03-02T00:20:00Z",
        "change_id": "c9",
        "change": "CDN_SWITCH of edge, 4 min before it began",
    }
    await desk.alerts(replace(alert(), version=2), summary=summary)
    await desk.wait(seconds=6)
    body = desk.notified[0].body
    for line in (
        "Since 2026-03-02 00:20:00 UTC, ongoing",
        "cdn = 3 carries 83 % of it.",
        "What changed: CDN_SWITCH of edge, 4 min before it began",
    ):
        assert line in body.splitlines()
    assert desk.one("incidents")["change_id"] == "c9"


async def test_the_end_is_told_on_the_channels_that_were_told() -> None:
    desk = Desk()
    first = alert()
    await desk.alerts(first)
    await desk.wait(seconds=6)
    await desk.resolve(first)
    await desk.wait(seconds=2)
    assert [each.cause for each in desk.notified] == ["new", "resolved"]
    assert "over after 6 min" in desk.notified[1].body
    incident = desk.one("incidents")
    assert (incident["status"], incident["ended_at"]) == ("resolved", NOW + 5 * MINUTE_MS)


async def test_what_was_over_before_it_was_told_is_told_once() -> None:
    desk = Desk()
    await desk.alerts(alert())
    await desk.resolve(alert())
    await desk.wait(seconds=6)
    await desk.wait(minutes=6)
    assert [each.cause for each in desk.notified] == ["new"]


async def test_a_storm_is_one_incident_and_one_notification() -> None:
    desk = Desk()
    storm = [
        alert("views", {"market": "DE", "traffic_source": f"S{number}"}, observed=10 * number, expected=100_000)
        for number in range(5_000)
    ]
    await desk.alerts(*storm)
    await desk.wait(seconds=6)
    late = [
        alert("views", {"market": "DE", "traffic_source": f"L{number}"}, observed=10, expected=1_000)
        for number in range(100)
    ]
    await desk.alerts(*late)
    await desk.wait(minutes=10)
    incident = desk.one("incidents")
    assert (incident["alert_count"], incident["notified"]) == (5_100, 1)
    assert [each.cause for each in desk.notified] == ["new"]
    rows = desk.rows("dispositions")
    assert len(rows) == 5_100
    assert sum(row["outcome"] == "notified" for row in rows) == 1
    kept = [row for row in rows if row["outcome"] != "notified"]
    assert {row["outcome"] for row in kept} == {"grouped"}
    assert all(
        row["by"] == incident["lead_alert_id"] and row["reason"].startswith("in the message about") for row in kept
    )
    assert "and 4,996 more" in desk.notified[0].body


async def test_a_parent_mutes_its_children() -> None:
    desk = Desk()
    parent = alert("orders")
    child = alert("views", {"market": "DE", "traffic_source": "SEARCH"})
    other = alert("views", {"market": "DE", "traffic_source": "FOR_YOU"}, at=NOW + MINUTE_MS)
    await desk.alerts(child, parent)
    await desk.wait(seconds=6)
    await desk.alerts(other)
    await desk.wait(seconds=1)
    row = desk.one("dispositions", alert_id=child.alert_id)
    assert (row["outcome"], row["by"]) == ("inhibited", parent.alert_id)
    assert row["reason"] == "DE says it too: 100, expected 1,000"
    assert desk.one("dispositions", alert_id=other.alert_id)["outcome"] == "inhibited"
    assert desk.one("incidents")["lead_alert_id"] == parent.alert_id


async def test_what_shares_nothing_or_begins_later_is_another_incident() -> None:
    desk = Desk()
    await desk.alerts(
        alert(),
        alert("measures", {"policy_id": "P1"}, observed=500, expected=10),
        alert("no-news", {}, observed=None, expected=None),
        alert(at=NOW + 30 * MINUTE_MS),
    )
    assert len(desk.rows("incidents")) == 4


async def test_the_same_episode_or_candidate_is_the_same_incident_however_late() -> None:
    desk = Desk()
    first = alert()
    again = replace(alert(at=NOW + 2 * HOUR_MS), episode_id=first.episode_id)
    filed = replace(alert("measures", {"policy_id": "P1"}, at=NOW + 3 * HOUR_MS), case_id=first.case_id)
    await desk.alerts(first, again, filed)
    assert desk.one("incidents")["alert_count"] == 3


async def test_a_change_that_two_explanations_name_makes_one_incident_of_two() -> None:
    desk = Desk()
    falls, rises = alert(), alert("measures", {"policy_id": "P1"}, observed=500, expected=10)
    await desk.alerts(falls, rises)
    assert len(desk.rows("incidents")) == 2
    summary = {"change_id": "c9", "change_relation": "named", "change": "DEPLOYMENT of x, 3 min before it began"}
    await desk.alerts(replace(falls, version=2), replace(rises, version=2), summary=summary)
    await desk.wait(seconds=6)
    kept, gone = sorted(desk.rows("incidents"), key=lambda row: -row["alert_count"])
    assert (kept["alert_count"], kept["notified"], gone["notified"], gone["status"]) == (2, 1, 0, "resolved")
    assert (gone["alert_count"], gone["firing_count"], gone["case_ids"]) == (0, 0, [])
    assert gone["note"] == f"part of incident {kept['incident_id']}: they share change c9"
    assert {row["incident_id"] for row in desk.rows("dispositions")} == {kept["incident_id"]}


async def test_it_is_told_again_only_when_materially_worse() -> None:
    desk = Desk()
    first = alert(observed=500, expected=1_000)
    await desk.alerts(first)
    await desk.wait(seconds=6)
    little = replace(alert(observed=450, at=NOW + MINUTE_MS), episode_id=first.episode_id)
    await desk.alerts(little)
    await desk.wait(minutes=10)
    assert [each.cause for each in desk.notified] == ["new"]
    assert desk.dispositions()[little.alert_id] == "grouped"
    worse = replace(alert(observed=100, at=NOW + 2 * MINUTE_MS), episode_id=first.episode_id)
    await desk.alerts(worse)
    await desk.wait(seconds=2)
    assert [each.cause for each in desk.notified] == ["new", "worse"]
    assert desk.notified[1].title == "[critical] worse: Orders · DE: 100, expected 1,000"


async def test_worse_needs_an_absolute_step_too_and_waits_for_the_least_gap() -> None:
    desk = Desk()
    first = alert("views", {"market": "DE", "traffic_source": "SEARCH"}, observed=120, expected=100)
    await desk.alerts(first)
    await desk.wait(seconds=6)
    double = replace(alert("views", first.series, observed=150, expected=100, at=NOW + 1), episode_id=first.episode_id)
    await desk.alerts(double)
    await desk.wait(minutes=20)
    assert [each.cause for each in desk.notified] == ["new"]  # twice the excess, but only 30 more than notified
    big = replace(alert("views", first.series, observed=900, expected=100, at=NOW + 2), episode_id=first.episode_id)
    desk = Desk()
    await desk.alerts(first)
    await desk.wait(seconds=6)
    await desk.alerts(big)
    await desk.wait(seconds=30)
    assert [each.cause for each in desk.notified] == ["new"]
    await desk.wait(minutes=5)
    assert [each.cause for each in desk.notified] == ["new", "worse"]


async def test_a_higher_severity_is_told_at_once() -> None:
    desk = Desk()
    await desk.alerts(alert("views", {"market": "DE", "traffic_source": "SEARCH"}))
    await desk.wait(seconds=6)
    await desk.alerts(alert("orders"))
    await desk.wait(seconds=2)
    assert [(each.cause, each.severity) for each in desk.notified] == [("new", "warning"), ("worse", "critical")]
    assert desk.one("incidents")["severity"] == "critical"


async def test_what_detection_keeps_back_is_in_no_incident_and_has_its_reason() -> None:
    desk = Desk()
    await desk.alerts(alert(suppressed_by="cooldown"))
    assert desk.rows("incidents") == []
    row = desk.one("dispositions")
    assert (row["outcome"], row["by"], row["reason"]) == ("suppressed", "detection", "cooldown")


async def test_old_news_call_nobody() -> None:
    desk = Desk(at=NOW + DAY_MS)
    await desk.alerts(alert())
    await desk.wait(minutes=5)
    assert desk.notified == []
    assert desk.one("dispositions")["reason"] == "it was 1 d old when it was raised"
    assert desk.one("incidents")["note"] == "it was 1 d old when it was raised"


async def test_a_silence_mutes_and_its_end_lets_what_still_fires_be_told() -> None:
    desk = Desk()
    until = desk.clock.now_ms() + 30 * MINUTE_MS
    asked = {
        "silence_id": "s1",
        "owner": "cdn team",
        "why": "switching the CDN",
        "matchers": [{"name": "market", "value": "DE"}, {"name": "monitor", "op": "~", "value": "ord*"}],
        "starts_at": format_ms(desk.clock.now_ms()),
        "ends_at": format_ms(until),
    }
    assert await desk.ask("silence", **asked) == (True, f"active until {format_ms(until)}; 0 open incidents match")
    assert await desk.ask("silence", **asked) == (False, "there is a silence of that id")
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    assert desk.notified == []
    row = desk.one("dispositions")
    words = "silence of cdn team (market=DE, monitor~ord*): switching the CDN"
    assert (row["outcome"], row["by"], row["reason"]) == ("silenced", "s1", words)
    assert desk.one("incidents")["note"] == words
    assert desk.one("silences")["hits"] == 1
    await desk.wait(minutes=31)
    assert [each.cause for each in desk.notified if each.incident_id] == ["new"]
    assert desk.dispositions()[alert().alert_id] == "notified"


async def test_a_silence_that_is_ended_early_holds_nothing_back() -> None:
    desk = Desk()
    await desk.ask(
        "silence", silence_id="s1", owner="x", why="x", matchers=[{"name": "market", "op": "!=", "value": "FR"}],
        starts_at=format_ms(desk.clock.now_ms()), ends_at=format_ms(desk.clock.now_ms() + HOUR_MS),
    )  # fmt: skip
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    assert await desk.ask("expire_silence", "omar", silence_id="s1") == (True, "the silence is over")
    assert await desk.ask("expire_silence", "omar", silence_id="s1") == (
        False,
        "no active silence with this id",
    )
    await desk.wait(seconds=2)
    assert [each.cause for each in desk.notified] == ["new"]
    assert desk.one("silences")["ended_by"] == "omar"


async def test_a_planned_campaign_is_remarked_and_an_owner_is_reminded() -> None:
    desk = Desk(policy(fallback=("log",)))
    now = desk.clock.now_ms()
    await desk.ask(
        "silence", silence_id="s1", kind="campaign", effect="annotate", owner="growth", why="spring sale",
        matchers=[{"name": "market", "value": "DE"}], starts_at=format_ms(now), ends_at=format_ms(now + HOUR_MS),
    )  # fmt: skip
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    assert "Remark: campaign of growth (market=DE): spring sale" in desk.notified[0].body
    await desk.wait(minutes=46)
    await desk.wait(minutes=1)
    assert [each.cause for each in desk.notified] == ["new", "reminder"]


async def test_quiet_hours_wait_and_what_is_critical_does_not() -> None:
    night = {"from": "00:00", "to": "06:00", "timezone": "UTC"}
    desk = Desk(policy([{"name": "all", "to": ["log"], "quiet_hours": night}]))
    mild = alert("views", {"market": "DE", "traffic_source": "SEARCH"})
    await desk.alerts(mild)
    await desk.wait(seconds=6)
    assert desk.notified == []
    assert desk.one("dispositions")["reason"] == "quiet hours of all until 2026-03-02T06:00:00Z"
    await desk.alerts(alert("orders", {"market": "FR"}))
    await desk.wait(seconds=6)
    assert [each.title for each in desk.notified] == ["[critical] Orders · FR: 100, expected 1,000"]
    await desk.wait(minutes=5 * 60 + 30)
    assert len(desk.notified) == 2


async def test_without_a_route_it_goes_to_the_fallback_or_is_noted() -> None:
    desk = Desk(policy([]))
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    assert desk.notified == []
    assert desk.dispositions() == {alert().alert_id: "no_route"}
    desk = Desk(policy([], fallback=("log",)))
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    assert [each.route for each in desk.notified] == ["fallback"]


async def test_nobody_acknowledges_and_another_is_called() -> None:
    route = {
        "name": "all",
        "to": ["log"],
        "escalate": [{"after": "10m", "to": ["lead"]}, {"after": "30m", "to": ["boss"]}],
    }
    rules = policy([route], channels=("log", "lead", "boss"))
    desk = Desk(rules)
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    await desk.wait(minutes=11)
    assert [(each.channel, each.cause) for each in desk.notified] == [("log", "new"), ("lead", "escalation")]
    assert "Notified 11 min ago, and nobody has acknowledged it" in desk.notified[1].body
    incident = desk.one("incidents")
    assert await desk.ask("acknowledge", incident_id=incident["incident_id"], expects=incident["version"]) == (
        True,
        "maria has the incident until it is over",
    )
    await desk.wait(minutes=60)
    assert len(desk.notified) == 2
    row = desk.one("incidents")
    assert (row["status"], row["acknowledged_by"]) == ("acknowledged", "maria")


async def test_two_people_acknowledge_and_the_second_is_told() -> None:
    desk = Desk()
    await desk.alerts(alert())
    incident = desk.one("incidents")
    asked = {"incident_id": incident["incident_id"], "expects": incident["version"]}
    assert (await desk.ask("acknowledge", "maria", **asked))[0]
    accepted, answer = await desk.ask("acknowledge", "omar", **asked)
    assert not accepted
    assert "acknowledged by maria" in answer
    assert [row["outcome"] for row in desk.rows("actions")] == ["accepted", "refused"]


async def test_news_of_detection_do_not_make_a_person_look_again() -> None:
    desk = Desk()
    await desk.alerts(alert())
    seen = desk.one("incidents")["version"]
    await desk.alerts(alert("views", {"market": "DE", "traffic_source": "SEARCH"}))
    assert desk.one("incidents")["version"] > seen
    assert (await desk.ask("acknowledge", incident_id=desk.one("incidents")["incident_id"], expects=seen))[0]


async def test_an_incident_is_ended_by_hand_and_a_new_alert_begins_another() -> None:
    desk = Desk()
    first = alert()
    await desk.alerts(first)
    await desk.wait(seconds=6)
    incident_id = desk.one("incidents")["incident_id"]
    assert await desk.ask("resolve_incident", incident_id=incident_id, why="known") == (True, "the incident is over")
    await desk.alerts(replace(first, version=2))
    again = replace(alert(at=NOW + MINUTE_MS), episode_id=first.episode_id)
    await desk.alerts(again)
    assert sorted(row["status"] for row in desk.rows("incidents")) == ["firing", "resolved"]
    row = desk.one("incidents", incident_id=incident_id)
    assert (row["resolved_by"], row["alert_count"]) == ("maria", 1)


async def test_a_wish_that_is_sent_twice_is_granted_once() -> None:
    desk = Desk()
    await desk.alerts(alert())
    request = desk.request("acknowledge", incident_id=desk.one("incidents")["incident_id"])
    await desk.local.submit(request)
    await desk.local.say([ActionRequest(request)])
    assert [row["outcome"] for row in desk.rows("actions")] == ["accepted"]


async def test_a_viewer_changes_nothing_and_feedback_counts_its_versions() -> None:
    desk = Desk()
    await desk.alerts(alert())
    name = alert().alert_id
    assert await desk.ask("feedback", role="viewer", alert_id=name, verdict="true") == (False, "viewers cannot act")
    assert desk.rows("feedback") == []
    await desk.ask("feedback", alert_id=name, verdict="true")
    await desk.ask("feedback", alert_id=name, verdict="false", cause="campaign")
    row = desk.one("feedback")
    assert (row["verdict"], row["version"], row["monitor"], row["cause"]) == ("false", 2, "orders", "campaign")


# --- the outbox
# ----------------------------------------------------------------------------------------------------------


async def test_the_first_claim_has_the_try_and_a_dead_one_is_taken_over() -> None:
    desk = Desk()
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    name = desk.notified[0].notification_id
    await desk.local.say([Claim(name, 1, "w1"), Claim(name, 1, "w2"), Claim(name, 2, "w2")])
    assert (desk.notified[0].claimed_by, desk.notified[0].attempts) == ("w1", 1)
    assert desk.local.stage.responder.outbox.due(desk.clock.now_ms()) == []
    await desk.wait(seconds=61)
    await desk.local.say([Claim(name, 2, "w2")])
    assert (desk.notified[0].claimed_by, desk.notified[0].attempts) == ("w2", 2)
    await desk.local.say([Delivery(name, 1, "w1", "")])  # it was not dead, and the channel has it
    assert desk.notified == []
    await desk.local.say([Delivery(name, 2, "w2", "refused")])
    assert desk.one("notifications")["state"] == "sent"


async def test_a_dead_channel_is_tried_ever_more_seldom_reported_and_caught_up_with() -> None:
    desk = Desk(policy([{"name": "all", "to": ["log"]}], channels=("log", "mail"), fallback=("log", "mail")))
    await desk.alerts(alert(), alert("measures", {"policy_id": "P1"}, observed=900, expected=9))
    await desk.wait(seconds=6)
    responder = desk.local.stage.responder
    tries = 0
    for _ in range(60):  # an hour
        for each in [each for each in responder.outbox.due(desk.clock.now_ms()) if each.channel == "log"]:
            tries += 1
            await desk.local.say([Claim(each.notification_id, each.attempts + 1, "w")])
            await desk.local.say([Delivery(each.notification_id, each.attempts, "w", "no answer")])
        await desk.wait(minutes=1)
    assert DOWN_AFTER < tries < 25  # one notification at a time asks whether it is back
    row = desk.one("channels")
    assert (row["state"], row["error"], row["failures"]) == ("down", "no answer", tries)
    notified = [each for each in desk.notified if each.cause == "channel_down"]
    assert [each.channel for each in notified] == ["mail"]
    assert desk.one("channels")["since"] < desk.clock.now_ms() - 50 * MINUTE_MS
    waiting = [each for each in desk.notified if each.channel == "log"]
    assert len(waiting) == 2
    await desk.wait(minutes=5)
    while due := [each for each in responder.outbox.due(desk.clock.now_ms()) if each.channel == "log"]:
        for each in due:
            await desk.local.say([Claim(each.notification_id, each.attempts + 1, "w")])
            await desk.local.say([Delivery(each.notification_id, each.attempts, "w", "")])
    assert [each for each in desk.notified if each.channel == "log"] == []
    assert [row["state"] for row in desk.rows("notifications", channel="log")] == ["sent", "sent"]
    assert desk.one("channels")["state"] == "up"


async def test_a_notification_is_given_up_after_a_day() -> None:
    desk = Desk()
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    for _ in range(2):
        (each,) = desk.notified
        await desk.local.say([Claim(each.notification_id, each.attempts + 1, "w")])
        await desk.local.say([Delivery(each.notification_id, each.attempts, "w", "no answer")])
        await desk.wait(minutes=24 * 60)
    assert desk.notified == []
    assert desk.one("notifications")["state"] == "given_up"


async def test_a_new_normal_is_no_second_call() -> None:
    desk = Desk()
    first = alert(observed=500, expected=1_000)
    await desk.alerts(first)
    await desk.wait(seconds=6)
    normal = replace(
        alert(observed=10, at=NOW + HOUR_MS), episode_id=first.episode_id, kind="REGIME_CHANGE", status="resolved"
    )
    await desk.alerts(normal)
    await desk.wait(minutes=10)
    assert [each.cause for each in desk.notified] == ["new"]
    assert desk.dispositions()[normal.alert_id] == "grouped"


async def test_escalation_counts_from_the_first_telling() -> None:
    rules = policy(
        [{"name": "all", "to": ["log"], "escalate": [{"after": "10m", "to": ["lead"]}]}], channels=("log", "lead")
    )
    desk = Desk(rules)
    first = alert(observed=500, expected=1_000)
    await desk.alerts(first)
    await desk.wait(seconds=6)
    began = desk.one("incidents")["notified_at"]
    await desk.wait(minutes=6)
    await desk.alerts(replace(alert(observed=100, at=NOW + MINUTE_MS), episode_id=first.episode_id))
    await desk.wait(seconds=2)
    await desk.wait(minutes=5)
    assert [each.cause for each in desk.notified] == ["new", "worse", "escalation"]
    assert desk.one("incidents")["notified_at"] == began


async def test_what_is_explained_stays_explained() -> None:
    desk = Desk()
    first = alert()
    await desk.alerts(first)
    await desk.alerts(replace(first, version=2), summary={"text": "cdn = 3 carries it.", "change_id": "c9"})
    await desk.alerts(replace(first, version=3), summary={})
    await desk.wait(seconds=6)
    assert "cdn = 3 carries it." in desk.notified[0].body
    assert desk.one("incidents")["change_id"] == "c9"


async def test_a_daily_bucket_is_news_for_two_days() -> None:
    daily = {"market": "DE"}
    desk = Desk(at=NOW + 20 * HOUR_MS)
    slow = Desk(at=NOW + 20 * HOUR_MS)
    await desk.alerts(alert("orders", daily))
    await slow.alerts(alert("closures", daily, observed=900, expected=1))
    for each in (desk, slow):
        await each.wait(seconds=6)
    assert (desk.dispositions(), [each.cause for each in slow.notified]) == (
        {alert("orders", daily).alert_id: "stale"},
        ["new"],
    )


async def test_a_channel_is_reported_once_an_outage_and_not_on_itself() -> None:
    desk = Desk(policy([{"name": "all", "to": ["log"]}], channels=("log", "mail"), fallback=("log", "mail")))
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    name = desk.notified[0].notification_id
    for number in range(1, 8):
        await desk.local.say([Claim(name, number, "w"), Delivery(name, number, "w", "no answer")])
        await desk.wait(minutes=6)
    assert [(each.cause, each.channel) for each in desk.notified] == [("new", "log"), ("channel_down", "mail")]


async def test_a_claim_of_another_attempt_and_an_old_failure_change_nothing() -> None:
    desk = Desk()
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    name = desk.notified[0].notification_id
    await desk.local.say([Claim(name, 7, "w1")])
    assert desk.notified[0].state == "pending"
    await desk.local.say([Claim(name, 1, "w1")])
    await desk.wait(seconds=61)
    await desk.local.say([Claim(name, 2, "w2"), Delivery(name, 1, "w1", "too late")])
    assert (desk.notified[0].state, desk.notified[0].claimed_by, desk.notified[0].error) == ("claimed", "w2", "")
    assert desk.rows("channels") == []


async def test_what_waits_for_a_channel_goes_at_once_when_it_is_back() -> None:
    desk = Desk()
    await desk.alerts(alert(), alert("measures", {"policy_id": "P1"}, observed=900, expected=9))
    await desk.wait(seconds=6)
    outbox = desk.local.stage.responder.outbox
    first, second = (each.notification_id for each in desk.notified)
    for name in (first, second):
        for number in range(1, 7):
            await desk.local.say([Claim(name, number, "w"), Delivery(name, number, "w", "no answer")])
            await desk.wait(minutes=6)
    await desk.local.say([Claim(first, 7, "w"), Delivery(first, 7, "w", "no answer")])
    assert outbox.waiting[first].due_ms > desk.clock.now_ms()
    await desk.local.say([Claim(second, 7, "w"), Delivery(second, 7, "w", "")])
    assert [each.notification_id for each in outbox.due(desk.clock.now_ms())] == [first]


async def test_a_silence_that_begins_later_mutes_nothing_yet() -> None:
    desk = Desk()
    now = desk.clock.now_ms()
    await desk.ask(
        "silence", silence_id="s1", owner="x", why="x", matchers=[{"name": "market", "value": "DE"}],
        starts_at=format_ms(now + HOUR_MS), ends_at=format_ms(now + 2 * HOUR_MS),
    )  # fmt: skip
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    assert [each.cause for each in desk.notified] == ["new"]


async def muted(desk: Desk, minutes: int, **fields: str) -> None:
    now = desk.clock.now_ms()
    accepted, answer = await desk.ask(
        "silence", silence_id=f"s{now}", owner="x", why="x", matchers=[{"name": "market", "value": "DE"}],
        starts_at=format_ms(now), ends_at=format_ms(now + minutes * MINUTE_MS), **fields,
    )  # fmt: skip
    assert accepted, answer


async def test_what_came_and_went_under_maintenance_calls_nobody_afterwards() -> None:
    desk = Desk()
    await muted(desk, 30, kind="maintenance")
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    await desk.resolve(alert())
    await desk.wait(minutes=31)
    await desk.wait(minutes=31)
    assert [each for each in desk.notified if each.incident_id] == []
    assert desk.dispositions() == {alert().alert_id: "maintenance"}


async def test_a_silence_stops_the_escalation() -> None:
    rules = policy(
        [{"name": "all", "to": ["log"], "escalate": [{"after": "10m", "to": ["lead"]}]}], channels=("log", "lead")
    )
    desk = Desk(rules)
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    await muted(desk, 20)
    await desk.wait(minutes=15)
    assert [each.cause for each in desk.notified] == ["new"]
    await desk.wait(minutes=6)
    assert [each.cause for each in desk.notified] == ["new", "escalation"]


async def test_a_further_critical_metric_is_told_and_a_further_warning_is_not() -> None:
    desk = Desk()
    await desk.alerts(alert("stalls", {"market": "DE"}, observed=900, expected=10))
    await desk.wait(seconds=6)
    await desk.alerts(alert("views", {"market": "DE", "traffic_source": "SEARCH"}))
    await desk.wait(minutes=6)
    assert [each.cause for each in desk.notified] == ["new"]
    await desk.alerts(alert("orders", at=NOW + MINUTE_MS))
    await desk.wait(seconds=2)
    assert [(each.cause, each.title) for each in desk.notified][1:] == [
        ("wider", "[critical] also: Orders · DE: 100, expected 1,000")
    ]
    assert len(desk.rows("incidents")) == 1


async def test_traffic_and_enforcement_of_one_market_are_two_incidents() -> None:
    desk = Desk()
    await desk.alerts(alert("orders"), alert("closures", {"market": "DE"}, observed=900, expected=1))
    assert len(desk.rows("incidents")) == 2


async def test_the_end_of_an_alert_that_is_long_forgotten_calls_nobody() -> None:
    desk = Desk()
    first = alert()
    await desk.alerts(first)
    await desk.wait(seconds=6)
    await desk.ask("resolve_incident", incident_id=desk.one("incidents")["incident_id"])
    await desk.wait(minutes=3 * 24 * 60)
    await desk.resolve(first, at=NOW + 3 * DAY_MS)
    await desk.wait(minutes=1)
    assert [each.cause for each in desk.notified] == ["new", "resolved"]
    assert desk.local.stage.responder.incidents.by_id == {}
