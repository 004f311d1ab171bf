"""A fall of the whole, or of one part of it."""

from __future__ import annotations

import json

from models.aggregate.leaf import Leaves
from models.aggregate.partial import Partial
from models.detect.breadth import Breadth
from models.monitors.monitor import Monitor

MINUTE = 60_000
VIEWERS = Monitor.model_validate(
    {
        "name": "viewers",
        "event": "traffic.sample",
        "measure": "sum(ccu)",
        "group_by": ["market"],
        "bucket": "1m",
        "detector": "traffic",
        "parts": "room_id",
    }
)
DE = ("DE",)


def market(*minutes: dict[str, int], steps: dict[int, tuple[str, str, str]] | None = None) -> Breadth:
    """The breadth after those minutes, each with the viewers of its rooms; `steps`: room, state, reason by minute."""
    leaves = Leaves(VIEWERS)
    breadth = Breadth(VIEWERS, leaves)
    place = ("live.traffic", "live.traffic", 0, "viewers")
    for minute, rooms in enumerate(minutes):
        rows = tuple(((*DE, room), viewers, 0, "") for room, viewers in rooms.items())
        leaves.take(Partial(*place, VIEWERS.leaf_hash, minute * MINUTE, 0, rows, "leaves"))
        leaves.close(minute * MINUTE)
        step = (steps or {}).get(minute)
        told = (((*DE, *step), 1, 0, ""),) if step else ()
        breadth.take(Partial(*place, VIEWERS.sums_hash, minute * MINUTE, 0, told, "exposure"))
        breadth.close(minute * MINUTE)
    return breadth


USUAL = [{"a": 4000, "b": 1000, "c": 500}] * 10


def test_a_market_fell_where_most_rooms_did() -> None:
    assert market(*USUAL, {"a": 1000, "b": 250, "c": 480}).narrow(DE, 10 * MINUTE) is None


def test_one_room_is_no_market() -> None:
    assert market(*USUAL, {"a": 1000, "b": 1000, "c": 500}).narrow(DE, 10 * MINUTE) == "room_id: 1 of 3 fell"


def test_an_interrupted_room_explains_its_own_fall_and_no_other() -> None:
    stopped = {10: ("a", "INTERRUPTED", "ENFORCEMENT")}
    one = market(*USUAL, {"a": 1000, "b": 1000, "c": 300}, steps=stopped)
    assert one.narrow(DE, 10 * MINUTE) == "room_id a: interrupted by enforcement"
    assert market(*USUAL, {"a": 1000, "b": 250, "c": 100}, steps=stopped).narrow(DE, 10 * MINUTE) is None


def test_rooms_that_vanish_without_a_word_fell() -> None:
    assert market(*USUAL, {}).narrow(DE, 10 * MINUTE) is None
    ended = {9: ("a", "ENDED", "HOST")}
    assert market(*USUAL[:9], {"a": 1}, {}, steps=ended).narrow(DE, 10 * MINUTE) is None
    alone = [{"a": 4000}] * 10
    assert market(*alone, {}, steps=ended).narrow(DE, 10 * MINUTE) == "room_id a: ended by host"


def test_nothing_known_of_before_excuses_nothing() -> None:
    assert market({"a": 5}, {"a": 1}).narrow(DE, MINUTE) is None
    assert market({}, {"a": 1}).narrow(DE, MINUTE) is None


def test_a_market_with_no_room_on_air_does_not_fall() -> None:
    assert market(*[{}] * 10, {}).narrow(DE, 10 * MINUTE) == "room_id: none was there before"


def test_what_happened_long_ago_is_forgotten() -> None:
    breadth = market(*USUAL * 6, {"a": 900, "b": 200, "c": 500}, steps={1: ("a", "RESUMED", "")})
    assert breadth.narrow(DE, 60 * MINUTE) is None


def test_resumed_from_its_snapshot_it_says_the_same() -> None:
    stopped = {9: ("a", "INTERRUPTED", "ENFORCEMENT")}
    before = market(*USUAL, {"a": 1000, "b": 1000, "c": 500}, steps=stopped)
    after = market(*USUAL, {"a": 1000, "b": 1000, "c": 500})
    after.restore(json.loads(json.dumps(before.snapshot())))
    assert after.narrow(DE, 10 * MINUTE) == before.narrow(DE, 10 * MINUTE) == "room_id a: interrupted by enforcement"
    assert after.snapshot() == before.snapshot()


def test_rooms_are_followed_by_their_lifecycle_where_it_has_the_fields() -> None:
    assert VIEWERS.exposure_topic == "live.rooms"
    assert VIEWERS.beside is not None
    assert VIEWERS.beside.by == ["market", "room_id", "state", "end_reason"]
    by_source = VIEWERS.model_validate(VIEWERS.model_dump(mode="json") | {"group_by": ["traffic_source"]})
    assert by_source.exposure_topic is None
