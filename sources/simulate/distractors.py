"""What happens every day and should page nobody."""

from __future__ import annotations

from functools import partial

from livewarden.times import HOUR_MS, MINUTE_MS
from sources.simulate.incident import Change, Incident, Push, Release


def campaign(name: str, markets: tuple[str, ...], start_ms: int, minutes: int, lift: float) -> Incident:
    """A planned campaign: `lift` times the audience, and as much more enforcement,
    so that the rate per viewer stays.
    """
    end_ms = start_ms + minutes * MINUTE_MS
    where = {"market": markets}
    ledger = partial(
        Change,
        kind="CAMPAIGN",
        target=f"sim-campaign-{name}",
        owner_team="sim-team-commerce",
        markets=markets,
        ends_ms=end_ms,
    )
    return Incident(
        id=f"sim-campaign-{name}",
        kind="CAMPAIGN",
        description=f"planned campaign {name}: more of everything, the same per viewer",
        event_type="traffic.sample",
        measure="ccu",
        dimensions={},
        markets=markets,
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms,
        direction="UP",
        alert_kinds=(),
        factor=lift,
        pushes=(
            Push("audience", lift, start_ms, end_ms, where, ramp_ms=30 * MINUTE_MS),
            Push("actions", lift, start_ms, end_ms, where, ramp_ms=30 * MINUTE_MS),
        ),
        changes=tuple(
            ledger(at_ms=at_ms, name=f"campaign-{name}", phase=phase)
            for at_ms, phase in ((start_ms - 24 * HOUR_MS, "ANNOUNCED"), (start_ms, "STARTED"), (end_ms, "ENDED"))
        ),
    )


def healthy_release(
    name: str,
    target: str,
    version: str,
    markets: tuple[str, ...],
    start_ms: int,
    until_ms: int,
    kind: str = "DEPLOYMENT",
    share: float = 1.0,
) -> Incident:
    """A release that changes a version label and nothing else."""
    return Incident(
        id=f"sim-release-{name}",
        kind="HEALTHY_RELEASE",
        description=f"{target} {version}: a new label, the same behaviour",
        event_type="platform.change",
        measure="count",
        dimensions={},
        markets=markets,
        start_ms=start_ms,
        end_ms=until_ms,
        aftermath_end_ms=until_ms,
        direction="UP",
        alert_kinds=(),
        factor=1.0,
        releases=(Release(target, version, start_ms, until_ms, markets, share=share),),
        changes=(
            Change(
                at_ms=start_ms,
                name=name,
                kind=kind,
                phase="COMPLETED",
                target=target,
                to_version=version,
                owner_team="sim-team-release",
                markets=markets,
            ),
        ),
    )
