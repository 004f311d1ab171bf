"""The two stages without a broker: records in, rows and messages out, state on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from livewarden.contracts import PlatformChange
from livewarden.event import Event
from livewarden.times import DAY_MS, MINUTE_MS
from models.aggregate.partial import Message, Notice, Partial, Seal, from_dict
from models.monitors.plan import CHANGES, Plan
from sources.codec import encode, to_line
from sources.recording import read
from streams.stages import FULL_EVERY, Detect, Ingest, Output, encode_message
from streams.stages.marker import Passed
from tests.core_fixtures import T0, TOPIC, action, beat, moment, monitor, partials, say, seals, silent

COUNTS = monitor(name="counts", bucket="1m", series=1, min_volume=10)
PLAN = Plan([COUNTS, monitor(name="slow", bucket="1h"), silent(), monitor(name="apart", group="apart")])


@dataclass
class Wire:
    """A record as the consumer hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 1_800_000_000_000


def wire(offset: int, event: Event, topic: str = TOPIC) -> Wire:
    key, value, headers = encode(event)
    return Wire(topic, 0, offset, key, value, headers)


def ingest(lateness_ms: int = 0) -> Ingest:
    return Ingest(PLAN, TOPIC, 0, 1, lateness_ms)


def drained(stage: Ingest | Detect) -> Output:
    output, stage.output = stage.output, Output()
    return output


def minutes(count: int) -> list[Wire]:
    return [wire(n, action(f"e{n}", T0 + n * MINUTE_MS, "DE" if n % 2 else "FR", weight=n + 1)) for n in range(count)]


def test_every_offset_is_stored_dead_or_lost_unread() -> None:
    stage, records = ingest(), minutes(9)
    bad = Wire(TOPIC, 0, 2, None, b"{")
    marker, gap = Passed(TOPIC, 0, 3), Passed(TOPIC, 0, 6, lost_from=1)
    stage.process([*records[:2], bad, marker, gap, *records[7:]])
    output = drained(stage)
    assert stage.next_offset == 9
    dead = [(row["offset"], row["reason"], row["headers"]) for row in output.rows["dead_letters"]]
    assert dead == [(2, "broken_json", "{}"), (4, "lost_unread", '{"livewarden_lost":"3"}')]
    assert output.rows["dead_letters"][1]["detail"].startswith("3 records, offsets 4 to 6, were deleted")
    assert len(output.rows["events"]) + 1 + 1 + output.lost == 9  # stored, dead, the marker, lost unread


def test_a_stage_that_never_read_has_lost_nothing() -> None:
    stage = ingest()
    stage.process([Passed(TOPIC, 0, 59, lost_from=0)])
    assert (stage.next_offset, stage.output.lost, stage.output.rows) == (60, 0, {})


def test_what_the_stages_say_can_be_lost_unread_too() -> None:
    stage = Detect(PLAN, "livewarden.partials", 0)
    stage.process([Passed("livewarden.partials", 0, 4, lost_from=0)])
    stage.process([Passed("livewarden.partials", 0, 6, lost_from=5)])
    assert (stage.next_offset, stage.output.lost) == (7, 2)


def test_every_event_is_a_row() -> None:
    stage = ingest(lateness_ms=MINUTE_MS)
    stage.process(
        [
            wire(0, action("a", T0 + 5 * MINUTE_MS, weight=7)),
            wire(1, action("a", T0 + 5 * MINUTE_MS, weight=7)),
            wire(2, action("b", T0)),
        ]
    )
    rows = drained(stage).rows["events"]
    assert [(row["offset"], row["late"], row["duplicate"]) for row in rows] == [(0, 0, 0), (1, 0, 1), (2, 1, 0)]
    assert rows[0] | {"data": ""} == {
        "topic": TOPIC,
        "partition": 0,
        "offset": 0,
        "event_id": "a",
        "type": "enforcement.action",
        "source": "/test",
        "event_time": T0 + 5 * MINUTE_MS,
        "precision": "second",
        "weight": 7,
        "late": 0,
        "duplicate": 0,
        "conflict": 0,
        "unknown_fields": [],
        "key": "DE",
        "data": "",
    }
    assert orjson.loads(rows[0]["data"])["action_id"] == "a1"
    assert stage.outcomes == {"counted": 1, "duplicate": 1, "late": 1}


def test_a_conflict_is_counted_apart() -> None:
    stage = ingest(lateness_ms=MINUTE_MS)
    stage.process([wire(n, action("a", T0, weight=weight)) for n, weight in enumerate((1, 2, 1))])
    rows = drained(stage).rows["events"]
    assert [(row["duplicate"], row["conflict"]) for row in rows] == [(0, 0), (1, 1), (1, 0)]
    assert stage.outcomes == {"counted": 1, "conflict": 1, "duplicate": 1}


