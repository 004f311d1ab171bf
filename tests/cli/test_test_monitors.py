"""Tests of monitors in the users' own CI: expected alerts, a readable difference, exit codes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import main
from livewarden.alert import example
from livewarden.times import MINUTE_MS, parse_ms
from models.monitors.monitor_tests import Expectation, MonitorTest, compare
from sources.recordings import shipped

MONITORS = """\
[[monitor]]
name = "closures"
event = "enforcement.action"
precision = "day"
where = { action_type = ["SHOP_CLOSED_PERMANENT"] }
group_by = ["market"]
bucket = "1d"
detector = "enforcement"
series = 1
budget_per_day = 0.01
"""
USUAL = """
[[test]]
name = "a wave of closures is said once"
[[test.events]]
event = "enforcement.action"
from = 2026-01-01
to = 2026-02-01
every = "1d"
data = { action_id = "u{n}", market = "DE", action_type = "SHOP_CLOSED_PERMANENT", time_precision = "day", weight = 5 }
[[test.events]]
event = "enforcement.action"
from = "2026-01-25"
to = "2026-01-26"
every = "1h"
data = { action_id = "w{n}", market = "DE", action_type = "SHOP_CLOSED_PERMANENT", time_precision = "day", weight = 40 }
"""
WAVE = """
[[test.expect]]
monitor = "closures"
at = 2026-01-25
kind = "ENFORCEMENT_SPIKE"
direction = "UP"
series = { market = "DE" }
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given_tests(text: str, beside: bool = True) -> None:
    Path("m.toml").write_text(MONITORS if beside else MONITORS + text)
    if beside:
        Path("m.tests.toml").write_text(text)


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "inside"])
def test_alerts_that_are_expected_pass(beside: bool, capsys: pytest.CaptureFixture[str]) -> None:
    given_tests(USUAL + WAVE, beside)
    assert main(["test-monitors", "m.toml"]) == 0
    assert capsys.readouterr().out == "ok    a wave of closures is said once\n\n1 of 1 tests passed\n"
    assert main(["check", "m.toml"]) == 0


def test_what_is_missing_and_what_is_too_much_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    given_tests(USUAL + WAVE.replace("2026-01-25", "2026-01-20"))
    assert main(["test-monitors", "m.toml"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAIL  a wave of closures is said once",
        "      - expected  closures ENFORCEMENT_SPIKE UP DE at 2026-01-20T00:00:00Z",
        "      + said      closures ENFORCEMENT_SPIKE UP DE at 2026-01-25T00:00:00Z: 965, expected 5",
        "",
        "0 of 1 tests passed",
    ]
    assert main(["test-monitors", "m.toml", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["tests"]
    assert (found["passed"], len(found["missing"])) == (False, 1)
    assert found["unexpected"][0]["observed"] == 965


def test_nothing_expected_means_silence_and_a_range_what_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    given_tests(USUAL)
    assert main(["test-monitors", "m.toml"]) == 1
    given_tests(USUAL.replace("[[test]]", "[[test]]\nto = 2026-01-25"))
    assert main(["test-monitors", "m.toml"]) == 0


def test_a_recording_beside_the_file_is_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    lines = gzip.decompress(shipped().read_bytes()).splitlines(keepends=True)
    Path("short.jsonl").write_bytes(b"".join(line for line in lines if b'"time":"2025-0' in line))
    expect = WAVE.replace("2026-01-25", "2025-04-08").replace('series = { market = "DE" }', "").replace("at =", "at =")
    second = '[[test.expect]]\nmonitor = "closures"\nat = "2025-04-14T00:00:00Z"\nwithin = "2d"\n'
    given_tests(f'[[test]]\nname = "April"\nrecording = "short.jsonl"\nto = 2025-05-01\n{expect}{second}')
    assert main(["test-monitors", "m.toml"]) == 0
    capsys.readouterr()
    assert main(["test-monitors", "m.toml", "--tests", "none.toml"]) == 2
    assert capsys.readouterr().err == "none.toml: No such file or directory\n"


def test_the_monitors_that_ship_pass_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test-monitors"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 2 tests passed"


WRONG = {
    "no test": ("", "there is no [[test]] in m.toml and m.tests.toml"),
    "an unknown key": ('[[test]]\nname = "a"\nrecordin = "x"\n', "line 3: unknown key 'recordin'; did you mean"),
    "an unknown monitor": (
        f'{USUAL}\n[[test.expect]]\nmonitor = "closure"\nat = 2026-01-25\n',
        "line 18: no monitor is named 'closure'",
    ),
    "two sources": (USUAL.replace("[[test]]", '[[test]]\nrecording = "x.jsonl"'), "either a recording or [[test.ev"),
    "a warm-up to nowhere": (USUAL.replace("[[test]]", '[[test]]\nwarm_up = "9d"'), "warm_up: it ends at from"),
    "a bad time": (USUAL.replace('"2026-01-25"', '"soon"'), "line 12: events.1.from: no day or RFC 3339 time"),
    "an event without what it needs": (USUAL.replace('action_id = "w{n}", ', ""), "enforcement.action: action_id"),
    "too many events": (USUAL.replace('"1h"', '"1s"').replace('to = "2026-01-26"', 'to = "2027-01-01"'), "1,000,000"),
    "no recording": ('[[test]]\nname = "a"\nrecording = "x.jsonl"\n', "x.jsonl: no such file"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_named(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, expected = WRONG[what]
    given_tests(text)
    assert main(["test-monitors", "m.toml"]) == 2
    out, err = capsys.readouterr()
    assert expected in err
    assert out == ""


minutes = st.integers(0, 12)


@settings(max_examples=60)
@given(st.lists(minutes, max_size=5), st.lists(st.tuples(minutes, st.integers(0, 4)), max_size=5))
def test_each_alert_meets_one_expectation_and_nothing_is_counted_twice(
    said: list[int], expected: list[tuple[int, int]]
) -> None:
    alerts = [example(minute * MINUTE_MS) for minute in said]
    wanted = [
        Expectation.model_validate({"monitor": "orders", "at": f"1970-01-01T00:{at:02}:00Z", "within": f"{within}m"})
        for at, within in expected
    ]
    test = MonitorTest.model_validate({"name": "t", "recording": "r", "expect": wanted})
    found = compare(test, alerts)
    assert len(said) - len(found.unexpected) == len(expected) - len(found.missing)
    for each in found.missing:
        assert not any(each.met_by(alert) for alert in found.unexpected)
    assert found.passed == (not found.missing and not found.unexpected)
    assert parse_ms("1970-01-01T00:00:00Z") == 0
