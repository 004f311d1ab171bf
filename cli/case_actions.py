"""`livewarden case`: what people do to a case."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.act import ActionRequest, As, Desk, Expects, Url, Why, due, perform, perform_all
from cli.case import Id
from cli.case import app as app
from cli.common import AsJson
from livewarden.action import (
    RESOLUTIONS,
    Action,
    AddTask,
    AssignCase,
    FinishTask,
    Link,
    LinkKind,
    MergeCase,
    MoveCase,
    Note,
    OpenCase,
    Resolution,
)
from livewarden.errors import SetupError

if TYPE_CHECKING:
    from sinks.queries.tracker import Kind

_KINDS: tuple[Kind, ...] = ("alert", "incident", "case")
_REASONS = "\n\n".join(["Resolutions:", "\b\n" + "\n".join(f"{name}: {text}" for name, text in RESOLUTIONS.items())])
_RESOLVE = f"""It is over: say how. It closes when its alerts stay quiet and its tasks are done.

{_REASONS}

Example: livewarden case resolve 27c4b1f0 --resolution ROLLED_BACK --why "7.2.0 was rolled back" """
_DISMISS = f"""It is nothing to work on: say why.

{_REASONS}

Example: livewarden case dismiss 27c4b1f0 --resolution BELOW_THRESHOLD --why "12 shops" """

Ids = Annotated[list[str], typer.Argument(metavar="CASE...", help="Their ids, or as much of each as is unique.")]
Reason = Annotated[
    Resolution, typer.Option("--resolution", metavar="NAME", help=f"Why it is over: {', '.join(RESOLUTIONS)}.")
]
Owner = Annotated[str | None, typer.Option("--owner", "--to", metavar="NAME", help="Whose it is.", show_default=False)]
Due = Annotated[
    str | None,
    typer.Option("--due", metavar="TIME", help="Until when: RFC 3339, a day, or 2d from now.", show_default=False),
]


@app.command("open")
def open_(
    case: Annotated[
        str | None, typer.Argument(metavar="[CASE]", help="The case to work on; none with --title.")
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Open a new case with this title.", show_default=False)
    ] = None,
    severity: Annotated[Literal["info", "warning", "critical"], typer.Option(help="Of a new case.")] = "warning",
    alert: Annotated[
        list[str] | None, typer.Option("--alert", metavar="ALERT", help="An alert of a new case; several times.")
    ] = None,
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Work on a case, or open a new one by hand.

    Example: livewarden case open 27c4b1f0

    Example: livewarden case open --title "Warnings doubled in AT" --alert 9d1e4c77
    """
    if (case is None) == (title is None):
        raise SetupError("name a case, or give --title to open a new one")
    if case is not None:
        return _move(case, "open", why, expects, who, url, as_json)

    async def request(desk: Desk) -> Action:
        ids = tuple([await desk.one("alert", each) for each in alert or ()])
        new, text = str(uuid.uuid4()), title or ""
        return OpenCase(**desk.stamp(why), case_id=new, title=text, severity=severity, alert_ids=ids)

    return perform(request, url, who, as_json)


@app.command()
def triage(
    case: Id, why: Why = "", expects: Expects = None, who: As = None, url: Url = None, as_json: AsJson = False
) -> int:
    """Look into a candidate.

    Example: livewarden case triage 27c4b1f0
    """
    return _move(case, "triage", why, expects, who, url, as_json)


@app.command()
def escalate(
    case: Id,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="To whom.")],
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Give a case to somebody who can decide more.

    Example: livewarden case escalate 27c4b1f0 --to policy-board --why "the rule is meant so"
    """
    return _move(case, "escalated", why, expects, who, url, as_json, to_whom=to)


@app.command(help=_RESOLVE)
def resolve(
    case: Id,
    resolution: Reason,
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """See `_RESOLVE`."""
    return _move(case, "resolved", why, expects, who, url, as_json, resolution=resolution)


@app.command()
def close(
    case: Id,
    force: Annotated[
        bool, typer.Option("--force", help="Although alerts fire or tasks are open; as an admin, and on record.")
    ] = False,
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Close a resolved case: its alerts are over and stayed so, its tasks are done.

    Example: livewarden case close 27c4b1f0
    """
    return _move(case, "closed", why, expects, who, url, as_json, force=force)


