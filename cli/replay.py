"""`livewarden replay`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import orjson
import typer

from cli.common import (
    AsJson,
    MonitorsFile,
    confirm,
    load_plan,
    load_settings,
    moment,
    naming,
    number,
    print_json,
    print_table,
    reading,
    tracked,
    where,
)
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.settings import Settings
from sources.delivery import deliver
from sources.merge import read_all
from sources.recording import DeadLine
from streams.replay import Replay, Result

FILES = ("alerts.jsonl", "cases.jsonl", "summary.json")
"""What a run's folder holds."""


def replay(
    source: Annotated[
        list[Path], typer.Argument(metavar="SOURCE", help="Recordings (.jsonl, .jsonl.gz, .parquet), or clickhouse.")
    ],
    since: Annotated[str | None, typer.Option("--from", help="Report windows from this time on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Report windows that start before this time.")] = None,
    monitors: MonitorsFile = None,
    run: Annotated[str, typer.Option(help="Name of the run; it stands in every alert.")] = "replay",
    out: Annotated[
        Path | None, typer.Option(help="Folder for alerts.jsonl, cases.jsonl, summary.json. Default: the run's name.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Do not ask before a run is overwritten.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run recordings through the same code as live, and write what it would have said.

    Sources are files, of which several are merged by event time (their order changes nothing), or the word clickhouse
    alone for the events that workers have stored. All events before --to are read, so that
    the models know what live knew; --from and --to choose what is reported. Nothing but the run's folder is written.

    Example: livewarden replay evening.jsonl.gz --from 2026-03-06T17:00:00Z --out tonight
    """
    first, last = moment(since, "--from"), moment(until, "--to")
    if first is not None and last is not None and first >= last:
        raise SetupError("--from must be earlier than --to")
    folder = out or Path(run)
    if any((folder / name).exists() for name in FILES):
        confirm(f"{folder}/ holds a run, which will be overwritten.", yes=overwrite, flag="--overwrite")
    settings, plan = load_settings(), load_plan(monitors)
    partitions = settings.partitions_by_topic()
    driver = Replay(plan, partitions, settings.lateness_ms(), run, ahead_ms=settings.ahead_ms())
    dead: list[DeadLine] = []
    with TemporaryDirectory(prefix="livewarden-replay-") as scratch:
        names = [str(path) for path in source]
        if "kafka" in names:
            raise SetupError("replay from kafka is not in this version: name recordings, or clickhouse")
        if "clickhouse" in names:
            if len(names) > 1:
                raise SetupError("clickhouse stands alone: what workers stored is not in the order of event time")
            source = [_archive(Path(scratch), settings, last)]
        events = _until(read_all(source, dead.append, settings.ahead_ms()), last)
        for _ in driver.take(deliver(tracked(events, naming(names)), partitions)):
            pass
    driver.dead = len(dead)
    result = driver.result(first, last)
    if dead and not result.outcomes["counted"]:
        raise SetupError(
            f"{dead[0].file}: no line is an event; line {dead[0].line}: {dead[0].reason}: {dead[0].detail}"
        )
    write(result, folder)
    summary = result.summary() | {"out": str(folder)}
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


def write(result: Result, folder: Path) -> None:
    """Write a run's files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "alerts.jsonl").write_bytes(b"".join(orjson.dumps(alert) + b"\n" for alert in result.alerts))
        (folder / "cases.jsonl").write_bytes(b"".join(orjson.dumps(case) + b"\n" for case in result.cases))
        (folder / "summary.json").write_bytes(orjson.dumps(result.summary(), option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise SetupError(f"{folder}: {error.strerror}") from error


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


def _archive(scratch: Path, settings: Settings, last: int | None) -> Path:
    from sources.archive import record

    async def fetch(path: Path) -> None:
        async with reading(settings) as reader:
            if not await record(reader, path, last):
                raise SetupError(f"ClickHouse at {settings.clickhouse_url} holds no events")

    path = scratch / "clickhouse.jsonl"
    asyncio.run(fetch(path))
    return path


def _until(events: Iterator[Event], last: int | None) -> Iterator[Event]:
    return events if last is None else (event for event in events if event.time_ms < last)
