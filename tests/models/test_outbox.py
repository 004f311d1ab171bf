"""What a channel gets, in which order, and what one message that is refused does to the others: nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.times import DAY_MS, MINUTE_MS
from models.response.outbox import ChannelState, Notification, Outbox
from models.response.response_event import Claim, Delivery
from tests.response_fixtures import Desk, alert, policy


def note(name: str, incident: str, cause: str = "new", at: int = 0, number: int = 1) -> Notification:
    return Notification(name, incident, number, cause, "all", "log", "critical", name, "", "", at, at)


def tried(outbox: Outbox, name: str, now: int, error: str = "", *, refused: bool = False) -> None:
    attempt = outbox.waiting[name].attempts + 1
    assert outbox.claim(Claim(name, attempt, "w"), now)
    outbox.delivered(Delivery(name, attempt, "w", error, refused), now)


@pytest.mark.parametrize("known", [True, False], ids=["the service says 400", "nobody says why"])
def test_one_message_that_is_refused_holds_back_no_other(known: bool) -> None:
    outbox = Outbox(DAY_MS)
    outbox.add(note("bad", "i1"))
    now = 0
    for _ in range(20):
        for each in outbox.due(now):
            tried(outbox, each.notification_id, now, "no", refused=known)
        now += MINUTE_MS
    outbox.add(note("good", "i2", at=now))
    assert "good" in [each.notification_id for each in outbox.due(now)]
    tried(outbox, "good", now)
    outbox.add(note("next", "i3", at=now + 1))
    assert "next" in [each.notification_id for each in outbox.due(now + 1)]


def test_what_a_service_refuses_is_not_an_outage_and_is_tried_again() -> None:
    outbox = Outbox(DAY_MS)
    outbox.add(note("bad", "i1"))
    tried(outbox, "bad", 0, "error=400", refused=True)
    assert outbox.channels["log"] == ChannelState("log", since_ms=0, version=1)
    assert [each.notification_id for each in outbox.due(MINUTE_MS)] == ["bad"]


def test_a_message_that_fails_again_while_the_channel_took_another_is_a_refused_one() -> None:
    outbox = Outbox(DAY_MS)
    for name in ("bad", "good"):
        outbox.add(note(name, name))
    tried(outbox, "bad", 0, "no")
    tried(outbox, "good", 0)
    tried(outbox, "bad", MINUTE_MS, "no")
    assert (outbox.waiting["bad"].refusals, outbox.channels["log"].state) == (1, "up")


async def test_who_runs_it_is_told_what_a_channel_refuses_once() -> None:
    desk = Desk(policy(channels=("log", "mail"), fallback=("log", "mail")))
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    (bad,) = desk.notified
    for attempt in range(1, 8):
        await desk.local.say([Claim(bad.notification_id, attempt, "w")])
        await desk.local.say([Delivery(bad.notification_id, attempt, "w", "error=400", True)])
        await desk.wait(minutes=6)
    others = [each for each in desk.notified if each is not bad]
    assert [(each.channel, each.cause) for each in others] == [("mail", "undelivered")]
    assert others[0].title == f"[undelivered] {bad.title}"
    assert others[0].body.endswith(bad.body)


def test_the_end_of_what_was_never_begun_is_not_told() -> None:
    outbox = Outbox(MINUTE_MS)
    outbox.add(note("new", "i1"))
    outbox.add(note("end", "i1", "resolved", at=1, number=2))
    tried(outbox, "new", 0, "no")
    attempt = outbox.waiting["new"].attempts + 1
    assert outbox.claim(Claim("new", attempt, "w"), 2 * MINUTE_MS)
    gone, _ = outbox.delivered(Delivery("new", attempt, "w", "no"), 2 * MINUTE_MS) or ([], None)
    assert [(each.notification_id, each.state) for each in gone] == [("new", "given_up"), ("end", "given_up")]
    assert not outbox.waiting
    assert not outbox.add(note("end again", "i1", "resolved", number=3))


FATES = st.lists(st.sampled_from(["ok", "down", "refused"]), min_size=1, max_size=60)


@given(FATES, st.integers(1, 4), st.data())
@settings(max_examples=60, deadline=None)
def test_no_receiver_gets_the_end_before_the_beginning(fates: list[str], incidents: int, data: st.DataObject) -> None:
    outbox, got, now = Outbox(DAY_MS), [], 0
    for number in range(incidents):
        outbox.add(note(f"n{number}", f"i{number}", at=number))
        if data.draw(st.booleans()):
            outbox.add(note(f"w{number}", f"i{number}", "worse", at=number + 10, number=2))
        outbox.add(note(f"r{number}", f"i{number}", "resolved", at=number + 20, number=3))
    for fate in fates:
        now += MINUTE_MS
        under_way = outbox.due(now)
        for each in under_way:
            outbox.claim(Claim(each.notification_id, each.attempts + 1, "w"), now)
        for each in data.draw(st.permutations(under_way)):
            error = "" if fate == "ok" else fate
            outbox.delivered(Delivery(each.notification_id, each.attempts, "w", error, fate == "refused"), now)
            if not error:
                got.append((each.incident_id, each.cause))
    for incident_id, cause in got:
        if cause == "resolved":
            assert got.index((incident_id, "new")) < got.index((incident_id, "resolved"))
    restored = Outbox(DAY_MS)
    restored.restore(json.loads(json.dumps(outbox.snapshot())))
    assert restored.snapshot() == outbox.snapshot()
