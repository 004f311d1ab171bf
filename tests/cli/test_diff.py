"""Two runs beside each other, as a person asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli import main
from cli.known import JudgedAlerts, Truth, load_feedback
from livewarden.alert import Alert, example
from livewarden.times import DAY_MS, MINUTE_MS
from models.compare.quality import Quality
from models.monitors.monitor import Monitor
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sources.simulate import scenario_evening, truth_json

MONITOR: dict[str, Any] = {"name": "orders", "event": "traffic.sample", "measure": "sum(orders)", "bucket": "1m"}
MONITOR |= {"detector": "traffic", "group_by": ["market"]}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_of(name: str, alerts: Iterable[Alert], **changes: Any) -> str:
    """A run's folder with these alerts, each in a case of its own."""
    folder = Path(name)
    folder.mkdir()
    monitor = Monitor.model_validate(MONITOR | changes)
    alerts = [replace(each, alert_id=f"{each.alert_id}-{monitor.config_hash}") for each in alerts]
    alerts = [replace(each, case_id=f"case-{each.alert_id}", config_hash=monitor.config_hash) for each in alerts]
    cases = [
        {"case_id": each.case_id, "title": f"Orders: {each.observed}", "started_at": each.to_json("")["window_start"]}
        | {"alert_ids": [each.alert_id], "monitors": ["orders"]}
        for each in alerts
    ]
    (folder / "alerts.jsonl").write_text("".join(json.dumps(each.to_json(name)) + "\n" for each in alerts))
    (folder / "cases.jsonl").write_text("".join(json.dumps(each) + "\n" for each in cases))
    described = monitor.model_dump(mode="json") | {"config_hash": monitor.config_hash}
    (folder / "monitors.json").write_text(json.dumps({"orders": described}))
    return name


