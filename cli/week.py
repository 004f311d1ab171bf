"""`livewarden report week` and `report verify`: the update that corrects itself, and its numbers computed again."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.act import Url, look
from cli.common import clickhouse_address, load_settings, print_json
from cli.report import AsJson, Force
from cli.report import app as app
from livewarden.clock import SystemClock
from livewarden.errors import SetupError

if TYPE_CHECKING:
    from cli.update import Update
    from sinks.report.page import Report
    from sinks.store.reader import Reader


def _as_markdown(report: Report, path: Path) -> None:
    from sinks.report.page import markdown

    path.write_text(markdown(report), encoding="utf-8", errors="replace")


def _as_html(report: Report, path: Path) -> None:
    from sinks.report.page import html

    path.write_text(html(report), encoding="utf-8", errors="replace")


def _as_word(report: Report, path: Path) -> None:
    from sinks.report.word import write_word

    write_word(report, path)


_FORMS = {".md": _as_markdown, ".html": _as_html, ".docx": _as_word}


def put(report: Report, out: Path | None, force: bool, as_json: bool, keep: Callable[[], None] | None = None) -> None:
    """Write a report to a file, or to stdout as Markdown or JSON; `keep` is done before the file is there."""
    from sinks.report.page import markdown
    from sinks.whole_file import whole_file

    if out is not None and out.suffix.lower() not in _FORMS:
        raise SetupError(f"--out: {out.name!r} ends in none of {', '.join(_FORMS)}")
    if out is not None and as_json:
        raise SetupError("--json goes to stdout: leave --out away")
    if as_json:
        print_json(report.as_json())
    elif out is None:
        print(markdown(report), end="")
    else:
        with whole_file(out, force=force) as path:
            _FORMS[out.suffix.lower()](report, path)
            size = path.stat().st_size
            if keep is not None:
                keep()
        print(f"{report.kind}: {size:,} bytes in {out}")


@app.command()
def week(
    week: Annotated[
        str | None,
        typer.Option(
            "--week",
            metavar="WEEK",
            help="ISO week such as 2026-W10, which is over; the newest where left out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="File to write: .md, .html or .docx; a draft on stdout where left out."
        ),
    ] = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """An update that corrects itself: what changed, what last week's update said otherwise, where measures turn out
    wrong, cases, load, what is not known.

    A count is news only outside of the band that it has in weeks without a change. With --out the numbers are kept:
    `report verify` computes them again, and next week's update restates those that are others by then.

    Example: livewarden report week --out update.docx
    """
    from cli.update import update
    from sinks.report.weekly import last_week, week_of

    now, report_id = SystemClock().now_ms(), str(uuid.uuid4())
    start = last_week(now) if week is None else week_of(week)
    kept: list[Update] = []

    async def made(reader: Reader) -> Report:
        kept.append(await update(reader, start, report_id=report_id, made_ms=now))
        return kept[0].report

    def keep() -> None:
        asyncio.run(_keep(kept[0], start, now, url))

    put(look(url, made), out, force, as_json, keep)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An update that `report week --out` wrote.")],
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Compute every number of an update again; 1 where one is another by now, or is not what the update said.

    Example: livewarden report verify update.docx
    """
    from sinks.report.word import text_of

    text = text_of(file)
    facts, problems = look(url, lambda reader: _verified(reader, text, file))
    if as_json:
        print_json({"file": str(file), "facts": facts, "intact": not problems, "problems": problems})
    else:
        print("\n".join(problems) if problems else f"intact: {facts:,} facts, each computed again")
    return 1 if problems else 0


async def _verified(reader: Reader, text: str, file: Path) -> tuple[int, list[str]]:
    from cli.update import recomputed
    from sinks.queries.week_facts import of_report

    named = re.search(r"update ([0-9a-f-]{36})", text)
    facts = await of_report(reader, named[1]) if named else []
    if not facts:
        raise SetupError(f"{file}: no update of this database: report week --out keeps what it says")
    by_id = {each.fact_id: each for each in facts}
    found, plain = fact_ids(text), _letters(text)
    problems = [f"{each}: the update never said this" for each in sorted(found - by_id.keys())]
    now = await recomputed(reader, facts)
    for fact_id, fact in by_id.items():
        if fact.numbers != now[fact_id].numbers:
            said, is_now = (" / ".join(_number(n) for n in each.numbers) for each in (fact, now[fact_id]))
            problems.append(f"{fact_id}: {fact.name} {fact.key or 'all'} was {said}, is {is_now}")
        elif fact.sentence and fact_id in found and _letters(fact.sentence) not in plain:
            problems.append(f"{fact_id}: the sentence is not what the update said: {fact.sentence}")
    return len(facts), problems


def fact_ids(text: str) -> set[str]:
    """The ids of facts that a text names.

    >>> fact_ids("100 measures [f-0123456789], update 5d2fa1c4-0b1e-4d1a-9c3f-ccd50c80fbab")
    {'f-0123456789'}
    """
    return set(re.findall(r"(?<![0-9A-Za-z])f-[0-9a-f]{10}(?![0-9A-Za-z])", text))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.10g}"


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


async def _keep(made: Update, start: int, now: int, url: str | None) -> None:
    from sinks.store.clickhouse import ClickHouseStore

    fields = ("name", "key", "from_ms", "to_ms", "value", "low", "high", "sentence")
    stamp = {"report_id": made.report_id, "week": start, "made_at": now}
    rows = [
        stamp | {"fact_id": each.fact_id, "place": place} | {name: getattr(each, name) for name in fields}
        for place, each in enumerate(made.facts)
    ]
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(load_settings(), url)))
    try:
        await store.write("update_facts", rows)
    finally:
        await store.close()
