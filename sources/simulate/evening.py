"""The evening of the demo."""

from __future__ import annotations

from livewarden.times import HOUR_MS, parse_ms
from sources.simulate.distractors import campaign, healthy_release
from sources.simulate.market import MARKETS
from sources.simulate.moderation_incidents import bad_model_release, fraud_wave, policy_rollout, queue_backlog
from sources.simulate.policy import POLICIES
from sources.simulate.scenario import EVENING_START_MS, Scenario
from sources.simulate.traffic_incidents import app_release, cdn_failure, reporting_gap, traffic_collapse
from sources.simulate.versions import client_target


def scenario_evening(seed: int = 7) -> Scenario:
    """The demo: 54 hours, 40 of them quiet, then a Friday with each incident once, the last in the LIVE evening.

    >>> len(scenario_evening().incidents)
    8
    """
    start_ms = EVENING_START_MS
    codes = tuple(market.code for market in MARKETS)
    policy = {policy.name: policy for policy in POLICIES}
    end_ms = start_ms + 54 * HOUR_MS

    def at(clock: str, day: str = "2026-03-06") -> int:
        return parse_ms(f"{day}T{clock}:00Z")

    return Scenario(
        seed=seed,
        start_ms=start_ms,
        hours=54,
        incidents=(
            policy_rollout(policy["misleading-claims"], "FR", at("10:20"), end_ms, 4.0),
            queue_backlog("sim-queue-live", codes, at("11:40"), 110),
            app_release("ANDROID", "41.2.0", codes, at("14:45"), 60, 7.0),
            reporting_gap("live.enforcement", "enforcement.action", codes, at("16:05"), 40),
            bad_model_release(policy["counterfeit"], ("DE", "ES"), at("17:25"), 80, 9.0),
            cdn_failure("ES", "sim-cdn-2", at("19:15"), 25, 12.0),
            traffic_collapse("DE", at("20:20"), 30, 0.25),
            fraud_wave(policy["non-delivery"], "IT", at("21:30"), 75, 15.0),
        ),
        distractors=(
            campaign("spring-sale", ("NL", "FR"), at("18:00", "2026-03-05"), 180, 1.7),
            campaign("late-sale", ("NL",), at("18:30"), 180, 1.8),
            healthy_release("app-41.1", client_target("IOS"), "41.1.0", codes, at("09:00", "2026-03-05"), end_ms),
            healthy_release(
                "model-ads", "sim-model-ad-claims", "2026.02", codes, at("13:00", "2026-03-05"), end_ms, "MODEL_RELEASE"
            ),
        ),
    )
