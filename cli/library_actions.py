"""`livewarden library`: import of old cases, and what people do to patterns."""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.act import ActionForm, As, Url, Why, login, perform
from cli.common import AsJson, clickhouse_address, load_settings, print_json, reading
from cli.library import app as app
from livewarden.action import Action, MergePattern, NamePattern, SplitPattern
from livewarden.clock import SystemClock
from livewarden.errors import SetupError

if TYPE_CHECKING:
    from livewarden.library_entry import LibraryEntry
    from models.library.old_cases import Mapped, Mistake

Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="Its id, or as much of it as is unique.")]
SHOWN = 50


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Old cases: .csv, .xlsx, .ods, a row each.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="TOML: [columns] field = column, [values.field] theirs = ours.")
    ] = None,
    sheet: Annotated[str, typer.Option("--sheet", help="Of a workbook; the first where left out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Import old cases: the whole file or nothing, every mistake by its row. The same file twice is once.

    Columns are those of an entry (docs/library.md), or as a mapping file says. A column `ref` with the old number keeps
    a corrected row the same entry. 1 where there are mistakes: nothing is stored then.

    Example: livewarden library import cases-2025.xlsx --mapping columns.toml --dry-run
    """
    from models.library.old_cases import old_cases
    from sources.importers.table_file import read_table

    table, mapped = read_table(file, sheet), _mapping(mapping)
    if wrong := mapped.mistakes(table.header):
        raise SetupError(f"{mapping or file}: {wrong[0]}")
    entries, mistakes = old_cases(table.rows, table.header, mapped, file.name)
    aside = [each for each in table.header if each and each not in mapped.named(table.header).values()]
    if mistakes:
        _report(file, entries, mistakes, aside, None, as_json)
        return 1
    new = asyncio.run(_store(entries, who or login(), url, dry_run=dry_run))
    _report(file, entries, mistakes, aside, new, as_json, dry_run=dry_run)
    return 0


@app.command()
def name(
    pattern: Pattern,
    called: Annotated[str, typer.Argument(metavar="NAME", help="What it is called from now on.")],
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Give a pattern a name.

    Example: livewarden library name 9f1c22d0 "Payouts held after a model release"
    """

    async def request(form: ActionForm) -> Action:
        return NamePattern(**form.stamp(why), pattern_id=await form.one("pattern", pattern), name=called)

    return perform(request, url, who, as_json)


@app.command()
def merge(
    pattern: Pattern,
    into: Annotated[str, typer.Option("--into", metavar="PATTERN", help="The pattern that it is the same as.")],
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Make a pattern an alias of another one. Its id leads there from now on.

    Example: livewarden library merge 9f1c22d0 --into 4b0e77aa --why "the same rule, renamed"
    """

    async def request(form: ActionForm) -> Action:
        one, other = await form.one("pattern", pattern), await form.one("pattern", into)
        return MergePattern(**form.stamp(why), pattern_id=one, into=other)

    return perform(request, url, who, as_json)


@app.command()
def split(
    pattern: Pattern,
    entry: Annotated[
        list[str], typer.Option("--entry", metavar="ENTRY", help="An entry of the first part; several times.")
    ],
    called: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the part with these entries.")],
    rest: Annotated[str, typer.Option("--rest", metavar="NAME", help="Name of the part with all others.")],
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Retire a pattern into two new ones. Its id leads to both from now on.

    Example: livewarden library split 9f1c22d0 --entry 27c4b1f0 --name "Payouts" --rest "Points" --why "two rules"
    """

    async def request(form: ActionForm) -> Action:
        ids = tuple([await form.one("entry", each) for each in entry])
        one = await form.one("pattern", pattern)
        return SplitPattern(**form.stamp(why), pattern_id=one, entry_ids=ids, name=called, rest=rest)

    return perform(request, url, who, as_json)


def _mapping(path: Path | None) -> Mapped:
    from models.library.old_cases import Mapped

    if path is None:
        return Mapped()
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{path}: {error}") from error
    if unknown := said.keys() - {"columns", "values"}:
        raise SetupError(f"{path}: there is no table {sorted(unknown)[0]!r}, only columns and values")
    columns, values = said.get("columns", {}), said.get("values", {})
    tables = [columns, *(values.values() if isinstance(values, dict) else [values])]
    if not all(isinstance(e, dict) and all(isinstance(v, str) for v in e.values()) for e in tables):
        raise SetupError(f'{path}: texts only, such as columns.title = "Subject"')
    return Mapped(columns, values)


async def _store(entries: list[LibraryEntry], who: str, url: str | None, *, dry_run: bool) -> int:
    """Give each its pattern and write all in one insert, which ClickHouse takes whole or not; how many are new."""
    from cli.shelf import StoredLibrary
    from models.library.stored import library_row
    from sinks.store.clickhouse import ClickHouseStore

    settings = load_settings()
    async with reading(settings, url) as reader:
        shelf = await StoredLibrary(reader).shelf()
    new = [each for each in entries if each.entry_id not in shelf.entries]
    taken = [shelf.take(each) for each in entries]
    if dry_run or not taken:
        return len(new)
    now = SystemClock().now_ms()
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(settings, url)))
    try:
        await store.write("library_entries", [library_row(each, who, now) for each in taken])
    finally:
        await store.close()
    return len(new)


def _report(
    file: Path,
    entries: list[LibraryEntry],
    mistakes: list[Mistake],
    aside: list[str],
    new: int | None,
    as_json: bool,
    *,
    dry_run: bool = False,
) -> None:
    if as_json:
        report = {"file": str(file), "entries": len(entries), "new": new, "stored": new is not None and not dry_run}
        print_json(report | {"columns_left_aside": aside, "mistakes": mistakes})
        return
    for each in mistakes[:SHOWN]:
        print(each)
    if len(mistakes) > SHOWN:
        print(f"… and {len(mistakes) - SHOWN:,} more")
    if aside:
        print(f"columns left aside: {', '.join(aside)}")
    if new is None:
        print(f"{len(mistakes):,} mistakes: nothing was stored")
        return
    would = "would be " if dry_run else ""
    print(f"{len(entries):,} old cases {would}in the library, {new:,} of them new")
