"""The events of a simulated few months in coarse steps: measures, appeals, reversals, one bad model release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from livewarden.contracts import (
    AppealLifecycle,
    EnforcementAction,
    EnforcementReversed,
    PlatformChange,
    Scope,
)
from livewarden.event import Event
from livewarden.times import DAY_MS, HOUR_MS, instant, parse_ms
from sources.codec import event_of
from sources.simulate.draft import Draft, by_time
from sources.simulate.misjudged import MisjudgedDays, MisjudgedWorld, misjudged_days

SOURCE = "urn:livewarden:simulation"
MONTHS_START_MS = parse_ms("2026-01-05T00:00:00Z")


class Line(NamedTuple):
    """Measures of one kind: what brings them about, who decides, the share that is complained about, and granted of
    that."""

    policy: str
    market: str
    queue: str
    model: str
    reviewer: str
    action: str
    complaint: str
    per_day: float
    appealed: float
    granted: float


LINES = (
    Line("counterfeit", "DE", "products", "counterfeit", "AUTOMATED", "PRODUCT_REMOVED", "VISIBILITY", 260, 0.05, 0.45),
    Line("counterfeit", "FR", "products", "counterfeit", "HYBRID", "PRODUCT_REMOVED", "VISIBILITY", 110, 0.05, 0.40),
    Line("misleading-claims", "DE", "live", "claims", "AUTOMATED", "LIVE_INTERRUPTED", "SERVICE", 150, 0.08, 0.31),
    Line("misleading-claims", "FR", "live", "claims", "HUMAN", "LIVE_INTERRUPTED", "SERVICE", 30, 0.08, 0.20),
    Line("non-delivery", "DE", "shops", "fraud", "HYBRID", "SHOP_CLOSED_TEMPORARY", "ACCOUNT", 8, 0.12, 0.46),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MisjudgedMonths:
    """Months of measures. On `release_day` a bad model of the first line goes out, `rollback_day` takes it back in
    bulk."""

    seed: int = 7
    days: int = 100
    release_day: int = 84
    rollback_day: int = 98
    lines: tuple[Line, ...] = LINES


def misjudged_months(months: MisjudgedMonths) -> Iterator[Event]:
    """The events in order of their time; ids `sim-…`, the same months give the same bytes.

    >>> first = next(misjudged_months(MisjudgedMonths(days=3)))
    >>> first.type_name, first.source
    ('enforcement.action', 'urn:livewarden:simulation')
    """
    end_ms = MONTHS_START_MS + months.days * DAY_MS
    drafts: list[Draft] = []
    for number, line in enumerate(months.lines):
        bad = number == 0
        world = MisjudgedWorld(
            seed=months.seed * 100 + number,
            days=months.days,
            per_day=line.per_day,
            appealed=line.appealed,
            granted=line.granted,
            release_day=months.release_day if bad else None,
            granted_after=0.85,
        )
        drafts += _line(months, line, number, misjudged_days(world), bad)
    drafts += _changes(months)
    kept = sorted((draft for draft in drafts if draft[0] < end_ms), key=by_time)
    for number, (time_ms, data) in enumerate(kept):
        yield event_of(data, id=f"sim-{months.seed}-m{number:07d}", source=SOURCE, time_ms=time_ms)


def _line(months: MisjudgedMonths, line: Line, number: int, drawn: MisjudgedDays, bad: bool) -> Iterator[Draft]:
    for index in range(drawn.day.size):
        day = int(drawn.day[index])
        at_ms = MONTHS_START_MS + day * DAY_MS + int(drawn.second[index]) * 1_000
        action_id = f"sim-action-{number}-{index:06d}"
        shop = f"sim-shop-{line.market}-{int(drawn.shop[index]):04d}"
        released = bad and day >= months.release_day
        yield at_ms, _measure(line, action_id, shop, at_ms, "2026.02" if released else "2026.01")
        if np.isfinite(drawn.appeal_d[index]):
            yield from _appeal(line, action_id, at_ms, drawn, index)
        yield from _otherwise(months, action_id, at_ms, index, released)


def _measure(line: Line, action_id: str, shop: str, at_ms: int, version: str) -> EnforcementAction:
    alone = line.reviewer == "HUMAN"
    return EnforcementAction(
        action_id=action_id,
        subject_type="ROOM" if line.queue == "live" else "SHOP" if line.queue == "shops" else "PRODUCT",
        subject_id=shop if line.queue == "shops" else f"{shop}-{action_id[-2:]}",
        shop_id=shop,
        market=line.market,
        action_type=line.action,
        state="ENFORCED",
        decided_at=instant(at_ms),
        informed_at=instant(at_ms + 2_000),
        policy_id=f"sim-policy-{line.policy}",
        policy_version="3",
        rule_id=f"sim-rule-{line.policy}",
        model_id=None if alone else f"sim-model-{line.model}",
        model_version=None if alone else version,
        queue_id=f"sim-queue-{line.queue}",
        reviewer_type=line.reviewer,
    )


def _appeal(line: Line, action_id: str, at_ms: int, drawn: MisjudgedDays, index: int) -> Iterator[Draft]:
    sent = at_ms + int(drawn.appeal_d[index] * DAY_MS)
    decided = at_ms + int(drawn.decided_d[index] * DAY_MS)
    granted = bool(drawn.granted[index])

    def step(when_ms: int, state: str, outcome: str | None = None) -> Draft:
        return when_ms, AppealLifecycle(
            appeal_id=action_id.replace("action", "appeal"),
            action_id=action_id,
            attempt=1,
            channel="SELLER_CENTER",
            state=state,
            outcome=outcome,
            complaint_type=line.complaint,
            complainant="AFFECTED",
            at=instant(when_ms),
            reviewer_type=None if outcome is None else "HUMAN",
            decided_by=None if outcome is None else f"sim-reviewer-{index % 23:02d}",
            automated=None if outcome is None else False,
        )

    yield step(sent, "SUBMITTED")
    yield step(decided, "RESOLVED", "REVERSED" if granted else "UPHELD")
    if granted:
        yield _reversed(action_id, decided + 1_000, "APPEAL_GRANTED")


def _otherwise(months: MisjudgedMonths, action_id: str, at_ms: int, index: int, released: bool) -> Iterator[Draft]:
    """What takes measures back without an appeal: a few at a time, and everything of the bad release in one
    decision."""
    rollback_ms = MONTHS_START_MS + months.rollback_day * DAY_MS + 9 * HOUR_MS
    if released and at_ms < rollback_ms and index % 3 == 0:
        yield _reversed(action_id, rollback_ms + index % 600 * 1_000, "BULK_ROLLBACK", "sim-rollback-1")
    elif index % 997 == 0:
        yield _reversed(action_id, at_ms + 30 * HOUR_MS, "MODEL_ERROR")
    elif index % 1_499 == 0:
        yield _reversed(action_id, at_ms + 5 * DAY_MS, "EXPIRED_EARLY")


def _reversed(action_id: str, at_ms: int, reason: str, decision_id: str | None = None) -> Draft:
    return at_ms, EnforcementReversed(action_id=action_id, reason=reason, decision_id=decision_id, at=instant(at_ms))


def _changes(months: MisjudgedMonths) -> Iterator[Draft]:
    model = f"sim-model-{months.lines[0].model}"
    for name, day, kind, phase, version in (
        ("release", months.release_day, "MODEL_RELEASE", "COMPLETED", "2026.02"),
        ("rollback", months.rollback_day, "ROLLBACK", "ROLLED_BACK", "2026.01"),
    ):
        at_ms = MONTHS_START_MS + day * DAY_MS
        data = PlatformChange(
            change_id=f"sim-change-{name}",
            kind=kind,
            phase=phase,
            target=model,
            to_version=version,
            scope=Scope(markets=(months.lines[0].market,)),
            starts_at=instant(at_ms),
            owner_team="sim-team-models",
        )
        yield at_ms, data
