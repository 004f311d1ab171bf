"""`livewarden import dsa` and `livewarden import dsa-daily`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli.common import AsJson, print_json, tracked
from sources.recording import DeadLine, write

app = typer.Typer(help="Turn official data into a recording.", rich_markup_mode=None, add_completion=False)
Out = Annotated[Path, typer.Option("--out", help="Recording to write: .jsonl, .jsonl.gz or .parquet.")]
SHOWN = 3


@app.command("dsa-daily")
def dsa_daily(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Daily counts, one column a series.")],
    out: Out,
    platform: Annotated[str | None, typer.Option(help="Platform; from the column prefix where left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Import daily counts of statements of reasons, one column an action family.

    Example: livewarden import dsa-daily families.csv --out families.jsonl.gz
    """
    from sources.importers.dsa_daily import import_daily

    _done(out, write(out, tracked(import_daily(file, platform), file.name)), Counter(), as_json)


@app.command("dsa")
def dsa(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Official daily dumps: zip of csv, zip in zip, or csv.")
    ],
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Import official daily dumps of the EU DSA Transparency Database, full or light, schema v1 or v2.

    Rows that are no statement are counted, the first few named, and left out.

    Example: livewarden import dsa sor-global-2024-03-14-full.zip --out day.jsonl.gz
    """
    from sources.importers.dsa import import_dump

    dead: Counter[str] = Counter()

    def on_dead(line: DeadLine) -> None:
        dead[line.reason] += 1
        if dead.total() <= SHOWN:
            print(f"{line.file}: line {line.line}: {line.reason}: {line.detail}", file=sys.stderr)

    _done(out, write(out, tracked(import_dump(files, on_dead), "statements")), dead, as_json)


def _done(out: Path, events: int, dead: Counter[str], as_json: bool) -> None:
    if as_json:
        print_json({"out": str(out), "events": events, "left_out": dict(dead)})
        return
    print(f"{events:,} events in {out}" + (f"; {dead.total():,} rows left out: {dict(dead)}" if dead else ""))
