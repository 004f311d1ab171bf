"""The fast path takes nothing that pydantic would not, and says the same of what it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import traffic
from livewarden.contracts import BY_CE_TYPE
from livewarden.errors import InvalidEvent
from livewarden.event import AHEAD_MS, Event
from livewarden.times import format_ms, parse_ms
from models.aggregate.event_run import EventRun
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sources.codec import decode
from sources.quick import QuickReader, times_ms
from sources.structs import QUICK

NOTHING = Plan(())
EXAMPLES = Path(__file__).parents[2] / "examples" / "events"
AT = b"2026-03-06T18:00:00Z"


@dataclass
class Got:
    value: bytes | None
    headers: list[tuple[str, Any]]
    topic: str = "live.traffic"
    timestamp: int = -1
    partition: int = 0
    offset: int = 0
    key: bytes | None = b"k"


def headers(kind: str, **more: bytes) -> list[tuple[str, Any]]:
    named = {"ce_specversion": b"1.0", "ce_id": b"e1", "ce_source": b"/s", "ce_type": kind.encode(), "ce_time": AT}
    return list((named | more).items())


def slowly(got: Got) -> Event | None:
    try:
        place = (got.topic, got.partition, got.offset, got.key, got.value, got.headers, got.timestamp)
        return decode(*place).checked(AHEAD_MS)
    except InvalidEvent:
        return None


def same(run: EventRun, place: int, event: Event | None) -> None:
    assert event is not None
    quick = run.event(place)
    assert (quick.id, quick.source, quick.time_ms, quick.logged_ms) == (
        *(event.id, event.source, event.time_ms),
        event.logged_ms,
    )
    assert quick.digest == event.digest
    assert run.kind_names[run.kinds[place]] == (event.data.type_name, event.data.time_precision)
    instants = QUICK[event.data.ce_type()].instants
    for name in set(type(event.data).model_fields) - instants:
        assert getattr(quick.data, name) == getattr(event.data, name), name
        assert type(getattr(quick.data, name)) is type(getattr(event.data, name)), name


def fragments(ce_type: str) -> dict[str, str]:
    """An example's fields as JSON, those left out that the fast path leaves to pydantic."""
    body = json.loads((EXAMPLES / f"{BY_CE_TYPE[ce_type].type_name}.json").read_bytes())["data"]
    left = {"sor", "sentiment", "fingerprint", "refs", "products"}
    return {name: json.dumps(value) for name, value in body.items() if name not in left}


