"""Rows of an evening with its answers: four incidents, six cases, what was silenced, sent and judged."""

from __future__ import annotations

import json
from typing import Any, Final

from livewarden.ids import stable_id
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from sinks.store.store import Store
from tests.console_fixtures import HOSTILE, alert_row, change_row, event_row, judgement_row

ALERTS: Final = [stable_id("alert", number) for number in range(5)]
"""Notified and firing; a child of it; silenced; kept back by detection; notified and over."""
INCIDENTS: Final = [stable_id("incident", number) for number in range(4)]
"""Firing; acknowledged; resolved; firing and nobody was notified."""
CASES: Final = [stable_id("case", number) for number in range(6)]
"""Candidate; open and overdue; resolved; dismissed; merged into the second; in triage, without an owner."""
SILENCES: Final = [stable_id("silence", number) for number in range(3)]
"""Holds now; over; begins later."""
TASKS: Final = [stable_id("task", number) for number in range(2)]


async def fill(store: Store, now_ms: int) -> None:
    """Write all of it, with the clock at `now_ms`."""
    for name, rows in evening(now_ms).items():
        await store.write(name, rows)


def evening(now_ms: int) -> dict[str, list[dict[str, Any]]]:
    """The rows by table."""
    ago = now_ms - HOUR_MS
    sample = {"room_id": "r1", "market": "DE", "window_s": 10, "orders": 3, "gmv_minor": 4500, "currency": "EUR"}
    explanation = {
        "text": "Policy p7 carries it",
        "verdict": {"verdict": "POLICY", "strength": "moderate", "for": ["p7 was rolled out"], "against": []},
        "slices": {"causes": [{"slice": {"policy_id": "p7"}, "share": 0.9, "without": 0.8}]},
        "changes": [{"change_id": "ch-7"}],
    }
    return {
        "events": [
            event_row(0),
            event_row(1, late=1),
            event_row(2, topic="live.traffic", type="traffic.sample", data=json.dumps(sample)),
            change_row(3, ago, change_id="ch-7"),
        ],
        "dead_letters": [
            {
                **{
                    "topic": "live.rooms",
                    "partition": 0,
                    "offset": 9,
                    "reason": "contract",
                    "detail": "room_id is missing",
                },
                **{"key": "", "headers": "{}", "value": b"{}", "recorded_at": ago},
            }
        ],
        "judgements": [judgement_row(minute) for minute in range(-2, 3)],
        "alerts": [
            alert_row(alert_id=ALERTS[0], explanation=json.dumps(explanation), case_id=CASES[1], window_start=ago),
            alert_row(alert_id=ALERTS[1], severity="warning", series={"market": "DE"}, case_id=CASES[1]),
            alert_row(alert_id=ALERTS[2], monitor="stalls", series={"market": HOSTILE}, severity="warning"),
            alert_row(alert_id=ALERTS[3], monitor="stalls", suppressed_by="cooldown"),
            alert_row(alert_id=ALERTS[4], status="resolved", ends_at=ago, severity="info", case_id=CASES[2]),
        ],
        "case_candidates": [candidate(case_id, ago) for case_id in CASES],
        "incidents": [
            incident(
                INCIDENTS[0],
                ago,
                lead_alert_id=ALERTS[0],
                case_ids=[CASES[1]],
                title=HOSTILE,
                notified=1,
                notified_at=ago,
            ),
            incident(INCIDENTS[1], ago, status="acknowledged", severity="warning", version=2)
            | {"acknowledged_by": "ana", "acknowledged_at": ago + 240_000, "notified": 1, "notified_at": ago},
            incident(INCIDENTS[2], ago, status="resolved", resolved_at=now_ms, ended_at=now_ms, firing_count=0)
            | {"acknowledged_by": "ben", "acknowledged_at": ago + 60_000, "note": "campaign spring-sale"},
            incident(INCIDENTS[3], ago, severity="info", note="quiet hours until 08:00"),
        ],
        "dispositions": [
            disposition(0, ago, "notified", "", "notified as a new incident"),
            disposition(1, ago, "inhibited", ALERTS[0], f"part of alert {ALERTS[0][:8]} of measures"),
            disposition(2, ago, "silenced", SILENCES[0], HOSTILE, incident_id=INCIDENTS[1], monitor="stalls"),
            disposition(3, ago, "suppressed", "", "cooldown of the series", incident_id="", monitor="stalls"),
            disposition(4, ago, "notified", "", "notified as a new incident", incident_id=INCIDENTS[2]),
        ],
        "silences": [
            silence(0, now_ms, -HOUR_MS, HOUR_MS, hits=3),
            silence(1, now_ms, -2 * DAY_MS, -DAY_MS, ended_by="ana"),
            silence(2, now_ms, HOUR_MS, 2 * HOUR_MS, kind="maintenance", effect="annotate", reason=HOSTILE),
        ],
        "notifications": [
            notification(0, ago, sent_at=ago + 2_000),
            notification(1, ago, state="pending", attempts=3, error="503 Service Unavailable", channel="on-call"),
        ],
        "channels": [
            {"channel": "team", "version": 1, "state": "up", "since": ago, "failures": 0, "error": ""},
            {"channel": "on-call", "version": 4, "state": "down", "since": ago, "failures": 3, "error": "503"},
        ],
        "cases": [
            case(0, ago),
            case(1, ago, state="open", version=4, owner="ana", due_at=ago, overdue=1, opened_at=ago, title=HOSTILE)
            | {"alert_ids": ALERTS[:2], "firing_count": 2, "open_tasks": 1, "tasks": json.dumps(tasks())}
            | {"links": json.dumps([{"kind": "change", "ref": "ch-7", "by": "ana", "at": "2026-03-06T19:00:00Z"}])},
            case(2, ago, state="resolved", version=5, resolution="ROLLED_BACK", reason="7.2.0 was rolled back")
            | {"opened_at": ago, "resolved_at": now_ms - MINUTE_MS, "alert_ids": ALERTS[4:], "reopened": 1},
            case(
                3,
                ago,
                state="dismissed",
                version=2,
                resolution="BELOW_THRESHOLD",
                reason="12 shops",
                resolved_at=ago + MINUTE_MS,
            ),
            case(4, ago, state="merged", version=2, merged_into=CASES[1], alert_ids=ALERTS[1:2]),
            case(5, ago, state="triage", version=2, opened_at=ago, severity="info"),
        ],
        "case_history": [
            history(1, ago, "livewarden", "created", "", "candidate", "2 alerts of measures"),
            history(2, ago + MINUTE_MS, "ana", "moved", "candidate", "open", HOSTILE),
            history(3, ago + 2 * MINUTE_MS, "ana", "noted", "open", "open", "first line\nsecond line"),
        ],
        "actions": [
            action(0, ago, "acknowledge", INCIDENTS[1], "accepted", "ana has it"),
            action(1, ago, "move_case", CASES[1], "refused", "the case has changed: version 4, you saw 3"),
        ],
        "feedback": [
            judged(0, ago, "true"),
            judged(2, ago, "false", monitor="stalls", why=HOSTILE),
        ],
    }


