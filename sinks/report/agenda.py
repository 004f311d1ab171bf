"""The agenda of a meeting: what is open and waits for a decision."""

from __future__ import annotations

from collections.abc import Sequence

from livewarden.times import format_ms
from sinks.present import wording
from sinks.queries import cases
from sinks.report.facts import moment
from sinks.report.page import Report, Section, Table, known
from sinks.store.reader import Reader
from sinks.store.records import CaseRecord


async def agenda(reader: Reader, *, now_ms: int) -> Report:
    """Cases that are overdue, escalated or nobody's, and tasks whose day has passed, as of `now_ms`."""
    found = await cases.worked(reader, limit=500)
    late = [each for each in found if each.overdue]
    escalated = [each for each in found if each.state == "escalated" and not each.overdue]
    nobodys = [each for each in found if each.owner is None and each not in late and each not in escalated]
    now = format_ms(now_ms)
    tasks = [
        [known(each.case_id)[:8], known(task.get("owner")), str(task["due_at"])[:10], known(task.get("text"))]
        for each in found
        for task in cases.listed(each.tasks)
        if not task.get("done_by") and task.get("due_at") and str(task["due_at"]) < now
    ]
    return Report(
        "Meeting",
        f"agenda of {moment(now_ms)[:10]}",
        f"As of {moment(now_ms)}, from what is stored. Below Decisions and Actions write a line each: '- CASE: text',"
        " and behind an action '@owner 2026-03-09'; livewarden report follow-up makes notes and tasks of them.",
        [
            Section("Overdue cases", table=_table(late, now_ms)),
            Section("Escalated cases", table=_table(escalated, now_ms)),
            Section("Cases of nobody", table=_table(nobodys, now_ms)),
            Section("Tasks past their day", table=Table(("case", "owner", "day", "task"), tasks)),
            Section("Decisions", nothing="None."),
            Section("Actions", nothing="None."),
        ],
    )


def _table(found: Sequence[CaseRecord], now_ms: int) -> Table:
    rows = [
        [
            known(each.case_id)[:8],
            each.state,
            each.severity,
            known(each.owner or each.escalated_to),
            wording.due(each, now_ms),
            known(each.title),
        ]
        for each in found
    ]
    return Table(("case", "state", "severity", "whose", "due", "title"), rows)
