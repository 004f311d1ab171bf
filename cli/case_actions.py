"""`livewarden case`: what people do to a case."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.act import ActionForm, As, Expects, Url, Why, due, perform
from cli.case import app as app
from cli.common import AsJson
from cli.on_case import CaseRequest, command
from livewarden.action import (
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
    ReviewMeasure,
    UseTemplate,
)
from livewarden.case_state import RESOLUTIONS, Resolution
from livewarden.errors import SetupError
from livewarden.severity import Severity

if TYPE_CHECKING:
    from sinks.queries.ids import Kind

_KINDS: tuple[Kind, ...] = ("alert", "incident", "case")
_REASONS = "\n\n".join(["Resolutions:", "\b\n" + "\n".join(f"{name}: {text}" for name, text in RESOLUTIONS.items())])
_RESOLVE = f"""It is over: say how. It closes when its alerts stay quiet and its tasks are done.

{_REASONS}

Example: livewarden case resolve 27c4b1f0 --resolution ROLLED_BACK --why "7.2.0 was rolled back" """
_DISMISS = f"""It is nothing to work on: say why.

{_REASONS}

Example: livewarden case dismiss 27c4b1f0 --resolution BELOW_THRESHOLD --why "12 shops" """

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
    severity: Annotated[Severity, typer.Option(help="Of a new case.")] = "warning",
    alert: Annotated[
        list[str] | None, typer.Option("--alert", metavar="ALERT", help="An alert of a new case; several times.")
    ] = None,
    of_template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="Template of a new case.", show_default=False)
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

    async def request(form: ActionForm) -> Action:
        if case is not None:
            return CaseRequest(form, await form.one("case", case), why, expects).action(MoveCase, to="open")
        ids = tuple([await form.one("alert", each) for each in alert or ()])
        new, text = str(uuid.uuid4()), title or ""
        return OpenCase(
            **form.stamp(why), case_id=new, title=text, severity=severity, alert_ids=ids, template=of_template
        )

    return perform(request, url, who, as_json)


@command()
async def triage(on: CaseRequest) -> Action:
    """Look into a candidate.

    Example: livewarden case triage 27c4b1f0
    """
    return on.action(MoveCase, to="triage")


@command()
async def wait(on: CaseRequest) -> Action:
    """Wait for others to do something: the clock stands still. Say with --why what it waits for.

    Example: livewarden case wait 27c4b1f0 --why "the merchant was asked"
    """
    return on.action(MoveCase, to="waiting")


@command()
async def escalate(
    on: CaseRequest, to: Annotated[str, typer.Option("--to", metavar="NAME", help="To whom.")]
) -> Action:
    """Give a case to somebody who can decide more.

    Example: livewarden case escalate 27c4b1f0 --to policy-board --why "the rule is meant so"
    """
    return on.action(MoveCase, to="escalated", to_whom=to)


@command(help=_RESOLVE)
async def resolve(on: CaseRequest, resolution: Reason) -> Action:
    """See `_RESOLVE`."""
    return on.action(MoveCase, to="resolved", resolution=resolution)


@command()
async def close(
    on: CaseRequest,
    force: Annotated[
        bool, typer.Option("--force", help="Although alerts fire or tasks are open; as an admin, and on record.")
    ] = False,
) -> Action:
    """Close a resolved case: its alerts are over and stayed so, its tasks are done.

    Example: livewarden case close 27c4b1f0
    """
    return on.action(MoveCase, "admin" if force else "operator", to="closed", force=force)


@command(help=_DISMISS, many=True)
async def dismiss(on: CaseRequest, resolution: Reason) -> Action:
    """See `_DISMISS`."""
    return on.action(MoveCase, to="dismissed", resolution=resolution)


@command()
async def reopen(on: CaseRequest) -> Action:
    """Work again on a case that was resolved, closed or dismissed.

    Example: livewarden case reopen 27c4b1f0 --why "it came back on Monday"
    """
    return on.action(MoveCase, to="open")


@command()
async def assign(on: CaseRequest, owner: Owner = None, due_at: Due = None) -> Action:
    """Give a case an owner, a due date, or both.

    Example: livewarden case assign 27c4b1f0 --to ben --due 2d
    """
    if owner is None and due_at is None:
        raise SetupError("say whose it is with --owner, until when with --due, or both")
    return on.action(AssignCase, owner=owner, due_at=due(due_at, on.form.at_ms))


@command(why=False)
async def note(
    on: CaseRequest, text: Annotated[str, typer.Argument(help="What is to stand in its history.")]
) -> Action:
    """Write something into a case's history.

    Example: livewarden case note 27c4b1f0 "The release note names both action types."
    """
    return replace(on, why=text).action(Note)


@command()
async def task(
    on: CaseRequest,
    text: Annotated[str, typer.Argument(help="What is to be done before the case closes.")],
    owner: Owner = None,
    due_at: Due = None,
) -> Action:
    """Add a task.

    Example: livewarden case task 27c4b1f0 "Reverse the warnings of 12 March" --owner enforcement-ops --due 2d
    """
    until = due(due_at, on.form.at_ms)
    return on.action(AddTask, task_id=str(uuid.uuid4()), text=text, owner=owner, due_at=until)


@command()
async def done(
    on: CaseRequest,
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id, or as much of it as is unique.")],
    unnecessary: Annotated[
        bool, typer.Option("--not-necessary", help="It need not be done; say with --why for which reason.")
    ] = False,
) -> Action:
    """A task is done, a question answered, evidence gathered: --why says the answer, or where it is.

    Example: livewarden case done 27c4b1f0 8d0f33a1
    """
    from sinks.queries import cases

    found = await cases.record(on.form.reader, on.case_id)
    ids = [each["id"] for each in cases.listed(found.tasks)] if found is not None else []
    begun = [task] if task in ids else [each for each in ids if each.startswith(task)]
    if len(begun) != 1:
        some = "several tasks have" if begun else "no task has"
        raise SetupError(f"{some} an id that begins with {task!r} (see livewarden case show {on.case_id})")
    return on.action(FinishTask, task_id=begun[0], unnecessary=unnecessary)


@command()
async def template(
    on: CaseRequest, name: Annotated[str, typer.Argument(metavar="NAME", help="A template of the response file.")]
) -> Action:
    """Put the tasks, questions and evidence list of a template into a case.

    Example: livewarden case template 27c4b1f0 wrong-enforcement
    """
    return on.action(UseTemplate, template=name)


@command()
async def link(
    on: CaseRequest,
    kind: Annotated[LinkKind, typer.Argument(help="What it is.")],
    ref: Annotated[str, typer.Argument(metavar="REF", help="Its id or address; of a playbook name@version.")],
    outcome: Annotated[
        Literal["solved", "partly", "wrong"] | None,
        typer.Option("--outcome", help="Of a playbook: whether it helped.", show_default=False),
    ] = None,
) -> Action:
    """Tie a case to an alert, an incident, another case, a decision, a ticket, a change, a playbook or an address.

    Example: livewarden case link 27c4b1f0 ticket OPS-4711
    """
    whole = next((each for each in _KINDS if each == kind), None)
    return on.action(Link, kind=kind, ref=ref if whole is None else await on.form.one(whole, ref), outcome=outcome)


@command()
async def review(
    on: CaseRequest,
    measure: Annotated[str, typer.Argument(metavar="MEASURE", help="The measure, as blast-radius names it.")],
    verdict: Annotated[
        Literal["RIGHT", "WRONG", "UNCLEAR"], typer.Argument(case_sensitive=False, help="What you say of it.")
    ],
) -> Action:
    """Judge one measure of a case's blast radius again, without a look at the first decision.

    Example: livewarden case review 27c4b1f0 act-5f1d20c7 WRONG
    """
    return on.action(ReviewMeasure, measure_id=measure, verdict=verdict)


@command(many=True)
async def merge(
    on: CaseRequest, into: Annotated[str, typer.Option(metavar="CASE", help="The case that takes it over.")]
) -> Action:
    """Make cases part of another one, which takes their alerts over.

    Example: livewarden case merge 0b7d5e9c --into 27c4b1f0 --why "the same release"
    """
    return on.action(MergeCase, into=await on.form.one("case", into))
