"""The courier: at least once to the channel, and not twice, whoever dies in between."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.channels import Channel, MemoryChannel, Outgoing
from streams.notifier import Notifier
from tests.response_fixtures import Desk, alert, policy


def notifier(desk: Desk, channel: Channel, name: str = "w1") -> Notifier:
    return Notifier({channel.name: channel}, desk.local.say, name, 2_000)


async def turns(desk: Desk, *couriers: Notifier, times: int = 4) -> None:
    """Let them look a few times, and finish what they began."""
    for _ in range(times):
        for each in couriers:
            await each.turn(desk.local.stage.responder, desk.clock.now_ms())
        for each in couriers:
            await each.finish(5)


async def notified(desk: Desk) -> None:
    await desk.alerts(alert())
    await desk.wait(seconds=6)


async def test_what_is_due_is_sent_once_and_noted() -> None:
    desk, channel = Desk(), MemoryChannel("log")
    await notified(desk)
    carrier = notifier(desk, channel)
    await turns(desk, carrier)
    (sent,) = channel.sent
    row = desk.one("notifications")
    assert (row["state"], row["attempts"], row["sent_at"]) == ("sent", 1, desk.clock.now_ms())
    assert (sent.notification_id, sent.title, sent.body) == (row["notification_id"], row["title"], row["body"])
    await turns(desk, carrier)
    assert len(channel.sent) == 1


async def test_of_two_couriers_one_sends() -> None:
    desk, channel = Desk(), MemoryChannel("log")
    await notified(desk)
    await turns(desk, notifier(desk, channel, "w1"), notifier(desk, channel, "w2"), notifier(desk, channel, "w3"))
    assert len(channel.sent) == 1


async def test_a_courier_that_dies_after_its_claim_is_replaced() -> None:
    desk, channel = Desk(), MemoryChannel("log")
    await notified(desk)
    await notifier(desk, channel, "w1").turn(desk.local.stage.responder, desk.clock.now_ms())
    assert desk.one("notifications")["state"] == "claimed"
    second = notifier(desk, channel, "w2")
    await turns(desk, second)
    assert channel.sent == []
    await desk.wait(seconds=61)
    await turns(desk, second)
    assert len(channel.sent) == 1


async def test_a_receiver_that_is_down_for_an_hour_gets_it_once_and_the_tables_said_so() -> None:
    desk, channel = Desk(), MemoryChannel("log")
    await notified(desk)
    channel.refuse("no answer")
    carrier = notifier(desk, channel)
    for _ in range(60):
        await turns(desk, carrier)
        await desk.wait(minutes=1)
    assert channel.sent == []
    row = desk.one("channels")
    assert (row["state"], row["error"]) == ("down", "no answer")
    assert desk.one("notifications")["state"] == "pending"
    channel.refuse("", 0)
    await desk.wait(minutes=5)
    await turns(desk, carrier, times=8)
    assert len(channel.sent) == 1
    assert (desk.one("channels")["state"], desk.one("notifications")["state"]) == ("up", "sent")
    await desk.wait(minutes=60)
    await turns(desk, carrier)
    assert len(channel.sent) == 1


async def test_a_channel_that_is_not_there_any_more_is_a_failed_try() -> None:
    desk = Desk()
    await notified(desk)
    await turns(desk, notifier(desk, MemoryChannel("other")))
    assert desk.one("notifications")["error"] == "this worker has no channel log"


async def test_ticks_are_written_while_something_waits_and_not_else() -> None:
    desk, channel = Desk(policy(sla={})), MemoryChannel("log")
    carrier = notifier(desk, channel)
    await turns(desk, carrier)
    assert desk.local.log == []
    await desk.alerts(alert())
    await turns(desk, carrier)
    assert sum(b'"tick"' in (record.value or b"") for record in desk.local.log) == 1


class Dying(MemoryChannel):
    """A channel that takes what it is sent and ends the sender before it can say so."""

    async def send(self, outgoing: Outgoing) -> None:
        await super().send(outgoing)
        raise asyncio.CancelledError


async def test_a_death_between_the_channels_yes_and_the_log_sends_the_same_id_again() -> None:
    desk, dying, channel = Desk(), Dying("log"), MemoryChannel("log")
    await notified(desk)
    await turns(desk, notifier(desk, dying, "w1"), times=2)
    await desk.wait(seconds=61)
    await turns(desk, notifier(desk, channel, "w2"))
    assert [each.notification_id for each in channel.sent] == [each.notification_id for each in dying.sent]


STEPS = st.sampled_from(["look", "new courier", "minute", "alert", "down", "up"])


@pytest.mark.timeout(300)
@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=40))
async def test_whenever_couriers_are_replaced_everything_is_sent_once(steps: list[str]) -> None:
    desk, channel = Desk(), MemoryChannel("log")
    carrier = notifier(desk, channel, "w0")
    for number, step in enumerate(steps):
        if step == "look":
            await carrier.turn(desk.local.stage.responder, desk.clock.now_ms())
            await carrier.finish(5)
        elif step == "new courier":  # the old one is gone, between a claim and its try, or after
            carrier = notifier(desk, channel, f"w{number}")
        elif step == "minute":
            await desk.wait(minutes=1)
        elif step == "alert":
            await desk.alerts(
                alert("measures", {"policy_id": f"P{number}"}, observed=900, expected=9, at=desk.clock.now_ms())
            )
        else:
            channel.refuse("no answer", 1_000 if step == "down" else 0)
    channel.refuse("", 0)
    for _ in range(6):
        await desk.wait(minutes=6)
        await turns(desk, carrier, times=6)
    assert desk.notified == []
    sent = [each.notification_id for each in channel.sent]
    assert len(sent) == len(set(sent))
    assert set(sent) == {row["notification_id"] for row in desk.rows("notifications")}
    assert {row["state"] for row in desk.rows("notifications")} <= {"sent"}


class Slow(MemoryChannel):
    """A channel that takes its time."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.go = asyncio.Event()

    async def send(self, outgoing: Outgoing) -> None:
        await self.go.wait()
        await super().send(outgoing)


async def test_a_try_that_takes_its_time_is_not_begun_again() -> None:
    desk, channel = Desk(), Slow("log")
    await notified(desk)
    carrier = notifier(desk, channel)
    for _ in range(5):
        await carrier.turn(desk.local.stage.responder, desk.clock.now_ms())
    channel.go.set()
    await carrier.finish(5)
    assert len(channel.sent) == 1