def test_a_changed_threshold_lists_what_went_and_folds_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    days = [example(n * DAY_MS) for n in range(9)]
    usual, stricter = run_of("usual", days), run_of("stricter", days[2:], budget_per_day=0.01)
    assert main(["diff", usual, stricter]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[:3] == [
        "A is usual, B is stricter",
        "orders: budget_per_day 1.0, now 0.01",
        "orders: threshold 5.16, now 7.16",
    ]
    assert [line.split()[1] for line in out.splitlines() if line.startswith("removed")] == ["orders"] * 4
    assert "not listed: 7 alerts the same but for the configuration, 7 case candidates with another" in out
    assert out.splitlines()[-4].split() == ["orders", "9", "7", "0", "2", "0", "0", "0", "0", "7"]
    assert out.splitlines()[-1] == (
        "B raises 7 alerts where A raises 9 (0 added, 2 removed); which is better is not known without --truth or "
        "--feedback."
    )
    assert main(["diff", usual, stricter, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert sorted(each["what"][0] for each in found["alerts"]) == ["configuration"] * 7 + ["removed"] * 2
    assert sorted(each["what"] for each in found["cases"]) == ["reconfigured"] * 7 + ["removed"] * 2
    assert found["monitors"][0]["removed"] == 2


def test_each_kind_of_difference_is_shown_then_and_now(capsys: pytest.CaptureFixture[str]) -> None:
    because = {"verdict": {"verdict": "POLICY"}, "slices": {"causes": [{"slice": {"shop_id": "s1"}}]}}
    a = run_of("a", [example(0), example(DAY_MS), example(2 * DAY_MS)])
    b = run_of(
        "b",
        [
            example(MINUTE_MS, observed=90.0),
            example(DAY_MS, explanation=because),
            example(2 * DAY_MS, suppressed_by="cooldown"),
        ],
    )
    assert main(["diff", a, b]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "moved, larger orders DE 1970-01-01T00:00:00Z → 1970-01-01T00:01:00Z 60 → 90 6" in out
    assert "other explanation orders DE 1970-01-02T00:00:00Z 60 6 none → policy shop_id=s1" in out
    assert "removed (cooldown) orders DE" in out


def test_runs_are_held_against_the_truth_of_a_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = scenario_evening()
    Path("truth.json").write_text(truth_json(scenario))
    incident = next(each for each in scenario.incidents if each.event_type == "traffic.sample")
    right = example(
        incident.start_ms + 2 * MINUTE_MS,
        **{"kind": incident.alert_kinds[0], "series": {"market": incident.markets[0]}},
        explanation={"verdict": {"verdict": "POLICY"}, "slices": {"causes": [{"slice": dict(incident.dimensions)}]}},
    )
    false = example(scenario.start_ms + MINUTE_MS, kind=incident.alert_kinds[0])
    a, b = run_of("a", [false, right]), run_of("b", [right], budget_per_day=0.1)
    assert main(["diff", a, b, "--truth", "truth.json", "--json"]) == 1
    quality = json.loads(capsys.readouterr().out)["quality"]
    known = sum(each.event_type == "traffic.sample" for each in scenario.incidents)
    assert quality["a"] == {"precision": 0.5, "recall": 1 / known, "delay_s": 210.0} | {
        **{"right": 1, "wrong": 1, "beside": 0, "found": 1, "known": known}
    }
    assert (quality["b"]["precision"], quality["b"]["recall"]) == (1.0, 1 / known)
    assert main(["diff", a, b, "--truth", "truth.json"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4].split()[:6] == ["A", "50", "%", "100", "%", "3"]
    assert lines[-1] == (
        "B raises 1 alert where A raises 2 (0 added, 1 removed). B finds 1 of 1, as A does; 0 wrong, A 1."
    )


def test_what_people_said_of_live_alerts_judges_a_run_with_another_configuration() -> None:
    live = [example(n * DAY_MS) for n in range(3)]
    judged = JudgedAlerts(true=live[:2], untrue=live[2:])
    run = [example(2 * MINUTE_MS, alert_id="x"), example(2 * DAY_MS, alert_id="y"), example(9 * DAY_MS)]
    assert judged.quality(run, {}) == Quality(1, 1, 1, 1, 2, (3 * MINUTE_MS,))
    assert judged.quality([], {}) == Quality(0, 0, 0, 0, 2)
    assert judged.quality([], {}).precision is None
    assert Truth([], 30).quality(run, {}).recall is None


@pytest.mark.clickhouse
async def test_feedback_comes_from_clickhouse(clickhouse: Address) -> None:
    from dataclasses import astuple

    from livewarden.errors import SetupError
    from sinks.store.clickhouse import ClickHouseStore
    from tests.evening_fixtures import fill

    async with await Reader.connect(*astuple(clickhouse)) as reader:
        with pytest.raises(SetupError, match="nobody gave feedback"):
            await load_feedback(reader)
        store = await ClickHouseStore.connect(*astuple(clickhouse))
        await fill(store, 1_772_820_000_000)
        await store.close()
        judged = await load_feedback(reader)
    assert [each.monitor for each in judged.true] == ["measures"]
    assert [each.monitor for each in judged.untrue] == ["stalls"]


WRONG = {
    "an alert of another version": (
        '{"alert_id": "a", "old": 1}\n',
        [],
        "b/alerts.jsonl: not the alerts of this version",
    ),
    "no run": ("[]\n", [], "b/alerts.jsonl: not a run's file"),
    "no truth": ("", ["--truth", "a/alerts.jsonl"], "not the truth file of a simulation"),
    "both": ("", ["--truth", "t.json", "--feedback"], "say one of them"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_run_is_one_line(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, more, expected = WRONG[what]
    run_of("a", [example(0)])
    run_of("b", [example(0)])
    (Path("b") / "alerts.jsonl").write_text(content)
    assert main(["diff", "a", "b", *more]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert expected in err


def test_a_run_that_does_not_say_its_monitors_is_compared_and_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    run_of("a", [example(0)])
    (Path("a") / "monitors.json").unlink()
    assert main(["diff", "a", "a"]) == 0
    Path("t.json").write_text(truth_json(scenario_evening()))
    assert main(["diff", "a", "a", "--truth", "t.json"]) == 2
    assert "a/monitors.json is missing" in capsys.readouterr().err
