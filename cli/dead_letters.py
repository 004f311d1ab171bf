"""`livewarden dead-letters`: records that were set aside, to look at and to send again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import Limit, Url, look
from cli.common import AsJson, load_settings, print_json, progress, reading
from cli.show import clean, print_facts, print_part, print_rows, when
from livewarden.errors import SetupError
from livewarden.settings import Settings

if TYPE_CHECKING:
    from sinks.queries.dead_letters import DeadLetterRecord, ReasonCount, WholeDeadLetter
    from sinks.store.reader import Reader
    from streams.requeue import Place, Ruling

app = typer.Typer(help="Records that break their contract: look, mend, send again.")
Where = Annotated[
    str, typer.Argument(metavar="PLACE", help="Where it stood: TOPIC/PARTITION/OFFSET, as list shows it.")
]
Reason = Annotated[str, typer.Option(help="Only those set aside for this reason.", show_default=False)]
Topic = Annotated[str, typer.Option(help="Only those of this topic.", show_default=False)]
TEXT_SHOWN = 8_192
HEX_SHOWN = 512
"""Bytes shown as text, and as numbers."""
MOST_AT_ONCE = 10_000
"""Records that one command sends again."""


@app.command("list")
def list_(reason: Reason = "", topic: Topic = "", limit: Limit = 50, url: Url = None, as_json: AsJson = False) -> None:
    """How many there are by topic and reason, then the records themselves, the newest first.

    Example: livewarden dead-letters list --reason contract --topic live.rooms
    """
    from sinks.queries import dead_letters as view

    async def page(reader: Reader) -> tuple[list[ReasonCount], list[DeadLetterRecord]]:
        reasons = [
            each for each in await view.reasons(reader) if reason in ("", each.reason) and topic in ("", each.topic)
        ]
        return reasons, await view.find(reader, reason=reason, topic=topic, limit=limit)

    reasons, newest = look(url, page)
    if as_json:
        print_json({"reasons": reasons, "dead_letters": [_plain(each) for each in newest]})
        return
    counted = [(e.topic, e.reason, f"{e.records:,}", when(e.oldest), when(e.newest)) for e in reasons]
    print_rows("no dead letter", ("topic", "reason", "records", "oldest", "newest"), counted, right=("records",))
    if newest:
        print_part("Dead letters" if len(newest) < limit else f"Dead letters, the newest {limit:,} at most")
        shown = [(when(e.recorded_at), e.place, e.reason, f"{e.size:,}", e.detail) for e in newest]
        print_rows("none", ("at", "place", "reason", "bytes", "what is wrong"), shown, right=("bytes",))


@app.command()
def show(place: Where, url: Url = None, as_json: AsJson = False) -> None:
    """One record: headers, key, bytes, what was wrong, what its contract says now, and what became of it since.

    Example: livewarden dead-letters show live.rooms/0/9
    """
    from console import hexdump
    from streams import dead_letters as letters
    from streams.requeue import judge, place_of, record_of

    at = place_of(place)

    async def all_of_it(reader: Reader) -> tuple[WholeDeadLetter, Ruling, list[str]]:
        letter = await letters.get(reader, at)
        ruling = judge(record_of(letter))
        return letter, ruling, await letters.since(reader, letter, at)

    letter, ruling, since = look(url, all_of_it)
    value, headers = letter.value, json.loads(letter.headers or "{}")
    text = hexdump.as_text(value, TEXT_SHOWN)
    if as_json:
        more = {"key": letter.key, "headers": headers, "value": text, "value_hex": value.hex()}
        judged = {"now": {"valid": ruling.event is not None, "text": ruling.words}, "since": since}
        print_json(_plain(letter) | more | judged)
        return
    print_facts(
        [
            ("place", str(at)),
            ("at", when(letter.recorded_at)),
            ("reason", letter.reason),
            ("wrong", letter.detail),
            ("now", ruling.words),
            ("since", "; ".join(since)),
            ("key", letter.key),
            ("bytes", f"{len(value):,}"),
        ]
    )
    print_part("Headers")
    print_rows("none", ("name", "value"), list(headers.items()))
    print_part("Value" if len(value) <= TEXT_SHOWN else f"Value, the first {TEXT_SHOWN:,} bytes")
    print(text or "empty")
    if b"\\x" in text.encode() and value:
        print_part("Byte by byte" if len(value) <= HEX_SHOWN else f"Byte by byte, the first {HEX_SHOWN:,}")
        for offset, numbers, signs in hexdump.lines(value, HEX_SHOWN):
            print(f"{offset}  {numbers:<47}  {signs}")


@app.command()
def requeue(
    place: Annotated[
        str | None, typer.Argument(metavar="[PLACE]", help="One record: TOPIC/PARTITION/OFFSET.", show_default=False)
    ] = None,
    value: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A corrected body for it.", show_default=False)
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A corrected header; without a value it is left out.", show_default=False
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of a reason or a topic that are valid now.")] = False,
    reason: Reason = "",
    topic: Topic = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="One record: send it even if it will be set aside again, or is there already."),
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Send a record again to its topic and partition, with its key and headers; the ingest stage judges it anew.

    What its contract would still refuse is not sent, and the exit code is 1. Records of livewarden's own topics are
    never sent. The new record has a header, livewarden_requeued_from, with the place of the old one.

    Example: livewarden dead-letters requeue live.rooms/0/9 --value mended.json
    """
    corrected = _header(header or [])
    if every:
        if place or value or corrected or force or not (reason or topic):
            raise SetupError("--all takes --reason or --topic, and neither a place nor a correction nor --force")
        return asyncio.run(_requeue_all(url, reason, topic, yes, as_json))
    if place is None or reason or topic:
        raise SetupError("say which record, as TOPIC/PARTITION/OFFSET, or --all with --reason or --topic")
    return asyncio.run(_requeue_one(url, place, value, corrected, force, as_json))


