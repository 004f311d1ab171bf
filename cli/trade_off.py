"""`livewarden trade-off`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import AsJson, MonitorsFile, Sets, load_plan, load_settings, moment, print_json, print_table
from cli.diff import FEEDBACK, TRUTH, known, quality_json, quality_row
from cli.known import Known
from cli.replay_source import ReplaySource, WarmUp, opened, read_from
from livewarden.alert import Alert, from_json
from livewarden.contracts import TOPICS
from livewarden.errors import SetupError
from livewarden.settings import Settings
from livewarden.times import DAY_MS
from models.compare.difference import raised
from models.compare.pairs import pairs
from models.compare.quality import Quality
from models.monitors.override import Override, overridden, parse_grid
from models.monitors.plan import Plan
from sinks.present.curve import CurvePoint, curve_svg
from streams.replay import Replay

MOST_POINTS = 200
"""Configurations that one pass may try."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A configuration of the grid (none for the monitors as they are), and what its monitors would have said."""

    overrides: tuple[Override, ...]
    alerts: Sequence[Alert]
    per_day: float
    kept: int
    new: int
    quality: Quality | None

    @property
    def label(self) -> str:
        """The configuration, as the chart calls it."""
        return ", ".join(f"{each.key}={str(each).partition('=')[2]}" for each in self.overrides) or "as it is"


def trade_off(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE", help="Recordings (.jsonl, .jsonl.gz, .parquet; shipped for ours), or clickhouse."
        ),
    ],
    over: Annotated[
        list[str],
        typer.Option("--over", metavar="MONITOR.KEY=V1,V2…", help="Values to try; several of these: all combinations."),
    ],
    since: Annotated[str | None, typer.Option("--from", help="Count windows from this time on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Count windows that start before this time.")] = None,
    warm_up: WarmUp = None,
    monitors: MonitorsFile = None,
    sets: Sets = [],  # noqa: B006
    truth: Annotated[Path | None, TRUTH] = None,
    feedback: Annotated[bool, FEEDBACK] = False,
    chart: Annotated[Path | None, typer.Option("--chart", help="SVG file for the curve.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try several values of a monitor's keys on a recording, in one pass: alerts a day against what they find.

    Each configuration is a whole replay, so its alerts are those that the worker would raise. Counted are notified
    alerts of the monitors that --over names; `kept` and `new` are against the monitors as they are. With --truth or
    --feedback also precision, recall (of incidents on the events of these monitors) and delay.

    Example: livewarden trade-off evening.jsonl.gz --over live-orders.budget_per_day=0.01,0.1,1 --chart curve.svg
    """
    first, last = moment(since, "--from"), moment(until, "--to")
    plan, points = load_plan(monitors, sets), parse_grid(over)
    if len(points) > MOST_POINTS:
        raise SetupError(f"--over: {len(points)} configurations; at most {MOST_POINTS} are tried at once")
    if chart is not None and chart.suffix != ".svg":
        raise SetupError(f"{chart}: a chart ends in .svg")
    plans = [plan, *(Plan(overridden(plan.monitors, point)) for point in points)]
    against = known(truth, feedback)
    settings = load_settings()
    with opened(source, settings, last, read_from(first, warm_up, plan)) as read:
        found = tried(plans, points, read, settings, (first, last), against)
    if chart is not None:
        _write(chart, found, against is not None)
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    _print(found, against is not None)
    if chart is not None:
        print(f"\nthe curve is in {chart}")


def tried(
    plans: Sequence[Plan],
    points: Sequence[tuple[Override, ...]],
    read: ReplaySource,
    settings: Settings,
    span: tuple[int | None, int | None],
    against: Known | None,
) -> list[Outcome]:
    """What each plan says of the events of one pass; the first is the one that the others are held against.

    Groups of monitors are judged apart, so those that have none of the monitors of `points` are left out.
    """
    names = {each.monitor for point in points for each in point}
    small = [_only(plan, names) for plan in plans]
    topics = {topic for topic in TOPICS if any(plan.ticks(topic) for plan in small)}
    shape = settings.partitions_by_topic(), settings.lateness_ms()
    replays = [Replay(plan, *shape, ahead_ms=settings.ahead_ms()) for plan in small]
    for event in read.events():
        if event.topic in topics:
            for replay in replays:
                for _ in replay.feed((event,)):
                    pass
    read.check(span[0])
    said: list[list[Alert]] = []
    for replay in replays:
        for _ in replay.finish():
            pass
        alerts = [from_json(each) for each in replay.result(*span).alerts]
        said.append([each for each in alerts if raised(each) and each.monitor in names])
    start = max(read.earliest_ms, -(2**62) if span[0] is None else span[0])
    days = max(1, read.latest_ms - start) / DAY_MS
    outcomes = []
    for overrides, plan, alerts in zip([(), *points], plans, said, strict=True):
        kept = sum(1 for a, b in pairs(said[0], alerts) if a and b)
        by_name = {name: monitor for name, monitor in plan.by_name.items() if name in names}
        quality = None if against is None else against.quality(alerts, by_name)
        outcomes.append(Outcome(overrides, alerts, len(alerts) / days, kept, len(alerts) - kept, quality))
    return outcomes


def _only(plan: Plan, names: set[str]) -> Plan:
    groups = {plan.by_name[name].group_name for name in names}
    return Plan([monitor for monitor in plan.monitors if monitor.group_name in groups])


def _gain(each: Outcome, base: int, judged: bool) -> float:
    if judged:
        return (each.quality.recall if each.quality else None) or 0.0
    return each.kept / base if base else 0.0


def _write(path: Path, found: Sequence[Outcome], judged: bool) -> None:
    base = len(found[0].alerts)
    points = [
        CurvePoint(each.per_day, _gain(each, base, judged), each.label, marked=not each.overrides) for each in found
    ]
    monitors = ", ".join(dict.fromkeys(each.monitor for point in found for each in point.overrides))
    gained = "part of the incidents that is found" if judged else "part of the alerts as it is that remains"
    try:
        path.write_text(curve_svg(points, f"Trade-off of {monitors}", "notified alerts a day", gained), "utf-8")
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error


def _print(found: Sequence[Outcome], judged: bool) -> None:
    keys = [f"{each.monitor}.{each.key}" for each in found[1].overrides] if len(found) > 1 else []
    most = max(each.per_day for each in found) or 1.0
    rows = []
    for each in found:
        values = [str(one).partition("=")[2] for one in each.overrides] or ["as it is"] + [""] * (len(keys) - 1)
        bar = "█" * round(20 * each.per_day / most)
        quality = () if each.quality is None else quality_row(each.quality)
        rows.append((*values, len(each.alerts), f"{each.per_day:.2f}", bar, each.kept, each.new, *quality))
    names = ("precision", "recall", "delay", "right", "wrong", "beside", "found", "of") if judged else ()
    columns = (*keys, "alerts", "a day", "", "kept", "new", *names)
    print_table(columns, rows, right=("alerts", "a day", "kept", "new", *names))


def _as_json(each: Outcome) -> dict[str, Any]:
    said: dict[str, Any] = {"set": [str(one) for one in each.overrides], "alerts": len(each.alerts)}
    said |= {"per_day": each.per_day, "kept": each.kept, "new": each.new}
    return said | {"quality": None if each.quality is None else quality_json(each.quality)}
