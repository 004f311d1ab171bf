"""The response file: what it says, and every mistake in it by line."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cli.common import load_plan, load_policy
from livewarden.errors import PolicyError, SetupError
from livewarden.matcher import Matcher, matches
from livewarden.times import format_ms
from models.response.conditions import mistake
from models.response.policy import ChannelConfig, Policy, Route
from models.response.policy_file import parse_policy
from tests.response_fixtures import MONITORS, Desk

FILE = """\
group_interval = "10m"
worse = 3
console_url = "https://livewarden.example.org"
fallback = ["log"]

[sla.critical]
triage = "15m"
resolve = "8h"

[[channel]]
name = "on-call"
url_from = "ON_CALL_URL"

[[channel]]
name = "log"
file = "notifications.jsonl"

[[route]]
name = "germany"
match = ["market=DE", "severity!=info"]
to = ["on-call"]
continue = true
escalate = [{ after = "15m", to = ["log"] }]

[route.quiet_hours]
from = "22:00"
to = "07:00"
timezone = "Europe/Berlin"

[[route]]
name = "everything"
to = ["log"]
resolved = false
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "r.toml")
    assert isinstance(caught.value, SetupError)
    assert str(caught.value) == "\n".join(f"r.toml: {mistake}" for mistake in caught.value.mistakes)
    return caught.value.mistakes


def test_what_ships_has_clocks_for_every_severity_and_tells_nobody() -> None:
    shipped = parse_policy(files("livewarden").joinpath("response.toml").read_text(encoding="utf-8"))
    assert set(shipped.sla) == {"info", "warning", "critical"}
    assert shipped.sla["critical"].triage < shipped.sla["warning"].triage < shipped.sla["info"].triage
    assert (shipped.channels, shipped.routes, shipped.fallback) == ((), (), ())


def test_nothing_said_is_every_default() -> None:
    policy = parse_policy("")
    assert policy == Policy()
    assert (policy.group_wait, policy.group_interval, policy.stale_after) == (5_000, 300_000, 21_600_000)
    assert (policy.give_up_after, policy.tick, policy.reopen_within) == (86_400_000, 5_000, 14 * 86_400_000)
    assert (policy.worse, policy.closure_windows, policy.console_url, policy.sla) == (2.0, 3, "", {})


def test_a_file_is_read() -> None:
    policy = parse_policy(FILE)
    assert (policy.group_interval, policy.worse, policy.fallback) == (600_000, 3.0, ("log",))
    assert (policy.sla["critical"].triage, policy.sla["critical"].resolve) == (900_000, 28_800_000)
    assert [(each.name, each.url_from, each.file) for each in policy.channels] == [
        ("on-call", "ON_CALL_URL", ""),
        ("log", "", "notifications.jsonl"),
    ]
    germany, everything = policy.routes
    assert germany.match == (Matcher.parse("market=DE"), Matcher.parse("severity!=info"))
    assert [(step.after, step.to) for step in germany.escalate] == [(900_000, ("log",))]
    assert (germany.resolved, germany.continue_, everything.resolved, everything.continue_) == (
        True,
        True,
        False,
        False,
    )
    assert germany.quiet_hours is not None
    assert germany.quiet_hours.below == "critical"
    assert everything.quiet_hours is None