async def _requeue_one(
    url: str | None, place: str, value: Path | None, headers: dict[str, str], force: bool, as_json: bool
) -> int:
    from streams import dead_letters as letters
    from streams.kafka_access import access_of
    from streams.requeue import judge, place_of, record_of, sender

    at, settings = place_of(place), load_settings()
    body = None if value is None else _read(value)
    async with reading(settings, url) as reader:
        record = record_of(await letters.get(reader, at), value=body, headers=headers)
        ruling = judge(record)
        there = await letters.there(reader, [(record, ruling)])
    if ruling.event is None and (not force or ruling.reason == "own_record"):
        print(clean(f"{at} is not sent again: {ruling.words}"), file=sys.stderr)
        return 1
    if there and not force:
        print(clean(f"{at} is not sent again: {there[at]} has its event already"), file=sys.stderr)
        return 1
    async with sender(access_of(settings), settings.topic_prefix) as send:
        now = await send(record)
    if as_json:
        print_json([{"from": str(at), "to": str(now)}])
    else:
        print(f"{at} sent again: {now}")
    return 0


async def _requeue_all(url: str | None, reason: str, topic: str, yes: bool, as_json: bool) -> int:
    from streams import dead_letters as letters

    settings = load_settings()
    stay: Counter[str] = Counter()
    wanted: set[Place] = set()
    async with reading(settings, url) as reader:
        async for at, _, ruling, there in letters.judged(reader, reason, topic):
            if ruling.event is None:
                stay[ruling.reason] += 1
            elif there:
                stay["there already"] += 1
            elif len(wanted) == MOST_AT_ONCE:
                stay["left for the next time"] += 1
            else:
                wanted.add(at)
        rest = ", ".join(f"{count:,} {why}" for why, count in stay.most_common())
        words = f"{len(wanted):,} of {len(wanted) + stay.total():,} dead letters would be taken now"
        words += f"; the others stay: {rest}" if rest else ""
        if not wanted:
            if as_json:
                print_json([])
            print(words, file=sys.stderr)
            return 1 if stay else 0
        if not yes:
            if not sys.stdin.isatty():
                raise SetupError(f"{words}. Nothing was sent: --yes sends them without a question")
            typer.confirm(f"{words}. Send {len(wanted):,} again?", abort=True, err=True)
        sent = await _send_again(settings, reader, reason, topic, wanted)
    if as_json:
        print_json(sent)
    else:
        print(f"{len(sent):,} sent again" + (f"; the others stay: {rest}" if rest else ""))
    return 0


async def _send_again(
    settings: Settings, reader: Reader, reason: str, topic: str, wanted: set[Place]
) -> list[dict[str, str]]:
    """Send those that are wanted, and say from where to where each went."""
    from streams import dead_letters as letters
    from streams.kafka_access import access_of
    from streams.requeue import sender

    sent: list[dict[str, str]] = []
    with progress() as bar:
        task = bar.add_task("sending again", total=len(wanted))
        async with sender(access_of(settings), settings.topic_prefix) as send:
            async for at, record, _, _ in letters.judged(reader, reason, topic, look_up=False):
                if at in wanted:
                    wanted.remove(at)
                    sent.append({"from": str(at), "to": str(await send(record))})
                    bar.advance(task)
                if not wanted:
                    break
    return sent


def _header(given: list[str]) -> dict[str, str]:
    if wrong := [each for each in given if "=" not in each or each.startswith("=")]:
        raise SetupError(f"--header: {wrong[0]!r} is not of the form NAME=VALUE")
    return {name: value for name, _, value in (each.partition("=") for each in given)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error


def _plain(letter: DeadLetterRecord) -> dict[str, Any]:
    names = ("topic", "partition", "offset", "reason", "detail", "key", "size", "recorded_at")
    plain = letter.model_dump(include=set(names))
    return {"place": letter.place, **{name: plain[name] for name in names}}