def test_a_field_that_the_contract_does_not_know_is_kept_and_named() -> None:
    record = wire(0, action("a", T0))
    record.value = orjson.dumps(orjson.loads(record.value or b"") | {"colour": "red", "size": {"w": 1}})
    stage = ingest()
    stage.process([record])
    output = drained(stage)
    assert "dead_letters" not in output.rows
    (row,) = output.rows["events"]
    assert row["unknown_fields"] == ["colour", "size"]
    assert orjson.loads(row["data"])["size"] == {"w": 1}
    assert stage.outcomes == {"counted": 1}


@pytest.mark.parametrize(("characters", "dead"), [(1024, False), (1025, True), (700_000, True)])
@pytest.mark.parametrize("what", ["id", "source"])
def test_a_long_name_is_set_aside_live_and_in_a_recording_alike(
    what: str, characters: int, dead: bool, tmp_path: Path
) -> None:
    event = replace(action("a", T0), **{what: "i" * characters})
    stage = ingest()
    stage.process([wire(0, event)])
    live = [row["reason"] for row in drained(stage).rows.get("dead_letters", [])]
    path, lines = tmp_path / "long.jsonl", []
    path.write_text(to_line(event) + "\n")
    counted = list(read(path, lines.append))
    assert live == [line.reason for line in lines] == (["oversized"] if dead else [])
    assert len(counted) == (not dead)


def test_data_of_a_structured_event_is_stored_without_its_envelope() -> None:
    event = action("a", T0)
    line = to_line(event).encode()
    _, _, attributes = encode(event)
    both = [
        ("content-type", b"application/cloudevents+json"),
        *(pair for pair in attributes if pair[0] != "content-type"),
    ]
    stage = ingest()
    stage.process(
        [
            Wire(TOPIC, 0, 0, None, line),
            Wire(TOPIC, 0, 1, b"\xff", line.replace(b'"a"', b'"b"'), both),
            wire(2, action("c", T0)),
        ]
    )
    rows = drained(stage).rows["events"]
    assert [orjson.loads(row["data"])["action_id"] for row in rows] == ["a1"] * 3
    assert [row["key"] for row in rows] == ["", "�", "DE"]


def test_topic_prefix_is_the_deployments_and_in_no_row() -> None:
    stage = ingest()
    stage.process([wire(0, action("a", T0), "eu1.live.enforcement"), Wire("eu1.live.enforcement", 0, 1, None, None)])
    rows = drained(stage).rows
    assert (rows["events"][0]["topic"], rows["dead_letters"][0]["topic"]) == (TOPIC, TOPIC)


GOOD = encode(action("x", T0))


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (None, GOOD[2], "null_value"),
        (b"{", GOOD[2], "broken_json"),
        (b"{}", GOOD[2], "contract"),
        (b'{"action_id": "a1", "weight": -1}', GOOD[2], "contract"),
        (b'{"action_id": "a1", "weight": NaN}', GOOD[2], "broken_json|contract"),
        (
            GOOD[1],
            [(k, b"eu.liveshop.enforcement.nap.v1" if k == "ce_type" else v) for k, v in GOOD[2]],
            "unknown_type",
        ),
        (GOOD[1], [(k, v.replace(b".v1", b".v9") if k == "ce_type" else v) for k, v in GOOD[2]], "wrong_version"),
        (GOOD[1], [], "not_cloudevent"),
        (b" " * 300_000, GOOD[2], "oversized"),
    ],
)
def test_bad_record_is_a_dead_letter_and_the_stream_unharmed(
    value: bytes | None, headers: Sequence[tuple[str, bytes]], reason: str
) -> None:
    stage, clean = ingest(), ingest()
    good = minutes(6)
    bad = Wire(TOPIC, 0, 3, b"k", value, headers, timestamp=-1)
    stage.process([*good[:3], bad, *(Wire(TOPIC, 0, w.offset + 1, w.key, w.value, w.headers) for w in good[3:])])
    clean.process(good)
    output = drained(stage)
    (dead,) = output.rows["dead_letters"]
    assert dead["reason"] in reason.split("|")
    assert dead["detail"]
    assert (dead["offset"], dead["key"], dead["value"], dead["recorded_at"]) == (3, "k", value or b"", 0)
    assert orjson.loads(dead["headers"]) == {name: text.decode() for name, text in headers}
    assert stage.dead == 1
    assert output.messages == drained(clean).messages
    assert stage.next_offset == 7


def test_records_taken_before_are_skipped() -> None:
    once, twice = ingest(), ingest()
    records = minutes(10)
    once.process(records)
    twice.process(records[:6])
    twice.process(records[2:])
    assert drained(once).__dict__ == drained(twice).__dict__
    assert once.outcomes == twice.outcomes == {"counted": 10}


