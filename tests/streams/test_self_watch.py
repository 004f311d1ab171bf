"""What livewarden says about itself: when a condition is told, and what the console finds of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from livewarden.clock import ManualClock, SystemClock
from livewarden.errors import RetryLater
from livewarden.times import HOUR_MS, MINUTE_MS
from models.response.policy_file import parse_policy
from sinks.channels import MemoryChannel
from sinks.store.memory import MemoryStore
from streams.clocks import clock_skew, watermark_ahead
from streams.conditions import AGAIN_AFTER_MS, Condition, Conditions
from streams.self_watch import SelfWatch
from streams.set_aside import REPEATEDLY, SetAside
from streams.stages import Ingest, Output
from streams.stages.marker import Passed
from streams.worker import Worker
from tests.core_fixtures import T0, TOPIC, action
from tests.kafka_fixtures import Broker
from tests.live import FlakyStore, deployed, evening, feed, feed_only, plan, settled, until, working
from tests.streams.test_stages import PLAN, wire

LATE = Condition("canary_late", "canary", "The canary does not arrive", "for 180 s", over="The canary arrives again")
LOST = Condition("lost_unread", "live.traffic/0/7", "Records were deleted", "5 records")


def test_a_condition_is_told_when_it_begins_again_while_it_lasts_and_when_it_is_over() -> None:
    conditions = Conditions()
    times = range(0, AGAIN_AFTER_MS + 5_000, 5_000)
    told = [(at, [held.over for held in conditions.look(at, [LATE]).to_tell]) for at in times]
    assert [each for each in told if each[1]] == [(0, [False]), (AGAIN_AFTER_MS, [False])]
    assert [held.over for held in conditions.look(AGAIN_AFTER_MS + 10_000, []).to_tell] == [True]
    assert conditions.look(AGAIN_AFTER_MS + 15_000, []).to_tell == ()


def test_a_condition_that_comes_back_has_another_id() -> None:
    conditions = Conditions()
    (first,) = conditions.look(0, [LATE]).to_write
    (over,) = conditions.look(5_000, []).to_write
    (again,) = conditions.look(10_000, [LATE]).to_write
    assert first.alert_id == over.alert_id != again.alert_id


def test_what_nobody_need_be_told_is_over_in_the_table_alone() -> None:
    conditions = Conditions()
    conditions.look(0, [LOST])
    over = conditions.look(5_000, [])
    assert (over.to_tell, [held.over for held in over.to_write]) == ((), [True])


async def test_what_is_told_goes_to_the_channels_and_stands_in_a_table() -> None:
    clock, channel, store = ManualClock(1_000), MemoryChannel("ourselves"), MemoryStore()
    watch = SelfWatch([channel], "worker-1", clock.now_ms, store.write)
    await watch.look([LATE])
    clock.advance(minutes=2)
    await watch.look([LATE])
    (row,) = store.rows("health_alerts")
    assert (row["kind"], row["status"], row["since"], row["seen_at"]) == ("canary_late", "firing", 1_000, 121_000)
    clock.advance(minutes=2)
    await watch.look([])
    (row,) = store.rows("health_alerts")
    assert (row["status"], row["since"], row["seen_at"]) == ("over", 1_000, 241_000)
    assert [(sent.title, sent.severity) for sent in channel.sent] == [
        ("livewarden: The canary does not arrive", "critical"),
        ("livewarden: The canary arrives again", "info"),
    ]


async def test_a_store_that_is_away_holds_up_no_word(caplog: pytest.LogCaptureFixture) -> None:
    channel, store = MemoryChannel("ourselves"), FlakyStore()
    store.trouble = RetryLater("ClickHouse is away")
    await SelfWatch([channel], "worker-1", lambda: 1_000, store.write).look([LATE])
    assert len(channel.sent) == 1
    assert "health_alerts: not written now" in caplog.text


def lost(first: int, count: int) -> Output:
    """What a stage puts out when it finds records gone."""
    stage = Ingest(plan(), "live.enforcement", 1, 2, 0)
    stage.next_offset = first
    stage.process([Passed("live.enforcement", 1, first + count - 1, lost_from=first)])
    return stage.output


def test_records_that_were_lost_unread_are_told_with_their_place_offsets_and_count_for_an_hour() -> None:
    clock = ManualClock(5 * HOUR_MS)
    set_aside = SetAside(clock.now_ms)
    set_aside.take("live.enforcement", lost(40, 20))
    set_aside.take("live.enforcement", lost(90, 1))
    first, second = set_aside.holding()
    assert (first.kind, first.about) == ("lost_unread", "live.enforcement/1/40")
    assert first.body.startswith("live.enforcement/1: 20 records, offsets 40 to 59, are gone")
    assert second.body.startswith("live.enforcement/1: 1 records, offsets 90 to 90, are gone")
    clock.advance(minutes=61)
    assert set_aside.holding() == []


def ahead(*offsets: int) -> Output:
    output = Output()
    output.ahead = [("feed-3", 0, offset) for offset in offsets]
    return output


def test_a_source_that_is_ahead_again_and_again_is_told_and_a_mishap_is_not() -> None:
    clock = ManualClock(5 * HOUR_MS)
    set_aside = SetAside(clock.now_ms)
    set_aside.take("live.traffic", ahead(*range(REPEATEDLY - 1)))
    assert set_aside.holding() == []
    clock.advance(minutes=59)
    set_aside.take("live.traffic", ahead(77))
    (told,) = set_aside.holding()
    assert (told.kind, told.about) == ("source_ahead", "feed-3")
    assert told.body.startswith(f"{REPEATEDLY} events of 'feed-3' in the last hour")
    assert "live.traffic/0, offset 77" in told.body
    clock.advance(minutes=2)  # the first ones are more than an hour ago
    assert set_aside.holding() == []


def test_an_ingest_stage_names_the_source_of_what_is_dated_in_the_future() -> None:
    event = action("e1", T0)
    stage = Ingest(PLAN, TOPIC, 0, 1, 0)
    stage.process([replace(wire(3, event), timestamp=T0 - HOUR_MS)])
    assert stage.output.ahead == [(event.source, 0, 3)]


def test_a_clock_that_is_wrong_is_a_condition() -> None:
    assert clock_skew("w", None) is None
    assert clock_skew("w", 2_000) is None
    skew = clock_skew("w", -HOUR_MS)
    assert skew is not None
    assert "3600 s behind Kafka's" in skew.body


def test_a_watermark_in_the_future_is_a_condition_that_names_the_command() -> None:
    stage = Ingest(plan(), "live.traffic", 2, 4, 0)
    stage.advance(10 * HOUR_MS)
    assert watermark_ahead(stage, 10 * HOUR_MS - MINUTE_MS, 5 * MINUTE_MS) is None
    told = watermark_ahead(stage, 9 * HOUR_MS, 5 * MINUTE_MS)
    assert told is not None
    assert told.about == "live.traffic/2"
    assert "--mend-watermarks" in told.body


@pytest.mark.kafka
@pytest.mark.real_kafka
@pytest.mark.timeout(240)
async def test_what_retention_deleted_before_it_was_read_is_told_on_the_watch_channel(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), partitions=1)
    events = [event for event in evening() if event.topic == "live.enforcement"]
    store, channel = MemoryStore(), MemoryChannel("ourselves")
    topic = settings.topic_prefix + "live.enforcement"
    async with working(settings, plan(), store) as worker:
        await feed(settings, events[:50], worker)
    before, _ = (await store.positions("ingest"))["live.enforcement", 0]
    await feed_only(settings, events[50:200])
    admin = AIOKafkaAdminClient(bootstrap_servers=apache_kafka)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=before + 40)})
    await admin.close()
    policy = parse_policy('watch = ["ourselves"]\n[[channel]]\nname = "ourselves"\nfile = "-"\n')
    told = Worker(settings, plan(), store, SystemClock(), policy, {"ourselves": channel})
    running = asyncio.create_task(told.run())
    try:
        await until(lambda: any("deleted before they were read" in sent.title for sent in channel.sent))
        await until(lambda: settled(settings))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    (sent,) = [sent for sent in channel.sent if "deleted before they were read" in sent.title]
    last = before + 39
    assert sent.body.startswith(f"live.enforcement/0: 40 records, offsets {before} to {last}, are gone")
    (row,) = [row for row in store.rows("health_alerts") if row["kind"] == "lost_unread"]
    assert (row["about"], row["status"], row["severity"]) == (f"live.enforcement/0/{before}", "firing", "critical")
