"""`livewarden export`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.act import Url
from cli.common import AsJson, load_settings, moment, print_json, reading
from livewarden.errors import SetupError

if TYPE_CHECKING:
    from sinks.export.write import Written

TIMEOUT_S = 3_600


def export(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A table or a view: alerts, incidents, case_tracker …")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="File to write: .csv, .jsonl, .parquet or .xlsx.", show_default=False
        ),
    ],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Only from then on: a day, or RFC 3339.", show_default=False),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Only before then.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only such rows; series.market=DE for one value of a map. Several of one name: either.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str, typer.Option(metavar="A,B", help="Only these columns, in this order.", show_default=False)
    ] = "",
    run: Annotated[str, typer.Option(help="Where there are runs, the one to take; * takes all.")] = "live",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many rows, the newest.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write a table or a view to a file for a sheet or a BI tool, every row in its newest version, oldest first.

    --from and --to are on the time that the thing has: when a window began, an incident was opened, an action was asked
    for.

    Example: livewarden export alerts --from 2026-03-02 --to 2026-03-09 --where severity=critical --out alerts.xlsx
    """
    accepted: dict[str, list[str]] = {}
    for each in where or []:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise SetupError(f"--where: {each!r} is not of the form NAME=VALUE")
        accepted.setdefault(name, []).append(value)
    names = [name.strip() for name in columns.split(",")] if columns else []
    span = moment(start, "--from"), moment(end, "--to")
    if None not in span and span[0] >= span[1]:  # type: ignore[operator]
        raise SetupError("--to must be after --from")
    written = asyncio.run(_export(url, what, out, names, accepted, span, run, limit, force))
    if as_json:
        print_json({"what": what, "file": str(out), "rows": written.rows, "bytes": written.size, "cut": written.cut})
        return
    cut = f", {written.cut:,} cells cut at 32,767 characters" if written.cut else ""
    print(f"{what}: {written.rows:,} rows, {written.size:,} bytes in {out}{cut}")


async def _export(
    url: str | None,
    what: str,
    out: Path,
    columns: list[str],
    where: dict[str, list[str]],
    span: tuple[int | None, int | None],
    run: str,
    limit: int | None,
    force: bool,
) -> Written:
    from sinks.export import query, write
    from sinks.store.document import relations

    write.form_of(out)
    async with reading(load_settings(), url, timeout_s=TIMEOUT_S) as reader:
        known = await relations(reader)
        names = query.exported(known)
        if what not in names:
            raise SetupError(f"there is no {what!r} to export, only {', '.join(names)}")
        wanted = query.Export(known[what], columns, where, *span, run, limit)
        return await write.export(reader, wanted, out, force=force)
