"""Between bytes and events: CloudEvents 1.0 on Kafka, in binary and structured mode, and lines of a recording.

Bad input raises `InvalidEvent`, and nothing else, with one of these reasons:

| reason | the record |
|---|---|
| `null_value` | has no value |
| `oversized` | has a value of more than `LIMIT_BYTES`, or an id or source of more than `NAME_LIMIT` characters |
| `broken_json` | is not JSON (NaN and Infinity are not JSON) |
| `not_cloudevent` | lacks `id`, `source`, `type` or JSON data, or is of another CloudEvents version |
| `unknown_type` | names a type that no contract has |
| `wrong_version` | names a type that has a contract, in another version |
| `bad_time` | has no event time, no RFC 3339 one, or one outside 2000-01-01 to 2100-01-01 |
| `contract` | breaks its contract: the first three fields and their errors; a field that it does not know is kept |
| `future` | speaks of a moment more than `LIVEWARDEN_AHEAD_S` after it was logged (found beside the stage, not here) |
| `wrong_topic` | is valid, on a topic where it does not belong |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import ValidationError, create_model

from livewarden.contracts import BY_CE_TYPE, Contract, topic_of, unknown_fields
from livewarden.errors import InvalidEvent
from livewarden.event import Event
from livewarden.times import format_ms, parse_ms

LIMIT_BYTES: Final = 256 * 1024
"""The largest value of a record."""
LINE_LIMIT_BYTES: Final = LIMIT_BYTES + 64 * 1024
"""The longest line of a recording: a value and its envelope."""
NAME_LIMIT: Final = 1024
"""The longest id and the longest source of an event: each is remembered for as long as it may come again."""
EARLIEST_MS: Final = parse_ms("2000-01-01T00:00:00Z")
LATEST_MS: Final = parse_ms("2100-01-01T00:00:00Z")
STRUCTURED: Final = "application/cloudevents+json"

_KNOWN = frozenset(ce_type.rpartition(".v")[0] for ce_type in BY_CE_TYPE)
_BINARY = frozenset({"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"})
_ENVELOPE: Final = {
    contract: create_model(f"{contract.__name__}Envelope", data=(contract, ...)) for contract in BY_CE_TYPE.values()
}

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record as Kafka has it. `timestamp_ms` is Kafka's own, -1 where unknown; event time stands in the headers."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int = -1


def event_of(data: Contract, *, id: str, source: str, time_ms: int) -> Event:
    """An event that has not been in Kafka yet; `time_ms` is event time. A field that its contract does not know is a
    ValueError: what we make ourselves has none.

    >>> from livewarden.contracts import RoomLifecycle
    >>> event_of(RoomLifecycle(room_id="r1", state="STARTED"), id="e1", source="/demo", time_ms=EARLIEST_MS).topic
    'live.rooms'
    """
    if unknown := unknown_fields(data):
        raise ValueError(f"{data.type_name} has no field {', '.join(unknown)}")
    return Event(id=id, source=source, time_ms=time_ms, data=data, topic=topic_of(data))


def decode_record(record: Record) -> Event:
    """As `decode`."""
    return decode(
        record.topic, record.partition, record.offset, record.key, record.value, record.headers, record.timestamp_ms
    )


def decode(
    topic: str,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    timestamp_ms: int = -1,
) -> Event:
    """The event in a Kafka record, or InvalidEvent.

    `topic` may carry a deployment's prefix, and the event keeps it. The key decides nothing here: it is the producer's.
    `timestamp_ms` is Kafka's own, -1 where unknown. A `recordedtime` (the CloudEvents extension) that is earlier says
    when it was logged at first: so a recording that is sent again is judged as it was.
    """
    body = _checked(value, LIMIT_BYTES)
    named = dict(headers)
    content_type = _text(named, "content-type").lower()
    if not _BINARY.isdisjoint(named) and not content_type.startswith("application/cloudevents"):
        id, source = _text(named, "ce_id"), _text(named, "ce_source")
        spec = _text(named, "ce_specversion") or "1.0"
        contract, time_ms = _attributes(spec, id, source, _text(named, "ce_type"), _text(named, "ce_time"))
        try:
            data = contract.model_validate_json(body)
        except ValidationError as error:
            raise _invalid(error) from error
        if unknown_fields(data):
            _loads(body)  # what no contract looks at is JSON all the same: NaN is none
        logged = logged_ms(_text(named, "ce_recordedtime"), timestamp_ms)
        return _event(id, source, time_ms, data, topic, partition, offset, logged)
    return _structured(_loads(body), body, topic, partition, offset, timestamp_ms)


def encode(event: Event) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers of a record in binary mode. Fields that are unset are left out.

    >>> from livewarden.contracts import RoomLifecycle
    >>> encode(event_of(RoomLifecycle(room_id="r1", state="ENDED"), id="e1", source="/demo", time_ms=EARLIEST_MS))[:2]
    (b'r1', b'{"weight":1,"time_precision":"second","room_id":"r1","state":"ENDED","products":[]}')
    """
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.data.ce_type().encode()),
        ("ce_time", format_ms(event.time_ms).encode()),
        ("content-type", b"application/json"),
    ]
    if event.logged_ms >= 0:
        headers.append(("ce_recordedtime", format_ms(event.logged_ms).encode()))
    return event.data.key().encode(), _dumps(event.data), headers


