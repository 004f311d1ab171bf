"""What commands share that look up what people work with, and that act on it.

A command that acts looks up ids in ClickHouse, sends a request to Kafka, and waits for its answer.
"""

from __future__ import annotations

import asyncio
import getpass
import re
import sys
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from cli.common import load_settings, moment, print_json, reading
from cli.show import clean
from livewarden.action import Action, Answer, Role, Submit, target_of
from livewarden.clock import SystemClock
from livewarden.duration import parse_duration_ms
from livewarden.errors import RetryLater, SetupError
from livewarden.matcher import Matcher
from livewarden.settings import Settings
from livewarden.times import instant

if TYPE_CHECKING:
    from sinks.queries.ids import Kind
    from sinks.store.reader import Reader

T = TypeVar("T")

Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="ClickHouse HTTP interface; LIVEWARDEN_CLICKHOUSE_URL where left out.", show_default=False
    ),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Who acts; your login name where left out.", show_default=False),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, in words.", show_default=False)]
Expects = Annotated[
    int | None,
    typer.Option(
        "--expects", metavar="VERSION", min=1, help="Refuse if it changed since this version.", show_default=False
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Most rows to show.")]

_LISTED = {"entry": "library search", "pattern": "library patterns", "recommendation": "recommend list"}
_DURATION = re.compile(r"\d+\s*[smhd]")


@dataclass(frozen=True)
class ActionForm:
    """Where a request is written: who asks, when, by which id, and where ids are looked up."""

    reader: Reader
    who: str
    at_ms: int
    action_id: str

    async def one(self, kind: Kind, short: str) -> str:
        """The whole id that `short` begins; SetupError where there is none, or more than one."""
        return await whole(self.reader, kind, short)

    def stamp(self, why: str = "", role: Role = "operator") -> dict[str, Any]:
        """The fields that every action has."""
        return {
            "action_id": self.action_id,
            "who": self.who,
            "role": role,
            "at": instant(self.at_ms),
            "why": why,
        }


ActionRequest = Callable[[ActionForm], Awaitable[Action]]


def perform(request: ActionRequest, url: str | None, who: str | None, as_json: bool, *, quiet: bool = False) -> int:
    """Make the request, send it, print its answer. 0 where it was accepted, 1 where refused (the sentence on stderr).

    `quiet`: what was accepted is not notified, since more was done than that.
    """
    return perform_all([request], url, who, as_json, quiet=quiet)


def perform_all(
    requests: Sequence[ActionRequest], url: str | None, who: str | None, as_json: bool, *, quiet: bool = False
) -> int:
    """The same for several, one after the other: 1 where any was refused, after all were tried."""
    done = asyncio.run(_perform(requests, url, who))
    if as_json and not quiet:
        replies = [
            {"accepted": answer.accepted, "answer": answer.text, "action_id": action.action_id}
            | {"target": target_of(action)}
            for action, answer in done
        ]
        print_json(replies[0] if len(replies) == 1 else replies)
    for action, answer in done:
        named = f"{target_of(action)[:8]}: " if len(done) > 1 else ""
        if answer.accepted and not (as_json or quiet):
            print(f"{named}{clean(answer.text)}")
        if not answer.accepted:
            print(f"{named}{clean(answer.text)}", file=sys.stderr)
    return 0 if all(answer.accepted for _, answer in done) else 1


async def _perform(requests: Sequence[ActionRequest], url: str | None, who: str | None) -> list[tuple[Action, Answer]]:
    name = who or login()
    settings = load_settings()
    async with reading(settings, url) as reader:
        try:
            now_ms = SystemClock().now_ms()
            actions = [await request(ActionForm(reader, name, now_ms, str(uuid.uuid4()))) for request in requests]
        except ValidationError as error:
            mistakes = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise SetupError("; ".join(mistakes)) from error
        async with sending(settings, reader) as submit:
            return [(action, await _answered(submit, action)) for action in actions]


async def _answered(submit: Submit, action: Action) -> Answer:
    try:
        return await submit(action)
    except RetryLater as error:
        raise RetryLater(f"{error} (its answer will be in the table actions, action_id {action.action_id})") from error


def sending(settings: Settings, reader: Reader) -> AbstractAsyncContextManager[Submit]:
    """The way to the log of responses, and back from the table of answers."""
    from streams.actions import sending as way

    return way(settings, reader)


def look(url: str | None, question: Callable[[Reader], Awaitable[T]]) -> T:
    """The answer to a question that only reads."""

    async def answer() -> T:
        async with reading(load_settings(), url) as reader:
            return await question(reader)

    return asyncio.run(answer())


async def whole(reader: Reader, kind: Kind, short: str) -> str:
    """The whole id that `short` begins; SetupError where there is none, or more than one."""
    from sinks.queries import ids

    short = short.encode("utf-8", "replace").decode()  # an argument may be no UTF-8
    found = await ids.beginning_with(reader, kind, short) if short else []
    if not found:
        listed = _LISTED.get(kind, f"{kind} list --all")
        raise SetupError(f"no {kind} has an id that begins with {short!r} (see livewarden {listed})")
    if len(found) > 1:
        raise SetupError(f"several {kind}s have an id that begins with {short!r}: {', '.join(found)}")
    return found[0]


def login() -> str:
    """The login name of who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise SetupError("your login name is not known: say who acts with --as NAME") from error


def span(text: str, option: str) -> int:
    """An option's duration in milliseconds."""
    try:
        return parse_duration_ms(text)
    except ValueError as error:
        raise SetupError(f"{option}: {text!r}: {error}") from error


def due(text: str | None, now_ms: int) -> datetime | None:
    """`--due`: an instant or a day, or a duration from now."""
    if text is not None and _DURATION.fullmatch(text):
        return instant(now_ms + span(text, "--due"))
    ms = moment(text, "--due")
    return None if ms is None else instant(ms)


def matcher(text: str) -> Matcher:
    """`--match`: `market=DE`, `severity!=info`, `monitor~traffic-*`."""
    try:
        return Matcher.parse(text)
    except ValueError as error:
        raise SetupError(f"--match: {error}") from error


def since_option(text: str | None, now_ms: int) -> int | None:
    """`--from`: an instant or a day, or a duration back from now."""
    if text is not None and _DURATION.fullmatch(text):
        return now_ms - span(text, "--from")
    return moment(text, "--from")