@app.command(help=_DISMISS)
def dismiss(
    cases: Ids,
    resolution: Reason,
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """See `_DISMISS`."""
    moves = [_moving(case, "dismissed", why, _of_one(cases, expects), resolution=resolution) for case in cases]
    return perform_all(moves, url, who, as_json)


@app.command()
def reopen(
    case: Id, why: Why = "", expects: Expects = None, who: As = None, url: Url = None, as_json: AsJson = False
) -> int:
    """Work again on a case that was resolved, closed or dismissed.

    Example: livewarden case reopen 27c4b1f0 --why "it came back on Monday"
    """
    return _move(case, "open", why, expects, who, url, as_json)


To = Literal["triage", "open", "escalated", "resolved", "closed", "dismissed"]


def _move(
    case: str, to: To, why: str, expects: int | None, who: str | None, url: str | None, as_json: bool, **fields: Any
) -> int:
    return perform(_moving(case, to, why, expects, **fields), url, who, as_json)


def _moving(case: str, to: To, why: str, expects: int | None, **fields: Any) -> ActionRequest:
    async def request(desk: Desk) -> Action:
        stamp = desk.stamp(why, "admin" if fields.get("force") else "operator")
        return MoveCase(**stamp, case_id=await desk.one("case", case), expects=expects, to=to, **fields)

    return request


def _of_one(cases: list[str], expects: int | None) -> int | None:
    if expects is not None and len(cases) > 1:
        raise SetupError("--expects goes with one case")
    return expects


@app.command()
def assign(
    case: Id,
    owner: Owner = None,
    due_at: Due = None,
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Give a case an owner, a due date, or both.

    Example: livewarden case assign 27c4b1f0 --to ben --due 2d
    """
    if owner is None and due_at is None:
        raise SetupError("say whose it is with --owner, until when with --due, or both")

    async def request(desk: Desk) -> Action:
        full, until = await desk.one("case", case), due(due_at, desk.at_ms)
        return AssignCase(**desk.stamp(why), case_id=full, expects=expects, owner=owner, due_at=until)

    return perform(request, url, who, as_json)


@app.command()
def note(
    case: Id,
    text: Annotated[str, typer.Argument(help="What is to stand in its history.")],
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Write something into a case's history.

    Example: livewarden case note 27c4b1f0 "The release note names both action types."
    """

    async def request(desk: Desk) -> Action:
        return Note(**desk.stamp(text), case_id=await desk.one("case", case), expects=expects)

    return perform(request, url, who, as_json)


@app.command()
def task(
    case: Id,
    text: Annotated[str, typer.Argument(help="What is to be done before the case closes.")],
    owner: Owner = None,
    due_at: Due = None,
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Add a task.

    Example: livewarden case task 27c4b1f0 "Reverse the warnings of 12 March" --owner enforcement-ops --due 2d
    """

    async def request(desk: Desk) -> Action:
        full, until = await desk.one("case", case), due(due_at, desk.at_ms)
        named = {"task_id": str(uuid.uuid4()), "text": text, "owner": owner, "due_at": until}
        return AddTask(**desk.stamp(why), case_id=full, expects=expects, **named)

    return perform(request, url, who, as_json)


@app.command()
def done(
    case: Id,
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id, or as much of it as is unique.")],
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """A task is done.

    Example: livewarden case done 27c4b1f0 8d0f33a1
    """

    async def request(desk: Desk) -> Action:
        from sinks.queries import tracker

        full = await desk.one("case", case)
        ids = [each["id"] for each in (await tracker.one(desk.reader, "case", full))["tasks"]]
        begun = [task] if task in ids else [each for each in ids if each.startswith(task)]
        if len(begun) != 1:
            some = "several tasks have" if begun else "no task has"
            raise SetupError(f"{some} an id that begins with {task!r} (see livewarden case show {case})")
        return FinishTask(**desk.stamp(why), case_id=full, expects=expects, task_id=begun[0])

    return perform(request, url, who, as_json)


@app.command()
def link(
    case: Id,
    kind: Annotated[LinkKind, typer.Argument(help="What it is.")],
    ref: Annotated[str, typer.Argument(metavar="REF", help="Its id or address.")],
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Tie a case to an alert, an incident, another case, a decision, a ticket, a change, a playbook or an address.

    Example: livewarden case link 27c4b1f0 ticket OPS-4711
    """

    async def request(desk: Desk) -> Action:
        full = await desk.one("case", case)
        whole = next((each for each in _KINDS if each == kind), None)
        to = ref if whole is None else await desk.one(whole, ref)
        return Link(**desk.stamp(why), case_id=full, expects=expects, kind=kind, ref=to)

    return perform(request, url, who, as_json)


@app.command()
def merge(
    cases: Ids,
    into: Annotated[str, typer.Option(metavar="CASE", help="The case that takes it over.")],
    why: Why = "",
    expects: Expects = None,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Make cases part of another one, which takes their alerts over.

    Example: livewarden case merge 0b7d5e9c --into 27c4b1f0 --why "the same release"
    """
    seen = _of_one(cases, expects)

    def merging(case: str) -> ActionRequest:
        async def request(desk: Desk) -> Action:
            full, other = await desk.one("case", case), await desk.one("case", into)
            return MergeCase(**desk.stamp(why), case_id=full, expects=seen, into=other)

        return request

    return perform_all([merging(case) for case in cases], url, who, as_json)
