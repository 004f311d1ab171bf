"""`livewarden replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import (
    AsJson,
    MonitorsFile,
    Sets,
    load_plan,
    load_settings,
    moment,
    number,
    print_json,
    print_table,
    where,
)
from cli.replay_source import opened
from cli.run_folder import refuse_existing, write
from livewarden.errors import SetupError
from streams.replay import Replay


def replay(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE", help="Recordings (.jsonl, .jsonl.gz, .parquet; shipped for ours), or clickhouse."
        ),
    ],
    since: Annotated[str | None, typer.Option("--from", help="Report windows from this time on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Report windows that start before this time.")] = None,
    monitors: MonitorsFile = None,
    sets: Sets = [],  # noqa: B006
    run: Annotated[str, typer.Option(help="Name of the run; it stands in every alert.")] = "replay",
    out: Annotated[
        Path | None, typer.Option(help="Folder for what the run says (alerts.jsonl …). Default: the run's name.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a run that the folder holds.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run recordings through the same code as live, and write what it would have said.

    Sources are files, of which several are merged by event time (their order changes nothing), or the word clickhouse
    alone for the events that workers have stored. All events before --to are read, so that
    the models know what live knew; --from and --to choose what is reported. Nothing but the run's folder is written,
    and that whole or not at all.

    With --set it says what it would have said with another value, which is checked as the monitors file is.

    Example: livewarden replay evening.jsonl.gz --from 2026-03-06T17:00:00Z --out tonight
    Example: livewarden replay evening.jsonl.gz --set live-orders.budget_per_day=0.5 --out what-if
    """
    first, last = moment(since, "--from"), moment(until, "--to")
    if first is not None and last is not None and first >= last:
        raise SetupError("--from must be earlier than --to")
    folder = out or Path(run)
    refuse_existing(folder, overwrite)
    settings, plan = load_settings(), load_plan(monitors, sets)
    driver = Replay(plan, settings.partitions_by_topic(), settings.lateness_ms(), run, ahead_ms=settings.ahead_ms())
    with opened(source, settings, last) as read:
        for _ in driver.take(read.events()):
            pass
    read.check(first)
    driver.dead = len(read.dead)
    result = driver.result(first, last)
    said = {"source": sorted(map(str, source)), "from": since, "to": until, "set": sets}
    said |= {"monitors": None if monitors is None else str(monitors)}
    summary = result.summary() | said
    write(result, plan, summary, folder)
    summary |= {"out": str(folder)}
    if as_json:
        print_json(summary)
        return
    print_alerts(result.alerts)
    conflicts = f", {summary['conflict']:,} in conflict" if summary["conflict"] else ""
    print(
        f"\n{summary['events']:,} events ({summary['late']:,} late, {summary['duplicate']:,} duplicate{conflicts}), "
        f"{summary['dead']:,} dead letters → {summary['alerts']} alerts, {summary['cases']} case candidates in "
        f"{folder}/"
    )


def print_alerts(alerts: list[dict[str, Any]]) -> None:
    """Alerts that were notified, as a table."""
    rows = [
        (
            alert["window_start"],
            alert["monitor"],
            alert["kind"],
            where(alert["series"]),
            number(alert["observed"]),
            number(alert["expected"]),
            number(alert["score"]),
            alert["status"],
        )
        for alert in alerts
        if alert["suppressed_by"] is None
    ]
    columns = ("since", "monitor", "kind", "series", "observed", "expected", "score", "status")
    print_table(columns, rows, right=("observed", "expected", "score"))
