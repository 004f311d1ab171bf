"""The console for tests: served on loopback over a database of its own, and rows to fill that with."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from cli.radius import StoredRadius
from cli.shelf import StoredLibrary
from console.access import Access
from console.app import Console
from console.server import serving
from livewarden.action import ACTION, Acknowledge, Action, Answer, ResolveIncident, target_of
from livewarden.checkpoint import Checkpoint
from livewarden.clock import ManualClock
from livewarden.errors import RetryLater
from livewarden.library_entry import LibraryEntry
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms, instant, to_ms
from models.library.stored import library_row
from sinks.queries import cases, incidents
from sinks.queries.counted import Monitors
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader

T0: Final = 1_772_820_000_000
"""2026-03-06T18:00:00Z, the window of the alerts below."""
SECRET: Final = "what forms are sealed with in tests"
HOSTILE: Final = (
    """</title><script>alert('x')</script>"><img src=x onerror=alert(1)> '; DROP TABLE alerts; -- {{ 7 * 7 }} &amp;"""
)
"""What no page may show but as text."""


def alert_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Alert `number`: firing, critical, DE, one minute, 257 in 15 minutes, expected 60."""
    row = {
        "run": "live",
        "alert_id": f"alert-{number}",
        "version": 1,
        "episode_id": f"alert-{number}",
        "monitor": "measures",
        "kind": "ENFORCEMENT_SPIKE",
        "direction": "UP",
        "series": {"market": "DE", "policy_id": "p7"},
        "window_start": T0,
        "window_end": T0 + MINUTE_MS,
        "observed": 30,
        "expected": 4,
        "score": 8.5,
        "scan_buckets": 15,
        "scan_observed": 257,
        "scan_expected": 60,
        "subjects": 12,
        "severity": "critical",
        "status": "firing",
        "ends_at": None,
        "explanation": None,
        "suppressed_by": None,
        "case_id": None,
        "config_hash": "c0ffee",
    }
    return row | changes


def event_row(offset: int, **changes: Any) -> dict[str, Any]:
    """Event `offset`: a measure against a shop in DE under p7, ten seconds before the alerts' window ends."""
    row = {
        "topic": "live.enforcement",
        "partition": 0,
        "offset": offset,
        "event_id": f"event-{offset}",
        "type": "enforcement.action",
        "source": "test",
        "event_time": T0 + MINUTE_MS - 10_000,
        "precision": "second",
        "weight": 2,
        "late": 0,
        "duplicate": 0,
        "key": "shop-1",
        "data": json.dumps({"action_id": f"a{offset}", "market": "DE", "policy_id": "p7", "reviewer_type": "HUMAN"}),
    }
    return row | changes


def change_row(offset: int, at_ms: int, **data: Any) -> dict[str, Any]:
    """A change of the ledger at an instant."""
    usual = {
        "change_id": f"change-{offset}",
        "kind": "MODEL_RELEASE",
        "phase": "COMPLETED",
        "target": "m1",
        "from_version": "1",
        "to_version": "2",
        "scope": {"markets": ["DE"], "action_types": [], "percent": 50},
        "owner_team": "models",
    }
    row = event_row(offset, topic="live.changes", type="platform.change", event_time=at_ms, weight=1)
    return row | {"data": json.dumps(usual | data)}


def judgement_row(minute: int, **changes: Any) -> dict[str, Any]:
    """The judged bucket `minute` minutes after the alerts' window."""
    row = {
        "run": "live",
        "monitor": "measures",
        "config_hash": "c0ffee",
        "series": {"policy_id": "p7", "market": "DE"},
        "window_start": T0 + minute * MINUTE_MS,
        "window_end": T0 + (minute + 1) * MINUTE_MS,
        "observed": 30 if -14 <= minute <= 0 else 5,
        "expected": 4,
        "score": 0.5,
        "state": "normal",
    }
    return row | changes


