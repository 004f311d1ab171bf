"""A monitors file: every mistake by its line, all of them at once."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from livewarden.errors import MonitorsError, SetupError
from models.monitors.file import parse_monitors

HEAD = """\
[[monitor]]
name = "a-b"
event = "enforcement.action"
detector = "enforcement"
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(MonitorsError) as caught:
        parse_monitors(text, "m.toml")
    assert isinstance(caught.value, SetupError)
    assert str(caught.value) == "\n".join(f"m.toml: {mistake}" for mistake in caught.value.mistakes)
    return caught.value.mistakes


def test_what_ships_parses() -> None:
    shipped = parse_monitors(files("livewarden").joinpath("monitors.toml").read_text(encoding="utf-8"))
    assert {"shop-closures", "product-actions", "live-restrictions"} <= {each.name for each in shipped}
    assert all(each.title for each in shipped)


def test_monitors_that_documents_show_parse() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "docs").glob("**/*.md")]
    shown = [block for text in texts for block in re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    monitors = [each for block in shown if "[[monitor]]" in block for each in parse_monitors(block, "shown")]
    exposed = {each.name: each.exposure_topic for each in monitors if each.exposure is not None}
    assert exposed == {"enforcement-per-viewer": "live.traffic"}


def test_monitors_come_in_file_order() -> None:
    text = "\n".join(HEAD.replace("a-b", name) for name in ("z-z", "a-a", "m-m"))
    assert [each.name for each in parse_monitors(text)] == ["z-z", "a-a", "m-m"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('colour = "red"\n' + HEAD, 1, "unknown key 'colour'"),
        (HEAD + 'buckett = "1m"\n', 5, "unknown key 'buckett'; did you mean 'bucket'?"),
        (HEAD + "zzzz = 1\n", 5, "unknown key 'zzzz'"),
        (
            HEAD.replace("enforcement.action", "enforcement.act"),
            3,
            "event: no event is named 'enforcement.act'; ",
        ),
        (
            HEAD + 'group_by = ["markt"]\n',
            5,
            "group_by: enforcement.action has no field 'markt'; did you mean 'market'?",
        ),
        (HEAD + '\n# words\nwhere = { markt = ["DE"] }\n', 7, "where: enforcement.action has no field 'markt'"),
        (HEAD + '[monitor.where]\nmarkt = ["DE"]\n', 5, "where: enforcement.action has no field 'markt'"),
        (HEAD + 'measure = "distinct(vews)"\n', 5, "measure: enforcement.action has no field 'vews'"),
        (HEAD + 'bucket = "90"\n', 5, "bucket: a duration is a whole number and a unit"),
        (HEAD + "bucket = 60\n", 5, "bucket: a duration is a whole number and a unit"),
        (HEAD + 'bucket = "7s"\n', 5, "bucket: from 10s to 1d"),
        (HEAD + 'min_volume = "many"\n', 5, "min_volume: Input should be a valid number"),
        (HEAD + 'group_by = "market"\n', 5, "group_by: Input should be a valid list"),
        (HEAD + "where = { market = 'DE' }\n", 5, "where.market: Input should be a valid list"),
        (HEAD.replace("\ndetector", "\n# detector"), 1, "detector is missing"),
        (HEAD + "\n" + HEAD, 7, "the name 'a-b' is taken since line 2"),
        (
            HEAD
            + 'group = "g"\n'
            + HEAD.replace("a-b", "c-d").replace("enforcement.action", "room.lifecycle")
            + 'group = "g"\n',
            10,
            "group 'g' is on live.enforcement, 'c-d' reads live.rooms; a group reads one topic",
        ),
        (HEAD + "min_volume = \n", 5, "not TOML: "),
        (HEAD + 'title = "no end\n', 5, "not TOML: "),
        ("", 1, "no [[monitor]] table in the file"),
        ("# only words\n", 1, "no [[monitor]] table in the file"),
        ("[monitor]\nname = 'a-b'\n", 1, "no [[monitor]] table in the file"),
        ("monitor = [1]\n", 1, "Input should be a valid dictionary"),
    ],
)
def test_mistake(text: str, line: int, says: str) -> None:
    (mistake,) = mistakes(text)
    assert mistake.startswith(f"line {line}: {says}")


