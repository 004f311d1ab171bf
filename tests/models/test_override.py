"""Keys of monitors set to other values."""

from __future__ import annotations

import tomllib

import pytest

from cli.common import load_plan
from livewarden.errors import MonitorsError
from models.monitors.override import overridden, parse_grid, parse_override

SHIPPED = load_plan(None).monitors
BY_NAME = load_plan(None).by_name

WRITTEN = {
    "a number": ("live-orders.min_volume=50", ("live-orders", "min_volume", 50)),
    "a word": ("live-orders.direction=both", ("live-orders", "direction", "both")),
    "a text": ('live-orders.title="a = b"', ("live-orders", "title", "a = b")),
    "a duration": ("live-orders.bucket=10m", ("live-orders", "bucket", "10m")),
    "a list": ('live-orders.group_by=["market"]', ("live-orders", "group_by", ["market"])),
    "a key in a table": ('live-orders.where.market=["DE"]', ("live-orders", "where.market", ["DE"])),
    "more than one value": ("live-orders.min_volume=1\nx=2", ("live-orders", "min_volume", "1\nx=2")),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_a_value_is_read_as_in_the_file(what: str) -> None:
    text, expected = WRITTEN[what]
    assert tuple(parse_override(text)) == expected


def test_a_monitor_that_is_set_is_as_one_that_was_written_so() -> None:
    sets = ["live-orders.budget_per_day=0.5", 'live-orders.where.market=["DE"]', "live-orders.bucket=10m"]
    found = {each.name: each for each in overridden(SHIPPED, list(map(parse_override, sets)))}
    written = BY_NAME["live-orders"].model_dump(mode="json", exclude_unset=True)
    written |= tomllib.loads('budget_per_day = 0.5\nwhere = { market = ["DE"] }\nbucket = "10m"')
    assert found["live-orders"].config_hash == type(found["live-orders"]).model_validate(written).config_hash
    assert found["live-orders"].config_hash != BY_NAME["live-orders"].config_hash
    assert {name: each for name, each in found.items() if name != "live-orders"} == {
        name: each for name, each in BY_NAME.items() if name != "live-orders"
    }


def test_the_last_of_two_wins_and_none_changes_nothing() -> None:
    twice = [parse_override(f"live-orders.min_volume={n}") for n in (7, 9)]
    assert {each.name: each for each in overridden(SHIPPED, twice)}["live-orders"].min_volume == 9
    assert overridden(SHIPPED, []) == SHIPPED


WRONG = {
    "live-order.min_volume=1": "no monitor is named 'live-order'; did you mean 'live-orders'?",
    "live-orders.min_volum=1": "unknown key 'min_volum'; did you mean 'min_volume'?",
    "live-orders.bucket=7m": "bucket: from 10s to 1d",
    "live-orders.min_volume=-1": "min_volume: Input should be greater than or equal to 0",
    "live-orders.min_volume=": "min_volume: Input should be a valid number",
    "live-orders.group=live-measures": "",
    "live-orders": "an override is written MONITOR.KEY=VALUE",
    "min_volume=1": "an override is written MONITOR.KEY=VALUE",
}


@pytest.mark.parametrize("text", [text for text in WRONG if WRONG[text]])
def test_a_mistake_names_the_override(text: str) -> None:
    with pytest.raises(MonitorsError) as caught:
        overridden(SHIPPED, [parse_override(text)])
    (mistake,) = str(caught.value).splitlines()
    assert mistake.startswith(f"{text}: ")
    assert WRONG[text] in mistake


def test_every_mistake_is_said_and_what_monitors_say_together_counts() -> None:
    with pytest.raises(MonitorsError) as caught:
        overridden(SHIPPED, list(map(parse_override, ["nope.a=1", "live-orders.b=2"])))
    assert len(caught.value.mistakes) == 2
    sets = ["live-orders.group=together", "reversals.group=together"]
    with pytest.raises(MonitorsError, match="a group reads one topic"):
        overridden(SHIPPED, list(map(parse_override, sets)))


def test_a_grid_is_every_combination() -> None:
    grid = parse_grid(["a.min_volume=1,2", 'a.group_by=["x"],["y","z"]', "a.season=day"])
    assert [[each.value for each in point] for point in grid] == [
        [volume, by, "day"] for volume in (1, 2) for by in (["x"], ["y", "z"])
    ]
