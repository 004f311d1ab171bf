"""Incidents of moderation, one function each: what happens, and what would be right to say about it."""

from __future__ import annotations

from functools import partial

from livewarden.times import HOUR_MS, MINUTE_MS
from sources.simulate.incident import Change, Hold, Incident, Push, Recall, Release
from sources.simulate.policy import Policy
from sources.simulate.versions import MODEL_VERSION, POLICY_VERSION


def bad_model_release(
    policy: Policy, markets: tuple[str, ...], start_ms: int, minutes: int, factor: float, version: str = "2026.02"
) -> Incident:
    """A new model version sees violations where there are none.

    Automated decisions of one policy rise `factor` times in `markets` until the rollback; most of the added ones are
    appealed and granted, merchants write tickets, and a bulk rollback follows an hour later.
    """
    end_ms = start_ms + minutes * MINUTE_MS
    where = {"policy_id": (policy.policy_id,), "market": markets, "reviewer_type": ("AUTOMATED",)}
    ledger = partial(Change, target=policy.model_id, owner_team="sim-team-models", markets=markets)
    return Incident(
        id="sim-incident-bad-model",
        kind="BAD_MODEL_RELEASE",
        description=f"{policy.model_id} {version} over-enforces {policy.policy_id} until it is rolled back",
        event_type="enforcement.action",
        measure="count",
        dimensions={"policy_id": policy.policy_id, "model_version": version},
        markets=markets,
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms + 12 * HOUR_MS,
        direction="UP",
        alert_kinds=("ENFORCEMENT_SPIKE",),
        factor=factor,
        pushes=(
            Push("actions", factor, start_ms, end_ms, where),
            Push("appeals", 5.0, start_ms, end_ms, where),
            Push("overturns", 4.5, start_ms, end_ms, where),
            Push("disputes", 5.0, start_ms, end_ms, where),
        ),
        releases=(Release(policy.model_id, version, start_ms, end_ms, markets),),
        recalls=(Recall(where, start_ms, end_ms, end_ms + HOUR_MS, 0.6),),
        changes=(
            ledger(
                at_ms=start_ms,
                name="bad-model",
                kind="MODEL_RELEASE",
                phase="COMPLETED",
                from_version=MODEL_VERSION,
                to_version=version,
            ),
            ledger(
                at_ms=end_ms,
                name="bad-model",
                kind="ROLLBACK",
                phase="ROLLED_BACK",
                from_version=version,
                to_version=MODEL_VERSION,
            ),
        ),
    )


def policy_rollout(policy: Policy, market: str, start_ms: int, until_ms: int, factor: float) -> Incident:
    """A stricter policy version: enforcement rises `factor` times within 20 minutes and stays there."""
    return Incident(
        id="sim-incident-policy-rollout",
        kind="POLICY_ROLLOUT",
        description=f"{policy.policy_id} version 4 comes into force in {market}; the higher level stays",
        event_type="enforcement.action",
        measure="count",
        dimensions={"market": market, "policy_id": policy.policy_id},
        markets=(market,),
        start_ms=start_ms,
        end_ms=until_ms,
        aftermath_end_ms=until_ms,
        direction="UP",
        alert_kinds=("ENFORCEMENT_SPIKE", "REGIME_CHANGE"),
        factor=factor,
        pushes=(
            Push(
                "actions",
                factor,
                start_ms,
                until_ms,
                {"policy_id": (policy.policy_id,), "market": (market,)},
                ramp_ms=20 * MINUTE_MS,
            ),
        ),
        releases=(Release(policy.policy_id, "4", start_ms, until_ms, (market,)),),
        changes=(
            Change(
                at_ms=start_ms - 12 * HOUR_MS,
                name="policy-rollout",
                kind="POLICY_ROLLOUT",
                phase="ANNOUNCED",
                target=policy.policy_id,
                owner_team="sim-team-policy",
                from_version=POLICY_VERSION,
                to_version="4",
                markets=(market,),
            ),
            Change(
                at_ms=start_ms,
                name="policy-rollout",
                kind="POLICY_ROLLOUT",
                phase="STARTED",
                target=policy.policy_id,
                owner_team="sim-team-policy",
                from_version=POLICY_VERSION,
                to_version="4",
                markets=(market,),
                percent=100,
            ),
        ),
    )


def queue_backlog(queue_id: str, markets: tuple[str, ...], start_ms: int, minutes: int) -> Incident:
    """A review queue stops: no human decision from it, then all that waited within 40 minutes."""
    end_ms = start_ms + minutes * MINUTE_MS
    catch_up_ms = 40 * MINUTE_MS
    return Incident(
        id="sim-incident-queue-backlog",
        kind="QUEUE_BACKLOG",
        description=f"{queue_id} decides nothing, then catches up at once",
        event_type="enforcement.action",
        measure="count",
        dimensions={"queue_id": queue_id},
        markets=markets,
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms + catch_up_ms,
        direction="DOWN",
        alert_kinds=("ENFORCEMENT_DROP", "ENFORCEMENT_SPIKE"),
        factor=0.0,
        holds=(Hold(queue_id, start_ms, end_ms, catch_up_ms),),
        changes=(
            Change(
                at_ms=start_ms,
                name="queue-routing",
                kind="QUEUE_ROUTING",
                phase="COMPLETED",
                target=queue_id,
                owner_team="sim-team-review",
            ),
        ),
    )


def fraud_wave(policy: Policy, market: str, start_ms: int, minutes: int, factor: float, shops: int = 120) -> Incident:
    """Many new shops do the same wrong: enforcement rises for good reason,
    and appeals are granted as rarely as ever.
    """
    end_ms = start_ms + minutes * MINUTE_MS
    return Incident(
        id="sim-incident-fraud-wave",
        kind="FRAUD_WAVE",
        description=f"{shops} new shops in {market} break {policy.policy_id}",
        event_type="enforcement.action",
        measure="count",
        dimensions={"market": market, "policy_id": policy.policy_id},
        markets=(market,),
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms + 6 * HOUR_MS,
        direction="UP",
        alert_kinds=("ENFORCEMENT_SPIKE",),
        factor=factor,
        pushes=(
            Push(
                "actions",
                factor,
                start_ms,
                end_ms,
                {"policy_id": (policy.policy_id,), "market": (market,)},
                ramp_ms=10 * MINUTE_MS,
                newcomers=shops,
            ),
        ),
    )