def test_partials_are_rows_too() -> None:
    stage = ingest()
    stage.process(minutes(3))
    output = drained(stage)
    row = next(row for row in output.rows["partials"] if row["monitor"] == "counts")
    assert row == {
        "monitor": "counts",
        "config_hash": COUNTS.sums_hash,
        "window_start": T0,
        "window_end": T0 + MINUTE_MS,
        "series": {"market": "FR"},
        "topic": TOPIC,
        "partition": 0,
        "value": 1,
        "exposure": 0,
        "distinct": "",
    }
    assert sum(len(partial.rows) for partial in partials(output.messages)) == len(output.rows["partials"])


@pytest.mark.parametrize("cut", [0, 1, 7, 19])
def test_ingest_goes_on_from_its_checkpoint(cut: int) -> None:
    records = [*minutes(20), wire(20, beat(T0, T0 + 30 * MINUTE_MS)), Wire(TOPIC, 0, 21, None, None)]
    whole = ingest()
    whole.process(records[:cut])
    drained(whole)
    saved = whole.checkpoint()
    assert (saved.stage, saved.topic, saved.partition, saved.next_offset) == ("ingest", TOPIC, 0, cut)
    assert saved.watermark_ms == whole.watermark_ms
    resumed = ingest()
    resumed.restore(saved)
    for stage in (whole, resumed):
        stage.process(records)
    assert drained(whole).__dict__ == drained(resumed).__dict__
    assert (whole.dead, whole.outcomes) == (resumed.dead, resumed.outcomes)


def test_new_owner_says_the_seals_again() -> None:
    stage = ingest()
    stage.process(minutes(5))
    resumed = ingest()
    resumed.restore(stage.checkpoint())
    resumed.resume()
    said = drained(resumed).messages
    assert {(seal.group, seal.watermark_ms) for seal in seals(said)} == {
        (group, stage.watermark_ms) for group in PLAN.groups
    }
    assert partials(said) == []


def test_what_the_clock_completed_is_said_again_by_a_new_owner() -> None:
    """Saved first, sent after: a crash in between must not lose the buckets that no record will complete again."""
    stage = ingest()
    stage.process(minutes(2))
    drained(stage)
    stage.advance(T0 + 60 * MINUTE_MS)
    said = drained(stage).messages
    assert partials(said)
    saved = stage.checkpoint()
    resumed = ingest()
    resumed.restore(saved)
    resumed.resume()
    again = drained(resumed).messages
    assert again[: len(said)] == said
    stage.process([wire(2, action("late", T0))])
    resumed = ingest()
    resumed.restore(stage.checkpoint())
    resumed.resume()
    assert partials(drained(resumed).messages) == []  # sent before that record was taken


def test_seals_by_the_clock_never_go_back() -> None:
    stage = ingest()
    stage.advance(T0 + MINUTE_MS)
    stage.advance(T0)
    assert stage.watermark_ms == T0 + MINUTE_MS
    assert {seal.watermark_ms for seal in seals(drained(stage).messages)} == {T0 + MINUTE_MS}


def test_change_is_told_to_every_group_and_its_topic_is_sealed_by_the_clock() -> None:
    body = {"change_id": "c", "kind": "CONFIG", "starts_at": moment(T0)}
    event = Event("c1", "/ledger", T0, PlatformChange.model_validate(body), CHANGES, 0, 0)
    stage = Ingest(PLAN, CHANGES, 0, 1, 0)
    stage.process([wire(0, event, CHANGES)])
    said = drained(stage)
    assert [message.group for message in said.messages if isinstance(message, Notice)] == list(PLAN.groups)
    assert said.rows.keys() == {"events"}
    stage.advance(T0 + 10 * MINUTE_MS + 1)
    assert {(seal.group, seal.watermark_ms) for seal in seals(drained(stage).messages)} == {
        (group, T0 + 10 * MINUTE_MS) for group in PLAN.groups
    }
    resumed = Ingest(PLAN, CHANGES, 0, 1, 0)
    resumed.restore(stage.checkpoint())
    resumed.process([wire(0, event, CHANGES), wire(1, event, CHANGES)])
    assert [m for m in drained(resumed).messages if isinstance(m, Notice)] == []  # known, and known


def test_only_sums_are_rows_of_partials() -> None:
    asked = monitor(
        name="all",
        explain_by=["policy_id"],
        exposure={"event": "enforcement.action", "measure": "count", "by": ["market"]},
    )
    stage = Ingest(Plan([asked]), TOPIC, 0, 1, 0)
    stage.process([wire(0, action("a", T0)), wire(1, beat(T0, T0 + MINUTE_MS))])
    said = drained(stage)
    assert sorted(part.role for part in partials(said.messages)) == ["exposure", "leaves", "sums"]
    assert len(said.rows["partials"]) == 1