def incident(incident_id: str, at: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"incident_id": incident_id, "version": 1, "status": "firing", "title": "Measures in DE"}
    row |= {"severity": "critical", "lead_alert_id": ALERTS[2], "alert_count": 2, "firing_count": 1, "note": ""}
    row |= {"monitors": ["measures"], "case_ids": [], "change_id": None, "owner": "live-integrity", "started_at": at}
    row |= {"ended_at": None, "opened_at": at, "notified_at": None, "notified": 0, "acknowledged_by": None}
    return row | {"acknowledged_at": None, "resolved_at": None, "resolved_by": None} | changes


def disposition(number: int, at: int, outcome: str, by: str, reason: str, **changes: Any) -> dict[str, Any]:
    row = {"alert_id": ALERTS[number], "version": 1, "incident_id": INCIDENTS[0], "monitor": "measures", "at": at}
    return row | {"severity": "warning", "outcome": outcome, "by": by, "reason": reason} | changes


def silence(number: int, now: int, start: int, end: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"silence_id": SILENCES[number], "version": 1, "kind": "silence", "effect": "mute"}
    row |= {"matchers": ["market=DE", "monitor~stall*"], "owner": "live-platform", "reason": "CDN migration"}
    row |= {"created_by": "ana", "created_at": now + start, "starts_at": now + start, "ends_at": now + end}
    return row | {"ended_by": None, "reminded": 0, "hits": 0} | changes


def notification(number: int, at: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"notification_id": stable_id("n", number), "version": 1, "incident_id": INCIDENTS[0]}
    row |= {"number": 1, "cause": "new", "route": "default", "channel": "team", "state": "sent", "attempts": 1}
    return row | {"error": "", "title": "t", "body": "b", "created_at": at, "due_at": at, "sent_at": None} | changes


def case(number: int, at: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"case_id": CASES[number], "version": 1, "title": "Measures in DE", "state": "candidate"}
    row |= {"kind": "ENFORCEMENT_SPIKE", "severity": "critical", "owner": None, "escalated_to": None, "due_at": None}
    row |= {"overdue": 0, "resolution": "", "reason": "", "merged_into": None, "reopened": 0, "alert_ids": []}
    row |= {"firing_count": 0, "monitors": ["measures"], "open_tasks": 0, "tasks": "[]", "links": "[]"}
    row |= {"evidence": "[]", "started_at": at, "ended_at": None, "created_at": at, "opened_at": None}
    return row | {"resolved_at": None, "closed_at": None} | changes


def candidate(case_id: str, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"run": "live", "case_id": case_id, "version": 1, "title": "Measures in DE", "status": "open"}
    row |= {"grouping": "g", "kind": "ENFORCEMENT_SPIKE", "started_at": at, "ended_at": None, "alert_ids": []}
    return row | {"monitors": ["measures"], "series": [{"market": "DE"}], "severity": "critical", "evidence": "{}"}


def tasks() -> list[dict[str, Any]]:
    undone = {"done_by": None, "done_at": None}
    return [
        {"id": TASKS[0], "text": HOSTILE, "owner": "ben", "due_at": "2026-03-09T12:00:00Z"} | undone,
        {"id": TASKS[1], "text": "tell the merchants", "owner": None, "due_at": None, "done_by": "ben", "done_at": "x"},
    ]


def history(number: int, at: int, who: str, what: str, before: str, after: str, why: str) -> dict[str, Any]:
    row = {"case_id": CASES[1], "number": number, "at": at, "who": who, "what": what, "from_state": before}
    return row | {"to_state": after, "why": why, "details": "{}", "action_id": ""}


def action(number: int, at: int, do: str, target: str, outcome: str, answer: str) -> dict[str, Any]:
    row = {"action_id": stable_id("action", number), "at": at, "asked_at": at, "who": "ana", "role": "operator"}
    return row | {"do": do, "target": target, "outcome": outcome, "answer": answer, "data": "{}"}


def judged(number: int, at: int, verdict: str, **changes: Any) -> dict[str, Any]:
    row = {"alert_id": ALERTS[number], "version": 1, "monitor": "measures", "verdict": verdict, "cause": "policy"}
    return row | {"why": "", "who": "ana", "at": at} | changes
