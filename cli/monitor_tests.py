"""`livewarden test-monitors`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import AsJson, load_plan, load_settings, number, print_json, read_text, tracked, where
from livewarden.alert import Alert, from_json
from livewarden.contracts import TOPICS
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.times import format_ms
from models.compare.difference import raised
from models.monitors.monitor_tests import MonitorTest, TestDiff, compare, parse_tests
from models.monitors.plan import Plan
from sources.delivery import deliver
from sources.made import made
from sources.recording import read
from sources.recordings import shipped
from streams.replay import Replay


def monitor_tests(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Monitors file; LIVEWARDEN_MONITORS, or the one that ships, where left out."
        ),
    ] = None,
    tests: Annotated[
        Path | None, typer.Option("--tests", help="File of tests. Default: beside FILE, as monitors.tests.toml.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run the tests of monitors: do they say the alerts that are expected, and no other? Exit code 1 where not.

    A test is a [[test]] table, in the monitors file or beside it, with a recording or events that are made, and the
    alerts that are expected of them. Neither Kafka nor ClickHouse is needed, so it runs in any CI.

    Example: livewarden test-monitors monitors.toml
    """
    file = file or load_settings().monitors
    plan = load_plan(file)
    found = _tests(file, tests, plan)
    diffs = [run(test, folder, plan) for test, folder in found]
    failed = [each for each in diffs if not each.passed]
    if as_json:
        print_json({"passed": not failed, "tests": [_as_json(each) for each in diffs]})
    else:
        for each in diffs:
            _print(each)
        print(f"\n{len(diffs) - len(failed)} of {len(diffs)} tests passed")
    return 1 if failed else 0


def run(test: MonitorTest, folder: Path, plan: Plan) -> TestDiff:
    """One test: its events through the monitors, and what was said against what is expected. One partition a topic."""
    replay = Replay(plan, dict.fromkeys(TOPICS, 1), load_settings().lateness_ms())
    first, last = test.reads(max(monitor.bucket for monitor in plan.monitors))
    events = (event for event in _events(test, folder) if first <= event.time_ms < last)
    for _ in replay.take(deliver(tracked(events, test.name), dict.fromkeys(TOPICS, 1))):
        pass
    alerts = [from_json(each) for each in replay.result(test.from_ms, test.to_ms).alerts]
    looked_at = test.monitors or plan.by_name
    return compare(test, [alert for alert in alerts if raised(alert) and alert.monitor in looked_at])


def _events(test: MonitorTest, folder: Path) -> Iterator[Event]:
    if test.events:
        return made(test.events)
    path = folder / test.recording
    return read(shipped() if test.recording == "shipped" and not path.exists() else path)


def _tests(file: Path | None, beside: Path | None, plan: Plan) -> list[tuple[MonitorTest, Path]]:
    """The tests in the monitors file and beside it, each with the folder that its recording is in."""
    here = Path(str(files("livewarden") / "monitors.toml")) if file is None else file
    found = [(test, here.parent) for test in parse_tests(read_text(here), str(here), plan.by_name)]
    wanted = beside or here.with_name(f"{here.stem}.tests.toml")
    if beside is not None or wanted.exists():
        found += [(test, wanted.parent) for test in parse_tests(read_text(wanted), str(wanted), plan.by_name)]
    if not found:
        raise SetupError(f"there is no [[test]] in {here} and {wanted}: docs/replay.md shows one")
    return found


def _print(each: TestDiff) -> None:
    print(f"{'ok  ' if each.passed else 'FAIL'}  {each.test.name}")
    for wanted in each.missing:
        print(f"      - expected  {wanted}")
    for alert in each.unexpected:
        print(f"      + said      {_said(alert)}")


def _said(alert: Alert) -> str:
    size = f"{number(alert.observed)}, expected {number(alert.expected)}"
    return (
        f"{alert.monitor} {alert.kind} {alert.direction} {where(alert.series)} "
        f"at {format_ms(alert.window_start_ms)}: {size}"
    )


def _as_json(each: TestDiff) -> dict[str, Any]:
    found: dict[str, Any] = {"name": each.test.name, "passed": each.passed}
    found["missing"] = [str(wanted) for wanted in each.missing]
    return found | {"unexpected": [alert.to_json("test") for alert in each.unexpected]}