def on_wire(messages: Iterable[Message], first: int = 0) -> list[Wire]:
    wires = []
    for offset, message in enumerate(messages, start=first):
        key, value = encode_message(message)
        wires.append(Wire("livewarden.partials", 0, offset, key, value))
    return wires


def test_message_on_the_wire_is_keyed_by_its_group() -> None:
    for message in say(COUNTS, 0, {"DE": 2**62}):
        key, value = encode_message(message)
        assert key == TOPIC.encode()
        assert from_dict(orjson.loads(value)) == message


STORY = [m for minute in range(1500) for m in say(COUNTS, minute, {"DE": 2, "FR": 1})] + say(
    COUNTS, 1500, {"DE": 300, "FR": 1}
)


def detect() -> Detect:
    return Detect(PLAN, "livewarden.partials", 0, "r1")


def rows_of(stage: Detect) -> dict[str, list[dict[str, Any]]]:
    return drained(stage).rows


def test_findings_are_rows() -> None:
    stage = detect()
    stage.process(on_wire(STORY))
    rows = rows_of(stage)
    alert, explained = rows["alerts"]
    notified = orjson.loads(explained["explanation"])
    assert alert | {"version": 2, "explanation": explained["explanation"]} == explained
    assert (notified["slices"], notified["verdict"]["verdict"]) == (None, "INSUFFICIENT_EVIDENCE")
    (case,) = rows["case_candidates"]
    assert (alert["run"], alert["version"], alert["monitor"], alert["series"]) == ("r1", 1, "counts", {"market": "DE"})
    assert (alert["window_start"], alert["ends_at"]) == (T0 + 1500 * MINUTE_MS, None)
    assert alert["case_id"] == case["case_id"]
    assert (case["started_at"], case["ended_at"], case["run"]) == (alert["window_start"], None, "r1")
    assert orjson.loads(case["evidence"])["alerts"][0]["alert_id"] == alert["alert_id"]
    judged = rows["judgements"][-2]
    assert judged == {
        "run": "r1",
        "monitor": "counts",
        "config_hash": COUNTS.config_hash,
        "series": {"market": "DE"},
        "window_start": T0 + 1500 * MINUTE_MS,
        "window_end": T0 + 1501 * MINUTE_MS,
        "observed": 300.0,
        "expected": judged["expected"],
        "score": judged["score"],
        "state": "firing",
    }
    assert stage.watermark_ms == T0 + 1501 * MINUTE_MS


def test_detect_skips_what_it_took_before() -> None:
    stage = detect()
    wires = on_wire(STORY)
    stage.process(wires)
    rows_of(stage)
    stage.process(wires)
    assert rows_of(stage) == {}
    assert stage.repeated == 0


@pytest.mark.parametrize("cuts", [(1601,), (10, 700, 1500), tuple(range(20, 1602, 20))])
def test_detect_goes_on_from_checkpoints(cuts: tuple[int, ...]) -> None:
    """Full and partial checkpoints, their entries laid over each other as the store does."""
    wires = on_wire(STORY)
    stage = detect()
    entries: dict[str, str] = {}
    saved = stage.checkpoint()
    for index, cut in enumerate(cuts, start=1):
        stage.process(wires[:cut])
        saved = stage.checkpoint()
        assert saved.full == (index % FULL_EVERY == 0)
        entries |= saved.entries
    resumed = detect()
    resumed.restore(type(saved)(**{name: getattr(saved, name) for name in saved.__slots__} | {"entries": entries}))
    rows_of(stage)
    for each in (stage, resumed):
        each.process(wires)
    assert rows_of(stage) == rows_of(resumed)
    whole = resumed.checkpoint()
    assert whole.full
    fresh = detect()
    fresh.restore(whole)  # nothing but the last whole one
    assert fresh.checkpoint() == whole
    assert len(whole.entries) == 3  # two series, and the whole that they borrow from
    assert resumed.watermark_ms == stage.watermark_ms


def test_groups_that_no_monitor_names_are_dropped_on_restore() -> None:
    stage = detect()
    stage.process(on_wire(STORY[:4]))
    other = Detect(Plan([monitor(name="apart", group="apart")]), "livewarden.partials", 0)
    other.restore(stage.checkpoint())
    assert other.watermark_ms == 0
    assert orjson.loads(other.checkpoint().header)["state"] == {}


def test_slowest_group_is_the_watermark_of_the_stage() -> None:
    stage = detect()
    assert stage.watermark_ms == 0
    stage.apply([Seal(TOPIC, TOPIC, 0, 1, T0 + DAY_MS), Seal("apart", TOPIC, 0, 1, T0)])
    assert stage.watermark_ms == T0


def test_output_knows_whether_there_is_any() -> None:
    output = Output()
    assert not output
    output.messages.append(Partial(TOPIC, TOPIC, 0, "counts", "", T0, 0, ()))
    assert output
