"""`livewarden library`: what was learned of closed cases, found again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import ActionForm, As, Limit, Url, Why, look, perform, whole
from cli.common import AsJson, print_json
from cli.show import clean, print_facts, print_part, print_rows, shortener, when
from livewarden.action import Action, AddEntry
from livewarden.clock import SystemClock
from livewarden.errors import SetupError
from livewarden.library import Coverage, EntryView, PatternLine, PatternView, SimilarCase
from livewarden.library_entry import LibraryEntry
from livewarden.times import to_ms
from sinks.queries import library as queries

if TYPE_CHECKING:
    from sinks.store.reader import Reader

app = typer.Typer(help="The case library: what was learned of closed cases, found again; patterns among them.")
Entry = Annotated[str, typer.Argument(metavar="ID", help="An entry or pattern, or as much of its id as is unique.")]


@app.command()
def add(
    case: Annotated[str, typer.Argument(metavar="CASE", help="Id of a closed case; its beginning is enough.")],
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Put what was learned of a closed case into the library: an entry made of its facts, with its pattern.

    Once more, after a case was closed anew, it is brought up to date; it keeps its pattern.

    Example: livewarden library add 27c4b1f0
    """

    async def request(form: ActionForm) -> Action:
        from cli.shelf import StoredLibrary

        library = StoredLibrary(form.reader)
        entry, found = await library.entry_of_case(await form.one("case", case))
        if not as_json:
            said = "in no pattern: nothing was wrong after all" if found is None else f"pattern {found.pattern_id[:8]}"
            print(f"{said}{f', {found.why}' if found else ''}", file=sys.stderr)
        return AddEntry(**form.stamp(why), entry=entry)

    return perform(request, url, who, as_json)


