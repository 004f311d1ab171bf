"""`livewarden marts`: the star for BI tools, its semantic file and dashboard, and whether its keys hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import Url, look
from cli.common import AsJson, load_settings, print_json, print_table

if TYPE_CHECKING:
    from sinks.store.reader import Reader

app = typer.Typer(help="Marts for BI tools: facts and dimensions as views, a semantic file, a dashboard.")
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="File to write; stdout where left out.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Facts with what one row is, and metrics with what they mean.

    Example: livewarden marts list
    """
    from sinks.store.marts import FACTS, METRICS

    if as_json:
        facts = {each.name: {"grain": each.grain, "columns": each.columns} for each in FACTS.values()}
        print_json({"facts": facts, "metrics": {each.name: each.expression for each in METRICS.values()}})
        return
    rows = [(each.name, each.grain, ", ".join(each.dimensions)) for each in FACTS.values()]
    print_table(("fact", "one row is", "dimensions"), rows)
    print()
    print_table(("metric", "of", "meaning"), [(each.name, each.fact, each.meaning) for each in METRICS.values()])


@app.command()
def semantic(out: Out = None, force: Force = False) -> None:
    """Write the marts as an Open Semantic Interchange file (core specification 1.0, as JSON, which is YAML too).

    Example: livewarden marts semantic --out livewarden.osi.json
    """
    from sinks.export.semantic import semantic_model

    _write(semantic_model(load_settings().clickhouse_database), out, force)


@app.command()
def dashboard(out: Out = None, force: Force = False) -> None:
    """Write a dashboard of Grafana with a panel for each metric.

    Example: livewarden marts dashboard --out marts.json
    """
    from sinks.export import semantic as made

    _write(made.dashboard(), out, force)


@app.command()
def check(url: Url = None, as_json: AsJson = False) -> int:
    """Check the star: no key is empty, none is missing in its dimension, and joins add no row. 1 where one does.

    Example: livewarden marts check
    """
    found = look(url, _checked)
    problems = [each for each in found if each["rows"] != each["joined"] or each["orphans"] or each["doubled"]]
    if as_json:
        print_json({"facts": found, "sound": not problems})
    else:
        columns = ("fact", "rows", "joined", "orphans", "doubled")
        print_table(columns, [tuple(each[name] for name in columns) for each in found], columns[1:])
    return 1 if problems else 0


async def _checked(reader: Reader) -> list[dict[str, Any]]:
    from sinks.queries import marts

    return await marts.checked(reader)


def _write(document: dict[str, Any], out: Path | None, force: bool) -> None:
    from sinks.whole_file import whole_file

    text = json.dumps(document, indent=2) + "\n"
    if out is None:
        print(text, end="")
        return
    with whole_file(out, force=force) as path:
        path.write_text(text, encoding="utf-8")
    print(f"{len(text):,} bytes in {out}")
