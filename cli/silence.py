"""`livewarden silence`: for a while nobody is notified, or with a remark only."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

import typer

from cli.act import ActionForm, As, Limit, Url, Why, look, matcher, perform, span
from cli.common import AsJson, confirm, load_plan, load_settings, moment, print_json
from cli.show import print_rows, shortener, when
from livewarden.action import Action, ExpireSilence, Silence
from livewarden.clock import SystemClock
from livewarden.errors import SetupError
from livewarden.times import instant

app = typer.Typer(help="Silences, maintenance windows and planned campaigns: look, add, end.")


@app.command("list")
def list_(
    over: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Silences that hold or are to hold, the one that ends soonest first.

    Example: livewarden silence list --all
    """
    from sinks.queries import silences

    now = SystemClock().now_ms()
    found = look(url, lambda reader: silences.by_end(reader, now, past=over, limit=limit))
    if as_json:
        print_json(found)
        return
    cut = shortener(each.silence_id for each in found)
    rows = [
        (
            cut(each.silence_id),
            each.kind,
            each.effect,
            _state(each.starts_at, each.ends_at, now),
            when(each.starts_at),
            when(each.ends_at),
            each.owner,
            f"{each.hits:,}",
            " ".join(each.matchers),
            each.reason,
        )
        for each in found
    ]
    columns = ("silence", "kind", "effect", "state", "from", "to", "owner", "alerts", "matches", "reason")
    print_rows("no silence", columns, rows, right=("alerts",))


def _state(starts_at: int, ends_at: int, now: int) -> str:
    return "over" if ends_at <= now else "holds" if starts_at <= now else "to come"


@app.command()
def add(
    match: Annotated[
        list[str],
        typer.Option(
            "--match", metavar="CONDITION", help="market=DE, severity!=info, monitor~traffic-*; all must hold."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in words; everybody sees it.")],
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long: 30m, 2h, 1d.", show_default=False)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From when (RFC 3339); now where left out.", show_default=False),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Until when, in place of --for.", show_default=False)
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Who answers for it; who acts where left out.", show_default=False)
    ] = None,
    kind: Annotated[Literal["silence", "maintenance", "campaign"], typer.Option(help="What it is.")] = "silence",
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Alerts are notified, with the reason as a remark.")
    ] = False,
    remind: Annotated[
        str, typer.Option(metavar="DURATION", help="Remind the owner so long before its end; 0s: never.")
    ] = "15m",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Tell nobody of alerts that match, for a while. They are stored with the silence that kept them back.

    First it says what the silence would mute now, and would have muted in the last day, and asks; where nobody can
    answer, as in a script, it takes --yes.

    A condition names monitor, kind, severity, direction, or a dimension of the series such as market. = and != compare
    whole texts, ~ takes * and ?.

    Example: livewarden silence add --match market=DE --match "monitor~traffic-*" --for 2h --reason "CDN migration"
    """
    if (lasts is None) == (end is None):
        raise SetupError("say how long with --for, or until when with --to")
    matchers = tuple(matcher(each) for each in match)
    first, last = moment(start, "--from"), moment(end, "--to")
    length = None if lasts is None else span(lasts, "--for")
    remind_s = span(remind, "--remind") // 1000

    owners = {each.name: each.owner for each in load_plan(load_settings().monitors).monitors}

    async def request(form: ActionForm) -> Action:
        from sinks.queries.silences import preview, preview_in_words

        starts = form.at_ms if first is None else first
        ends = starts + length if length is not None else last
        assert ends is not None
        action = Silence(
            **form.stamp(reason),
            silence_id=str(uuid.uuid4()),
            kind=kind,
            effect="annotate" if annotate else "mute",
            matchers=matchers,
            owner=form.who if owner is None else owner,
            starts_at=instant(starts),
            ends_at=instant(ends),
            remind_s=remind_s,
        )
        found = await preview(form.reader, matchers, owners, form.at_ms)
        confirm(f"It {preview_in_words(found)}.", yes=yes)
        return action

    return perform(request, url, who, as_json)


@app.command()
def expire(
    silence: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id, or as much of it as is unique.")],
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """End a silence now.

    Example: livewarden silence expire 41d7c0e2 --why "done earlier"
    """

    async def request(form: ActionForm) -> Action:
        return ExpireSilence(**form.stamp(why), silence_id=await form.one("silence", silence))

    return perform(request, url, who, as_json)
