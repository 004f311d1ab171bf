"""`livewarden feedback`: what merchants write, scrubbed, sorted into themes, and stated as a problem."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.act import As, Url, login, look
from cli.common import AsJson, clickhouse_address, load_settings, moment, print_json, print_table
from livewarden.clock import SystemClock
from livewarden.errors import SetupError
from livewarden.times import DAY_MS, format_ms
from livewarden.wording import visible

if TYPE_CHECKING:
    from cli.ticket_file import RawTicket
    from models.feedback.taxonomy import Theme
    from sinks.store.reader import Reader

app = typer.Typer(help="What merchants write: import tickets scrubbed, themes, bursts, problem statements.")
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From then on; 28 days back where left out.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before then; now where left out.")]
DAYS: Final = 28
_MOST_SHOWN: Final = 50


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Tickets: .csv or .xlsx.")],
    names: Annotated[
        Path | None, typer.Option("--names", help="Names of shops and people to take out, one a line.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be stored, and store nothing.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Take e-mail addresses, phones, accounts, order numbers and names out of tickets, sort and store them.

    Columns: ticket_id, shop_id, opened_at, text; and market, language, answered_at, action_id, shop_name, which is
    taken out of every text and not stored. A file with a mistake is refused, with the row of each.

    Example: livewarden feedback import tickets.csv --names shops.txt --dry-run
    """
    from cli.ticket_file import read_tickets

    tickets, shops, mistakes = read_tickets(file)
    for each in mistakes[:_MOST_SHOWN]:
        print(visible(each), file=sys.stderr)
    if mistakes:
        print(f"{len(mistakes):,} mistakes: nothing was stored", file=sys.stderr)
        return 1
    themes = look(url, _themes)
    rows = _rows(tickets, shops | _names(names), themes, SystemClock().now_ms())
    if not dry_run:
        asyncio.run(_write("feedback_tickets", rows, url))
    by_theme = Counter(row["theme_id"] for row in rows)
    if as_json:
        print_json({"tickets": len(rows), "stored": not dry_run, "themes": dict(by_theme)})
        return 0
    print(f"{len(rows):,} tickets {'would be' if dry_run else 'are'} stored")
    print_table(("theme", "tickets"), [(name or "none", f"{n:,}") for name, n in by_theme.most_common()], ("tickets",))
    return 0


