"""`livewarden check`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from cli.against import against_live, print_changes
from cli.common import AsJson, load_plan, load_policy, load_settings, print_json, print_table
from livewarden.duration import format_duration
from livewarden.errors import SetupError
from models.monitors.plan import Plan
from models.response.policy import ChannelConfig, Policy, Route

T = TypeVar("T")


def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Monitors file; LIVEWARDEN_MONITORS, or the one that ships, where left out."
        ),
    ] = None,
    response: Annotated[
        Path | None,
        typer.Option(help="Response file; LIVEWARDEN_RESPONSE, or the one that ships, where left out."),
    ] = None,
    against: Annotated[
        Literal["live"] | None,
        typer.Option(help="Compare with what the workers have saved: what begins anew, and why.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a monitors file and a response file: every mistake by line and exit code 2, or what they hold (--json: the
    monitors).

    With --against live also what a rollout of the monitors file costs: a budget, severity, owner or text may change at
    any time; who counts or learns something else begins anew. It reads the saved state from ClickHouse.

    Example: livewarden check monitors.toml --response response.toml
    Example: livewarden check monitors.toml --against live
    """
    settings = load_settings()
    mistakes: list[str] = []
    plan = _tried(load_plan, file or settings.monitors, mistakes)
    policy = _tried(lambda path: load_policy(path, plan), response or settings.response, mistakes)
    if plan is None or policy is None:
        raise SetupError("\n".join(mistakes))
    changes = asyncio.run(against_live(settings, plan)) if against else []
    if as_json:
        derived = ("config_hash", "threshold", "topic", "group_name")
        monitors = [m.model_dump(mode="json") | {name: getattr(m, name) for name in derived} for m in plan.monitors]
        print_json({"monitors": monitors, "changes": [asdict(each) for each in changes]} if against else monitors)
        return
    _print_plan(plan)
    _print_policy(policy)
    if against:
        print_changes(changes, len(plan.monitors))
    print(f"\n{len(plan.monitors)} monitors, {len(policy.channels)} channels, {len(policy.routes)} routes, no mistakes")


def _tried(load: Callable[[Path | None], T], path: Path | None, mistakes: list[str]) -> T | None:
    try:
        return load(path)
    except SetupError as error:
        mistakes.append(str(error))
        return None


def _print_plan(plan: Plan) -> None:
    print_table(
        ("monitor", "event", "measure", "by", "bucket", "detector", "threshold", "severity"),
        [
            (
                m.name,
                m.event if m.precision == "second" else f"{m.event} ({m.precision})",
                m.measure,
                ", ".join(m.group_by) or "–",
                format_duration(m.bucket),
                m.detector,
                f"{m.threshold:.1f}" if m.detector != "silence" else f"{m.gap_after} buckets",
                f"{m.severity}, shadow" if m.shadow else m.severity,
            )
            for m in plan.monitors
        ],
        right=("threshold",),
    )


def _print_policy(policy: Policy) -> None:
    if policy.channels:
        print()
        print_table(("channel", "goes to"), [(c.name, _target(c)) for c in policy.channels])
    if policy.routes:
        print()
        print_table(
            ("route", "match", "to", "escalates", "quiet hours"),
            [
                (r.name, ", ".join(map(str, r.match)) or "all", ", ".join(r.to), _escalation(r), _quiet(r))
                for r in policy.routes
            ],
        )


def _target(channel: ChannelConfig) -> str:
    if channel.file:
        return channel.file
    return f"what {channel.url_from} says" + ("" if os.environ.get(channel.url_from) else " (not set here)")


def _escalation(route: Route) -> str:
    return "; ".join(f"{', '.join(each.to)} after {format_duration(each.after)}" for each in route.escalate) or "–"


def _quiet(route: Route) -> str:
    quiet = route.quiet_hours
    return f"{quiet.from_:%H:%M} to {quiet.to:%H:%M} {quiet.timezone}, below {quiet.below}" if quiet else "–"
