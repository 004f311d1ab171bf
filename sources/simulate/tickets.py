"""Merchant tickets: about decisions, about interruptions, and about everything else."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from livewarden.contracts import MerchantTicket
from livewarden.times import MINUTE_MS, instant
from sources.simulate.appeals import factor_at
from sources.simulate.draft import Draft
from sources.simulate.market import Market
from sources.simulate.noise import frailty, zipf_ranks
from sources.simulate.rooms import shop_id, shops
from sources.simulate.scenario import Scenario
from sources.simulate.violations import Violation

_BACKGROUND = {"PAYOUT": 0.020, "TECHNICAL": 0.015, "TRAFFIC_DROP": 0.012, "PRODUCT_AUDIT": 0.010, "OTHER": 0.020}
"""Tickets a minute in a market of size 1, averaged over a week."""
_DELAY_MEDIAN_MS, _DELAY_SPREAD = 40 * MINUTE_MS, 1.0
_INTERRUPTED = 4.0
"""How many times likelier a ticket is when the LIVE was interrupted."""


def tickets(scenario: Scenario, market: Market, violations: Iterable[Violation]) -> list[Draft]:
    """The market's tickets inside the scenario, in time order."""
    rng = scenario.generator("tickets", market.code)
    found = _disputes(scenario, violations, rng) + _background(scenario, market, rng)
    found = [ticket for ticket in found if scenario.start_ms <= ticket[0] < scenario.end_ms]
    found.sort(key=lambda ticket: ticket[0])
    return [
        (at_ms, _ticket(market, number, at_ms, category, shop, refs))
        for number, (at_ms, category, shop, refs) in enumerate(found)
    ]


_Found = tuple[int, str, str, tuple[str, ...]]


def _disputes(scenario: Scenario, violations: Iterable[Violation], rng: np.random.Generator) -> list[_Found]:
    """Shops that write about a decision against them, within hours of it."""
    found: list[_Found] = []
    for violation in violations:
        chance, wait = rng.random(), rng.normal()
        if violation.shop_id is None:
            continue
        interrupted = "LIVE_INTERRUPTED" in violation.actions
        likely = violation.policy.disputed * (_INTERRUPTED if interrupted else 1.0)
        if chance < likely * factor_at(scenario, "disputes", violation):
            at_ms = violation.at_ms + int(_DELAY_MEDIAN_MS * np.exp(_DELAY_SPREAD * wait))
            category = "LIVE_INTERRUPTED" if interrupted else "VIOLATION_DISPUTE"
            found.append((at_ms, category, violation.shop_id, (violation.action_ids[0],)))
    return found


def _background(scenario: Scenario, market: Market, rng: np.random.Generator) -> list[_Found]:
    """Tickets of other causes."""
    found: list[_Found] = []
    minutes = scenario.minutes()
    for category, per_minute in _BACKGROUND.items():
        rate = per_minute * market.size * market.shape(minutes) * frailty(rng, minutes.size, 4.0, 10)
        rate *= scenario.factors("tickets", {"market": market.code, "category": category}, minutes)
        times = np.repeat(minutes, rng.poisson(rate))
        times = times + rng.integers(0, MINUTE_MS, times.size)
        ranks = zipf_ranks(rng, times.size, shops(market))
        found += [(at, category, shop_id(market, rank), ()) for at, rank in zip(times.tolist(), ranks, strict=True)]
    return found


def _ticket(market: Market, number: int, at_ms: int, category: str, shop: str, refs: tuple[str, ...]) -> MerchantTicket:
    ticket_id = f"sim-ticket-{market.code}-{number:05d}"
    return MerchantTicket(
        ticket_id=ticket_id,
        shop_id=shop,
        market=market.code,
        opened_at=instant(at_ms),
        category=category,
        refs=refs,
        severity=2 if category in ("LIVE_INTERRUPTED", "TRAFFIC_DROP") else 3,
        language=market.language,
        state="OPEN",
        text_ref=f"{ticket_id}-text",
    )
