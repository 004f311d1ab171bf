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
from cli.replay_source import ReplaySource, WarmUp, opened, read_from
from cli.replay_state import Saved, done, fed, folder_of, made_of, nearest, newest
from cli.run_folder import refuse_existing, write
from livewarden.errors import SetupError
from livewarden.times import format_ms
from streams.replay import Replay


def replay(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE", help="Recordings (.jsonl, .jsonl.gz, .parquet; shipped for ours), clickhouse, kafka."
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
    warm_up: WarmUp = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="RUN", help="Begin with the last state that a run kept before --from."),
    ] = None,
    keep_states: Annotated[bool, typer.Option("--keep-states", help="Keep states along the way, for --state.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a replay that was interrupted.")] = False,
    offsets: Annotated[
        list[str],
        typer.Option("--offsets", metavar="TOPIC/PARTITION:FIRST-END", help="Of Kafka these alone; may be repeated."),
    ] = [],  # noqa: B006
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a run that the folder holds.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run recordings through the same code as live, and write what it would have said.

    Sources are files, of which several are merged by event time (their order changes nothing), or alone the word
    clickhouse for the events that workers have stored, or kafka for what the log holds, which is read in no group. All
    events before --to are read, so that the models know what live knew; --from and --to choose what is reported. With
    --warm-up they know that much of what was before, in whole buckets; the summary says since when. Nothing but the
    run's folder is written, and that whole or not at all; a replay of a recording that was interrupted can go on with
    --resume, and says the same.

    With --set it says what it would have said with another value, which is checked as the monitors file is.

    Example: livewarden replay evening.jsonl.gz --from 2026-03-06T17:00:00Z --out tonight
    Example: livewarden replay kafka --from 2026-03-06T17:00:00Z --warm-up 7d --out tonight
    Example: livewarden replay evening.jsonl.gz --set live-orders.budget_per_day=0.5 --out what-if
    """
    first, last = moment(since, "--from"), moment(until, "--to")
    if first is not None and last is not None and first >= last:
        raise SetupError("--from must be earlier than --to")
    if first is None and state is not None:
        raise SetupError("--state says what is known at --from: say --from, too")
    if warm_up is not None and state is not None:
        raise SetupError("--warm-up begins cold and --state does not: say one of them")
    folder = out or Path(run)
    refuse_existing(folder, overwrite)
    settings, plan = load_settings(), load_plan(monitors, sets)
    begins = read_from(first, warm_up, plan)
    driver = Replay(plan, settings.partitions_by_topic(), settings.lateness_ms(), run, ahead_ms=settings.ahead_ms())
    states, begun = folder_of(folder), None
    with opened(source, settings, last, begins, offsets) as read:
        stored = read.names in (["clickhouse"], ["kafka"])
        if stored and (resume or keep_states or state):
            raise SetupError("--resume, --keep-states and --state need a recording: what is stored goes on growing")
        made = made_of(read.paths, plan, settings, (begins, last))
        if resume:
            begun = newest(states, made)
        elif state is not None and first is not None:
            begun = nearest(state, made, first)
        fed(driver, read.events(), states if not stored else None, made, begun, keep=keep_states)
    read.check(first)
    driver.dead = len(read.dead)
    result = driver.result(first, last)
    said = {"source": sorted(map(str, source)), "from": since, "to": until, "set": sets}
    said |= {"monitors": None if monitors is None else str(monitors)}
    said |= {"known_from": _known(read, begins, None if resume else begun, state)}
    summary = result.summary() | said
    write(result, plan, summary, folder)
    done(states, folder, keep=keep_states)
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
    if begins is not None or begun is not None:
        print(f"known at --from: {summary['known_from']}")


def _known(read: ReplaySource, begins: int | None, begun: Saved | None, state: Path | None) -> str:
    """What the models knew at --from, in words."""
    if begun is not None:
        return f"the state of {state} after {begun.events:,} events, at {format_ms(begun.reached_ms)}"
    if begins is not None:
        return f"warmed up from {format_ms(max(begins, read.earliest_ms))}"
    return f"all events, from {format_ms(read.earliest_ms)}"


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
