"""`livewarden demo`: the whole product, with nothing installed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.common import AsJson, load_plan, print_json


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when both recordings are processed.")] = False,
    as_json: AsJson = False,
    folder: Annotated[Path, typer.Option("--dir", help="Folder for the demo's data; made anew at each start.")] = Path(
        "livewarden-demo"
    ),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of ClickHouse on 127.0.0.1; 0 takes a free one.")
    ] = 8123,
    console_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port of the console; 8080 where left out, or a free one if that is taken."
        ),
    ] = None,
) -> int:
    """Everything at once: embedded Kafka, a Faust worker, embedded ClickHouse, fed with real and with simulated events.

    Real: what a platform filed in the EU DSA Transparency Database, day by day, September 2023 to June 2025. Simulated,
    and named so wherever it shows: a LIVE evening with incidents in it. Without --once it stays, with its console, so
    that you can look around.

    Example: livewarden demo --once --json
    """
    from cli.demo_run import Demo
    from sources.simulate import scenario_evening

    say = (lambda text: None) if as_json else (lambda text: print(text, flush=True))
    summary = asyncio.run(
        Demo(load_plan(None), scenario_evening(), folder, 0 if once and port == 8123 else port, say).run(
            stay=not once, console_port=console_port
        )
    )
    if as_json:
        print_json(summary)
    elif not sys.stdout.isatty():
        sys.stdout.flush()
    return 0
