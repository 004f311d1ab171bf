"""The codec: what goes in comes out, and every kind of bad input has its reason."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.asyncapi import json_schema
from livewarden.contracts import CONTRACTS, Contract, EnforcementAction, RoomLifecycle, unknown_fields
from livewarden.errors import InvalidEvent
from livewarden.event import Event
from sources.codec import (
    EARLIEST_MS,
    LATEST_MS,
    LIMIT_BYTES,
    LINE_LIMIT_BYTES,
    Record,
    decode,
    decode_record,
    encode,
    event_of,
    from_line,
    partition_of,
    to_line,
)

EXAMPLES: Final = sorted((Path(__file__).parents[2] / "examples" / "events").glob("*.json"))
ROOM: Final = event_of(
    RoomLifecycle(room_id="room-1", state="STARTED"), id="e1", source="/test", time_ms=1_773_343_800_250
)
STRUCTURED_MODE: Final = [("content-type", b"application/cloudevents+json; charset=utf-8")]


def record(event: Event, topic: str | None = None) -> Record:
    key, value, headers = encode(event)
    return Record(topic or event.topic, 3, 7, key, value, headers)


def at(event: Event, topic: str | None = None) -> Event:
    return Event(event.id, event.source, event.time_ms, event.data, topic or event.topic, 3, 7)


def values(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON that a JSON Schema of ours allows."""
    if "$ref" in schema:
        return values(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return st.one_of([values(option, root) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "number":
            return st.floats(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(values(schema["items"], root), max_size=3)
        case "object":
            fields = {name: values(field, root) for name, field in schema["properties"].items()}
            required = schema.get("required", [])
            optional = {name: field for name, field in fields.items() if name not in required}
            return st.fixed_dictionaries({name: fields[name] for name in required}, optional=optional)
    if schema.get("format") == "date-time":
        return st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
            datetime.isoformat
        )
    low, high = schema.get("minLength", 0), schema.get("maxLength", 20)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True).filter(lambda text: low <= len(text) <= high)
    return st.text(min_size=low, max_size=min(high, 20))


def in_order(body: dict[str, Any]) -> dict[str, Any]:
    """What a JSON Schema cannot say: a heartbeat's interval ends where it starts, or later."""
    return body | {"covers_until": body["covers_from"]} if "covers_from" in body else body


def events(contract: type[Contract]) -> st.SearchStrategy[Event]:
    schema = json_schema(contract)
    bodies = values(schema, schema).map(in_order).map(lambda body: contract.model_validate_json(json.dumps(body)))
    texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
    times = st.integers(EARLIEST_MS, LATEST_MS - 1)
    return st.builds(
        lambda data, id, source, ms: event_of(data, id=id, source=source, time_ms=ms), bodies, texts, texts, times
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_its_own_line(path: Path) -> None:
    event = from_line(path.read_bytes())
    assert path.stem.startswith(event.type_name)
    assert json.loads(to_line(event)) == json.loads(path.read_bytes())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_the_same_in_both_modes(path: Path) -> None:
    event = from_line(path.read_bytes())
    binary = decode_record(record(event))
    structured = decode(event.topic, 3, 7, None, path.read_bytes(), STRUCTURED_MODE)
    bare = decode(event.topic, 3, 7, None, path.read_bytes(), [])
    assert binary == structured == bare == at(event)


def test_every_contract_has_an_example() -> None:
    assert {contract.type_name for contract in CONTRACTS} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.type_name)
@settings(max_examples=30, deadline=None)
@given(drawn=st.data())
def test_round_trip(contract: type[Contract], drawn: st.DataObject) -> None:
    event = drawn.draw(events(contract))
    assert decode_record(record(event)) == at(event)
    assert from_line(to_line(event)) == event
    assert from_line(to_line(at(event))) == at(event)


def test_recording_keeps_its_place() -> None:
    line = json.loads(to_line(at(ROOM)))
    assert (line["partition"], line["offset"]) == (3, 7)
    assert "offset" not in json.loads(to_line(ROOM))


@pytest.mark.parametrize("topic", ["live.rooms", "staging.live.rooms", "eu-live.rooms"])
def test_topic_may_have_a_prefix_and_keeps_it(topic: str) -> None:
    assert decode_record(record(ROOM, topic)).topic == topic


def test_time_is_exact_to_the_millisecond_and_in_utc() -> None:
    assert dict(encode(ROOM)[2])["ce_time"] == b"2026-03-12T19:30:00.250Z"
    assert decode_record(with_headers(ce_time=b"2026-03-12T20:30:00.250+01:00")).time_ms == ROOM.time_ms


def test_extension_attributes_are_no_concern_of_ours() -> None:
    line = json.dumps(json.loads(to_line(ROOM)) | {"traceparent": "00-ab", "subject": "room-1"})
    assert from_line(line) == ROOM
    assert decode_record(with_headers(ce_traceparent=b"00-ab")) == at(ROOM)


def with_headers(**changed: bytes | None) -> Record:
    """The good record with headers replaced; None takes one away."""
    key, value, headers = encode(ROOM)
    named: dict[str, bytes | None] = {**dict(headers), **changed}
    return Record("live.rooms", 3, 7, key, value, [(name, text) for name, text in named.items() if text is not None])


def with_value(value: bytes | None) -> Record:
    key, _, headers = encode(ROOM)
    return Record("live.rooms", 3, 7, key, value, headers)


def with_body(**changed: Any) -> Record:
    return with_value(json.dumps(json.loads(encode(ROOM)[1]) | changed).encode())


def with_line(**changed: Any) -> Record:
    """The good event in structured mode with attributes replaced; None takes one away."""
    line = {name: value for name, value in (json.loads(to_line(ROOM)) | changed).items() if value is not None}
    return Record("live.rooms", 3, 7, None, json.dumps(line).encode(), STRUCTURED_MODE)


ROOM_V2: Final = "eu.liveshop.room.lifecycle.v2"
BAD: Final = [
    ("null_value", "no value", with_value(None)),
    ("oversized", "262145 bytes", with_value(b" " * (LIMIT_BYTES + 1))),
    ("broken_json", "EOF", with_value(b'{"room_id": "room-1"')),
    ("broken_json", "EOF", with_value(b"")),
    ("broken_json", "unicode", with_value(b'{"room_id": "\xff"}')),
    ("broken_json", "recursion", with_value(b"[" * 100_000)),
    ("broken_json", "JSON", Record("live.rooms", 3, 7, None, b"hello", [])),
    ("broken_json", "JSON", Record("live.rooms", 3, 7, None, b'{"specversion": "1.0", "data": NaN}', [])),
    ("broken_json", "depth", Record("live.rooms", 3, 7, None, b"[" * 100_000, [])),
    ("not_cloudevent", "neither", Record("live.rooms", 3, 7, None, b'{"room_id": "room-1"}', [])),
    ("not_cloudevent", "neither", Record("live.rooms", 3, 7, None, b"[]", STRUCTURED_MODE)),
    ("not_cloudevent", "id is missing", with_headers(ce_id=None)),
    ("not_cloudevent", "source is missing", with_headers(ce_source=b"")),
    ("not_cloudevent", "type is missing", with_headers(ce_type=None)),
    ("not_cloudevent", "specversion is '0.3'", with_headers(ce_specversion=b"0.3")),
    ("not_cloudevent", "ce_id is not UTF-8", with_headers(ce_id=b"\xff")),
    ("not_cloudevent", "id is missing", with_line(id=7)),
    ("not_cloudevent", "specversion", with_line(specversion=1.0)),
    ("not_cloudevent", "data is missing", with_line(data=None, data_base64="e30=")),
    ("unknown_type", "eu.liveshop.room.exploded.v1", with_headers(ce_type=b"eu.liveshop.room.exploded.v1")),
    ("unknown_type", "room.lifecycle", with_headers(ce_type=b"room.lifecycle")),
    ("unknown_type", "vx", with_headers(ce_type=b"eu.liveshop.room.lifecycle.vx")),
    ("unknown_type", "eu.liveshop.room.exploded.v1", with_line(type="eu.liveshop.room.exploded.v1")),
    ("wrong_version", "known: eu.liveshop.room.lifecycle.v1", with_headers(ce_type=ROOM_V2.encode())),
    ("wrong_version", "known: eu.liveshop.room.lifecycle.v1", with_line(type=ROOM_V2)),
    ("bad_time", "RFC 3339", with_headers(ce_time=None)),
    ("bad_time", "RFC 3339", with_headers(ce_time=b"yesterday")),
    ("bad_time", "RFC 3339", with_headers(ce_time=b"2026-03-12T19:30:00")),
    ("bad_time", "RFC 3339", with_headers(ce_time=b"1773343800")),
    ("bad_time", "outside", with_headers(ce_time=b"1999-12-31T23:59:59.999Z")),
    ("bad_time", "outside", with_headers(ce_time=b"2100-01-01T00:00:00Z")),
    ("bad_time", "outside", with_headers(ce_time=b"0001-01-01T00:00:00+14:00")),
    ("bad_time", "RFC 3339", with_line(time=1773343800)),
    ("contract", "state: Field required", with_value(b'{"room_id": "room-1"}')),
    ("contract", "data: Input should be an object", with_value(b"[]")),
    ("broken_json", "", with_value(encode(ROOM)[1][:-1] + b',"colour":NaN}')),
    ("oversized", "", with_headers(ce_id=b"i" * 1025)),
    ("oversized", "", with_headers(ce_source=b"/" * 1025)),
    (
        "contract",
        "weight: Input should be a valid integer",
        with_value(b'{"room_id":"r","state":"ENDED","weight":NaN}'),
    ),
    ("contract", "weight: Input should be greater", with_body(weight=-1)),
    ("contract", "products.1: ", with_body(products=["p1", ""])),
    ("contract", "market: ", with_line(data={"room_id": "room-1", "state": "ENDED", "market": "de"})),
    ("contract", "data: Input should be an object", with_line(data=[])),
    ("wrong_topic", "belongs on live.rooms", record(ROOM, "live.traffic")),
]


@pytest.mark.parametrize(("reason", "detail", "bad"), BAD)
def test_bad_input_has_its_reason(reason: str, detail: str, bad: Record) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_record(bad)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    "bad", [with_body(colour="red"), with_line(data={**json.loads(encode(ROOM)[1]), "colour": "red"})]
)
def test_a_field_that_no_contract_knows_is_kept_and_named(bad: Record) -> None:
    event = decode_record(bad)
    assert unknown_fields(event.data) == ["colour"]
    assert orjson.loads(encode(event)[1])["colour"] == "red"
    assert from_line(to_line(event)) == event


def test_limit_is_inclusive() -> None:
    body = encode(ROOM)[1]
    assert decode_record(with_value(body.ljust(LIMIT_BYTES))) == at(ROOM)
    assert from_line(to_line(ROOM).ljust(LINE_LIMIT_BYTES)) == ROOM
    with pytest.raises(InvalidEvent, match=r"^oversized: 327681 bytes"):
        from_line(to_line(ROOM).ljust(LINE_LIMIT_BYTES + 1))


def test_contract_names_the_first_three_mistakes_and_no_value() -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_record(
            with_value(b'{"room_id":"","state":"secret-1","market":"secret-2","weight":0,"products":"secret-3"}')
        )
    assert caught.value.detail.count(";") == 3
    assert caught.value.detail.endswith("and 2 more")
    assert "secret" not in caught.value.detail


def test_daily_action_on_a_live_topic_is_on_the_wrong_one() -> None:
    data = EnforcementAction(action_id="a1", time_precision="day")
    event = event_of(data, id="e1", source="/test", time_ms=EARLIEST_MS)
    assert decode_record(record(event)).topic == "live.aggregates"
    with pytest.raises(InvalidEvent, match=r"^wrong_topic"):
        decode_record(record(event, "live.enforcement"))


@pytest.mark.parametrize("place", [{"partition": "3"}, {"offset": 1.5}, {"partition": True}, {"offset": None}])
def test_line_with_a_broken_place(place: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=r"^not_cloudevent: partition and offset"):
        from_line(json.dumps(json.loads(to_line(ROOM)) | place))


HEADER_NAMES: Final = ["ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion", "content-type", "other"]
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(
    value=st.none() | st.binary() | JSON.map(json.dumps).map(str.encode),
    headers=st.dictionaries(st.sampled_from(HEADER_NAMES), st.binary(max_size=8)),
    good=st.sets(st.sampled_from(HEADER_NAMES[:5])),
)
def test_rubbish_raises_invalid_event_only(value: bytes | None, headers: dict[str, bytes], good: set[str]) -> None:
    named = headers | {name: text for name, text in encode(ROOM)[2] if name in good}
    with pytest.raises(InvalidEvent):
        decode("live.rooms", 0, 0, None, value, list(named.items()))


@settings(max_examples=300, deadline=None)
@given(body=JSON, attribute=st.sampled_from(["specversion", "id", "source", "type", "time", "data"]))
def test_rubbish_in_one_attribute_raises_invalid_event_only(body: Any, attribute: str) -> None:
    line = json.loads(to_line(ROOM)) | {attribute: body}
    try:
        event = from_line(json.dumps(line))
    except InvalidEvent:
        return
    assert attribute in ("id", "source")
    assert getattr(event, attribute) == body


@settings(max_examples=500)
@given(key=st.binary(max_size=64), partitions=st.integers(1, 1000))
def test_partition_is_the_one_of_kafkas_default(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == DefaultPartitioner()(key, list(range(partitions)), [])


def test_codec_brings_no_client_library() -> None:
    heavy = "{'aiokafka', 'faust', 'mode', 'clickhouse_connect', 'river'}"
    code = f"import sys, sources.codec; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
