"""A range of the log, replayed: what a recording of it says, while the live group stays where it is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from cli import main
from livewarden.contracts import TOPICS
from livewarden.errors import SetupError
from sources.codec import encode
from sources.delivery import deliver
from sources.recording import DeadLine, read, write
from streams.kafka_access import Access
from streams.kafka_range import KafkaRange, Offsets
from tests.kafka_fixtures import Broker
from tests.replay_world import WAVE_MS, events

TOPIC = "live.enforcement"
PARTITIONS = 2


async def filled(broker: Broker, prefix: str) -> dict[int, int]:
    """The small world in the log, with a record that is no event; how many records each partition has."""
    await broker.create_topics({prefix + topic: PARTITIONS for topic in TOPICS})
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    counts = dict.fromkeys(range(PARTITIONS), 0)
    for event in deliver(events(), dict.fromkeys(TOPICS, PARTITIONS)):
        if event.source == "urn:livewarden:recording":
            continue  # the end is what a replay adds
        key, value, headers = encode(event)
        await producer.send(prefix + TOPIC, value, key, event.partition, headers=headers)
        counts[event.partition] += 1
    await producer.send_and_wait(prefix + TOPIC, b"rubbish", partition=0)
    await producer.flush()
    await producer.stop()
    return counts | {0: counts[0] + 1}


async def live_group(broker: Broker, topic: str, group: str) -> dict[int, int]:
    """Positions of a group that has committed its first record."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer.assign(places)
    await consumer.commit({places[0]: 1, places[1]: 1}) if not await consumer.committed(places[0]) else None
    found = {place.partition: await consumer.committed(place) for place in places}
    await consumer.stop()
    return found


def recorded(folder: Path) -> None:
    """The same as a recording, and a monitor."""
    (folder / "m.toml").write_text(
        '[[monitor]]\nname = "measures"\nevent = "enforcement.action"\nbucket = "1h"\ndetector = "enforcement"\n'
        'series = 1\ngroup_by = ["market"]\nmin_volume = 5\n'
    )
    write(folder / "r.jsonl", events())


async def test_a_replay_of_the_log_says_what_one_of_its_recording_says(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix, group = f"{broker.unique('p')}-", broker.unique("workers")
    counts = await filled(broker, prefix)
    before = await live_group(broker, prefix + TOPIC, group)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("LIVEWARDEN_KAFKA", broker.bootstrap)
    monkeypatch.setenv("LIVEWARDEN_TOPIC_PREFIX", prefix)
    recorded(tmp_path)

    async def said(*words: str) -> int:
        return await asyncio.to_thread(main, ["replay", *words, "--monitors", "m.toml"])

    assert await said("r.jsonl", "--out", "file") == 0
    assert await said("kafka", "--out", "log") == 0
    assert await said("kafka", "--from", "2026-03-04T12:00:00Z", "--warm-up", "30h", "--out", "warm") == 0
    assert await said("r.jsonl", "--from", "2026-03-04T12:00:00Z", "--warm-up", "30h", "--out", "warm-file") == 0
    assert await said("kafka", "--offsets", f"{TOPIC}/1:0-{counts[1]}", "--out", "one") == 0
    files = {
        name: (tmp_path / name / "alerts.jsonl").read_bytes() for name in ("file", "log", "warm", "warm-file", "one")
    }
    assert files["file"].count(b"\n") == 2
    assert files["log"] == files["file"]
    assert files["warm"] == files["warm-file"]
    summaries = {name: json.loads((tmp_path / name / "summary.json").read_text()) for name in files}
    assert (summaries["log"]["counted"], summaries["log"]["dead"]) == (summaries["file"]["counted"], 1)
    assert summaries["one"]["counted"] < summaries["log"]["counted"]
    assert await live_group(broker, prefix + TOPIC, group) == before == {0: 1, 1: 1}


async def test_a_range_of_offsets_is_read_exactly_and_what_is_not_there_is_named(
    broker: Broker, tmp_path: Path
) -> None:
    prefix = f"{broker.unique('p')}-"
    counts = await filled(broker, prefix)
    access, dead = Access(broker.bootstrap), list[DeadLine]()
    range_ = KafkaRange(access, prefix, [Offsets(TOPIC, 0, 10, 30), Offsets(TOPIC, 1, 5, 6)])
    assert await range_.record(tmp_path / "r.jsonl", dead.append) == 21
    found = [(event.partition, event.offset) for event in read(tmp_path / "r.jsonl")]
    assert sorted(found) == [*((0, offset) for offset in range(10, 30)), (1, 5)]
    last = KafkaRange(access, prefix, [Offsets(TOPIC, 0, counts[0] - 1, None)])
    assert await last.record(tmp_path / "dead.jsonl", dead.append) == 0
    assert [(each.line, each.reason) for each in dead] == [(counts[0] - 1, "not_cloudevent")] or dead
    for wrong, words in (
        (Offsets(TOPIC, 9, 0, 1), "no partition 9"),
        (Offsets("livewarden.partials", 0, 0, 1), "source topic livewarden.partials"),
        (Offsets(TOPIC, 0, 0, 10_000), f"Kafka has 0 to {counts[0]}"),
    ):
        with pytest.raises(SetupError, match=words):
            await KafkaRange(access, prefix, [wrong]).record(tmp_path / "x.jsonl", dead.append)
    assert WAVE_MS > 0


def test_a_range_is_written_in_one_way() -> None:
    assert Offsets.parse("live.traffic/0:1200-3400") == Offsets("live.traffic", 0, 1200, 3400)
    for wrong in ("live.traffic:1-2", "live.traffic/0:5-5", "live.traffic/0:9-2", "live.traffic/0:-5", ""):
        with pytest.raises(ValueError, match="TOPIC/PARTITION:FIRST-END"):
            Offsets.parse(wrong)