@app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Stands in title, summary or rationale.")] = "",
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", metavar="NAME=VALUE", help=f"One of {', '.join(queries.FACETS)}; several times."),
    ] = None,
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Entries by text and facets, the newest case first.

    Example: livewarden library search "payouts held" --facet market=DE --facet enforcement=wrong
    """
    wanted = queries.EntryFilter(text, facets(facet or []))

    async def question(reader: Reader) -> tuple[list[queries.LibraryRecord], int]:
        return await queries.find(reader, wanted, limit=limit), await queries.count(reader, wanted)

    found, count = look(url, question)
    if as_json:
        print_json({"count": count, "entries": [each.whole for each in found]})
        return
    print_entries([each.whole for each in found])
    if count > len(found):
        print(f"{count - len(found):,} more: narrow it with --facet, or give --limit")


@app.command()
def show(entry: Entry, url: Url = None, as_json: AsJson = False) -> None:
    """One entry whole, with what is alike; or a pattern with its cases.

    Example: livewarden library show 27c4b1f0
    """
    found = look(url, lambda reader: _page(reader, entry))
    if as_json:
        print_json(found)
    elif isinstance(found, EntryView):
        _print_entry(found)
    else:
        _print_pattern(found)


@app.command("patterns")
def patterns_(limit: Limit = 50, url: Url = None, as_json: AsJson = False) -> None:
    """Patterns by what they are expected to cost: wrong measures a week times the harm of one, part by part.

    Recurring: the probability that a pattern comes oftener this quarter than last, for one with at least 3 cases in 3
    different weeks.

    Example: livewarden library patterns --limit 10
    """

    async def question(reader: Reader) -> tuple[list[PatternLine], Coverage]:
        from cli.shelf import StoredLibrary

        now = SystemClock().now_ms()
        library = StoredLibrary(reader)
        return list(await library.patterns(now)), await library.coverage()

    lines, coverage = look(url, question)
    if as_json:
        print_json({"covered": coverage.share, "measures": coverage, "patterns": lines[:limit]})
        return
    cut = shortener(each.pattern_id for each in lines)
    columns = ("pattern", "name", "cases", "13 wk", "before", "recurring", "cases/wk", "wrong/case", "wrong/wk")
    parts = (*columns, "sales/measure", "sales/wk", "note")
    rows = [(cut(each.pattern_id), *_of_line(each)) for each in lines[:limit]]
    print_rows("no pattern yet", parts, rows, right=parts[2:-1])
    share = "not known: no measures are stored" if coverage.share is None else f"at most {coverage.share:.1%}"
    print(f"Of all measures the library's cases were about {share}.")


def facets(given: list[str]) -> dict[str, str]:
    """`--facet`: names and values."""
    found = {}
    for each in given:
        name, is_one, value = each.partition("=")
        if not is_one or name not in queries.FACETS:
            raise SetupError(f"--facet {each!r}: NAME=VALUE, NAME one of {', '.join(queries.FACETS)}")
        found[name] = value
    return found


def print_entries(entries: list[LibraryEntry]) -> None:
    """Entries, a line each."""
    cut = shortener(each.entry_id for each in entries)
    rows = [
        (
            cut(each.entry_id),
            "" if each.started_at is None else when(to_ms(each.started_at))[:10],
            ",".join(each.markets),
            each.policy_clause,
            each.cause,
            each.resolution,
            "" if each.measures is None else f"{each.measures:,}",
            "" if each.wrong_measures is None else f"{each.wrong_measures:,}",
            each.pattern_id[:8],
            each.title,
        )
        for each in entries
    ]
    columns = ("entry", "began", "where", "policy", "cause", "resolution", "measures", "wrong", "pattern", "what")
    print_rows("no entry", columns, rows, right=("measures", "wrong"))


async def _page(reader: Reader, short: str) -> EntryView | PatternView:
    from cli.shelf import StoredLibrary
    from sinks.queries import ids

    library = StoredLibrary(reader)
    found: EntryView | PatternView | None
    if short and await ids.beginning_with(reader, "entry", short):
        found = await library.entry(await whole(reader, "entry", short))
    else:
        found = await library.pattern(await whole(reader, "pattern", short), SystemClock().now_ms())
    assert found is not None, "its id was found"
    return found


def _print_entry(page: EntryView) -> None:
    entry = page.entry
    print_facts(
        [
            ("entry", entry.entry_id),
            ("what", entry.title),
            ("summary", entry.summary),
            ("pattern", f"{page.pattern} ({entry.pattern_id})" if entry.pattern_id else "none: nothing was wrong"),
            ("where", ", ".join(entry.markets)),
            ("subject", entry.subject_type),
            ("policy", " ".join(filter(None, (entry.policy_clause, entry.policy_version)))),
            ("action", entry.action_type),
            ("queue", entry.queue),
            ("model", entry.model_version),
            ("cause", entry.cause),
            ("changes", ", ".join(entry.changes)),
            ("resolution", entry.resolution),
            ("enforcement", entry.enforcement),
            ("measures", _number(entry.measures)),
            ("wrong", _number(entry.wrong_measures)),
            ("shops", _number(entry.shops)),
            ("sales lost", _number(entry.harm.gmv_minor)),
            ("viewer minutes", _number(entry.harm.viewer_minutes)),
            ("evidence", ", ".join(entry.evidence)),
            ("playbooks", ", ".join(entry.playbooks)),
            ("rationale", entry.rationale),
            ("precedent", entry.precedent),
            ("from", entry.source),
            ("put in", f"{when(page.added_ms)} by {page.added_by}"),
        ]
    )
    print_part("Alike")
    print_similar(page.similar)


def print_similar(similar: list[SimilarCase]) -> None:
    """Cases that are alike, with what matched and how they ended."""
    cut = shortener(each.entry.entry_id for each in similar)
    rows = [
        (
            cut(each.entry.entry_id),
            f"{each.score:.0%}",
            each.ended,
            each.entry.title,
            ", ".join(each.matched[:4]),
            ", ".join(each.entry.playbooks),
        )
        for each in similar
    ]
    print_rows("nothing is alike", ("entry", "alike", "ended", "what", "matched", "playbook"), rows, right=("alike",))


def _print_pattern(page: PatternView) -> None:
    line = page.line
    if [*page.leads_to] != [page.pattern_id]:
        print(f"{page.pattern_id} is no longer in force: it leads to {' and '.join(page.leads_to)}\n")
    if line is not None:
        ended = ", ".join(f"{count} {name or 'not known'}" for name, count in line.ended.items())
        risk = line.risk
        print_facts(
            [
                ("pattern", line.pattern_id),
                ("name", line.name),
                ("key", line.key),
                ("cases", f"{line.cases:,}, {line.this_quarter} in the last 13 weeks, {line.last_quarter} before"),
                ("recurring", _recurring(line) or "too few to say"),
                ("ended", ended),
                (
                    "expected",
                    f"{risk.cases_week:.2f} cases a week × {risk.wrong_per_case:,.0f} wrong measures"
                    f" = {risk.wrong_week:,.1f} a week",
                ),
            ]
        )
        print()
    print_entries(page.entries)


def _of_line(line: PatternLine) -> tuple[Any, ...]:
    risk = line.risk
    return (
        clean(line.name),
        f"{line.cases:,}",
        line.this_quarter,
        line.last_quarter,
        _recurring(line),
        f"{risk.cases_week:.2f}",
        f"{risk.wrong_per_case:,.0f}",
        f"{risk.wrong_week:,.1f}",
        _number(None if risk.gmv_minor_per_measure is None else round(risk.gmv_minor_per_measure)),
        _number(None if risk.gmv_minor_week is None else round(risk.gmv_minor_week)),
        "few cases" if risk.few else "",
    )


def _recurring(line: PatternLine) -> str:
    return "" if line.recurring is None else f"{line.recurring:.0%}"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
