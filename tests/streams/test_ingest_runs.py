"""Ingest by the run says what ingest event by event says: rows, messages, dead letters and state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import orjson
import pytest
from aiokafka import ConsumerRecord
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bench import traffic
from livewarden.contracts import SourceHeartbeat
from livewarden.event import Event
from livewarden.times import instant
from models.aggregate import cells
from models.aggregate.columns import FieldColumns, Share, Stretch
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sources.codec import encode, event_of
from streams.stages import Ingest
from streams.stages import ingest as stage_module

TOPIC = "live.traffic"
LATENESS_MS = 3_000
MONITORS = """
[[monitor]]
name = "viewers"
precision = "second"
event = "traffic.sample"
measure = "sum(ccu)"
group_by = ["market"]
bucket = "10s"
detector = "traffic"
parts = "room_id"
explain_by = ["shop_id", "traffic_source"]

[[monitor]]
name = "searching"
precision = "second"
event = "traffic.sample"
where = { traffic_source = ["SEARCH", ""], market = ["DE", "FR", "ES"] }
group_by = ["market", "traffic_source"]
subjects = "shop_id"
bucket = "30s"
detector = "enforcement"
explain_by = ["room_id"]

[[monitor]]
name = "shops"
precision = "second"
event = "traffic.sample"
measure = "distinct(shop_id)"
bucket = "1m"
detector = "traffic"
explain_by = ["market"]

[[monitor]]
name = "stalls"
precision = "second"
event = "traffic.quality"
measure = "ratio(stalled, samples)"
group_by = ["cdn", "p2p"]
bucket = "10s"
detector = "traffic"
explain_by = ["isp"]

[[monitor]]
name = "capped"
precision = "second"
event = "traffic.sample"
group_by = ["shop_id"]
bucket = "20s"
detector = "enforcement"
series = 5
max_series = 30
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(parse_monitors(MONITORS))


def drawn_events(draw: random.Random, count: int) -> Iterator[Event]:
    """Traffic that stands still, jumps, comes late, comes again, says something else, ends, and leaves fields out."""
    seen: list[Event] = []
    at_ms, odd = traffic.T0, draw.choice([0.0, 0.02])
    for number, event in enumerate(traffic.events(count, seed=draw.randrange(10**6))):
        at_ms += draw.choice([0, 1, 20, 700])
        time_ms = at_ms - draw.choice([0, 0, 0, 900, 5_000])
        unset = {name: None for name in ("ccu", "shop_id", "traffic_source") if draw.random() < 0.1}
        body = event.data
        if event.data.type_name == "traffic.sample":
            body = event.data.model_copy(update=unset)
        made = event_of(body, id=f"e{number}", source=draw.choice(["/a", "/b"]), time_ms=time_ms)
        if seen and draw.random() < odd:
            made = event_of(body, id=seen[-1].id, source=seen[-1].source, time_ms=time_ms)
        if seen and draw.random() < odd:
            made = draw.choice(seen[-50:])
        if draw.random() < odd / 4:
            span = {"covers_from": instant(at_ms - 20_000), "covers_until": instant(at_ms)}
            beat = SourceHeartbeat(topic=TOPIC, state=draw.choice(["ALIVE", "ENDED"]), **span)
            made = event_of(beat, id=f"h{number}", source="/a", time_ms=at_ms)
        seen.append(made)
        yield made


def records_of(draw: random.Random, count: int) -> list[ConsumerRecord]:
    records = []
    for offset, event in enumerate(drawn_events(draw, count)):
        key, value, headers = encode(event)
        if draw.random() < 0.02:
            value = draw.choice([b"{", b"{}", b"null", value[:-1] + b',"colour":"red"}', value + b" "])
        record = (TOPIC, 0, 2 * offset, traffic.T0 + 60_000, 0, key, value, None, len(key), len(value), tuple(headers))
        records.append(ConsumerRecord(*record))
    return records


def said(plan: Plan, records: list[ConsumerRecord], cuts: list[int], few: int) -> tuple[Any, ...]:
    stage = Ingest(plan, TOPIC, 0, 4, LATENESS_MS, ahead_ms=60_000)
    with patch.object(stage_module, "FEW", few):
        for since, until in zip([0, *cuts], [*cuts, len(records)], strict=True):
            stage.process(records[since:until])
    state = orjson.loads(stage.checkpoint().header)["state"]
    aggregator = state["aggregator"]
    aggregator["open"] = sorted([name, start, sorted(map(_sorted, rows))] for name, start, rows in aggregator["open"])
    rows = {table: list(found) for table, found in stage.output.rows.items()}
    return rows, stage.output.messages, stage.output.ahead, state, stage.next_offset, stage.watermark_ms, stage.lag_ms


def _sorted(row: list[Any]) -> list[Any]:
    return [*row[:-1], sorted(row[-1])]


@settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate), deadline=None)
@given(st.integers(0, 10**9), st.lists(st.integers(0, 400), max_size=3))
def test_by_the_run_and_one_by_one_say_the_same(plan: Plan, seed: int, cuts: list[int]) -> None:
    records = records_of(random.Random(seed), 400)
    assert said(plan, records, sorted(cuts), 2) == said(plan, records, [], 10**9)


def test_more_leaves_than_are_kept_open_are_counted_as_they_came(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_OPEN_LEAVES", 12)
    records = records_of(random.Random(4), 600)
    assert said(plan, records, [300], 2) == said(plan, records, [], 10**9)


def test_sums_beyond_what_a_float_holds_are_exact(plan: Plan) -> None:
    values = [2**40 - number % 3 for number in range(10_000)]
    bodies = [SimpleNamespace(ccu=value, market="DE") for value in values]
    assert sum(values) > 2**53
    [asked] = [asked for asked in plan.asked("traffic.sample", "second") if asked.monitor.name == "viewers"]
    columns = FieldColumns(bodies, np.zeros(len(bodies), dtype=np.int64))
    share = Share(columns, Stretch(columns, np.arange(len(bodies))), asked)
    assert list(share.sums()) == [((0, ("DE",), ()), sum(values), 0, 0)]
