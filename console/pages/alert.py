"""One alert: what is known of it, on one page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from console.context import PageContext, context
from console.parameters import Query
from livewarden.times import DAY_MS, HOUR_MS
from sinks.present import explanation, wording
from sinks.present.chart import Chart, Mark, Point, draw
from sinks.queries import alerts as view
from sinks.queries import cases, changes, dispositions, events, health, incidents, library_facts
from sinks.queries.alerts import JudgedBucket
from sinks.queries.changes import ChangeRecord
from sinks.queries.counted import configuration, evidence_of, of_changes, selection
from sinks.queries.events import CountedEvent
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord

EVENTS = 50
MOST_BUCKETS = 200
FARTHEST_MS = 400 * DAY_MS
"""An onset farther than this from the window is none."""


class NearChange(ChangeRecord):
    """A change near the onset of an alert: how far from it, and whether it names the slice."""

    offset_ms: int
    reaches: bool


async def alert(request: Request, _: Query) -> Response:
    """The page of an alert; 404 where there is none of that id."""
    at = context(request)
    found = await view.get(at.reader, request.path_params["alert_id"])
    if found is None:
        raise HTTPException(404, "there is no alert of that id")
    account = explanation.read(found.explanation)
    onset = account.onset_ms if account is not None else None
    if onset is not None and abs(onset - found.window_start) > FARTHEST_MS:
        onset = None
    until, topics, case, versions, others = await asyncio.gather(
        health.judged_until(at.reader),
        health.topics(at.reader),
        cases.get(at.reader, found.case_id or ""),
        view.versions(at.reader, found.alert_id),
        view.of_series(at.reader, found),
    )
    disposition, feedback = await asyncio.gather(
        dispositions.get(at.reader, found.alert_id), dispositions.feedback(at.reader, found.alert_id)
    )
    incident = await incidents.get(at.reader, disposition.incident_id) if disposition is not None else None
    monitor = dict(configuration(found, evidence_of(case.evidence if case is not None else ""), at.monitors))
    selected = selection(found, monitor, topics)
    began = onset if onset is not None else wording.scanned_from(found)
    (chart, changed), (first, total, happenings) = await asyncio.gather(
        surroundings(at, found, began, until, topics), _events(at.reader, selected)
    )
    facts = library_facts.of_alert(found, f"{at.title(found.monitor)} {' '.join(found.series.values())}")
    similar = await at.library.like(facts) if at.library is not None else None
    known = monitor | dict(at.monitors.get(found.monitor, {}))
    what = str(known.get("title") or found.monitor)
    return await at.page(
        request,
        "alert.html",
        alert=found,
        what=what,
        title=at.title,
        sentence=wording.sentence(found, what, onset, until),
        owner=str(known.get("owner") or ""),
        playbook=str(known.get("playbook") or ""),
        account=account,
        onset=onset,
        until=until,
        case=case,
        versions=versions,
        others=others,
        changes=changed,
        chart=chart,
        sql=None if selected is None else selected.as_text(EVENTS),
        total=total,
        happenings=happenings,
        events=first,
        near=near_ms(found),
        disposition=disposition,
        incident=incident,
        feedback=feedback,
        similar=similar,
    )


async def _events(reader: Reader, selected: events.Selection | None) -> tuple[list[CountedEvent], int, int]:
    return ([], 0, 0) if selected is None else await events.first(reader, selected, limit=EVENTS)


def near_ms(alert: AlertRecord) -> int:
    """How long before its onset changes of the platform are looked for."""
    return max(2 * HOUR_MS, 3 * wording.drawn_bucket_ms(alert))


async def surroundings(
    at: PageContext, alert: AlertRecord, began: int, until: int | None, topics: list[str]
) -> tuple[Chart | None, list[NearChange]]:
    """The chart of an alert, and the changes near its onset with how far from it they are (`offset_ms`)."""
    start, end = reach(alert, began, until)
    after = max(HOUR_MS, alert.window_end - began)
    points, changed = await asyncio.gather(
        view.judgements(at.reader, alert.alert_id, start, end),
        changes.around(at.reader, began, near_ms(alert), after, topics=of_changes(topics)),
    )
    near = [
        NearChange(**dict(each), offset_ms=each.at - began, reaches=reaches(each, alert.series)) for each in changed
    ]
    return chart_of(alert, points, changed, start, end), near


def reach(alert: AlertRecord, began: int, until: int | None) -> tuple[int, int]:
    """From when to when the chart goes: sixty buckets before it began, to its end and some more,
    200 buckets at most.
    """
    size = wording.drawn_bucket_ms(alert)
    start = began - max(60, alert.scan_buckets) * size
    over = alert.ends_at if alert.ends_at is not None else (until or alert.window_end)
    end = max(alert.window_end + 10 * size, over + 10 * size)
    end = min(end, start + MOST_BUCKETS * size, max(until or 0, alert.window_end))
    return start - start % size, max(end, alert.window_end)


def chart_of(
    alert: AlertRecord,
    rows: Sequence[JudgedBucket],
    changed: Sequence[ChangeRecord],
    start: int,
    end: int,
) -> Chart | None:
    """Observed against expected, the window shaded, the changes marked; counts of measures as bars."""
    return draw(
        [Point(row.window_start, row.observed, row.expected, row.score) for row in rows],
        wording.drawn_bucket_ms(alert),
        from_ms=start,
        to_ms=end,
        window=(wording.scanned_from(alert), alert.window_end),
        marks=[Mark(each.at, f"{wording.when(each.at)} {each.kind} {each.target}") for each in changed],
        bars=alert.kind.startswith("ENFORCEMENT"),
    )


def reaches(change: ChangeRecord, series: Mapping[str, str]) -> bool:
    """Whether a change's scope, or its target, names the slice of a series."""
    return (
        series.get("market") in change.markets
        or series.get("action_type") in change.action_types
        or (change.target != "" and change.target in series.values())
    )