def test_what_is_written_reads_back() -> None:
    policy = parse_policy(FILE)
    assert Policy.model_validate(policy.model_dump(mode="json", by_alias=True)) == policy


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("group_interval", "gruop_interval", 1, "unknown key 'gruop_interval'; did you mean 'group_interval'?"),
        ('"10m"', "600", 1, "group_interval: a duration is a whole number and a unit: 10s, 5m, 1h, 1d"),
        ("worse = 3", "worse = 1", 2, "worse: Input should be greater than 1"),
        ("https://livewarden", "https://ops:secret@livewarden", 3, "console_url: String should match"),
        ('["log"]\n\n[sla', '["lok"]\n\n[sla', 4, "fallback: no channel is named 'lok'; did you mean 'log'?"),
        ("sla.critical", "sla.urgent", 6, "sla.urgent: Input should be 'info', 'warning' or 'critical'"),
        ('"15m"\nresolve', '"15h"\nresolve', 7, "sla.critical.triage: longer than resolve"),
        ('"on-call"\nurl', '"On call"\nurl', 11, "name: String should match"),
        ('url_from = "ON_CALL_URL"', 'url = "slack://T/B/c"', 12, "unknown key 'url'; did you mean 'url_from'?"),
        (
            '"ON_CALL_URL"',
            '"slack://T/B/c"',
            12,
            "url_from: the name of an environment variable that holds the address",
        ),
        ('"ON_CALL_URL"', '"X"\nfile = "f"', 11, "name: a channel has either url_from or file"),
        ('name = "log"', 'name = "on-call"', 15, "name: 'on-call' is taken by another channel"),
        ('"market=DE"', '"market"', 20, "match.0: 'market' is no condition; write name=value"),
        ('"market=DE"', '"market == DE"', 20, "match.0: 'market == DE': the value follows =, != or ~ at once"),
        ('"market=DE"', '"market==DE"', 20, "match.0: 'market==DE': the value follows"),
        ('"market=DE"', '"market=~D*"', 20, "match.0: 'market=~D*': the value follows"),
        ('"market=DE"', "7", 20, "match.0: a condition is a text"),
        ('["on-call"]', '["oncall"]', 21, "to: no channel is named 'oncall'; did you mean 'on-call'?"),
        ('["on-call"]', '"on-call"', 21, "to: Input should be a valid list"),
        ('["on-call"]', "[]", 21, "to: A list should have at least 1 item"),
        ('to = ["log"] }', 'to = ["nobody"] }', 23, "to: no channel is named 'nobody'"),
        ('after = "15m"', 'after = "0s"', 23, "escalate.0.after: Input should be greater than 0"),
        ('after = "15m", ', "", 23, "escalate.0.after is missing"),
        ('to = "07:00"', 'to = "22:00"', 27, "quiet_hours.to: the same as from"),
        ('"Europe/Berlin"', '"Europe/Berln"', 28, "quiet_hours.timezone: no timezone is named 'Europe/Berln'; did you"),
        ('timezone = "Europe/Berlin"', "", 25, "quiet_hours.timezone is missing"),
        (
            'timezone = "Europe/Berlin"',
            'timezone = "UTC"\nbelwo = "info"',
            29,
            "unknown key 'quiet_hours.belwo'; did you",
        ),
        ('name = "everything"', 'name = "germany"', 31, "name: 'germany' is taken by another route"),
        ("resolved = false", "resolved = maybe", 33, "not TOML: Invalid value"),
    ],
)
def test_mistake(old: str, new: str, line: int, says: str) -> None:
    assert FILE.count(old) == 1
    notified = mistakes(FILE.replace(old, new))
    assert any(mistake.startswith(f"line {line}: {says}") for mistake in notified), notified


@pytest.mark.parametrize("text", ["channel = 1", "[channel]\nname = 'a'", "route = [1]", "sla = []", "channel = [[1]]"])
def test_tables_of_the_wrong_shape_are_told(text: str) -> None:
    assert mistakes(text)[0].startswith("line ")


def test_all_mistakes_at_once_in_the_order_of_their_lines() -> None:
    text = FILE.replace("worse = 3", "worse = 0").replace('["on-call"]', '["x"]').replace('"Europe/Berlin"', '"Berlin"')
    assert [mistake.split(":")[0] for mistake in mistakes(text)] == ["line 2", "line 21", "line 28"]


@pytest.mark.parametrize("key", ["quiet_hours", "escalate"])
def test_a_table_inside_the_second_route_is_told_by_its_own_line(key: str) -> None:
    header = f"[route.{key}]" if key == "quiet_hours" else f"[[route.{key}]]"
    first = f'{header}\nto = "07:00"\n'
    notified = mistakes(f'[[route]]\nname = "a"\nto = []\n\n[[route]]\nname = "b"\nto = []\n{first}x = 1\n')
    assert f"line 10: unknown key '{key}{'' if key == 'quiet_hours' else '.0'}.x'" in notified
    assert not [mistake for mistake in notified if mistake.startswith("line 1:")]


@pytest.mark.parametrize("key", ["url_from", "url", "urlfrom", "file"])
def test_no_mistake_repeats_an_address(key: str) -> None:
    text = f'[[channel]]\nname = "a"\nurl_from = 1\n{key}x = "slack://secret"\n[[channel]]\n{key} = "slack://secret"\n'
    assert "secret" not in "".join(mistakes(text))


def test_a_policy_that_is_built_is_checked_as_a_file_is() -> None:
    log = ChannelConfig(name="log", file="f")
    with pytest.raises(ValidationError, match="no channel is named 'lok'; did you mean 'log'"):
        Policy(channels=(log,), routes=(Route(name="r", to=("lok",)),))
    with pytest.raises(ValidationError, match="'log' is taken by another channel"):
        Policy(channels=(log, log))


