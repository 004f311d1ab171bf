"""The plan of LIVE rooms: who opens one, when, how large. Drawn once; traffic, lifecycle and enforcement follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livewarden.times import HOUR_MS, MINUTE_MS
from sources.simulate.market import Floats, Market, Times
from sources.simulate.noise import log_drift, zipf_ranks
from sources.simulate.scenario import Scenario

WARM_UP_H = 8
"""Rooms that opened this long before the start may still be open at it."""
OPEN_ROOMS = 3.2
"""Occasional rooms open at a time in a market of size 1, averaged over a week."""
SHIFT_MS = 6 * HOUR_MS
"""Length of a resident channel's room; the next overlaps it by a quarter of an hour."""
VIEWERS = 5200
"""Viewers in a market of size 1, averaged over a week, when there are plenty of rooms."""
_MEDIAN_MIN, _SPREAD, _SHORTEST_MIN, _LONGEST_MIN = 95.0, 0.6, 12.0, 420.0
_CATEGORIES = ("beauty", "fashion", "home", "electronics", "food", "jewellery", "toys")
_SOURCES = ("FOR_YOU", "FOLLOWING", "LIVE_TAB", "SHOP_TAB", "SEARCH", "PAID_AD", "PUSH", "EXTERNAL")
_SOURCE_SHARE = (0.42, 0.18, 0.14, 0.09, 0.05, 0.07, 0.03, 0.02)


@dataclass(frozen=True, slots=True)
class Room:
    """One LIVE room. `weight` is its pull on the market's audience, 1 at the median; lognormal, so a few draw most."""

    number: int
    market: Market
    shop: int
    start_ms: int
    end_ms: int
    weight: float
    category: str
    source: str

    @property
    def room_id(self) -> str:
        """Unique in the scenario."""
        return f"sim-room-{self.market.code}-{self.number:05d}"

    @property
    def shop_id(self) -> str:
        """The shop that sells in it."""
        return shop_id(self.market, self.shop)

    @property
    def creator_id(self) -> str:
        """The host: a shop has its own."""
        return f"sim-creator-{self.market.code}-{self.shop:05d}"

    @property
    def products(self) -> tuple[str, ...]:
        """What it shows."""
        return tuple(f"sim-product-{self.market.code}-{self.shop:05d}-{item}" for item in range(1 + self.number % 5))

    def pull(self, times: Times) -> Floats:
        """Its share in the market's audience at `times`: fills over a quarter of an hour, thins out towards the end."""
        age = (times - self.start_ms) / MINUTE_MS
        left = (self.end_ms - times) / MINUTE_MS
        inside = (age >= 0) & (left > 0)
        rise = 1 - np.exp(-np.maximum(age, 0) / 12 - 0.05)
        fall = 1 - 0.5 * np.exp(-np.maximum(left, 0) / 8)
        return np.where(inside, self.weight * rise * fall, 0.0)


def shop_id(market: Market, rank: int) -> str:
    """The id of a market's shop by its rank in size."""
    return f"sim-shop-{market.code}-{rank:05d}"


def shops(market: Market) -> int:
    """How many shops a market has."""
    return max(200, int(4000 * market.size))


def plan_rooms(scenario: Scenario, market: Market) -> list[Room]:
    """The market's rooms in order of their start, from `WARM_UP_H` hours before the scenario on."""
    rng = scenario.generator("rooms", market.code)
    minutes = scenario.minutes(WARM_UP_H)
    mean_min = _MEDIAN_MIN * np.exp(_SPREAD**2 / 2)
    rate = OPEN_ROOMS * scenario.rooms * market.size / mean_min * market.shape(minutes) ** 0.6
    starts = np.repeat(minutes, rng.poisson(rate))
    starts = np.sort(starts + rng.integers(0, MINUTE_MS, starts.size))
    count = starts.size
    lengths = np.clip(rng.lognormal(np.log(_MEDIAN_MIN), _SPREAD, count), _SHORTEST_MIN, _LONGEST_MIN)
    ends = starts + (lengths * MINUTE_MS).astype(np.int64)
    weights = rng.lognormal(0.0, 0.9, count)
    for resident in range(market.residents):
        shifts = np.arange(minutes[0] + (resident + 1) * HOUR_MS, scenario.end_ms, SHIFT_MS)
        starts = np.concatenate((starts, shifts))
        ends = np.concatenate((ends, shifts + SHIFT_MS + 15 * MINUTE_MS))
        weights = np.concatenate((weights, rng.lognormal(0.4, 0.2, shifts.size)))
    order = np.argsort(starts, kind="stable")
    starts, ends, weights, count = starts[order], ends[order], weights[order], starts.size
    ranks = zipf_ranks(rng, count, shops(market), 0.8)
    categories = rng.choice(_CATEGORIES, count)
    sources = rng.choice(_SOURCES, count, p=_SOURCE_SHARE)
    return [
        Room(number, market, shop, start, end, weight, str(category), str(source))
        for number, (start, end, weight, shop, category, source) in enumerate(
            zip(starts.tolist(), ends.tolist(), weights.tolist(), ranks, categories, sources, strict=True)
        )
    ]


@dataclass(frozen=True, slots=True)
class Crowd:
    """A market's rooms and the audience they share.

    `viewers[i]` watch LIVE in minute `i`, in rooms of any size; a planned room gets `per_pull[i]` times its pull of
    them.
    """

    market: Market
    rooms: list[Room]
    minutes: Times
    viewers: Floats
    per_pull: Floats


def plan_crowd(scenario: Scenario, market: Market) -> Crowd:
    """Audience by demand (shape, drift, pushes), limited by supply:
    few large rooms leave many viewers to small ones, which are not planned.
    """
    rooms = plan_rooms(scenario, market)
    minutes = scenario.minutes()
    pull = np.zeros(minutes.size)
    for room in rooms:
        first = max(0, (room.start_ms - scenario.start_ms) // MINUTE_MS)
        last = min(minutes.size, (room.end_ms - scenario.start_ms) // MINUTE_MS + 1)
        if first < last:
            pull[first:last] += room.pull(minutes[first:last])
    rng = scenario.generator("audience", market.code)
    demand = VIEWERS * market.size * market.shape(minutes) * log_drift(rng, minutes.size, 90, 0.10)
    demand *= scenario.factors("audience", {"market": market.code}, minutes)
    scarce = 0.6 * market.size * scenario.rooms
    return Crowd(market, rooms, minutes, demand, demand / (pull + scarce))
