"""The change ledger: what incidents and releases leave in it, between changes that have nothing to do with anything."""

from __future__ import annotations

from livewarden.contracts import PlatformChange, Scope
from livewarden.times import MINUTE_MS, instant
from sources.simulate.draft import Draft, by_time
from sources.simulate.incident import Change
from sources.simulate.scenario import Scenario

_ROUTINE_PER_MINUTE = 1 / 150
_ROUTINE = (
    ("DEPLOYMENT", "sim-service-checkout", "sim-team-commerce"),
    ("DEPLOYMENT", "sim-service-chat", "sim-team-live"),
    ("DEPLOYMENT", "sim-service-gifts", "sim-team-live"),
    ("CONFIG", "sim-service-search", "sim-team-feed"),
    ("FEATURE_FLAG", "sim-flag-new-cart", "sim-team-commerce"),
    ("THRESHOLD_CHANGE", "sim-model-affiliate-fraud", "sim-team-models"),
    ("CDN_SWITCH", "sim-cdn-3", "sim-team-delivery"),
)


def changes(scenario: Scenario) -> list[Draft]:
    """The ledger inside the scenario, in time order.

    Each phase is an event of its own at the time it begins; `ends_at` of a campaign is the planned end.
    """
    entries = [change for change in scenario.changes() if scenario.start_ms <= change.at_ms < scenario.end_ms]
    entries += _routine(scenario)
    return sorted(((change.at_ms, _event(change)) for change in entries), key=by_time)


def _routine(scenario: Scenario) -> list[Change]:
    rng = scenario.generator("changes")
    minutes = scenario.minutes()
    picked = minutes[rng.random(minutes.size) < _ROUTINE_PER_MINUTE].tolist()
    found = []
    for number, at_ms in enumerate(picked):
        kind, target, team = _ROUTINE[int(rng.integers(len(_ROUTINE)))]
        found.append(
            Change(
                at_ms=at_ms + int(rng.integers(MINUTE_MS)),
                name=f"routine-{number:03d}",
                kind=kind,
                phase="COMPLETED",
                target=target,
                owner_team=team,
                to_version=str(1200 + number),
            )
        )
    return found


def _event(change: Change) -> PlatformChange:
    return PlatformChange(
        change_id=f"sim-change-{change.name}",
        kind=change.kind,
        phase=change.phase,
        target=change.target,
        from_version=change.from_version,
        to_version=change.to_version,
        scope=Scope(markets=change.markets, percent=change.percent),
        starts_at=instant(change.at_ms),
        ends_at=None if change.ends_ms is None else instant(change.ends_ms),
        owner_team=change.owner_team,
    )
