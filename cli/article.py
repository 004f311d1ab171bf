"""`livewarden article`: playbooks and FAQ entries, checked, published, and how they do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import As, Url, login, look
from cli.common import AsJson, clickhouse_address, load_settings, print_json, reading
from cli.show import print_rows, when
from livewarden.clock import SystemClock
from livewarden.errors import SetupError
from livewarden.times import instant, parse_ms, to_ms

if TYPE_CHECKING:
    from models.library.article import Article, ArticleLink, ArticleUse
    from sinks.queries.articles import ArticleRecord
    from sinks.store.reader import Reader

app = typer.Typer(help="Playbooks and FAQ entries: Markdown with an owner, a version and a day of review.")
ArticleFiles = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Markdown files, or folders of them.")]


@dataclass(frozen=True)
class ArticleList:
    """How articles do: closed cases with any of them linked, of all, and each of them."""

    closed: int
    link_rate: float | None
    articles: list[ArticleUse]


@app.command()
def check(files: ArticleFiles, as_json: AsJson = False) -> int:
    """Read articles and name every mistake. 1 where there is one.

    Example: livewarden article check docs/playbooks
    """
    articles, mistakes = read_articles(files)
    if as_json:
        print_json({"articles": articles, "mistakes": mistakes})
    elif mistakes:
        print("\n".join(mistakes))
    else:
        rows = [(e.ref, e.kind, e.owner, e.review, ", ".join(e.applies_to), e.title) for e in articles]
        print_rows("no article", ("article", "kind", "owner", "review", "applies to", "title"), rows)
    return 1 if mistakes else 0


@app.command()
def publish(files: ArticleFiles, who: As = None, url: Url = None, as_json: AsJson = False) -> int:
    """Publish articles: all of them or none. A text never changes under a version that was published.

    An FAQ entry is published only when 5 closed cases of 3 shops support it (linked with `case link … playbook
    NAME@VERSION --outcome solved`), and no id stands in it. 1 where that is not so.

    Example: livewarden article publish docs/playbooks --as ana
    """
    articles, mistakes = read_articles(files)
    if mistakes:
        raise SetupError(mistakes[0])
    problems, new = asyncio.run(_publish(articles, who or login(), url))
    if as_json:
        print_json({"published": 0 if problems else len(new), "problems": problems})
    else:
        print("\n".join(problems) if problems else f"{len(new)} published: {', '.join(new) or 'all were before'}")
    return 1 if problems else 0


@app.command("list")
def list_(url: Url = None, as_json: AsJson = False) -> None:
    """How articles do: how often they are linked, how often they solved it, and which are stale and why.

    Example: livewarden article list
    """
    found = look(url, _uses)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.article.ref,
            each.article.kind,
            each.article.owner,
            each.links,
            f"{each.solved} of {each.judged}" if each.judged else "",
            f"{each.interval[0]:.0%}–{each.interval[1]:.0%}" if each.judged else "",
            when(each.last_ms)[:10],
            "; ".join(each.stale),
        )
        for each in found.articles
    ]
    columns = ("article", "kind", "owner", "linked", "solved", "95 %", "last used", "stale")
    print_rows("no article is published", columns, rows, right=("linked", "solved"))
    if found.link_rate is not None:
        print(f"{found.link_rate:.0%} of {found.closed:,} closed cases have an article linked.")


def read_articles(files: Sequence[Path]) -> tuple[list[Article], list[str]]:
    """The articles of files and folders, and every mistake; a README is none, and an id stands once."""
    from models.library.article import parse_article

    found: list[Article] = []
    mistakes: list[str] = []
    for path in files:
        inside = sorted(each for each in path.glob("*.md") if each.name != "README.md") if path.is_dir() else [path]
        for each in inside:
            try:
                found.append(parse_article(each.read_text(encoding="utf-8-sig"), str(each)))
            except OSError as error:
                raise SetupError(f"{each}: {error.strerror}") from error
            except ValueError as error:
                mistakes += str(error).split("\n")
    refs = [each.article_id for each in found]
    mistakes += [f"{each}: this id stands in several files" for each in sorted({e for e in refs if refs.count(e) > 1})]
    return found, mistakes


async def _publish(articles: list[Article], who: str, url: str | None) -> tuple[list[str], list[str]]:
    from sinks.queries import articles as queries
    from sinks.store.clickhouse import ClickHouseStore

    now = SystemClock().now_ms()
    async with reading(load_settings(), url) as reader:
        known = {(each.article_id, each.version): each for each in await queries.everything(reader)}
        problems, new = [], []
        for article in articles:
            before = known.get((article.article_id, article.version))
            if before is None:
                problems += await _not_yet(reader, article)
                new.append(article)
            elif any(
                getattr(before, name) != value
                for name, value in _stored(article, before.published_by, before.published_at).items()
            ):
                problems.append(f"{article.ref}: it was published with another text: raise its version")
    if problems or not new:
        return problems, []
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(load_settings(), url)))
    try:
        await store.write("articles", [_stored(each, who, now) for each in new])
    finally:
        await store.close()
    return [], [each.ref for each in new]


async def _not_yet(reader: Reader, article: Article) -> list[str]:
    from models.library.article import why_not_published
    from sinks.queries import articles as queries

    if article.kind != "faq":
        return []
    links = await queries.links(reader)
    cases = sorted({e.case_id for e in links if e.ref == article.ref and e.outcome == "solved" and e.closed})
    shops = await queries.shops_in(reader, cases)
    problems = why_not_published(article, len(cases), len(shops), [*cases, *sorted(shops)])
    return [f"{article.ref}: {each}" for each in problems]


def _stored(article: Article, who: str, at_ms: int) -> dict[str, Any]:
    day = to_ms(datetime.combine(article.review, time(), UTC))
    same = ("article_id", "version", "kind", "title", "owner", "policy", "body")
    row = {name: getattr(article, name) for name in same} | {"applies_to": list(article.applies_to)}
    return row | {"review": day, "published_by": who, "published_at": at_ms}


async def _uses(reader: Reader) -> ArticleList:
    from models.library.article import ArticleLink, link_rate, use_of
    from sinks.queries import articles as queries

    now = SystemClock().now_ms()
    stored = await queries.links(reader)
    links: list[ArticleLink] = [
        ArticleLink(each.case_id, each.ref, each.outcome, parse_ms(each.at), each.closed) for each in stored
    ]
    newest: dict[str, ArticleRecord] = {each.article_id: each for each in await queries.everything(reader)}
    in_force, closed = await queries.in_force(reader, now), await queries.closed_cases(reader)
    known = {f"{each.article_id}@" for each in newest.values()}
    named = [each for each in links if any(each.ref.startswith(name) for name in known)]
    today = instant(now).date()
    uses = [use_of(_article(each), links, in_force, now, today) for each in newest.values()]
    return ArticleList(closed, link_rate(named, closed), sorted(uses, key=lambda e: (-len(e.stale), e.article.ref)))


def _article(record: ArticleRecord) -> Article:
    from models.library.article import Article

    return Article(
        record.article_id,
        record.version,
        "faq" if record.kind == "faq" else "playbook",
        record.title,
        record.owner,
        tuple(record.applies_to),
        record.policy,
        instant(record.review).date(),
        record.body,
    )
