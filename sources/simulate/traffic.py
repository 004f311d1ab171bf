"""Audience, engagement and sales of every room, a row a minute, and the life of the rooms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livewarden.contracts import RoomLifecycle, TrafficSample
from livewarden.times import HOUR_MS, MINUTE_MS, instant
from sources.simulate.draft import Draft, by_time
from sources.simulate.noise import log_drift
from sources.simulate.rooms import Crowd, Room
from sources.simulate.scenario import Scenario
from sources.simulate.violations import Violation

PAUSE_MS = 5 * MINUTE_MS
"""How long an interruption lasts."""
_COLUMNS = (
    "ccu", "viewers_in", "viewers_out", "views", "likes", "comments", "shares",
    "gifts_value_minor", "product_clicks", "atc", "orders", "gmv_minor",
)  # fmt: skip


def interruptions(violations: Iterable[Violation]) -> dict[str, int]:
    """When moderation interrupts a room: once at most, by room id."""
    found: dict[str, int] = {}
    for violation in violations:
        if violation.room and "LIVE_INTERRUPTED" in violation.actions:
            found.setdefault(violation.room.room_id, violation.at_ms)
    return found


def samples(scenario: Scenario, crowds: Sequence[Crowd], interrupted: Mapping[str, int]) -> Iterator[Draft]:
    """One `traffic.sample` for each open room and minute, in time order."""
    opening: dict[int, list[tuple[Room, Crowd]]] = {}
    for crowd in crowds:
        for room in crowd.rooms:
            if room.end_ms > scenario.start_ms:
                first = max(0, -(-(room.start_ms - scenario.start_ms) // MINUTE_MS))
                opening.setdefault(first, []).append((room, crowd))
    shown: list[tuple[dict[str, object], Iterator[list[int]]]] = []
    for minute, at_ms in enumerate(scenario.minutes().tolist()):
        for room, crowd in opening.pop(minute, ()):
            shown.append((_labels(room), iter(_track(scenario, crowd, room, minute, interrupted.get(room.room_id)))))
        window_start = instant(at_ms)
        still = []
        for labels, rows in shown:
            row = next(rows, None)
            if row is not None:
                still.append((labels, rows))
                numbers = dict(zip(_COLUMNS, row, strict=True))
                yield at_ms, TrafficSample.model_validate({**labels, "window_start": window_start, **numbers})
        shown = still


def _labels(room: Room) -> dict[str, object]:
    return {
        "room_id": room.room_id,
        "shop_id": room.shop_id,
        "creator_id": room.creator_id,
        "market": room.market.code,
        "window_s": 60,
        "currency": "EUR",
        "traffic_source": room.source,
    }


def _track(scenario: Scenario, crowd: Crowd, room: Room, first: int, interrupted_ms: int | None) -> list[list[int]]:
    """The room's rows from minute `first` on, `_COLUMNS` each."""
    last = min(crowd.minutes.size, -(-(room.end_ms - scenario.start_ms) // MINUTE_MS))
    times = crowd.minutes[first:last]
    rng = scenario.generator("room", room.room_id)
    level = room.pull(times) * crowd.per_pull[first:last] * log_drift(rng, times.size, 8, 0.08)
    if interrupted_ms is not None:
        level = np.where(
            (times >= interrupted_ms - MINUTE_MS) & (times < interrupted_ms + PAUSE_MS), 0.3 * level, level
        )
    ccu = np.rint(level).astype(np.int64)
    before = np.concatenate(([0 if room.start_ms >= scenario.start_ms else ccu[:1].sum()], ccu[:-1]))
    gone = np.minimum(rng.poisson(0.11 * before), before)
    came = ccu - before + gone
    gone = gone + np.maximum(-came, 0)
    came = np.maximum(came, 0)
    clicks = rng.poisson(0.055 * ccu)
    carts = rng.binomial(clicks, 0.22)
    orders = rng.binomial(carts, 0.20)
    gifts = rng.poisson(0.004 * ccu)
    table = np.stack(
        (
            ccu,
            came,
            gone,
            came + rng.poisson(0.25 * came),
            rng.poisson(0.9 * ccu * rng.gamma(4.0, 0.25)),
            rng.poisson(0.06 * ccu),
            rng.poisson(0.003 * ccu),
            _sum_of(gifts, 5 * rng.geometric(0.02, int(gifts.sum()))),
            clicks,
            carts,
            orders,
            _sum_of(orders, rng.lognormal(np.log(1800), 0.7, int(orders.sum()))),
        ),
        axis=1,
    )
    rows: list[list[int]] = table.tolist()
    return rows


def _sum_of(counts: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
    """The sum of the next `counts[i]` of `values`, each rounded to whole minor units."""
    owners = np.repeat(np.arange(counts.size), counts)
    return np.rint(np.bincount(owners, weights=np.rint(values), minlength=counts.size)).astype(np.int64)


def lifecycles(scenario: Scenario, crowds: Sequence[Crowd], interrupted: Mapping[str, int]) -> list[Draft]:
    """What becomes of the rooms inside the scenario, in time order."""
    drafts: list[Draft] = []
    for crowd in crowds:
        rng = scenario.generator("lifecycle", crowd.market.code)
        for room in crowd.rooms:
            announced, reason = rng.random(2).tolist()
            if announced < 0.4:
                drafts.append(_step(room, room.start_ms - HOUR_MS, "SCHEDULED"))
            drafts.append(_step(room, room.start_ms, "STARTED"))
            if (at_ms := interrupted.get(room.room_id)) is not None:
                drafts.append(_step(room, at_ms, "INTERRUPTED", "ENFORCEMENT"))
                drafts.append(_step(room, at_ms + PAUSE_MS, "RESUMED"))
            ended_by = "HOST" if reason < 0.9 else "NETWORK" if reason < 0.98 else "PLATFORM"
            drafts.append(_step(room, room.end_ms, "ENDED", ended_by))
    return sorted((draft for draft in drafts if scenario.start_ms <= draft[0] < scenario.end_ms), key=by_time)


def _step(room: Room, at_ms: int, state: str, reason: str | None = None) -> Draft:
    return at_ms, RoomLifecycle.model_validate(
        {
            "room_id": room.room_id,
            "shop_id": room.shop_id,
            "creator_id": room.creator_id,
            "market": room.market.code,
            "state": state,
            "end_reason": reason,
            "category": room.category,
            "products": room.products,
        }
    )
