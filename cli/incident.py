"""`livewarden incident`: what on-call has before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.act import ActionForm, As, Expects, Limit, Url, Why, look, perform, whole
from cli.common import AsJson, print_json
from cli.show import (
    print_actions,
    print_alerts_of,
    print_facts,
    print_notifications,
    print_part,
    print_rows,
    shortener,
    times,
    when,
)
from livewarden.action import Acknowledge, Action, ResolveIncident
from livewarden.severity import Severity

if TYPE_CHECKING:
    from sinks.store.reader import Reader
    from sinks.store.records import ActionRecord, AlertRecord, DispositionRecord, IncidentRecord, NotificationRecord

app = typer.Typer(help="What on-call gets as one thing: look, acknowledge, resolve.")
Id = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or as much of the beginning as is unique.")]


@dataclass(frozen=True)
class IncidentPage:
    """An incident with all that belongs to it; `dispositions` by alert."""

    incident: IncidentRecord
    alerts: list[AlertRecord]
    dispositions: dict[str, DispositionRecord]
    notifications: list[NotificationRecord]
    actions: list[ActionRecord]


@app.command("list")
def list_(
    over: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    status: Annotated[Literal["firing", "acknowledged", "resolved"] | None, typer.Option(help="Only these.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only these.")] = None,
    owner: Annotated[str, typer.Option(help="Only those of this team.", show_default=False)] = "",
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Incidents that are not over: firing first, by severity, then the newest.

    Example: livewarden incident list --severity critical
    """
    from sinks.queries import incidents

    wanted = incidents.IncidentFilter(
        status=status or "", severity=severity or "", owner=owner, open=not over and not status
    )
    found = look(url, lambda reader: incidents.find(reader, wanted, limit=limit))
    if as_json:
        print_json(found)
        return
    cut = shortener(each.incident_id for each in found)
    rows = [
        (
            cut(each.incident_id),
            each.severity,
            each.status,
            when(each.started_at),
            f"{each.firing_count:,} of {each.alert_count:,}",
            each.acknowledged_by,
            each.owner,
            each.title,
        )
        for each in found
    ]
    columns = ("incident", "severity", "status", "since", "firing", "acknowledged by", "team", "title")
    print_rows("no incident", columns, rows, right=("firing",))


@app.command()
def show(incident: Id, url: Url = None, as_json: AsJson = False) -> None:
    """One incident: its alerts and what became of each, who was notified, who did what.

    Example: livewarden incident show 5f0c2a9b
    """
    from sinks.queries import actions, alerts, dispositions, incidents, notifications

    async def all_of_it(reader: Reader) -> IncidentPage:
        full = await whole(reader, "incident", incident)
        listed, found = await alerts.inside(reader, "incident", full), await incidents.get(reader, full)
        assert found is not None
        return IncidentPage(
            incident=found,
            alerts=listed,
            dispositions=await dispositions.by_alert(reader, [each.alert_id for each in listed]),
            notifications=await notifications.find(reader, incident_id=full),
            actions=await actions.about(reader, full),
        )

    found = look(url, all_of_it)
    if as_json:
        print_json(found)
        return
    _print(found)


def _print(found: IncidentPage) -> None:
    it = found.incident
    print_facts(
        [
            ("incident", it.incident_id),
            ("title", it.title),
            ("status", f"{it.status}, version {it.version}"),
            ("severity", it.severity),
            ("since", when(it.started_at)),
            ("until", when(it.ended_at)),
            ("alerts", f"{it.alert_count:,}, {it.firing_count:,} firing"),
            ("team", it.owner),
            ("change", it.change_id),
            ("cases", " ".join(it.case_ids)),
            ("notified", f"{times(it.notified)}, first {when(it.notified_at)}" if it.notified else "nobody"),
            (
                "acknowledged by",
                it.acknowledged_by and f"{it.acknowledged_by} since {when(it.acknowledged_at)}",
            ),
            ("resolved", it.resolved_at and f"{when(it.resolved_at)} by {it.resolved_by or 'its alerts'}"),
            ("note", it.note),
        ]
    )
    print_alerts_of(found.alerts, found.dispositions, it.alert_count)
    print_part("Notifications")
    print_notifications("none", found.notifications)
    print_part("Actions")
    print_actions("none", found.actions)


@app.command()
def ack(
    incident: Id, why: Why = "", expects: Expects = None, who: As = None, url: Url = None, as_json: AsJson = False
) -> int:
    """Take it: nobody else is called for it until it is over.

    Example: livewarden incident ack 5f0c2a9b --why "looking at the CDN"
    """

    async def request(form: ActionForm) -> Action:
        full = await form.one("incident", incident)
        return Acknowledge(**form.stamp(why), incident_id=full, expects=expects)

    return perform(request, url, who, as_json)


@app.command()
def resolve(
    incident: Id, why: Why = "", expects: Expects = None, who: As = None, url: Url = None, as_json: AsJson = False
) -> int:
    """End it, whatever its alerts still say. A new alert begins another incident.

    Example: livewarden incident resolve 5f0c2a9b --why "switched back"
    """

    async def request(form: ActionForm) -> Action:
        full = await form.one("incident", incident)
        return ResolveIncident(**form.stamp(why), incident_id=full, expects=expects)

    return perform(request, url, who, as_json)
