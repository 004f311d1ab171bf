"""`livewarden report`: what is stored of an incident, a case or a week, written for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.act import Url, look, whole
from cli.common import load_plan, load_settings, moment, print_json
from livewarden.clock import SystemClock
from livewarden.errors import SetupError
from livewarden.matcher import Matcher

if TYPE_CHECKING:
    from sinks.queries.counted import Monitors
    from sinks.report.page import Report
    from sinks.store.reader import Reader

app = typer.Typer(
    help="Written updates from what is stored: an incident, a case, a week, an alert. As Markdown or HTML."
)
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="File to write: .md or .html; Markdown on stdout where left out.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="The facts as JSON, without drawings.")]


@app.command()
def incident(
    incident: Annotated[
        str, typer.Argument(metavar="INCIDENT", help="Its id, or as much of the beginning as is unique.")
    ],
    out: Out = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """An update: what, where, how big, since when, who was notified, who acknowledged it, changes near the onset, why,
    what is open.

    Example: livewarden report incident 5f0c2a9b --out update.md
    """
    from sinks.report.incident import incident_update

    monitors, now = _monitors(), SystemClock().now_ms()

    async def made(reader: Reader) -> Report:
        return await incident_update(reader, await whole(reader, "incident", incident), now_ms=now, monitors=monitors)

    _write(made, out, force, url, as_json)


@app.command()
def case(
    case: Annotated[str, typer.Argument(metavar="CASE", help="Its id, or as much of the beginning as is unique.")],
    out: Out = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """A study: how it ended and why, charts, everything that happened in one order, evidence with its digests.

    Example: livewarden report case 27c4b1f0 --out study.html
    """
    from sinks.report.case import case_study

    monitors, now = _monitors(), SystemClock().now_ms()

    async def made(reader: Reader) -> Report:
        return await case_study(reader, await whole(reader, "case", case), now_ms=now, monitors=monitors)

    _write(made, out, force, url, as_json)


@app.command()
def weekly(
    week: Annotated[
        str | None,
        typer.Option(
            metavar="WEEK",
            help="ISO week such as 2026-W10; the newest that is over where left out.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """A digest of a week against the week before: how much, how fast, what is late, what was kept back, what is down.

    Example: livewarden report weekly --week 2026-W10 --out week.html
    """
    from sinks.report.weekly import last_week, week_of, weekly_digest

    now = SystemClock().now_ms()
    start = last_week(now) if week is None else week_of(week)
    _write(lambda reader: weekly_digest(reader, start, now_ms=now), out, force, url, as_json)


@app.command()
def study(
    alert: Annotated[
        str | None, typer.Option("--alert", metavar="ALERT", help="Its id, or as much of the beginning as is unique.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Instead: the gravest alert from this time on …")] = None,
    until: Annotated[str | None, typer.Option("--to", help="… before this time …")] = None,
    where: Annotated[
        list[str], typer.Option("--where", metavar="NAME=VALUE", help="… that meets this; may be repeated.")
    ] = [],  # noqa: B006
    run: Annotated[
        Path | None, typer.Option("--run", help="Folder of a replay, whose recording is read; live where left out.")
    ] = None,
    out: Out = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """A case study of one alert: what, when, how big, who was hit, slices side by side, changes, what was ruled out,
    what is not known, similar alerts, and what gives the same again.

    Example: livewarden report study --run tonight --from 2026-03-06T19:00:00Z --where market=DE --out study.html
    """
    from cli.study import Asked, of_live, of_run
    from sinks.report.study import study as written

    if (alert is None) == (since is None and until is None and not where):
        raise SetupError("say which alert: --alert, or a time and conditions with --from, --to and --where")
    try:
        conditions = [Matcher.parse(each) for each in where]
    except ValueError as error:
        raise SetupError(f"--where: {error}") from error
    asked = Asked(alert, moment(since, "--from"), moment(until, "--to"), conditions)
    if run is not None:
        report = written(of_run(run, asked, load_settings()))
        _put(lambda: report, out, force, as_json)
        return
    monitors = _monitors()

    async def made(reader: Reader) -> Report:
        return written(await of_live(reader, asked, monitors))

    _write(made, out, force, url, as_json)


def _monitors() -> Monitors:
    return load_plan(load_settings().monitors).described


def _write(
    make: Callable[[Reader], Awaitable[Report]], out: Path | None, force: bool, url: str | None, as_json: bool
) -> None:
    _put(lambda: look(url, make), out, force, as_json)


def _put(make: Callable[[], Report], out: Path | None, force: bool, as_json: bool) -> None:
    from sinks.report.page import html, markdown
    from sinks.whole_file import whole_file

    if out is not None and out.suffix.lower() not in (".md", ".html"):
        raise SetupError(f"--out: {out.name!r} ends in none of .md, .html")
    if out is not None and as_json:
        raise SetupError("--json goes to stdout: leave --out away")
    report = make()
    if as_json:
        print_json(report.as_json())
    elif out is None:
        print(markdown(report), end="")
    else:
        text = (html if out.suffix.lower() == ".html" else markdown)(report)
        with whole_file(out, force=force) as path:
            path.write_text(text, encoding="utf-8", errors="replace")
        print(f"{report.kind}: {len(text.encode(errors='replace')):,} bytes in {out}")
