"""The study of a case: how it ended and why, its series as charts, everything that happened in one order,
its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from livewarden.case_state import CLOSED, RESOLUTIONS
from livewarden.errors import SetupError
from livewarden.severity import SEVERITIES
from livewarden.times import HOUR_MS, parse_ms
from sinks.evidence.timeline import Entry, timeline
from sinks.present import wording
from sinks.present.chart import Point, step_ms
from sinks.queries import alerts, cases, changes, dispositions, health, incidents, notifications
from sinks.queries.cases import WholeCase
from sinks.queries.changes import ChangeRecord
from sinks.queries.counted import Monitors, evidence_of, of_changes, series_points
from sinks.report import facts
from sinks.report.facts import many, moment
from sinks.report.page import UNKNOWN, Chart, Report, Section, Table, known
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord, ExplainedAlert, IncidentRecord

MOST_ALERTS, MOST_CHARTS, MOST_ENTRIES, MOST_CHANGES, MOST_INCIDENTS = 50, 6, 200, 30, 20


async def case_study(reader: Reader, case_id: str, *, now_ms: int, monitors: Monitors) -> Report:
    """The report on one case as of `now_ms`; SetupError where there is none of that id. `monitors` give titles."""
    found = await cases.get(reader, case_id)
    if found is None:
        raise SetupError(f"there is no case {case_id!r}")
    until = await health.judged_until(reader)
    listed = await alerts.by_ids(reader, found.alert_ids, limit=MOST_ALERTS)
    start, end = found.started_at, found.ended_at or found.started_at
    topics = of_changes(await health.topics(reader))
    after = max(HOUR_MS, end - start)
    near = await changes.around(reader, start, 2 * HOUR_MS, after, topics=topics, limit=MOST_CHANGES)
    raised = await incidents.of_case(reader, case_id, limit=MOST_INCIDENTS)
    worst = await _worst(reader, listed)
    titles = {name: str(each.get("title") or name) for name, each in monitors.items()}
    became = await dispositions.by_alert(reader, found.alert_ids[:MOST_ALERTS])
    outcomes = {key: each.outcome for key, each in became.items()}
    entries = await _entries(reader, case_id, raised, near)
    drawn = await _charts(reader, found, listed, worst, titles, until, near)
    more = found.alert_count - len(listed)
    return Report(
        "Case study",
        known(found.title),
        f"As of {moment(now_ms)}, from what is stored. Events are judged until {moment(until)}.",
        [
            Section("The case", _head(found)),
            Section("How it ended", _ending(found), nothing="It has not ended."),
            Section(
                "What deviated",
                [] if worst is None else facts.deviation(worst, str(titles.get(worst.monitor, worst.monitor)), until),
                charts=drawn,
                nothing=f"{UNKNOWN}: no alert of it is stored.",
            ),
            facts.verdict(facts.explained(worst)),
            facts.changed(near, start, None, start - 2 * HOUR_MS, start + after),
            _timeline(entries),
            Section(
                "Alerts",
                lines=[f"{many(more, 'alert')} more."] if more > 0 else [],
                table=facts.alert_table(listed, outcomes),
                nothing="None is stored.",
            ),
            _tasks(found),
            _links(found),
            _packages(found),
            Section("What is open", lines=_open(found, now_ms), nothing="Nothing that is known."),
        ],
    )


async def _worst(reader: Reader, listed: Sequence[AlertRecord]) -> ExplainedAlert | None:
    ranked = sorted(listed, key=lambda e: (-_rank(e), e.suppressed_by is not None, e.window_start, e.alert_id))
    return await alerts.get(reader, ranked[0].alert_id) if ranked else None


def _rank(alert: AlertRecord) -> int:
    return SEVERITIES.index(alert.severity) if alert.severity in SEVERITIES else -1


def _head(found: WholeCase) -> list[tuple[str, str]]:
    lasted = UNKNOWN if found.ended_at is None else wording.duration(max(0, found.ended_at - found.started_at))
    reopened = {0: "never", 1: "once"}.get(found.reopened, f"{found.reopened:,} times")
    rows = [
        ("state", f"{found.state}, version {found.version}"),
        ("kind", f"{wording.kind(found.kind)}, {found.severity}"),
        ("owner", "nobody" if found.owner is None else known(found.owner)),
        ("began", moment(found.started_at)),
        ("over", "not over" if found.ended_at is None else f"{moment(found.ended_at)}, after {lasted}"),
        ("came up", moment(found.created_at)),
        ("taken up", "not yet" if found.opened_at is None else moment(found.opened_at)),
        ("came back", reopened),
        (
            "alerts",
            f"{found.alert_count:,}, {found.firing_count:,} firing" if found.worked else f"{found.alert_count:,}",
        ),
        ("monitors", known(", ".join(found.monitors))),
        ("case", known(found.case_id)),
    ]
    return [*rows, ("escalated to", known(found.escalated_to))] if found.escalated_to else rows


def _ending(found: WholeCase) -> list[tuple[str, str]]:
    if found.merged_into:
        return [("merged into", known(found.merged_into)), ("reason", known(found.reason))]
    if not found.resolution and found.resolved_at is None:
        return []
    return [
        ("resolution", known(found.resolution)),
        ("which means", RESOLUTIONS.get(found.resolution, UNKNOWN)),
        ("reason", known(found.reason)),
        ("resolved", moment(found.resolved_at)),
        ("closed", "not closed" if found.closed_at is None else moment(found.closed_at)),
    ]


async def _charts(
    reader: Reader,
    found: WholeCase,
    listed: Sequence[AlertRecord],
    worst: ExplainedAlert | None,
    titles: Mapping[str, str],
    until: int | None,
    near: Sequence[ChangeRecord],
) -> list[Chart]:
    drawn = []
    for each in series_points(evidence_of(found.evidence))[:MOST_CHARTS]:
        own = [e for e in listed if (e.monitor, e.series) == (each.monitor, each.series)]
        window = (min(map(wording.scanned_from, own)), max(e.window_end for e in own)) if own else None
        title = f"{known(titles.get(each.monitor, each.monitor))} · {known(wording.place(each.series))}"
        points = [Point(*point) for point in each.points]
        bars = bool(own) and own[0].kind.startswith("ENFORCEMENT")
        drawn.append(facts.chart(title, points, step_ms([point.start for point in points]), window, near, bars))
    if not any(drawn) and worst is not None:
        drawn.append(await facts.chart_of(reader, worst, titles.get(worst.monitor, worst.monitor), until, near))
    return [each for each in drawn if each is not None]


async def _entries(
    reader: Reader, case_id: str, raised: Sequence[IncidentRecord], near: Sequence[ChangeRecord]
) -> list[Entry]:
    notified = [
        each
        for incident in raised
        for each in await notifications.find(reader, incident_id=incident.incident_id, limit=200)
    ]
    return timeline(
        alerts=[each.plain() for each in await alerts.inside(reader, "case", case_id)],
        changes=[each.plain() for each in near],
        history=[each.plain() for each in await cases.history(reader, case_id, limit=10_000)],
        incidents=[each.plain() for each in raised],
        notifications=[each.plain() for each in notified],
    )


def _timeline(entries: Sequence[Entry]) -> Section:
    shown = entries[:MOST_ENTRIES]
    cells = [
        [
            wording.exactly(parse_ms(each.at) // 1000 * 1000),
            "event" if each.clock == "event" else "clock",
            each.what.removeprefix("case_").replace("_", " "),
            known(each.who) if each.who else "–",
            known(each.text) if each.text else "–",
        ]
        for each in shown
    ]
    lines = ["UTC. “event” is when it happened, “clock” when it was noticed or done here."] if cells else []
    lines += [f"{len(entries) - len(shown):,} later entries are left out."] if len(entries) > len(shown) else []
    return Section("Timeline", lines=lines, table=Table(("at", "time", "what", "who", "text"), cells))


def _tasks(found: WholeCase) -> Section:
    cells = [
        [
            known(each.get("text")),
            "nobody" if not each.get("owner") else known(each["owner"]),
            "no date" if not each.get("due_at") else known(each["due_at"]),
            f"by {known(each['done_by'])}" if each.get("done_by") else "open",
        ]
        for each in cases.listed(found.tasks)
    ]
    return Section("Tasks", table=Table(("task", "whose", "due", "done"), cells))


def _links(found: WholeCase) -> Section:
    cells = [[known(e.get("kind")), known(e.get("ref")), known(e.get("by"))] for e in cases.listed(found.links)]
    return Section("Links", table=Table(("kind", "what", "by"), cells))


def _packages(found: WholeCase) -> Section:
    cells = [
        [known(e.get("name")), known(e.get("digest")), known(e.get("size")), known(e.get("by")), known(e.get("at"))]
        for e in cases.listed(found.packages)
    ]
    table = Table(("file", "SHA-256 digest", "bytes", "by", "at"), cells)
    return Section("Evidence", table=table, nothing="No package is noted in its history.")


def _open(found: WholeCase, now_ms: int) -> list[str]:
    if found.state in CLOSED:
        return []
    lines = [f"Its state is {known(found.state)}."]
    lines += ["Nobody owns it."] if found.owner is None else []
    due = wording.due(found, now_ms)
    lines += [f"Its next step is {due}."] if due else []
    lines += [f"{many(found.open_tasks, 'task')} not done."] if found.open_tasks else []
    lines += [f"{many(found.firing_count, 'alert')} still firing."] if found.firing_count else []
    return lines
