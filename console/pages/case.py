"""One case: what is known of it, what was done, and what may be done next; and its evidence as a file."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from console.casework import VERBS, ShownLink, ShownPackage, ShownTask, items
from console.context import context
from console.parameters import ANSWER, Query
from livewarden.case_state import MOVES, RESOLUTIONS
from livewarden.times import HOUR_MS
from sinks.present import explanation, wording
from sinks.present.chart import Chart, Mark, Point, draw, step_ms
from sinks.queries import alerts, changes, health, incidents
from sinks.queries import cases as view
from sinks.queries.cases import WholeCase
from sinks.queries.changes import ChangeRecord
from sinks.queries.counted import SeriesPoints, evidence_of, of_changes, series_points
from sinks.store.records import AlertRecord, HistoryRecord

MOST_CHARTS = 6
MOST_POINTS = 96
"""Series that are drawn, and the newest points of each."""
MOST_ALERTS = 50
MOST_ENTRIES = 60
"""Alerts in the list, and entries of the timeline that are no work of people."""
EVIDENCE_SHOWN = 8_000
"""Characters of the evidence that the page shows; the file has all."""
_PACKAGE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}\.evidence\.zip")
TASK = ("id", "text", "owner", "due_at", "done_by", "done_at", "kind", "mandatory", "answer", "unnecessary")
LINKS = ("ticket", "decision", "change", "case", "alert", "incident", "playbook", "url")


async def case(request: Request, _: Query) -> Response:
    """The page of a case; 404 where there is none of that id."""
    at = context(request)
    if ANSWER in request.query_params and await view.get(at.reader, request.path_params["case_id"]) is None:
        return RedirectResponse(
            f"/cases?{urlencode({ANSWER: request.query_params[ANSWER]})}", 303
        )  # it is being written
    found = await _found(request)
    start, end = found.started_at, found.ended_at or found.started_at
    topics = of_changes(await health.topics(at.reader))
    similar = await at.library.like_case(found.case_id) if at.library is not None else None
    until, listed, changed, history, raised = await asyncio.gather(
        health.judged_until(at.reader),
        alerts.by_ids(at.reader, found.alert_ids, limit=MOST_ALERTS),
        changes.around(at.reader, start, 2 * HOUR_MS, max(HOUR_MS, end - start), topics=topics, limit=30),
        view.history(at.reader, found.case_id),
        incidents.of_case(at.reader, found.case_id),
    )
    series = series_points(evidence_of(found.evidence))
    happened = timeline(found, listed, changed)[:MOST_ENTRIES]
    happened += [Happened(each.at, "work", each, _details(each.details)) for each in history]
    return await at.page(
        request,
        "case.html",
        case=found,
        title=at.title,
        until=until,
        alerts=listed,
        incidents=raised,
        tasks=[ShownTask(**each) for each in items(found.tasks, *TASK)],
        links=[ShownLink(**each) for each in items(found.links, "kind", "ref", "by", "at", "outcome")],
        packages=[
            ShownPackage(**each, here=kept(at.packages, each["name"]) is not None)
            for each in items(found.packages, "name", "digest", "size", "by", "at")
        ],
        moves=MOVES.get(found.state, ()) if found.worked else (),
        verbs=VERBS,
        resolutions=RESOLUTIONS,
        link_kinds=LINKS,
        timeline=sorted(happened, key=lambda entry: entry.at),
        charts=[(each, _chart(each, listed, changed)) for each in series[:MOST_CHARTS]],
        more_charts=max(0, len(series) - MOST_CHARTS),
        evidence=found.evidence[:EVIDENCE_SHOWN],
        cut=len(found.evidence) > EVIDENCE_SHOWN,
        size=len(found.evidence.encode()),
        similar=similar,
        clock=_how(found.clock),
        keeps=at.library is not None and found.state in ("closed", "dismissed"),
    )


async def evidence(request: Request, _: Query) -> Response:
    """The evidence of a case as it is stored, as a file to keep."""
    found = await _found(request)
    if not found.evidence:
        raise HTTPException(404, "this case came with no evidence: it was opened by hand")
    name = "".join(letter for letter in found.case_id if letter.isascii() and (letter.isalnum() or letter in "-_"))
    headers = {"Content-Disposition": f'attachment; filename="evidence-{name}.json"'}
    return Response(found.evidence, media_type="application/json", headers=headers)


async def package(request: Request, _: Query) -> Response:
    """An evidence package that stands in the case's history, as the file that was kept."""
    at, found, name = context(request), await _found(request), request.path_params["name"]
    noted = [each["name"] for each in items(found.packages, "name")]
    path = kept(at.packages, name) if name in noted else None
    if path is None:
        raise HTTPException(404, "there is no such package here")
    return FileResponse(path, media_type="application/zip", filename=name)


def kept(folder: Path | None, name: object) -> Path | None:
    """The file of that name in the folder of packages; None where there is none. A name cannot lead out of the folder.

    >>> kept(Path("/"), "../etc/passwd"), kept(None, "case.evidence.zip")
    (None, None)
    """
    if folder is None or not isinstance(name, str) or _PACKAGE.fullmatch(name) is None:
        return None
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None


async def _found(request: Request) -> WholeCase:
    found = await view.get(context(request).reader, request.path_params["case_id"])
    if found is None:
        raise HTTPException(404, "there is no case of that id")
    return found


def _details(details: str) -> str:
    try:
        lines = explanation.tree(json.loads(details or "{}"))
    except (ValueError, RecursionError):
        return ""
    known = [f"{line.name.replace('_', ' ')} {line.text}" for line in lines if line.text not in ("", "null")]
    return ", ".join(known[:8])


def _how(clock: str) -> str:
    """How the deadline came about, in words."""
    try:
        found = json.loads(clock or "{}")
    except ValueError:
        return ""
    return str(found.get("how", "")) if isinstance(found, dict) else ""


class Happened(NamedTuple):
    """An entry of the timeline: when, what (work, begins, alert, over, change, ended), the row it is about, details."""

    at: int
    what: str
    row: HistoryRecord | AlertRecord | ChangeRecord | WholeCase
    details: str = ""


def timeline(case: WholeCase, listed: Sequence[AlertRecord], changed: Sequence[ChangeRecord]) -> list[Happened]:
    """What happened besides the work of people, in order."""
    entries = [Happened(each.window_start, "alert", each) for each in listed]
    entries += [Happened(each.ends_at, "over", each) for each in listed if each.ends_at is not None]
    entries += [Happened(each.at, "change", each) for each in changed]
    if case.ended_at is not None:
        entries.append(Happened(case.ended_at, "ended", case))
    order = {"change": 0, "alert": 1, "over": 2, "ended": 3}
    return sorted(entries, key=lambda entry: (entry.at, order[entry.what]))


def _chart(series: SeriesPoints, listed: Sequence[AlertRecord], changed: Sequence[ChangeRecord]) -> Chart | None:
    points = series.points[-MOST_POINTS:]
    if not points:
        return None
    own = [each for each in listed if (each.monitor, each.series) == (series.monitor, series.series)]
    starts = [point[0] for point in points]
    size = step_ms(starts)
    window = (min(map(wording.scanned_from, own)), max(each.window_end for each in own)) if own else None
    return draw(
        [Point(*point) for point in points],
        size,
        from_ms=starts[0],
        to_ms=starts[-1] + size,
        window=window,
        marks=[Mark(each.at, f"{wording.when(each.at)} {each.kind} {each.target}") for each in changed],
        bars=bool(own) and own[0].kind.startswith("ENFORCEMENT"),
    )