LABELS = st.fixed_dictionaries({"market": st.sampled_from("ab"), "severity": st.sampled_from("cd")})
ROUTES = st.lists(
    st.tuples(st.lists(st.sampled_from(["market=a", "market!=a", "severity~c", "owner="]), max_size=2), st.booleans()),
    max_size=6,
)


@given(ROUTES, LABELS)
def test_routes_are_tried_in_order_until_one_that_does_not_say_also(
    routes: list[tuple[list[str], bool]], facts: dict[str, str]
) -> None:
    policy = Policy(
        channels=(ChannelConfig(name="c", file="f"),),
        routes=tuple(
            Route(name=f"r{number}", match=tuple(map(Matcher.parse, match)), to=("c",), **{"continue": also})
            for number, (match, also) in enumerate(routes)
        ),
    )
    taken = policy.routes_for(facts)
    matching = [route for route in policy.routes if matches(route.match, facts)]
    assert list(taken) == matching[: len(taken)]
    assert all(route.continue_ for route in taken[:-1])
    assert len(taken) == len(matching) or not taken[-1].continue_
    assert bool(taken) == bool(matching)


DOCUMENT = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def test_the_example_in_the_document_is_a_policy() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    policy = parse_policy(example)
    german = {"market": "DE", "severity": "critical"}
    assert [route.name for route in policy.routes_for(german)] == ["germany-at-night", "critical"]
    assert [route.name for route in policy.routes_for(german | {"severity": "info"})] == ["everything-else"]


TABLES = {"calendars": "calendar", "duties": "duty", "chains": "chain", "templates": "template"}
"""Fields that are tables of the file, and how they are called there."""


def test_every_key_is_documented_with_what_it_is_unless_set() -> None:
    cells = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", DOCUMENT, re.MULTILINE))
    written = Policy().model_dump(mode="json", exclude={"sla", "channels", "routes", *TABLES})
    assert {name: cells.get(name) for name in written} == {
        name: f"`{value}`" if value not in ("", []) else "none" for name, value in written.items()
    }
    assert set(re.findall(r"^\| `\[\[(\w+)\]\]` \|", DOCUMENT, re.MULTILINE)) == set(TABLES.values())
    assert {each.alias or name for name, each in Route.model_fields.items()} <= cells.keys()


TYPOS = """\
[[channel]]
name = "on-call"
file = "sent.jsonl"
[[route]]
name = "germany"
match = ["markte=DE", "monitor=live-ordes", "severity=crit", "kind=TRAFFIC_ANOMLY", "market=DE", "monitor~live-*"]
to = ["on-call"]
"""


def test_what_no_alert_can_have_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "response.toml").write_text(TYPOS)
    with pytest.raises(PolicyError) as wrong:
        load_policy(tmp_path / "response.toml", load_plan(None))
    assert wrong.value.mistakes == [
        "line 6: match: no alert has a 'markte'; did you mean 'market'?",
        "line 6: match: monitor: no alert has 'live-ordes'; did you mean 'live-orders'?",
        "line 6: match: severity: no alert has 'crit'; did you mean 'critical'?",
        "line 6: match: kind: no alert has 'TRAFFIC_ANOMLY'; did you mean 'TRAFFIC_ANOMALY'?",
    ]


@pytest.mark.parametrize(
    ("condition", "wrong"),
    [
        ("market==DE", "at once"),
        ("market= DE", ""),
        ("markte!=DE", "did you mean 'market'"),
        ("monitor!=ordres", "did you mean 'orders'"),
        ("monitor~lvie-*", "no alert has 'lvie-*'"),
        ("owner=live-infar", "did you mean 'live-infra'"),
        ("direction=DWON", "did you mean 'DOWN'"),
        ("market=", ""),
        ("policy_id~p*", ""),
        ("severity!=info", ""),
    ],
)
async def test_a_silence_is_checked_as_a_route_is(condition: str, wrong: str) -> None:
    desk = Desk()
    matcher = Matcher.parse(condition)
    found = mistake(matcher, MONITORS)
    assert (found is None) == (not wrong)
    assert wrong in (found or "")
    now = desk.clock.now_ms()
    accepted, answer = await desk.ask(
        "silence", silence_id="s1", owner="x", why="x", matchers=[matcher.model_dump()],
        starts_at=format_ms(now), ends_at=format_ms(now + 60_000),
    )  # fmt: skip
    assert accepted == (not wrong)
    assert wrong in answer
