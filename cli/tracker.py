"""`livewarden tracker`: the cases as a workbook, out to whoever works in sheets, and back as actions."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli import act
from cli.act import As, Url, login
from cli.common import AsJson, clickhouse_address, load_settings, print_json, reading
from livewarden.action import Action, Answer, Submit
from livewarden.clock import SystemClock
from livewarden.errors import RetryLater, SetupError
from livewarden.times import DAY_MS, format_ms, instant
from livewarden.tracker import TrackerExport, digest_of
from livewarden.wording import visible

if TYPE_CHECKING:
    from models.tracker.merge import Merge
    from models.tracker.step import Step
    from sinks.export.workbook_file import WorkbookFile
    from sinks.queries.tracker import TrackedCase
    from sinks.store.reader import Reader

app = typer.Typer(help="The cases as a workbook: export it, edit it, import what was edited.")
OLDEST_DAYS: Final = 31
"""A workbook that was exported longer ago is not taken back."""
_MOST_SHOWN: Final = 50


@app.command()
def export(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Workbook to write: .xlsx.")],
    over: Annotated[bool, typer.Option("--all", help="Also closed, dismissed and merged cases.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write the cases to a workbook in which owner, due date, state and notes can be edited.

    Hidden sheets hold what the cases are now: by these `tracker import` knows what was edited.

    Example: livewarden tracker export cases.xlsx
    """
    from sinks.export.workbook import MOST_ROWS, Workbook
    from sinks.queries.tracker import SHOWN
    from sinks.whole_file import check_free, whole_file

    if out.suffix.lower() != ".xlsx":
        raise SetupError(f"{out.name!r} does not end in .xlsx")
    check_free(out, force)
    found = act.look(url, lambda reader: _cases(reader, over, MOST_ROWS + 1))
    if len(found) > MOST_ROWS:
        raise SetupError(f"more than {MOST_ROWS:,} cases: leave --all away")
    rows = [each.row for each in found]
    made = TrackerExport(str(uuid.uuid4()), SystemClock().now_ms(), who or login(), len(rows), digest_of(rows))
    with whole_file(out, force=force) as path:
        Workbook(path).write(made, rows, SHOWN, (_texts(each) for each in found))
        asyncio.run(_remember(made, url))
    if as_json:
        print_json({"file": str(out), "export_id": made.export_id, "cases": len(rows), "signature": made.digest})
    else:
        print(f"{len(rows):,} cases in {out}, export {made.export_id}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The edited workbook.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Do what was edited in a workbook: all of it, or nothing where a cell was changed here too, or cannot be.

    Edits become requests, each with the version of the case that was seen. Importing a file twice does it once.

    Example: livewarden tracker import cases.xlsx --dry-run
    """
    from sinks.export.workbook_file import read_workbook
    from sinks.queries.tracker import SHOWN

    workbook = read_workbook(file, SHOWN)
    found = asyncio.run(_import(workbook, who or login(), url, dry_run))
    refused = found.merge.refused or any(not answer.accepted for _, answer in found.answers)
    if as_json:
        print_json(_plain(found, workbook, dry_run))
    else:
        _print(found, workbook, dry_run)
    return 1 if refused else 0


@dataclass(frozen=True, slots=True)
class Imported:
    """What a workbook asked for, and the answers to what was sent."""

    merge: Merge
    answers: Sequence[tuple[Step, Answer]]


async def _cases(reader: Reader, over: bool, limit: int) -> list[TrackedCase]:
    from sinks.queries.tracker import tracked

    return await tracked(reader, over=over, limit=limit)


def _texts(case: TrackedCase) -> list[str]:
    from sinks.queries.tracker import SHOWN

    texts = asdict_of(case) | {"due_at": case.row.due, "created_at": format_ms(case.created_at), "note": ""}
    texts |= {"overdue": "yes" if case.overdue else "", "monitors": ", ".join(case.monitors)}
    return [texts[name] for name in SHOWN]


def asdict_of(case: TrackedCase) -> dict[str, str]:
    """The fields of a case as texts; what is not there is empty."""
    return {name: "" if value is None else str(value) for name, value in case.plain().items()}


async def _remember(export: TrackerExport, url: str | None) -> None:
    from sinks.store.clickhouse import ClickHouseStore

    row = asdict(export)
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(load_settings(), url)))
    try:
        await store.write("tracker_exports", [row | {"at": row.pop("at_ms")}])
    finally:
        await store.close()


async def _import(workbook: WorkbookFile, who: str, url: str | None, dry_run: bool) -> Imported:
    from models.tracker.merge import merge, steps_of
    from models.tracker.step import TRIES
    from sinks.queries import tracker

    settings, export = load_settings(), workbook.export
    async with reading(settings, url) as reader:
        now_ms = SystemClock().now_ms()
        await _check(reader, export, now_ms)
        asked = steps_of(workbook.base, workbook.rows)
        ids = [step.action_id(export.export_id, attempt) for step in asked for attempt in range(TRIES)]
        outcomes = await tracker.outcomes(reader, ids)
        attempts = {step: step.attempt(export.export_id, outcomes) for step in asked}
        ours = await tracker.now(reader, [each.case_id for each in workbook.base])
        accepted = [step for step, attempt in attempts.items() if attempt is None]
        merged = merge(workbook.base, workbook.rows, ours, accepted)
        if dry_run or merged.refused or not merged.steps:
            return Imported(merged, [])
        stamp = {"who": who, "role": "operator", "at": instant(now_ms)}
        sender = _Sender(reader, {name: row.version for name, row in ours.items()})
        async with act.sending(settings, reader) as submit:
            answers = []
            for step in merged.steps:
                action_id = step.action_id(export.export_id, attempts[step] or 0)
                made = step.action(stamp | {"action_id": action_id}, sender.versions[step.case_id])
                answers.append((step, await sender.send(submit, step, made)))
        return Imported(merged, answers)


class _Sender:
    """Sends requests one after the other; a case that somebody else touches meanwhile gets no further one."""

    def __init__(self, reader: Reader, versions: dict[str, int]) -> None:
        self._reader = reader
        self.versions = versions
        self._stopped: dict[str, str] = {}

    async def send(self, submit: Submit, step: Step, action: Action) -> Answer:
        """Send one request; what follows on the same case is measured against what it made."""
        from sinks.queries import tracker

        case_id = step.case_id
        if case_id in self._stopped:
            return Answer(False, self._stopped[case_id])
        try:
            answer = await submit(action)
        except RetryLater as error:
            raise RetryLater(f"{error}; import the file again: what was done is not done twice") from error
        if not answer.accepted:
            self._stopped[case_id] = "not asked for, since what came before it was refused"
            return answer
        found = await tracker.now(self._reader, [case_id])
        self.versions[case_id] = found[case_id].version if case_id in found else self.versions[case_id]
        if await tracker.touched_since(self._reader, case_id, action.action_id):
            self._stopped[case_id] = "not asked for, since somebody changed the case meanwhile"
        return answer


async def _check(reader: Reader, export: TrackerExport, now_ms: int) -> None:
    from sinks.queries import tracker

    known = await tracker.exported(reader, export.export_id)
    if known is None:
        raise SetupError(f"export {export.export_id} was not made here: import it where it was exported")
    if known.digest != export.digest:
        raise SetupError(f"export {export.export_id} had another baseline: export it anew")
    if now_ms - known.at_ms > OLDEST_DAYS * DAY_MS:
        raise SetupError(
            f"it was exported at {format_ms(known.at_ms)}, more than {OLDEST_DAYS} days ago: export it anew"
        )


def _plain(found: Imported, workbook: WorkbookFile, dry_run: bool) -> dict[str, object]:
    merge, answered = found.merge, dict(found.answers)
    steps = [
        {"case_id": step.case_id, "do": step.kind, "values": dict(step.values)}
        | ({"accepted": answered[step].accepted, "answer": answered[step].text} if step in answered else {})
        for step in merge.steps
    ]
    return {
        "export_id": workbook.export.export_id,
        "dry_run": dry_run,
        "refused": merge.refused,
        "steps": steps,
        "conflicts": [asdict(each) for each in merge.conflicts],
        "mistakes": list(merge.mistakes),
        "done_before": merge.done,
        "agreed": merge.agreed,
        "kept": merge.kept,
        "columns_aside": list(workbook.aside),
    }


def _print(found: Imported, workbook: WorkbookFile, dry_run: bool) -> None:
    merge = found.merge
    problems = [*map(str, merge.conflicts), *merge.mistakes]
    for text in problems[:_MOST_SHOWN]:
        print(visible(text), file=sys.stderr)
    if len(problems) > _MOST_SHOWN:
        print(f"… and {len(problems) - _MOST_SHOWN:,} more (--json has all)", file=sys.stderr)
    if merge.refused:
        print("nothing was done: mend these cells, or export anew", file=sys.stderr)
        return
    answered = dict(found.answers)
    for step in merge.steps:
        answer = answered.get(step)
        values = ", ".join(f"{name} {_shown(name, value)}" for name, value in step.values.items())
        said = "would be asked for" if answer is None else answer.text
        line = visible(f"{step.case_id}: {values}: {said}")
        print(line, file=sys.stderr if answer is not None and not answer.accepted else sys.stdout)
    parts = [f"{len(merge.steps):,} requests"]
    counts = (("done before", merge.done), ("alike here", merge.agreed), ("changed here alone", merge.kept))
    parts += [f"{count:,} {name}" for name, count in counts if count]
    parts += [f"columns aside: {visible(', '.join(workbook.aside))}"] if workbook.aside else []
    print(f"{'dry run: ' if dry_run else ''}{'; '.join(parts)}")


def _shown(name: str, value: object) -> str:
    if name == "due_at" and isinstance(value, int):
        return format_ms(value)
    return " ".join(filter(None, value)) if isinstance(value, tuple) else repr(value)
