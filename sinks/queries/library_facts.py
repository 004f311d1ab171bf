"""The facts of a case, or of an alert, that an entry of the library is made of."""

from __future__ import annotations

import json
from typing import Any

from livewarden.errors import SetupError
from livewarden.library import CaseFacts
from sinks.queries import blast_radius, cases, harm
from sinks.store.reader import Reader
from sinks.store.records import ExplainedAlert


async def of_case(reader: Reader, case_id: str) -> CaseFacts | None:
    """The facts of a case that people worked on; None where there is none of that id."""
    case = await cases.record(reader, case_id)
    if case is None:
        return None
    rows = await reader.select(
        "SELECT series, explanation FROM alerts FINAL WHERE run = 'live' AND alert_id IN {ids:Array(String)}"
        " ORDER BY window_start, alert_id LIMIT 1000",
        {"ids": case.alert_ids},
    )
    explained = [_explained(row["explanation"]) for row in rows]
    links = cases.listed(case.links)
    measured = await _measured(reader, case_id)
    return CaseFacts(
        case_id=case.case_id,
        title=case.title,
        kind=case.kind,
        state=case.state,
        resolution=case.resolution,
        reason=case.reason,
        started_ms=case.started_at,
        closed_ms=case.closed_at if case.closed_at is not None else case.resolved_at,
        series=tuple(row["series"] for row in rows),
        verdicts=tuple(verdict for verdict, _ in explained if verdict),
        changes=tuple(change for _, changes in explained for change in changes),
        links=tuple((str(e.get("kind")), str(e.get("ref")), str(e.get("outcome") or "")) for e in links),
        packages=tuple(str(each["digest"]) for each in cases.listed(case.evidence) if "digest" in each),
        **measured,
    )


def of_alert(alert: ExplainedAlert, title: str) -> CaseFacts:
    """The facts of one alert."""
    verdict, changes = _explained(alert.explanation)
    return CaseFacts(
        case_id=alert.case_id or alert.alert_id,
        title=title,
        kind=alert.kind,
        state=alert.status,
        resolution="",
        reason="",
        started_ms=alert.window_start,
        closed_ms=None,
        series=(alert.series,),
        verdicts=(verdict,) if verdict else (),
        changes=changes,
    )


def _explained(stored: str | None) -> tuple[str, tuple[str, ...]]:
    """The verdict of an explanation, and the changes beside its onset."""
    try:
        found = json.loads(stored or "{}")
    except (ValueError, RecursionError):
        return "", ()
    if not isinstance(found, dict):
        return "", ()
    card, changes = found.get("verdict"), found.get("changes")
    verdict = card.get("verdict") if isinstance(card, dict) else card
    named = [each.get("change_id") for each in changes if isinstance(each, dict)] if isinstance(changes, list) else []
    return verdict if isinstance(verdict, str) else "", tuple(each for each in named if isinstance(each, str))


_WRONG = ("appeal_granted", "proactive_correction", "bulk_rollback")
"""Reversals that say that the measure was wrong."""
_FIELDS = ("policy_id", "policy_version", "action_type", "queue_id", "model_id", "model_version", "subject_type")


async def _measured(reader: Reader, case_id: str) -> dict[str, Any]:
    """Of the measures in the case's slices: how many, of how many shops, how many taken back, what the cut LIVEs among
    them cost (sales of one currency only: unlike money is not added), and what most of them are.
    """
    try:
        slices = await blast_radius.slices_of(reader, case_id)
    except SetupError:  # its alerts do not say which measures are meant
        return {}
    siblings = await blast_radius.siblings(reader, slices)
    if not siblings:
        return {}
    ids = [each.action_id for each in siblings][:50_000]
    cost = await harm.of_measures(reader, ids)
    most = ", ".join(f"topK(1)(ifNull({name}, ''))[1] AS {name}" for name in _FIELDS)
    rows = await reader.select(
        f"SELECT {most} FROM enforcement_actions WHERE action_id IN {{ids:Array(String)}}", {"ids": ids}
    )
    return {
        "measures": sum(each.weight for each in siblings),
        "wrong_measures": sum(each.weight for each in siblings if each.reversal in _WRONG),
        "shops": len({each.shop_id for each in siblings if each.shop_id}) or None,
        "viewer_minutes": round(cost.viewer_minutes) if cost.known else None,
        "gmv_minor": next(iter(cost.gmv_minor.values())) if len(cost.gmv_minor) == 1 else None,
        "measured": {name: value for name, value in rows[0].items() if value},
    }