MONITOR: Final[dict[str, Any]] = {
    "name": "measures",
    "title": "Measures taken",
    "event": "enforcement.action",
    "precision": "minute",
    "where": {"reviewer_type": ["HUMAN", "HYBRID"]},
    "owner": "team-policy",
    "playbook": "https://example.org/playbook",
    "config_hash": "c0ffee",
}


def case_row(number: int = 1, alerts: Sequence[dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """Case `number` over alerts, with the series and the configuration as evidence."""
    evidence = {
        "alerts": [],
        "events": [],
        "series": [
            {
                "monitor": "measures",
                "series": {"market": "DE", "policy_id": "p7"},
                "points": [[format_ms(T0 + m * MINUTE_MS), 5.0, 4.0, 0.1] for m in range(-20, 2)],
            }
        ],
        "monitors": {"measures": {name: MONITOR[name] for name in MONITOR if name != "config_hash"}},
    }
    row = {
        "run": "live",
        "case_id": f"case-{number}",
        "version": 1,
        "title": "Measures taken · DE · p7: 257 in 15 min, expected 60",
        "status": "candidate",
        "grouping": "live.enforcement",
        "kind": "ENFORCEMENT_SPIKE",
        "started_at": T0,
        "ended_at": None,
        "alert_ids": [each["alert_id"] for each in alerts],
        "monitors": ["measures"],
        "series": [{"market": "DE", "policy_id": "p7"}],
        "severity": "critical",
        "evidence": json.dumps(evidence),
    }
    return row | changes


def dead_row(offset: int = 7, **changes: Any) -> dict[str, Any]:
    """A record that is no JSON."""
    row = {
        "topic": "live.enforcement",
        "partition": 1,
        "offset": offset,
        "reason": "broken_json",
        "detail": "expected value at line 1",
        "key": "shop-1",
        "headers": json.dumps({"ce_type": "eu.liveshop.enforcement.action.v1"}),
        "value": b"{broken",
        "recorded_at": T0,
    }
    return row | changes


def incident_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Incident `number` over alert `number`: unacknowledged, one channel was notified."""
    row = {
        "incident_id": f"incident-{number}",
        "version": 3,
        "status": "firing",
        "title": "Measures taken · DE · p7",
        "severity": "critical",
        "lead_alert_id": f"alert-{number}",
        "alert_count": 2,
        "firing_count": 1,
        "monitors": ["measures"],
        "case_ids": ["case-1"],
        "change_id": "change-50",
        "owner": "team-policy",
        "started_at": T0,
        "ended_at": None,
        "opened_at": T0 + 2 * MINUTE_MS,
        "notified_at": T0 + 2 * MINUTE_MS,
        "notified": 1,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "resolved_at": None,
        "resolved_by": None,
        "note": "",
    }
    return row | changes


def disposition_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """What became of alert `number`: it was notified, in incident 1."""
    row = {
        "alert_id": f"alert-{number}",
        "version": 1,
        "incident_id": "incident-1",
        "monitor": "measures",
        "severity": "critical",
        "outcome": "notified",
        "by": "",
        "reason": "it leads its incident",
        "at": T0 + 2 * MINUTE_MS,
    }
    return row | changes


def notification_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Notification `number` of incident 1, taken by its channel."""
    row = {
        "notification_id": f"notification-{number}",
        "version": 2,
        "incident_id": "incident-1",
        "number": 1,
        "cause": "new",
        "route": "default",
        "channel": "pager",
        "state": "sent",
        "attempts": 1,
        "error": "",
        "title": "critical: Measures taken",
        "body": "257 in 15 min",
        "created_at": T0 + 2 * MINUTE_MS,
        "due_at": T0 + 2 * MINUTE_MS,
        "sent_at": T0 + 2 * MINUTE_MS + 900,
    }
    return row | changes


def channel_row(**changes: Any) -> dict[str, Any]:
    """A channel that takes nothing since half an hour."""
    row = {"channel": "pager", "version": 4, "state": "down", "since": T0 + HOUR_MS // 2, "failures": 7}
    return row | {"error": "connection refused"} | changes


def silence_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Silence `number`: active for one hour more."""
    row = {
        "silence_id": f"silence-{number}",
        "version": 1,
        "kind": "silence",
        "effect": "mute",
        "matchers": ["market=DE", "policy_id~p*"],
        "owner": "maria",
        "reason": "a planned test of p7",
        "created_by": "kim",
        "created_at": T0,
        "starts_at": T0,
        "ends_at": T0 + 2 * HOUR_MS,
        "ended_by": None,
        "reminded": 0,
        "hits": 12,
    }
    return row | changes


def work_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Case `number` as it is worked on: open, maria's, overdue, with a task, a link and a package."""
    row = {
        "case_id": f"case-{number}",
        "version": 4,
        "title": "Measures taken · DE · p7",
        "state": "open",
        "kind": "ENFORCEMENT_SPIKE",
        "severity": "critical",
        "owner": "maria",
        "escalated_to": None,
        "due_at": T0 + HOUR_MS // 2,
        "overdue": 1,
        "resolution": "",
        "reason": "",
        "merged_into": None,
        "reopened": 0,
        "alert_ids": ["alert-1", "alert-2"],
        "firing_count": 1,
        "monitors": ["measures"],
        "open_tasks": 1,
        "tasks": json.dumps(
            [{"id": "task-1", "text": "tell the merchants", "owner": "kim", "due_at": format_ms(T0), "done_by": None}]
        ),
        "links": json.dumps([{"kind": "ticket", "ref": "OPS-7", "by": "kim", "at": format_ms(T0)}]),
        "evidence": json.dumps(
            [{"name": "case-1.evidence.zip", "digest": "ab" * 32, "size": 12345, "by": "kim", "at": format_ms(T0)}]
        ),
        "started_at": T0,
        "ended_at": None,
        "created_at": T0,
        "opened_at": T0,
        "resolved_at": None,
        "closed_at": None,
    }
    return row | changes


def history_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Entry `number` of case 1: maria opened it."""
    row = {
        "case_id": "case-1",
        "number": number,
        "at": T0 + number * MINUTE_MS,
        "who": "maria",
        "what": "moved",
        "from_state": "candidate",
        "to_state": "open",
        "why": "looks real",
        "details": "{}",
        "action_id": f"action-{number}",
    }
    return row | changes


def action_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Action `number`: maria acknowledged incident 1."""
    row = {
        "action_id": str(uuid.UUID(int=number)),
        "at": T0 + 3 * MINUTE_MS,
        "asked_at": T0 + 3 * MINUTE_MS,
        "who": "maria",
        "role": "operator",
        "do": "acknowledge",
        "target": "incident-1",
        "outcome": "accepted",
        "answer": "maria has it.",
        "data": json.dumps({"do": "acknowledge", "incident_id": "incident-1", "why": "on it"}),
    }
    return row | changes


def feedback_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Alert `number` was real and expected, says kim."""
    row = {
        "alert_id": f"alert-{number}",
        "version": 1,
        "monitor": "measures",
        "verdict": "expected",
        "cause": "campaign",
    }
    return row | {"why": "it was announced", "who": "kim", "at": T0 + 10 * MINUTE_MS} | changes


ENTRIES: Final = (
    LibraryEntry(
        entry_id="old-1",
        source="1201: old.xlsx row 2",
        title=f"Measures taken DE p7 {HOSTILE}",
        summary=HOSTILE,
        kind="ENFORCEMENT_SPIKE",
        markets=("DE",),
        policy_clause="p7",
        action_type="WARNING",
        cause="MODEL",
        resolution="WRONG_ENFORCEMENT",
        measures=40,
        wrong_measures=31,
        playbooks=("enforcement@1 solved",),
        started_at=instant(T0 - 30 * DAY_MS),
        pattern_id="pattern-1",
    ),
    LibraryEntry(entry_id="old-2", title="Nothing after all", resolution="FALSE_ALERT", markets=("FR",)),
)
"""An old case with a pattern, and one in which nothing was wrong."""


RECOMMENDATION: Final = {
    **{
        "recommendation_id": "recommendation-1",
        "version": 1,
        "pattern_id": "pattern-1",
        "advice": "hold-model-release",
    },
    **{"team": "algorithm", "text": HOSTILE, "status": "proposed", "done_at": None, "factor": None, "low": None},
    **{"high": None, "measured_on": "", "by": "kim", "why": HOSTILE, "at": T0},
}


class Asked:
    """Takes actions in order, as the log would: one that names an older version than what it is about is refused.

    Keeps every action in `actions`, and writes each answer as a row, but applies nothing. Says nothing at all while
    `late`.
    """

    def __init__(self, store: ClickHouseStore, reader: Reader) -> None:
        self.actions: list[Action] = []
        self.answers: dict[str, Answer] = {}
        self.late = False
        self._store = store
        self._reader = reader

    async def __call__(self, action: Action) -> Answer:
        """The answer to an action; RetryLater while `late`."""
        if self.late:
            raise RetryLater("no answer within 10 s")
        if action.action_id in self.answers:
            return self.answers[action.action_id]
        data = ACTION.dump_json(action)
        assert ACTION.validate_json(data) == action
        self.actions.append(action)
        self.answers[action.action_id] = answer = await self._answer(action)
        row = {
            "action_id": action.action_id,
            "at": to_ms(action.at),
            "asked_at": to_ms(action.at),
            "who": action.who,
            "role": action.role,
            "do": action.do,
            "target": target_of(action),
            "outcome": "accepted" if answer.accepted else "refused",
            "answer": answer.text,
            "data": data.decode(),
        }
        await self._store.write("actions", [row])
        return answer

    async def _answer(self, action: Action) -> Answer:
        seen = getattr(action, "expects", None)
        if seen is None:
            return Answer(True, f"{action.do}: done by {action.who}.")
        kind = "incident" if isinstance(action, Acknowledge | ResolveIncident) else "case"
        find = incidents.get if kind == "incident" else cases.get
        found = await find(self._reader, target_of(action))
        assert found is not None
        if found.version != seen:
            return Answer(False, f"the {kind} has changed: version {found.version}, you saw {seen}")
        return Answer(True, f"{action.do}: done by {action.who}.")


@dataclasses.dataclass(frozen=True)
class Zip:
    """An evidence package as the console sees it."""

    name: str
    digest: str = "cd" * 32
    size: int = 4321


async def zipped(case_id: str) -> Zip:
    """A package of that case."""
    return Zip(f"{case_id}.evidence.zip")


POSITIONS: Final = (
    Checkpoint("detect", "livewarden.partials", 0, 20, T0 + 5 * MINUTE_MS, "{}"),
    Checkpoint("ingest", "live.enforcement", 0, 100, T0 + 6 * MINUTE_MS, "{}"),
    Checkpoint("ingest", "live.enforcement", 1, 90, T0 - HOUR_MS, "{}"),
)


@dataclasses.dataclass(frozen=True)
class Site:
    """A running console: its address, a client, and the store to write with."""

    url: str
    http: aiohttp.ClientSession
    store: ClickHouseStore
    asked: Asked

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        """Status and text of a page."""
        async with self.http.get(self.url + path, **options) as answer:
            return answer.status, await answer.text()

    async def page(self, path: str) -> str:
        """Text of a page that must be there."""
        status, text = await self.get(path)
        assert status == 200, text
        return text

    async def fill(self) -> None:
        """One of everything: an alert that fires, one that is over, one suppressed; an incident; a case; changes;
        a dead letter.
        """
        case = {"case_id": "case-1"}
        fires = alert_row(1, **case)
        over = alert_row(2, **case, status="resolved", ends_at=T0 + HOUR_MS, severity="warning", version=2)
        quiet = alert_row(3, suppressed_by="cooldown", series={"market": "FR", "policy_id": "p9"})
        await self.store.write("alerts", [fires, over, quiet])
        await self.store.write("case_candidates", [case_row(1, [fires, over])])
        await self.store.write("events", [event_row(n) for n in range(3)])
        await self.store.write(
            "events", [change_row(50, T0 - 20 * MINUTE_MS), change_row(51, T0 + MINUTE_MS, target="m9")]
        )
        await self.store.write("judgements", [judgement_row(minute) for minute in range(-60, 4)])
        await self.store.write("dead_letters", [dead_row()])
        await self.store.write("incidents", [incident_row()])
        child = disposition_row(2, outcome="inhibited", by="alert-1", reason="the wider slice DE was notified")
        kept = disposition_row(3, outcome="suppressed", incident_id="", by="cooldown", reason="cooldown")
        await self.store.write("dispositions", [disposition_row(1), child, kept])
        await self.store.write(
            "notifications", [notification_row(), notification_row(2, state="pending", sent_at=None)]
        )
        await self.store.write("channels", [channel_row(), channel_row(channel="mail", state="up", error="")])
        past = silence_row(2, starts_at=T0 - HOUR_MS, ends_at=T0, ended_by="kim")
        await self.store.write(
            "silences", [silence_row(1), past, silence_row(3, starts_at=T0 + 3 * HOUR_MS, ends_at=T0 + 9 * HOUR_MS)]
        )
        await self.store.write("cases", [work_row(1)])
        await self.store.write("case_history", [history_row(1), history_row(2, what="noted", why="asked the team")])
        await self.store.write("actions", [action_row(1), action_row(2, outcome="refused", answer="joe has it.")])
        await self.store.write("feedback", [feedback_row(1)])
        await self.store.write("library_entries", [library_row(each, "kim", T0) for each in ENTRIES])
        await self.store.write("recommendations", [RECOMMENDATION])
        for position in POSITIONS:
            await self.store.save(position)


@asynccontextmanager
async def site_over(
    address: Address,
    *,
    access: Access | None = None,
    monitors: Monitors | None = None,
    poll_s: float = 0.05,
    acts: bool = False,
    packages: Path | None = None,
    root: str = "",
) -> AsyncIterator[Site]:
    """A console over a database, on a free port; with `acts`, one that people can do something in."""
    given = dataclasses.astuple(address)
    store = await ClickHouseStore.connect(*given)
    try:
        async with await Reader.connect(*given) as reader:
            asked = Asked(store, reader)
            doing = {"submit": asked, "build_evidence": zipped, "secret": SECRET} if acts else {}
            console = Console(
                reader,
                access,
                monitors,
                ManualClock(T0 + HOUR_MS),
                poll_s=poll_s,
                packages=packages,
                root=root,
                library=StoredLibrary(reader),
                radius=StoredRadius(reader),
                **doing,
            )  # type: ignore[arg-type]
            async with serving(console, port=0) as url, aiohttp.ClientSession() as http:
                yield Site(url, http, store, asked)
    finally:
        await store.close()


@pytest.fixture
async def site(clickhouse: Address) -> AsyncIterator[Site]:
    """A console over an empty database, with the monitor of the rows above in force."""
    async with site_over(clickhouse, monitors={"measures": MONITOR}) as running:
        yield running


@pytest.fixture
async def working(clickhouse: Address) -> AsyncIterator[Site]:
    """The same with one of everything in it, where people can do something: at this machine, as an admin."""
    async with site_over(clickhouse, monitors={"measures": MONITOR}, acts=True) as running:
        await running.fill()
        yield running