def to_line(event: Event) -> str:
    """The event as one line of a recording, without the line end.

    It has `partition` and `offset` where it has been in Kafka, and `recordedtime` where it is known when Kafka took it.
    """
    line: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.data.ce_type(),
        "time": format_ms(event.time_ms),
        "datacontenttype": "application/json",
        "data": orjson.Fragment(_dumps(event.data)),
    }
    if event.offset >= 0:
        line |= {"partition": event.partition, "offset": event.offset}
    if event.logged_ms >= 0:
        line["recordedtime"] = format_ms(event.logged_ms)
    return orjson.dumps(line).decode()


def from_line(line: str | bytes) -> Event:
    """The event of a line of a recording, or of any JSON text of one structured CloudEvent; InvalidEvent as in
    `decode`.

    Its topic is the one it belongs to.
    """
    body = _checked(line.encode(errors="replace") if isinstance(line, str) else line, LINE_LIMIT_BYTES)
    envelope = _loads(body)
    partition, offset = (
        envelope.get(name, -1) if isinstance(envelope, dict) else -1 for name in ("partition", "offset")
    )
    if type(partition) is not int or type(offset) is not int:
        raise InvalidEvent("not_cloudevent", "partition and offset must be whole numbers")
    return _structured(envelope, body, None, partition, offset, -1)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, of `partitions`, where Kafka's default partitioner (murmur2) puts a key.

    Written here rather than imported, because the client library brings its sockets along and a replay needs none.

    >>> partition_of(b"room-1", 4)
    3
    """
    tail = len(key) & ~3
    hashed = 0x9747B28C ^ len(key)
    for start in range(0, tail, 4):
        word = int.from_bytes(key[start : start + 4], "little") * _MIX & _U32
        hashed = (hashed * _MIX & _U32) ^ ((word ^ word >> 24) * _MIX & _U32)
    if tail < len(key):
        hashed = (hashed ^ int.from_bytes(key[tail:], "little")) * _MIX & _U32
    hashed = (hashed ^ hashed >> 13) * _MIX & _U32
    return ((hashed ^ hashed >> 15) & 0x7FFFFFFF) % partitions


_MIX: Final = 0x5BD1E995
_U32: Final = 0xFFFFFFFF


def _checked(value: bytes | None, limit: int) -> bytes:
    if value is None:
        raise InvalidEvent("null_value", "the record has no value")
    if len(value) > limit:
        raise InvalidEvent("oversized", f"{len(value)} bytes, the limit is {limit}")
    return value


def _text(named: dict[str, bytes], name: str) -> str:
    try:
        return (named.get(name) or b"").decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent("not_cloudevent", f"header {name} is not UTF-8") from error


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent("broken_json", str(error)) from error


def _dumps(data: Contract) -> bytes:
    return data.model_dump_json(exclude_none=True).encode()


def _structured(envelope: Any, body: bytes, topic: str | None, partition: int, offset: int, timestamp_ms: int) -> Event:
    if not isinstance(envelope, dict) or "specversion" not in envelope:
        raise InvalidEvent("not_cloudevent", "neither ce_ headers nor a JSON object with specversion")
    if "data" not in envelope:
        raise InvalidEvent("not_cloudevent", "data is missing; it must be JSON")
    texts = (envelope.get(name) for name in ("specversion", "id", "source", "type", "time"))
    spec, id, source, ce_type, time = (text if isinstance(text, str) else "" for text in texts)
    contract, time_ms = _attributes(spec, id, source, ce_type, time)
    try:
        data: Contract = _ENVELOPE[contract].model_validate_json(body).data  # type: ignore[attr-defined]
    except ValidationError as error:
        raise _invalid(error, skip=1) from error
    recorded = envelope.get("recordedtime")
    logged = logged_ms(recorded if isinstance(recorded, str) else "", timestamp_ms)
    return _event(id, source, time_ms, data, topic, partition, offset, logged)


def _attributes(spec: str, id: str, source: str, ce_type: str, time: str) -> tuple[type[Contract], int]:
    if spec != "1.0":
        raise InvalidEvent("not_cloudevent", f"specversion is {spec[:20]!r}, not '1.0'")
    for name, text in (("id", id), ("source", source), ("type", ce_type)):
        if not text:
            raise InvalidEvent("not_cloudevent", f"{name} is missing")
        if len(text) > NAME_LIMIT:
            raise InvalidEvent("oversized", f"{name} has {len(text)} characters, the limit is {NAME_LIMIT}")
    return BY_CE_TYPE.get(ce_type) or _no_contract(ce_type), _time_ms(time)


def _event(
    id: str,
    source: str,
    time_ms: int,
    data: Contract,
    topic: str | None,
    partition: int,
    offset: int,
    logged_ms: int,
) -> Event:
    home = topic_of(data)
    if topic is not None and not topic.endswith(home):
        raise InvalidEvent("wrong_topic", f"{data.type_name} of precision {data.time_precision} belongs on {home}")
    return Event(id, source, time_ms, data, topic or home, partition, offset, logged_ms)


def _no_contract(ce_type: str) -> type[Contract]:
    name, _, version = ce_type.rpartition(".v")
    if name in _KNOWN and version.isdigit():
        known = ", ".join(other for other in BY_CE_TYPE if other.startswith(f"{name}.v"))
        raise InvalidEvent("wrong_version", f"{ce_type} has no contract; known: {known}")
    raise InvalidEvent("unknown_type", f"no contract is named {ce_type[:200]}")


def logged_ms(recorded: str, timestamp_ms: int) -> int:
    """When the log took an event at first: by its own clock, or by the word of the event that came before."""
    if timestamp_ms < EARLIEST_MS:
        timestamp_ms = -1  # no clock at all
    if not recorded:
        return timestamp_ms
    recorded_ms = _time_ms(recorded)
    return min(recorded_ms, timestamp_ms) if timestamp_ms >= 0 else recorded_ms


def _time_ms(time: str) -> int:
    try:
        time_ms = parse_ms(time)
    except ValueError as error:
        raise InvalidEvent("bad_time", f"{time[:64]!r} is no RFC 3339 time with an offset") from error
    if not EARLIEST_MS <= time_ms < LATEST_MS:
        raise InvalidEvent("bad_time", f"{time[:64]} lies outside 2000-01-01 to 2100-01-01")
    return time_ms


def _invalid(error: ValidationError, skip: int = 0) -> InvalidEvent:
    """Field and error, never the value: what broke the contract may be what must not be shown."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if mistakes[0]["type"] == "json_invalid":
        return InvalidEvent("broken_json", mistakes[0]["msg"])
    said = "; ".join(f"{_path(mistake['loc'][skip:])}: {mistake['msg'][:120]}" for mistake in mistakes[:3])
    more = f"; and {len(mistakes) - 3} more" if len(mistakes) > 3 else ""
    return InvalidEvent("contract", said + more)


def _path(loc: Iterable[int | str]) -> str:
    return ".".join(str(part)[:64] for part in loc) or "data"
