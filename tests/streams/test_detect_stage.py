"""The detect stage's own topic is not above suspicion: what is no partial is set aside."""

from __future__ import annotations

import orjson
import pytest

from models.aggregate.partial import Seal, to_dict
from models.monitors.plan import Plan
from models.response.response_event import WatermarkAdvanced
from sources.codec import Record
from streams.stages import Detect, topic_of
from tests.core_fixtures import monitor

GOOD = orjson.dumps(to_dict(Seal("live.enforcement", "live.enforcement", 0, 1, 1_000)))


class Wire(Record):
    timestamp = 7


@pytest.mark.parametrize(
    "value",
    [None, b"", b"rubbish", b"{}", b"[]", b"1", b'{"v":2,"seal":1}', GOOD.replace(b'"of"', b'"off"')],
)
def test_what_is_no_partial_is_a_dead_letter_and_the_stage_goes_on(value: bytes | None) -> None:
    stage = Detect(Plan([monitor()]), "livewarden.partials", 0)
    stage.process([Wire("livewarden.partials", 0, 3, b"k", value), Wire("livewarden.partials", 0, 4, b"k", GOOD)])
    assert [(row["offset"], row["reason"]) for row in stage.output.rows["dead_letters"]] == [(3, "broken_partial")]
    assert stage.next_offset == 5
    assert stage.watermark_ms == 1_000


def test_what_is_judged_is_told_to_the_response_by_whole_minutes() -> None:
    stage = Detect(Plan([monitor()]), "livewarden.partials", 0)
    for ms in (30_000, 61_000, 90_000, 180_500):
        stage.apply([Seal("live.enforcement", "live.enforcement", 0, 1, ms)])
    assert stage.output.messages == [
        WatermarkAdvanced("live.enforcement", 60_000),
        WatermarkAdvanced("live.enforcement", 180_000),
    ]
    assert {topic_of(message) for message in stage.output.messages} == {"livewarden.response"}
