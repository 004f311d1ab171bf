"""The console for tests: served on loopback over a database of its own, and rows to fill that with."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import pytest

from console.access import Access
from console.app import Console
from console.server import serving
from livewarden.checkpoint import Checkpoint
from livewarden.clock import ManualClock
from livewarden.times import HOUR_MS, MINUTE_MS, format_ms
from sinks.clickhouse import ClickHouseStore
from sinks.connection import Address
from sinks.reader import Reader
from sinks.views.counted import Monitors

T0: Final = 1_772_820_000_000
"""2026-03-06T18:00:00Z, the window of the alerts below."""
HOSTILE: Final = (
    """</title><script>alert('x')</script>"><img src=x onerror=alert(1)> '; DROP TABLE alerts; -- {{ 7 * 7 }} &amp;"""
)
"""What no page may show but as text."""


def alert_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Alert `number`: firing, critical, DE, one minute, 257 in 15 minutes where 60 was expected."""
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
        "state": "calm",
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
        "title": "Measures taken · DE · p7: 257 in 15m where 60 was usual",
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
        """One of everything: an alert that fires, one that is over, one suppressed; a case; changes; a dead letter."""
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
        for position in POSITIONS:
            await self.store.save(position)


@asynccontextmanager
async def site_over(
    address: Address, *, access: Access | None = None, monitors: Monitors | None = None, poll_s: float = 0.05
) -> AsyncIterator[Site]:
    """A console over a database, on a free port."""
    given = dataclasses.astuple(address)
    store = await ClickHouseStore.connect(*given)
    try:
        async with await Reader.connect(*given) as reader:
            console = Console(reader, access, monitors, ManualClock(T0 + HOUR_MS), poll_s=poll_s)
            async with serving(console, port=0) as url, aiohttp.ClientSession() as http:
                yield Site(url, http, store)
    finally:
        await store.close()


@pytest.fixture
async def site(clickhouse: Address) -> AsyncIterator[Site]:
    """A console over an empty database, with the monitor of the rows above in force."""
    async with site_over(clickhouse, monitors={"measures": MONITOR}) as running:
        yield running
