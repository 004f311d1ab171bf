"""The update on an incident: what, where, how big, since when, who was notified, who acknowledged it, why,
and what is open.
"""

from __future__ import annotations

from collections.abc import Sequence

from livewarden.case_state import SETTLED
from livewarden.errors import SetupError
from livewarden.times import HOUR_MS
from sinks.present import wording
from sinks.present.explanation import Explained
from sinks.queries import actions, alerts, cases, changes, dispositions, health, incidents, notifications
from sinks.queries.actions import ActionFilter
from sinks.queries.cases import ListedCase
from sinks.queries.changes import ChangeRecord
from sinks.queries.counted import Monitors, of_changes
from sinks.queries.notifications import ChannelLoad
from sinks.report import facts
from sinks.report.facts import many, moment
from sinks.report.page import UNKNOWN, Report, Section, Table, known
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord, IncidentRecord, NotificationRecord

MOST_ALERTS, MOST_ACTIONS, MOST_CHANGES = 20, 100, 20


async def incident_update(reader: Reader, incident_id: str, *, now_ms: int, monitors: Monitors) -> Report:
    """The report on one incident as of `now_ms`; SetupError where there is none of that id.

    `monitors` give titles and playbooks.
    """
    found = await incidents.get(reader, incident_id)
    if found is None:
        raise SetupError(f"there is no incident {incident_id!r}")
    lead = await alerts.get(reader, found.lead_alert_id)
    until = await health.judged_until(reader)
    notified = await notifications.of_incident(reader, incident_id)
    worked = await cases.by_ids(reader, found.case_ids)
    down = await notifications.channels(reader, down=True)
    listed = await dispositions.of_incident(reader, incident_id, limit=MOST_ALERTS)
    became = {each.alert_id: each.outcome for each in listed}
    outcomes = await dispositions.outcomes(reader, incident_id)
    asked = (await actions.find(reader, ActionFilter(target=incident_id), limit=MOST_ACTIONS))[::-1]
    began = found.started_at if lead is None else facts.onset(lead) or wording.scanned_from(lead)
    before, after = _near(lead, began)
    topics = of_changes(await health.topics(reader))
    near = await changes.around(reader, began, before, after, topics=topics, limit=MOST_CHANGES)
    monitor = monitors.get(lead.monitor, {}) if lead is not None else {}
    title = "" if lead is None else str(monitor.get("title") or lead.monitor)
    explained = facts.explained(lead)
    drawn = None if lead is None else await facts.chart_of(reader, lead, title, until, near)
    spread = [f"{wording.outcome(each.outcome)}: {each.alerts:,}" for each in outcomes]
    kept = found.alert_count - len(listed)
    what = [
        ("status", f"{found.status}, {found.severity}, version {found.version}"),
        *facts.deviation(lead, title, until),
        ("alerts", f"{many(found.alert_count, 'alert')}, {found.firing_count:,} firing"),
        ("team", known(found.owner)),
        ("playbook", known(monitor.get("playbook"))),
        ("incident", known(found.incident_id)),
    ]
    return Report(
        "Incident update",
        known(found.title),
        f"As of {moment(now_ms)}, from what is stored. Events are judged until {moment(until)}.",
        [
            Section("What", what, charts=[drawn] if drawn is not None else []),
            Section("Acknowledged", _has(found, now_ms)),
            Section("Who was notified", table=_notified(notified), nothing=_nobody(found)),
            facts.verdict(explained),
            facts.changed(near, began, found.change_id, began - before, began + after),
            Section(
                "What is open",
                lines=_open(found, notified, worked, down, explained, near),
                nothing="Nothing that is known.",
            ),
            Section(
                "Alerts",
                lines=[", ".join(spread)] * bool(spread) + [f"{many(kept, 'alert')} more."] * (kept > 0),
                table=facts.alert_table(listed, became),
                nothing="None is stored.",
            ),
            facts.acts(asked),
        ],
    )


def _near(lead: AlertRecord | None, began: int) -> tuple[int, int]:
    if lead is None:
        return 2 * HOUR_MS, HOUR_MS
    return max(2 * HOUR_MS, 3 * wording.bucket_ms(lead)), max(HOUR_MS, lead.window_end - began)


def _has(found: IncidentRecord, now_ms: int) -> list[tuple[str, str]]:
    has = UNKNOWN if found.acknowledged_by is None else known(found.acknowledged_by)
    if found.acknowledged_by is None:
        has = "nobody acknowledged it" if found.status == "resolved" else "unacknowledged"
    facts_ = [("who", has), ("opened", f"{moment(found.opened_at)}, {wording.ago(found.opened_at, now_ms)}")]
    if found.acknowledged_at is not None:
        length = wording.duration(max(0, found.acknowledged_at - found.opened_at))
        facts_.append(("acknowledged", f"{moment(found.acknowledged_at)}, after {length}"))
    if found.status == "resolved":
        by = "its alerts ended" if found.resolved_by is None else f"by {known(found.resolved_by)}"
        facts_.append(("over", f"{moment(found.resolved_at)}, {by}"))
    return facts_


def _notified(rows: Sequence[NotificationRecord]) -> Table:
    cells = [
        [
            moment(each.created_at),
            known(each.cause),
            known(each.channel),
            known(each.state.replace("_", " ")),
            moment(each.sent_at) if each.sent_at is not None else "not taken",
            f"{each.attempts:,}",
            known(each.error) if each.error else "–",
        ]
        for each in reversed(rows)
    ]
    return Table(("decided", "why", "channel", "state", "taken", "tries", "last error"), cells)


def _nobody(found: IncidentRecord) -> str:
    return f"Nobody: {known(found.note)}" if found.note else f"Nobody; the reason is {UNKNOWN}."


def _open(
    found: IncidentRecord,
    notified: Sequence[NotificationRecord],
    worked: Sequence[ListedCase],
    down: Sequence[ChannelLoad],
    explained: Explained | None,
    near: Sequence[ChangeRecord],
) -> list[str]:
    lines = []
    if found.status == "firing":
        lines.append("Unacknowledged.")
    if found.firing_count:
        lines.append(f"{many(found.firing_count, 'alert')} still firing.")
    waiting = [each for each in notified if each.state != "sent"]
    if waiting:
        lines.append(
            f"{many(len(waiting), 'notification')} not taken: {', '.join(sorted({known(e.channel) for e in waiting}))}."
        )
    lines += [f"Channel {known(each.channel)} is down since {moment(each.since)}." for each in down]
    if explained is None or not explained.verdict or explained.verdict == "insufficient evidence":
        lines.append("The cause is not known.")
    if not near and not found.change_id:
        lines.append("No change of the platform is known near the onset.")
    for each in worked:
        if each.state not in SETTLED:
            owner = "nobody's" if each.owner is None else f"{known(each.owner)}'s"
            late = ", overdue" if each.overdue else ""
            tasks = f", {many(each.open_tasks, 'open task')}" if each.open_tasks else ""
            lines.append(f"Case {known(each.case_id)[:8]} is not over: {each.state}, {owner}{late}{tasks}.")
    if not found.case_ids:
        lines.append("No case belongs to it.")
    return lines
