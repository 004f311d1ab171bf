"""Alerts, requests and a response stage in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from cli.local_response import LocalResponse
from livewarden.action import ACTION, Action
from livewarden.alert import Alert
from livewarden.clock import ManualClock
from livewarden.ids import stable_id
from livewarden.times import MINUTE_MS, SECOND_MS, format_ms
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from models.response.outbox import Notification
from models.response.policy import ChannelConfig, Policy
from models.response.response_event import AlertUpdated, CandidateUpdated, WatermarkAdvanced
from sinks.store.memory import MemoryStore
from tests.core_fixtures import T0

MONITORS: Final = [
    Monitor(
        name="orders",
        event="traffic.sample",
        measure="sum(orders)",
        detector="traffic",
        group_by=["market"],
        title="Orders",
        severity="critical",
        owner="live-infra",
        playbook="https://wiki.example/orders",
    ),
    Monitor(
        name="views",
        event="traffic.sample",
        measure="sum(views)",
        detector="traffic",
        group_by=["market", "traffic_source"],
        min_volume=100,
    ),
    Monitor(name="measures", event="enforcement.action", detector="enforcement", group_by=["policy_id"]),
    Monitor(
        name="closures",
        event="enforcement.action",
        precision="day",
        bucket="1d",
        detector="enforcement",
        group_by=["market"],
    ),
    Monitor(
        name="stalls",
        event="traffic.quality",
        measure="sum(stalled)",
        detector="traffic",
        group_by=["market"],
        severity="critical",
    ),
    Monitor(name="no-news", event="room.lifecycle", detector="silence"),
]
PLAN: Final = Plan(MONITORS)
NOW: Final = T0 + 30 * MINUTE_MS


def policy(
    routes: Iterable[Mapping[str, Any]] | None = None, channels: Iterable[str] = ("log",), **fields: Any
) -> Policy:
    """One channel that takes everything, unless notified otherwise."""
    wanted = [{"name": "all", "to": ["log"]}] if routes is None else list(routes)
    made = [ChannelConfig(name=name, file=f"{name}.jsonl") for name in channels]
    return Policy.model_validate({"channel": made, "route": wanted, "console_url": "https://wall.example"} | fields)


def alert(
    monitor: str = "orders",
    series: Mapping[str, str] | None = None,
    *,
    at: int = NOW,
    observed: float | None = 100.0,
    expected: float | None = 1_000.0,
    version: int = 1,
    **fields: Any,
) -> Alert:
    """A fall of orders in Germany, unless notified otherwise; its bucket ends at `at`."""
    labels = {"market": "DE"} if series is None else dict(series)
    found = PLAN.by_name[monitor]
    alert_id = stable_id(monitor, *sorted(labels.items()), at)
    missing = observed is None
    made = Alert(
        alert_id=alert_id,
        version=version,
        episode_id=stable_id("episode", monitor, *sorted(labels.items()), at),
        monitor=monitor,
        kind="SOURCE_SILENT" if missing else "TRAFFIC_ANOMALY",
        direction="MISSING" if missing else "UP" if (observed or 0) > (expected or 0) else "DOWN",
        series=labels,
        window_start_ms=at - found.bucket,
        window_end_ms=at,
        observed=observed,
        expected=expected,
        score=None if missing else 9.0,
        severity=found.severity,
        status="firing",
        config_hash=found.config_hash,
        case_id=stable_id("case", alert_id),
    )
    return replace(made, **fields)


class Desk:
    """A response stage with a clock that the test moves, and what it wrote."""

    def __init__(self, rules: Policy | None = None, at: int = NOW + 30 * SECOND_MS) -> None:
        self.clock = ManualClock(at)
        self.store = MemoryStore()
        self.local = LocalResponse(PLAN, rules or policy(), self.store, self.clock)
        self._numbers = itertools.count(1)

    async def alerts(self, *alerts: Alert, summary: Mapping[str, str] | None = None) -> None:
        await self.local.say([AlertUpdated(each, summary or {}) for each in alerts])

    async def resolve(self, *alerts: Alert, at: int | None = None) -> None:
        ended = [each.resolved(at or each.window_end_ms + 5 * MINUTE_MS) for each in alerts]
        await self.alerts(*(replace(each, version=each.version + 1) for each in ended))

    async def candidate(self, of: Alert, title: str = "orders fell", **fields: Any) -> None:
        assert of.case_id is not None
        news = CandidateUpdated(
            of.case_id, title, of.kind, of.severity, (of.alert_id,), (of.monitor,), of.window_start_ms, None
        )
        await self.local.say([replace(news, **fields)])

    async def judged(self, monitor: str, until_ms: int) -> None:
        await self.local.say([WatermarkAdvanced(PLAN.by_name[monitor].group_name, until_ms)])

    async def wait(self, *, seconds: float = 0.0, minutes: float = 0.0) -> None:
        self.clock.advance(seconds=seconds, minutes=minutes)
        await self.local.tick()

    def request(self, do: str, who: str = "maria", role: str = "operator", **fields: Any) -> Action:
        number = next(self._numbers)
        base = {"do": do, "action_id": f"a{number}", "who": who, "role": role, "at": format_ms(self.clock.now_ms())}
        return ACTION.validate_python(base | fields, strict=False)

    async def ask(self, do: str, who: str = "maria", role: str = "operator", **fields: Any) -> tuple[bool, str]:
        answer = await self.local.submit(self.request(do, who, role, **fields))
        return answer.accepted, answer.text

    def rows(self, table: str, **where: Any) -> list[Mapping[str, Any]]:
        rows = self.store.rows(table)
        return [row for row in rows if all(row[name] == value for name, value in where.items())]

    def one(self, table: str, **where: Any) -> Mapping[str, Any]:
        (row,) = self.rows(table, **where)
        return row

    @property
    def notified(self) -> list[Notification]:
        """What waits to be sent, in the order in which it was decided on."""
        return list(self.local.stage.responder.outbox.waiting.values())

    def dispositions(self) -> dict[str, str]:
        return {row["alert_id"]: row["outcome"] for row in self.rows("dispositions")}
