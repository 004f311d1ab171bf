"""`livewarden alert`: one deviation, what became of it, and what it was worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.act import ActionForm, As, Limit, Url, Why, look, perform, since_option, whole
from cli.common import AsJson, number, print_json, where
from cli.show import clean, print_actions, print_alerts, print_facts, print_part, print_rows, shortener, when
from livewarden.action import Action
from livewarden.action import Feedback as FeedbackAction
from livewarden.clock import SystemClock
from livewarden.severity import Severity
from livewarden.wording import against

if TYPE_CHECKING:
    from sinks.store.reader import Reader
    from sinks.store.records import ActionRecord, AlertRecord, DispositionRecord, ExplainedAlert, FeedbackRecord

app = typer.Typer(help="Single deviations: look, why nobody was notified, say what one was worth.")
Id = Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or as much of the beginning as is unique.")]
Outcome = Literal[
    "waiting", "grouped", "inhibited", "silenced", "maintenance", "quiet_hours", "stale", "suppressed", "no_route"
]


@dataclass(frozen=True)
class AlertPage:
    """An alert, what became of it, and what people said and did."""

    alert: ExplainedAlert
    disposition: DispositionRecord | None
    feedback: FeedbackRecord | None
    actions: list[ActionRecord]


@dataclass(frozen=True)
class Unnotified:
    """Why nobody was notified of an alert."""

    alert_id: str
    suppressed_by: str | None
    disposition: DispositionRecord | None


@app.command("list")
def list_(
    over: Annotated[bool, typer.Option("--all", help="Also those that are over, or were kept back.")] = False,
    monitor: Annotated[str, typer.Option(help="Only those of this monitor.", show_default=False)] = "",
    slice_: Annotated[
        str,
        typer.Option("--slice", metavar="TEXT", help="Only where name=value of the series has it.", show_default=False),
    ] = "",
    severity: Annotated[Severity | None, typer.Option(help="Only these.")] = None,
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Alerts that fire: by severity, then the newest, each with what became of it.

    Example: livewarden alert list --slice market=DE
    """
    from sinks.queries import alerts, dispositions

    wanted = alerts.AlertFilter(
        monitor=monitor,
        slice=slice_,
        severity=severity or "",
        status="" if over else "firing",
        suppressed="yes" if over else "no",
    )

    async def page(reader: Reader) -> tuple[list[AlertRecord], dict[str, DispositionRecord]]:
        found = await alerts.find(reader, wanted, limit=limit)
        return found, await dispositions.by_alert(reader, [each.alert_id for each in found])

    found, became = look(url, page)
    if as_json:
        outcomes = {name: each.outcome for name, each in became.items()}
        print_json([each.plain() | {"outcome": outcomes.get(each.alert_id)} for each in found])
    else:
        print_alerts("no alert", found, became)


@app.command()
def show(alert: Id, url: Url = None, as_json: AsJson = False) -> None:
    """One alert: how big against expected, since when, why, what became of it and what it was worth.

    Example: livewarden alert show 9d1e4c77
    """
    from sinks.present.explanation import read
    from sinks.queries import actions, alerts, dispositions

    async def all_of_it(reader: Reader) -> AlertPage:
        full = await whole(reader, "alert", alert)
        found = await alerts.get(reader, full)
        assert found is not None
        return AlertPage(
            alert=found,
            disposition=await dispositions.get(reader, full),
            feedback=await dispositions.feedback(reader, full),
            actions=await actions.about(reader, full),
        )

    found = look(url, all_of_it)
    if as_json:
        print_json(found)
        return
    it, disposition, judged = found.alert, found.disposition, found.feedback
    explained = read(it.explanation)
    print_facts(
        [
            ("alert", it.alert_id),
            ("what", f"{it.kind}, {it.direction}"),
            ("monitor", it.monitor),
            ("series", where(it.series)),
            ("status", f"{it.status}, version {it.version}"),
            ("severity", it.severity),
            ("since", when(it.window_start)),
            ("until", when(it.ends_at)),
            ("observed", against(it.observed, it.expected)),
            ("score", number(it.score)),
            ("score made of", explained.anatomy if explained is not None else ""),
            ("why", explained.text if explained is not None else ""),
            ("became", _sentence(disposition, it.suppressed_by)),
            ("incident", disposition.incident_id if disposition is not None else ""),
            ("case", it.case_id),
            ("worth", judged and " · ".join(filter(None, (judged.verdict, judged.cause, judged.why)))),
        ]
    )
    print_part("Actions")
    print_actions("none", found.actions)


@app.command()
def why(
    alert: Annotated[
        str | None, typer.Argument(metavar="[ALERT]", help="One alert; the latest ones where left out.")
    ] = None,
    monitor: Annotated[str, typer.Option(help="Only those of this monitor.", show_default=False)] = "",
    outcome: Annotated[Outcome | None, typer.Option(help="Only those kept back so.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Only from then on, or for so long: 2h.", show_default=False),
    ] = None,
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Why was I not paged: alerts that nobody was notified of, and what kept each back.

    Example: livewarden alert why --from 12h
    """
    from sinks.queries import alerts, dispositions

    async def one(reader: Reader, short: str) -> Unnotified:
        full = await whole(reader, "alert", short)
        found = await alerts.get(reader, full)
        assert found is not None
        return Unnotified(full, found.suppressed_by, await dispositions.get(reader, full))

    if alert is not None:
        short = alert
        about = look(url, lambda reader: one(reader, short))
        if as_json:
            print_json(about)
        else:
            print(clean(_sentence(about.disposition, about.suppressed_by)))
        return
    start = since_option(since, SystemClock().now_ms())
    found = look(
        url,
        lambda reader: dispositions.kept_back(
            reader, monitor=monitor, outcome=outcome or "", since_ms=start, limit=limit
        ),
    )
    if as_json:
        print_json(found)
        return
    cut = shortener(each.alert_id for each in found)
    rows = [
        (
            cut(each.alert_id),
            each.outcome,
            when(each.at),
            each.severity,
            each.monitor,
            where(each.series),
            each.reason,
        )
        for each in found
    ]
    columns = ("alert", "outcome", "at", "severity", "monitor", "series", "why")
    print_rows("no alert was kept back", columns, rows)


@app.command()
def feedback(
    alert: Id,
    verdict: Annotated[
        Literal["true", "expected", "false"],
        typer.Argument(help="What it was worth; expected: real, and no reason to call anybody."),
    ],
    cause: Annotated[str, typer.Option(help="What caused it, in a word or two.", show_default=False)] = "",
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Say what an alert was worth. The last word counts, and monitors are measured by it.

    Example: livewarden alert feedback 9d1e4c77 expected --cause campaign
    """

    async def request(form: ActionForm) -> Action:
        full = await form.one("alert", alert)
        return FeedbackAction(**form.stamp(why), alert_id=full, verdict=verdict, cause=cause)

    return perform(request, url, who, as_json)


def _sentence(disposition: DispositionRecord | None, suppressed_by: str | None) -> str:
    if disposition is not None:
        by = f" (by {disposition.by})" if disposition.by and disposition.by not in disposition.reason else ""
        return f"{disposition.outcome} at {when(disposition.at)}: {disposition.reason}{by}"
    if suppressed_by is not None:
        return f"kept back by detection: {suppressed_by}"
    return "not decided yet: the response has not read it"
