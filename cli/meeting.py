"""`livewarden report meeting` and `report follow-up`: what is open, and what was agreed as notes and tasks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import act
from cli.act import As, Url, login, look
from cli.common import AsJson, load_settings, moment, print_json, reading
from cli.report import Force
from cli.week import app as app
from cli.week import put
from livewarden.action import Action, AddTask, Answer, Note
from livewarden.clock import SystemClock
from livewarden.errors import SetupError
from livewarden.times import instant
from livewarden.wording import visible

if TYPE_CHECKING:
    from models.update.minutes import Minute


@app.command()
def meeting(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="File to write: .md, .html or .docx; stdout where left out."),
    ] = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The agenda of a meeting: overdue and escalated cases, those of nobody, tasks past their day.

    Example: livewarden report meeting --out agenda.md
    """
    from sinks.report.agenda import agenda

    now = SystemClock().now_ms()
    put(look(url, lambda reader: agenda(reader, now_ms=now)), out, force, as_json)


@app.command("follow-up")
def follow_up(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The minutes, in Markdown.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked for, and do nothing.")] = False,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Make notes of what was decided, and tasks of what is to be done. The same minutes twice are done once.

    Below the heading Decisions a line '- CASE: text' each, below Actions '- CASE: text @owner 2026-03-09'. A line that
    is neither refuses the file.

    Example: livewarden report follow-up agenda.md --dry-run
    """
    from models.update.minutes import minutes
    from sinks.report.word import text_of

    if file.suffix.lower() != ".md":
        raise SetupError(f"{file}: minutes are read from Markdown (.md)")
    found, mistakes = minutes(text_of(file))
    for each in mistakes:
        print(visible(each), file=sys.stderr)
    if mistakes:
        print("nothing was done", file=sys.stderr)
        return 1
    done = asyncio.run(_ask(found, who or login(), url, dry_run))
    if as_json:
        print_json([{"line": m.line, "do": m.kind, "accepted": a.accepted, "answer": a.text} for m, a in done])
    else:
        for minute, answer in done:
            print(visible(f"line {minute.line}, {minute.kind}: {answer.text}"))
    return 0 if all(answer.accepted for _, answer in done) else 1


async def _ask(found: list[Minute], who: str, url: str | None, dry_run: bool) -> list[tuple[Minute, Answer]]:
    from sinks.queries import tracker

    settings = load_settings()
    async with reading(settings, url) as reader:
        actions = [(each, _action(each, await act.whole(reader, "case", each.case), who)) for each in found]
        before = await tracker.outcomes(reader, [action.action_id for _, action in actions])
        done = [(each, Answer(True, "done before")) for each, action in actions if before.get(action.action_id)]
        left = [(each, action) for each, action in actions if not before.get(action.action_id)]
        if dry_run or not left:
            return [*done, *((each, Answer(True, "would be asked for")) for each, _ in left)]
        async with act.sending(settings, reader) as submit:
            return [*done, *[(each, await submit(action)) for each, action in left]]


def _action(minute: Minute, case_id: str, who: str) -> Action:
    action_id = minute.action_id(case_id)
    at = instant(SystemClock().now_ms())
    if minute.kind == "decision":
        return Note(action_id=action_id, who=who, at=at, case_id=case_id, why=f"decided: {minute.text}")
    due = moment(minute.due, f"line {minute.line}") if minute.due else None
    return AddTask(
        action_id=action_id, who=who, at=at, case_id=case_id, task_id=action_id, text=minute.text[:300],
        owner=minute.owner or None, due_at=None if due is None else instant(due),
    )  # fmt: skip
