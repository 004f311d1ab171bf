"""`livewarden check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.duration import format_duration
from streams.cli.common import AsJson, load_plan, load_settings, print_json, print_table


def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Monitors file; LIVEWARDEN_MONITORS, or the one that ships, where left out."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a monitors file: every mistake by line and exit code 2, or the monitors it holds.

    Example: livewarden check monitors.toml
    """
    plan = load_plan(file or load_settings().monitors)
    if as_json:
        derived = ("config_hash", "threshold", "topic", "group_name")
        print_json([m.model_dump(mode="json") | {name: getattr(m, name) for name in derived} for m in plan.monitors])
        return
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
                m.severity,
            )
            for m in plan.monitors
        ],
        right=("threshold",),
    )
    print(f"\n{len(plan.monitors)} monitors, no mistakes")
