"""`livewarden case`: what governance works on, to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import Limit, Url, look, whole
from cli.common import AsJson, print_json
from cli.show import print_alerts_of, print_facts, print_part, print_rows, shortener, times, when
from livewarden.case_state import RESOLUTIONS, CaseState
from livewarden.times import parse_ms

if TYPE_CHECKING:
    from sinks.store.reader import Reader
    from sinks.store.records import AlertRecord, CaseRecord, DispositionRecord, HistoryRecord

app = typer.Typer(help="What governance works on, from candidate to closed: look, move, write, link.")
Id = Annotated[str, typer.Argument(metavar="CASE", help="Its id, or as much of the beginning as is unique.")]


@dataclass(frozen=True)
class CasePage:
    """A case with all that belongs to it; `dispositions` by alert."""

    case: CaseRecord
    alerts: list[AlertRecord]
    dispositions: dict[str, DispositionRecord]
    history: list[HistoryRecord]


@app.command("list")
def list_(
    over: Annotated[bool, typer.Option("--all", help="Also closed, dismissed and merged ones.")] = False,
    state: Annotated[CaseState | None, typer.Option(help="Only these.", show_default=False)] = None,
    owner: Annotated[str, typer.Option(help="Only those of this person or team.", show_default=False)] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose due date has passed.")] = False,
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Cases that somebody works on or should: overdue first, by severity, then the newest.

    Example: livewarden case list --overdue
    """
    from sinks.queries import cases

    found = look(
        url,
        lambda reader: cases.worked(reader, over=over, state=state or "", owner=owner, overdue=overdue, limit=limit),
    )
    if as_json:
        print_json(found)
        return
    cut = shortener(each.case_id for each in found)
    rows = [
        (
            cut(each.case_id),
            each.state,
            each.severity,
            each.owner,
            when(each.due_at) + (" overdue" if each.overdue else ""),
            f"{len(each.alert_ids):,}",
            f"{each.open_tasks:,}",
            each.resolution,
            each.title,
        )
        for each in found
    ]
    columns = ("case", "state", "severity", "owner", "due", "alerts", "tasks", "resolution", "title")
    print_rows("no case", columns, rows, right=("alerts", "tasks"))


@app.command()
def show(case: Id, url: Url = None, as_json: AsJson = False) -> None:
    """One case: state, tasks, links, evidence packages, alerts, and everything that happened to it.

    Example: livewarden case show 27c4b1f0
    """
    from sinks.queries import alerts, cases, dispositions

    async def all_of_it(reader: Reader) -> CasePage:
        full = await whole(reader, "case", case)
        listed, found = await alerts.inside(reader, "case", full), await cases.record(reader, full)
        assert found is not None
        return CasePage(
            case=found,
            alerts=listed,
            dispositions=await dispositions.by_alert(reader, [each.alert_id for each in listed]),
            history=await cases.history(reader, full, limit=10_000),
        )

    found = look(url, all_of_it)
    if as_json:
        print_json(found)
        return
    _print(found)


def _print(found: CasePage) -> None:
    from sinks.queries.cases import listed

    it = found.case
    print_facts(
        [
            ("case", it.case_id),
            ("title", it.title),
            ("state", f"{it.state}, version {it.version}"),
            ("kind", f"{it.kind}, {it.severity}"),
            ("owner", it.owner),
            ("escalated to", it.escalated_to),
            ("due", it.due_at and when(it.due_at) + (", overdue" if it.overdue else "")),
            ("clock", _how(it.clock)),
            ("template", it.template),
            ("since", when(it.started_at)),
            ("until", when(it.ended_at)),
            ("alerts", f"{len(it.alert_ids):,}, {it.firing_count:,} firing"),
            ("resolution", it.resolution and f"{it.resolution}: {RESOLUTIONS.get(it.resolution, '')}"),
            ("reason", it.reason),
            ("merged into", it.merged_into),
            ("came back", times(it.reopened)),
        ]
    )
    print_alerts_of(found.alerts, found.dispositions, len(it.alert_ids))
    print_part("Tasks")
    tasks = listed(it.tasks)
    cut = shortener(each["id"] for each in tasks)
    print_rows(
        "none",
        ("task", "done", "owner", "due", "text"),
        [
            (
                cut(e["id"]),
                _done(e),
                e.get("owner"),
                _until(e.get("due_at")),
                e["text"],
            )
            for e in tasks
        ],
    )
    print_part("Links")
    print_rows(
        "none", ("kind", "what", "by"), [(each["kind"], each["ref"], each.get("by")) for each in listed(it.links)]
    )
    print_part("Evidence packages")
    print_rows("none", ("file", "bytes", "SHA-256"), [(e["name"], e["size"], e["digest"]) for e in listed(it.evidence)])
    print_part("History")
    print_rows(
        "none",
        ("at", "who", "what", "from", "to", "why"),
        [(when(e.at), e.who, e.what, *_states(e), e.why) for e in found.history],
    )


def _done(task: dict[str, Any]) -> str:
    if not task.get("done_by"):
        return "open" if task.get("mandatory", True) else "open, not mandatory"
    how = "not necessary, " if task.get("unnecessary") else ""
    return f"{how}by {task['done_by']}{': ' + task['answer'] if task.get('answer') else ''}"


def _how(clock: str) -> str:
    found = json.loads(clock) if clock else {}
    return str(found.get("how", ""))


def _until(text: str | None) -> str:
    return "" if text is None else when(parse_ms(text))


def _states(entry: HistoryRecord) -> tuple[str, str]:
    before, after = entry.from_state, entry.to_state
    return ("", "") if before == after else (before, after)


@app.command()
def resolutions(as_json: AsJson = False) -> None:
    """Why a case can be over, each reason with the sentence that defines it.

    Example: livewarden case resolutions
    """
    if as_json:
        print_json(RESOLUTIONS)
    else:
        print_rows("none", ("resolution", "meaning"), list(RESOLUTIONS.items()))