@app.command()
def themes(
    propose: Annotated[
        bool, typer.Option("--propose", help="Propose themes for tickets that have none, and sort these into them.")
    ] = False,
    start: From = None,
    end: To = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Themes by how many shops wrote about them. What was proposed waits for a name: `livewarden feedback name`.

    Example: livewarden feedback themes --propose
    """
    from sinks.queries import feedback

    span = _span(start, end)
    if propose:
        asyncio.run(_propose(span, url))
    known = {each.theme_id: each.name or "(proposed)" for each in look(url, _themes)}
    found = look(url, lambda reader: feedback.counted(reader, *span))
    if as_json:
        print_json([asdict(each) | {"name": known.get(each.theme_id, "")} for each in found])
        return
    rows = [
        (each.theme_id or "none", known.get(each.theme_id, ""), each.shops, each.tickets, each.answered)
        for each in found
    ]
    print_table(("theme", "name", "shops", "tickets", "answered"), rows, ("shops", "tickets", "answered"))


@app.command()
def name(
    theme: Annotated[str, typer.Argument(metavar="THEME", help="A theme that was proposed.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    who: As = None,
    url: Url = None,
) -> None:
    """Name a proposed theme. Its id and its texts stay what they are.

    Example: livewarden feedback name t-5f0c2a9b "Label printer prints twice"
    """
    from sinks.queries import feedback

    found = {each.theme_id: each for each in look(url, feedback.themes)}
    if theme not in found:
        raise SetupError(f"{theme!r} was not proposed (see livewarden feedback themes)")
    now = SystemClock().now_ms()
    row = {"theme_id": theme, "version": now, "name": name, "exemplars": found[theme].exemplars}
    asyncio.run(_write("feedback_themes", [row | {"who": who or login(), "at": now}], url))
    print(f"{theme} is called {visible(name)}")


@app.command()
def bursts(
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As of then; now where left out.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Themes that far more shops write about than usual, for how much is enforced; 1 where there is one.

    Example: livewarden feedback bursts
    """
    from models.feedback.burst import BEFORE_MS, WINDOW_MS, Voice
    from models.feedback.burst import bursts as found_at
    from sinks.queries import feedback

    now = moment(at, "--at") if at is not None else SystemClock().now_ms()
    assert now is not None
    start = now - BEFORE_MS - DAY_MS
    tickets = look(url, lambda reader: feedback.tickets(reader, start, now + 1))
    measures = look(url, lambda reader: feedback.measures(reader, start, now + 1, WINDOW_MS))
    found = found_at((Voice(e.opened_at, e.shop_id, e.theme_id, e.market) for e in tickets), now, measures)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        rows = [(each.theme or "none", each.market or "all", each.shops, f"{each.expected:.1f}") for each in found]
        print_table(("theme", "market", "shops in 6 h", "expected"), rows, ("shops in 6 h", "expected"))
    else:
        print("nothing bursts")
    return 1 if found else 0


@app.command()
def statement(
    theme: Annotated[str, typer.Argument(metavar="THEME", help="The theme.")],
    start: From = None,
    end: To = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write: .md, .html or .docx.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """State a problem: who, what, since when, how much, where, at what cost, answered, known; each a query or unknown.

    Example: livewarden feedback statement live-cut --from 2026-03-06 --out live-cut.docx
    """
    from cli.week import put
    from sinks.report.statement import problem_statement

    span, now = _span(start, end), SystemClock().now_ms()
    known = {each.theme_id: each.name or each.theme_id for each in look(url, _themes)}
    if theme not in known:
        raise SetupError(f"there is no theme {theme!r}, only {', '.join(known)}")
    report = look(url, lambda reader: problem_statement(reader, theme, known[theme], *span, now_ms=now))
    put(report, out, force, as_json)


def _span(start: str | None, end: str | None) -> tuple[int, int]:
    to_ms = moment(end, "--to") if end is not None else SystemClock().now_ms()
    assert to_ms is not None
    from_ms = moment(start, "--from")
    span = (to_ms - DAYS * DAY_MS if from_ms is None else from_ms, to_ms)
    if span[0] >= span[1]:
        raise SetupError("--to must be after --from")
    return span


def _names(path: Path | None) -> set[str]:
    if path is None:
        return set()
    try:
        return {line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()} - {""}
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error


async def _themes(reader: Reader) -> list[Theme]:
    from models.feedback.taxonomy import SEEDED, Theme
    from sinks.queries import feedback

    stored = await feedback.themes(reader)
    return [*SEEDED, *(Theme(e.theme_id, e.name, {"": e.exemplars}, named=bool(e.name)) for e in stored)]


def _rows(tickets: Sequence[RawTicket], names: set[str], themes: Sequence[Theme], now_ms: int) -> list[dict[str, Any]]:
    from models.feedback.fingerprint import fingerprint
    from models.feedback.scrub import Scrubber
    from models.feedback.sorter import Sorter

    scrub = Scrubber(names)
    texts = [scrub(each.text) for each in tickets]
    found = Sorter(themes).sort(texts)
    return [
        {
            "ticket_id": each.ticket_id,
            "version": now_ms,
            "shop_id": each.shop_id,
            "market": each.market,
            "opened_at": each.opened_ms,
            "answered_at": each.answered_ms,
            "language": each.language,
            "action_id": each.action_id,
            "theme_id": theme.theme_id,
            "similarity": theme.similarity,
            "text": text,
            "minhash": list(fingerprint(text).minhash),
        }
        for each, text, theme in zip(tickets, texts, found, strict=True)
    ]


async def _propose(span: tuple[int, int], url: str | None) -> None:
    from cli.common import reading
    from models.feedback.sorter import Sorter, propose
    from sinks.queries import feedback

    now = SystemClock().now_ms()
    async with reading(load_settings(), url) as reader:
        left, known = await feedback.tickets(reader, *span, theme=""), await _themes(reader)
    found = Sorter(known).sort([each.text for each in left])
    rest = [each for each, theme in zip(left, found, strict=True) if not theme.theme_id]
    made = propose([each.text for each in rest], [each.shop_id for each in rest])
    proposed = [
        {"theme_id": e.theme_id, "version": now, "name": "", "exemplars": list(e.seeds[""]), "who": "", "at": now}
        for e in made
    ]
    found = Sorter([*known, *made]).sort([each.text for each in left])
    moved = [
        each.plain() | {"version": now, "theme_id": theme.theme_id, "similarity": theme.similarity}
        for each, theme in zip(left, found, strict=True)
        if theme.theme_id
    ]
    await _write("feedback_themes", proposed, url)
    await _write("feedback_tickets", moved, url)
    print(
        f"{len(made):,} proposed, {len(moved):,} of {len(left):,} tickets sorted, as of {format_ms(now)}",
        file=sys.stderr,
    )


async def _write(table: str, rows: Sequence[dict[str, Any]], url: str | None) -> None:
    from sinks.store.clickhouse import ClickHouseStore

    store = await ClickHouseStore.connect(*astuple(clickhouse_address(load_settings(), url)))
    try:
        await store.write(table, rows)
    finally:
        await store.close()