JUNK = st.sampled_from(
    [
        *(
            "null",
            "true",
            "0",
            "-0",
            "-1",
            "1.0",
            "1e2",
            "01",
            "1099511627776",
            "1099511627777",
            "9" * 30,
            "0.5",
            "NaN",
        ),
        *(
            '""',
            '" "',
            '"a b"',
            '"a\u00a0b"',
            '"a\\u001cb"',
            '"a\\u0085b"',
            '"a\\n"',
            '"DE"',
            '"de"',
            '"DEU"',
            '"\u00c4\u00d6"',
        ),
        *(
            '"D\\u0045"',
            '"EUR\\n"',
            '"\\ud800"',
            '"\\ud83d\\ude00"',
            '"a\\/b"',
            '"a\x7fb"',
            '"' + "x" * 257 + '"',
            '"' + "\u00e9" * 200 + '"',
        ),
        *(
            '"2026-03-06T18:00:00Z"',
            '"2026-03-06t18:00:00z"',
            '"2026-03-06T18:00:00+00:00"',
            '"2026-03-06T18:00:00.500Z"',
        ),
        *('"2026-02-30T18:00:00Z"', '"2026-03-06T24:00:00Z"', '"2026-03-06T18:00:60Z"', '"0000-03-06T18:00:00Z"'),
        *('"hour"', '"day"', '"STARTED"', '"FOR_YOU"', '"de-DE"', '"d\\u0065"', "[]", '["a"]', "{}", '{"a":1}'),
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A type, and a body of it with some things wrong or unusual."""
    ce_type = draw(st.sampled_from(sorted(QUICK)))
    fields = fragments(ce_type)
    contract = BY_CE_TYPE[ce_type]
    for name in draw(st.lists(st.sampled_from([*contract.model_fields, "unknown"]), max_size=2)):
        fields[name] = draw(JUNK)
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=1)):
        del fields[name]
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), ("\n,", "\t:")]))
    pairs = [f'"{name}"{colon}{value}' for name, value in fields.items()]
    again = draw(st.lists(st.sampled_from(pairs), max_size=1)) if pairs else []
    text = ("{" + comma.join(pairs + again) + "}").encode()
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(text)))
        text = (
            text[:place] + draw(st.sampled_from([b"", b" ", b"\xff", b"\x01", b"}", b"\xc2\xa0"])) + text[place + 1 :]
        )
    return ce_type, text


@settings(max_examples=200, deadline=None)
@given(st.lists(bodies(), min_size=1, max_size=4))
def test_what_the_fast_path_takes_pydantic_takes_alike(drawn: list[tuple[str, bytes]]) -> None:
    runs = [Got(text, headers(ce_type), BY_CE_TYPE[ce_type].topic) for ce_type, text in drawn]
    for topic in {got.topic for got in runs}:
        records = [got for got in runs if got.topic == topic]
        run, places = QuickReader(NOTHING, AHEAD_MS).read(records)
        for number, place in enumerate(places):
            same(run, number, slowly(records[place]))


@pytest.mark.parametrize("ce_type", sorted(QUICK))
def test_the_fast_path_takes_what_is_usual(ce_type: str) -> None:
    body = ("{" + ",".join(f'"{name}":{value}' for name, value in fragments(ce_type).items()) + "}").encode()
    record = Got(body, headers(ce_type), BY_CE_TYPE[ce_type].topic)
    run, places = QuickReader(NOTHING, AHEAD_MS).read([record] * 2)
    assert places == [0, 1]
    same(run, 1, slowly(record))


ODD = st.sampled_from(
    [None, b"", b"1.0", b"0.3", b"\xff", b" ", "é".encode(), b"x" * 1025, AT, b"2026-03-06T18:00:00.250Z"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "ce_recordedtime"]
        ),
        st.one_of(
            ODD, st.sampled_from([b"application/cloudevents+json", b"2026-03-06T17:00:00Z", b"2126-03-06T18:00:00Z"])
        ),
        max_size=2,
    ),
    st.sampled_from([-1, 0, 1_772_000_000_000, 1_772_820_000_000, 1_900_000_000_000]),
    st.sampled_from(["live.traffic", "eu.live.traffic", "live.rooms", "live.aggregates"]),
    st.sampled_from(["second", "day"]),
)
def test_an_envelope_is_read_alike(odd: dict[str, Any], timestamp: int, topic: str, precision: str) -> None:
    ce_type = "eu.liveshop.traffic.sample.v1"
    fields = fragments(ce_type) | {"time_precision": f'"{precision}"'}
    body = ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode()
    record = Got(body, headers(ce_type, **odd), topic, timestamp)
    run, places = QuickReader(NOTHING, AHEAD_MS).read([record])
    for number in range(len(places)):
        same(run, number, slowly(record))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 4_000_000_000_000), st.sampled_from([b"", b"Z", b"z", b"\xff", b"-"]), st.integers(0, 23))
def test_times_are_read_alike(ms: int, wrong: bytes, place: int) -> None:
    text = format_ms(ms).encode()
    assert times_ms([text]).tolist() == [ms]
    broken = text[:place] + wrong + text[place + len(wrong) :]
    [found] = times_ms([broken]).tolist()
    assert found == -1 or found == parse_ms(broken.decode())


def test_a_type_whose_instants_a_monitor_reads_is_left_to_pydantic() -> None:
    monitor = """
[[monitor]]
name = "by-instant"
event = "traffic.sample"
group_by = ["window_start"]
detector = "traffic"
"""
    records = [
        Got(event.data.model_dump_json(exclude_none=True).encode(), headers(event.data.ce_type()))
        for event in traffic.events(4)
    ]
    assert QuickReader(Plan(parse_monitors(monitor)), AHEAD_MS).read(records)[1] == [3]
    assert QuickReader(NOTHING, AHEAD_MS).read(records)[1] == [0, 1, 2, 3]
