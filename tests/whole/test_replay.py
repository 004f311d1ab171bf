"""Replay of the recording that ships: what it must say, and that nothing but its content decides what is said."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest

from livewarden.contracts import TOPICS, Contract, EnforcementAction, MerchantTicket
from livewarden.event import Event
from livewarden.settings import Settings
from livewarden.times import DAY_MS, parse_ms
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sources.codec import event_of
from sources.delivery import deliver
from sources.recording import read
from sources.recordings import shipped
from streams.replay import Replay, Result
from tests.core_fixtures import T0, moment, monitor

GOLDEN: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "goldens" / "dsa-alerts.json").read_text(encoding="utf-8")
)
LATENESS_MS: Final = Settings().lateness_ms()


@cache
def plan() -> Plan:
    return Plan(parse_monitors(files("livewarden").joinpath("monitors.toml").read_text(encoding="utf-8")))


@cache
def recording() -> tuple[Event, ...]:
    return tuple(read(shipped()))


def run(events: Iterable[Event], partitions: int, lateness_ms: dict[str, int] = LATENESS_MS) -> Result:
    driver = Replay(plan(), dict.fromkeys(TOPICS, partitions), lateness_ms)
    for _ in driver.take(events):
        pass
    return driver.result()


def delivered(partitions: int) -> Iterator[Event]:
    return deliver(recording(), dict.fromkeys(TOPICS, partitions))


@cache
def whole() -> Result:
    return run(delivered(1), 1)


@pytest.mark.parametrize(
    "expected", GOLDEN["notified"], ids=lambda each: f"{each['monitor']}-{each['window_start'][:10]}"
)
def test_known_incident_is_told(expected: dict[str, Any]) -> None:
    (alert,) = [
        alert
        for alert in whole().alerts
        if alert["kind"] != "REGIME_CHANGE"
        and all(alert[name] == expected[name] for name in ("monitor", "window_start"))
        and alert["series"].get("action_type") == expected["action_type"]
    ]
    assert {name: alert[name] for name in ("kind", "direction", "observed")} == {
        name: expected[name] for name in ("kind", "direction", "observed")
    }
    assert alert["suppressed_by"] is None
    (case,) = [case for case in whole().cases if case["case_id"] == alert["case_id"]]
    assert alert in [each | {"case_id": case["case_id"]} for each in case["evidence"]["alerts"]]


def test_gap_in_reporting_is_no_drop() -> None:
    first, last = (parse_ms(GOLDEN["no_drop"][name]) for name in ("from", "to"))
    drops = [
        alert
        for alert in whole().alerts
        if alert["direction"] == "DOWN" and first <= parse_ms(alert["window_start"]) < last
    ]
    assert drops == []
    assert any(alert["direction"] == "DOWN" for alert in whole().alerts)


def test_every_event_is_accounted_for() -> None:
    beside = {"late": 0, "duplicate": 0, "conflict": 0, "dead": 0}
    summary = whole().summary()
    assert {name: summary[name] for name in beside} == beside
    assert summary["events"] == summary["counted"] >= len(recording())
    assert summary["alerts"] + summary["suppressed"] == len(whole().alerts)
    assert sum(summary["alerts_by_monitor"].values()) == summary["alerts"]


@pytest.mark.parametrize("partitions", [4, 7])
def test_number_of_partitions_changes_nothing(partitions: int) -> None:
    result = run(delivered(partitions), partitions)
    assert result.alerts == whole().alerts
    assert result.cases == whole().cases
    assert result.buckets == whole().buckets


@pytest.mark.parametrize("seed", range(3))
def test_order_between_partitions_changes_nothing(seed: int) -> None:
    """Each partition keeps its own order, and runs ahead of the others or behind them by any distance."""
    rng = random.Random(seed)
    tasks: dict[int, list[Event]] = {}
    for event in delivered(4):
        tasks.setdefault(event.partition, []).append(event)
    waiting = [iter(task) for task in tasks.values()]
    order: list[Event] = []
    while waiting:
        task = rng.choice(waiting)
        taken = list(islice(task, rng.choice([1, 5, 500])))
        order += taken
        if not taken:
            waiting.remove(task)
    assert len(order) == sum(map(len, tasks.values())) > len(recording())
    result = run(order, 4)
    assert result.alerts == whole().alerts
    assert result.cases == whole().cases


def test_order_within_the_lateness_changes_nothing() -> None:
    rng = random.Random(1)
    days: dict[int, list[Event]] = {}
    for event in recording():
        days.setdefault(event.time_ms, []).append(event)
    shuffled = [event for day in sorted(days) for event in rng.sample(days[day], len(days[day]))]
    assert shuffled != list(recording())
    result = run(deliver(shuffled, dict.fromkeys(TOPICS, 4)), 4)
    assert result.alerts == whole().alerts


def test_recording_fed_twice_says_the_same() -> None:
    doubled = [twice for event in recording() for twice in (event, event)]
    result = run(deliver(doubled, dict.fromkeys(TOPICS, 4)), 4)
    assert result.alerts == whole().alerts
    assert result.outcomes["duplicate"] > 0


def test_part_of_a_run_holds_its_windows_and_their_cases() -> None:
    driver = Replay(plan(), dict.fromkeys(TOPICS, 1), LATENESS_MS, "part")
    for _ in driver.take(delivered(1)):
        pass
    part = driver.result(parse_ms("2025-04-08T00:00:00Z"), parse_ms("2025-04-09T00:00:00Z"))
    assert {alert["window_start"] for alert in part.alerts} == {"2025-04-08T00:00:00Z"}
    assert {alert["run"] for alert in part.alerts} == {"part"}
    assert {case["case_id"] for case in part.cases} == {alert["case_id"] for alert in part.alerts} - {None}
    assert 240043 in {alert["observed"] for alert in part.alerts}
    assert {alert["alert_id"] for alert in part.alerts} < {alert["alert_id"] for alert in whole().alerts}


def test_alerts_come_as_they_happen() -> None:
    driver = Replay(plan(), dict.fromkeys(TOPICS, 1), LATENESS_MS)
    versions = [(alert.alert_id, alert.version) for alert in driver.take(delivered(1))]
    assert len(versions) == len(set(versions)) > len(whole().alerts)
    assert {alert_id for alert_id, _ in versions} == {alert["alert_id"] for alert in whole().alerts}


SCRIPT = """
import sys, orjson
from tests.whole.test_replay import delivered, run
result = run(delivered(4), 4)
sys.stdout.buffer.write(orjson.dumps([result.alerts, result.cases, result.summary()]))
"""


def test_hash_seed_changes_no_byte() -> None:
    root = Path(__file__).parents[2]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0])[0] == whole().alerts


def test_order_between_topics_changes_nothing() -> None:
    two = Plan(
        [
            monitor(name="spikes", bucket="1d", precision="day", series=1),
            monitor(name="tickets", bucket="1d", event="merchant.ticket", group_by=["market"], series=1),
        ]
    )
    measures, tickets = [], []
    for day in range(40):
        body = {"action_id": "a1", "market": "DE", "time_precision": "day", "weight": 500 if day in (30, 36) else 5}
        moment_ms = T0 + day * DAY_MS
        data: Contract = EnforcementAction.model_validate(body)
        measures.append(event_of(data, id=f"m{day}", source="/test", time_ms=moment_ms))
        for number in range(400 if day == 33 else 4):
            data = MerchantTicket.model_validate(
                {"ticket_id": "t", "market": "DE", "opened_at": moment(moment_ms), "state": "OPEN"}
            )
            tickets.append(event_of(data, id=f"t{day}-{number}", source="/test", time_ms=moment_ms))
    outcomes = []
    for events in (
        [*measures, *tickets],
        [*tickets, *measures],
        sorted([*measures, *tickets], key=lambda e: e.time_ms),
    ):
        driver = Replay(two, dict.fromkeys(TOPICS, 2), LATENESS_MS)
        for _ in driver.take(deliver(events, dict.fromkeys(TOPICS, 2))):
            pass
        outcomes.append(driver.result())
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert [alert["monitor"] for alert in outcomes[0].alerts] == ["spikes", "tickets", "spikes"]


def test_recording_without_what_a_monitor_waits_for_is_judged_at_its_end() -> None:
    """Neither a ledger nor the viewers that the counts are out of: the same alerts as without asking for them."""
    exposure = {"event": "merchant.ticket", "by": ["market"]}
    found = []
    for asked in ({}, {"exposure": exposure}):
        spikes = monitor(name="spikes", bucket="1d", series=1, **asked)
        driver = Replay(Plan([spikes]), dict.fromkeys(TOPICS, 2), LATENESS_MS)
        events = [
            event_of(
                EnforcementAction.model_validate({"action_id": "a", "market": "DE", "weight": 500 if day == 30 else 5}),
                id=f"m{day}",
                source="/test",
                time_ms=T0 + day * DAY_MS,
            )
            for day in range(35)
        ]
        found.append([alert.window_start_ms for alert in driver.take(deliver(events, dict.fromkeys(TOPICS, 2)))])
        assert driver.result().buckets >= 34
    assert found[0] == found[1]
    assert set(found[0]) == {T0 + 30 * DAY_MS}