def test_file_that_breaks_off_says_so() -> None:
    (mistake,) = mistakes(HEAD + "[[monitor")
    assert mistake.startswith("last line: not TOML: ")


def test_all_mistakes_at_once_in_the_order_of_their_lines() -> None:
    text = """\
colour = "red"

[[monitor]]
name = "first"
event = "traffic.sampel"
buckett = "1m"
detector = "traffic"

[[monitor]]
name = "second"
event = "traffic.sample"
where = { policy = ["x"] }
group_by = ["markt", "room"]
measure = "sum(vews)"
bucket = "soon"
detector = "trafic"
budget_per_day = 0

[[monitor]]
event = "traffic.sample"
detector = "enforcement"
measure = "sum(views)"

[[monitor]]
name = "fourth"
event = "traffic.sample"
detector = "traffic"
"""
    notified = [mistake.split("; ")[0] for mistake in mistakes(text)]
    assert notified == [
        "line 1: unknown key 'colour'",
        "line 5: event: no event is named 'traffic.sampel'",
        "line 6: unknown key 'buckett'",
        "line 12: where: traffic.sample has no field 'policy'",
        "line 13: group_by: traffic.sample has no field 'markt'",
        "line 13: group_by: traffic.sample has no field 'room'",
        "line 14: measure: traffic.sample has no field 'vews'",
        "line 15: bucket: a duration is a whole number and a unit: 10s, 5m, 1h, 1d",
        "line 16: detector: Input should be 'traffic', 'enforcement', 'silence' or 'river'",
        "line 17: budget_per_day: Input should be greater than 0",
        "line 19: name is missing",
        "line 21: detector: the enforcement detector judges counts",
    ]


EXPOSED = (
    HEAD + 'group_by = ["market"]\nexposure = {{ event = "traffic.sample", measure = "sum(ccu)", by = ["market"]{} }}\n'
)


def test_exposure_is_read() -> None:
    (asked,) = parse_monitors(EXPOSED.format(', where = { market = ["DE"] }'))
    assert asked.exposure is not None
    assert asked.exposure.measured == ("sum", ("ccu",))
    assert asked.exposure_topic == "live.traffic"
    (plain,) = parse_monitors(HEAD + 'group_by = ["market"]\n')
    assert plain.exposure_topic is None
    assert asked.config_hash != plain.config_hash


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            EXPOSED.format("").replace("traffic.sample", "traffic.sampel"),
            "no event is named 'traffic.sampel'; did you mean",
        ),
        (EXPOSED.format("").replace("ccu", "cccu"), "traffic.sample has no field 'cccu'; did you mean 'ccu'?"),
        (EXPOSED.format("").replace("sum(ccu)", "ratio(ccu, likes)"), "measure is count or sum(field)"),
        (EXPOSED.format("").replace("sum(ccu)", "sum(room_id)"), "'room_id' holds no whole numbers"),
        (EXPOSED.format("").replace('["market"] }', '["currency"] }'), "by: 'currency' is not in group_by"),
        (EXPOSED.format(', where = { cdn = ["c"] }'), "traffic.sample has no field 'cdn'"),
        (EXPOSED.format("").replace('"enforcement"', '"traffic"'), "only counts are judged against one"),
    ],
)
def test_mistakes_of_an_exposure_are_told_by_its_line(text: str, says: str) -> None:
    (mistake,) = mistakes(text)
    assert mistake.startswith("line 6: exposure: ")
    assert says in mistake


def test_exposure_with_an_unknown_key_or_as_a_table_of_its_own() -> None:
    (mistake,) = mistakes(EXPOSED.format(", per = 3"))
    assert mistake == "line 6: unknown key 'exposure.per'"
    (mistake,) = mistakes(EXPOSED.format("").replace('event = "traffic.sample", ', ""))
    assert mistake == "line 6: exposure.event is missing"
    table = HEAD + '[monitor.exposure]\nevent = "traffic.sampel"\n'
    assert mistakes(table)[0].startswith("line 5: exposure: ")


def test_a_mistake_makes_no_second_one() -> None:
    assert len(mistakes(HEAD + 'precision = "daily"\nbucket = "10s"\n')) == 1
    assert len(mistakes(HEAD + 'precision = "day"\nbucket = "one day"\n')) == 1
    assert len(mistakes(HEAD.replace('"enforcement.action"', "[1]") + 'group_by = ["x"]\n')) == 1
