"""Incidents of traffic and of its sources, one function each: what happens, and what would be right to say about it."""

from __future__ import annotations

from functools import partial

from livewarden.times import HOUR_MS, MINUTE_MS
from sources.simulate.incident import Change, Incident, Push, Release, Silence
from sources.simulate.versions import CLIENT_VERSION, client_target


def cdn_failure(market: str, cdn: str, start_ms: int, minutes: int, factor: float) -> Incident:
    """One delivery network stalls in one market; a quarter of the audience leaves. No entry in the change ledger."""
    end_ms = start_ms + minutes * MINUTE_MS
    return Incident(
        id="sim-incident-cdn",
        kind="CDN_FAILURE",
        description=f"{cdn} stalls in {market}; viewers leave",
        event_type="traffic.quality",
        measure="stalled",
        dimensions={"market": market, "cdn": cdn},
        markets=(market,),
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms + HOUR_MS,
        direction="UP",
        alert_kinds=("QUALITY_DEGRADATION", "TRAFFIC_ANOMALY"),
        factor=factor,
        pushes=(
            Push("stalled", factor, start_ms, end_ms, {"market": (market,), "cdn": (cdn,)}, ramp_ms=2 * MINUTE_MS),
            Push("audience", 0.75, start_ms, end_ms, {"market": (market,)}, ramp_ms=4 * MINUTE_MS),
            Push("tickets", 8.0, start_ms, end_ms + HOUR_MS, {"market": (market,), "category": ("TECHNICAL",)}),
        ),
    )


def app_release(
    device: str, version: str, markets: tuple[str, ...], start_ms: int, minutes: int, factor: float
) -> Incident:
    """An app version with many errors reaches a third of one device class, and is withdrawn."""
    end_ms = start_ms + minutes * MINUTE_MS
    ledger = partial(Change, target=client_target(device), owner_team="sim-team-clients", markets=markets)
    return Incident(
        id="sim-incident-app-release",
        kind="APP_RELEASE",
        description=f"{device} client {version} fails often; withdrawn",
        event_type="traffic.quality",
        measure="error_count",
        dimensions={"device_class": device, "client_version": version},
        markets=markets,
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms,
        direction="UP",
        alert_kinds=("QUALITY_DEGRADATION",),
        factor=factor,
        pushes=(
            Push("errors", factor, start_ms, end_ms, {"device_class": (device,), "client_version": (version,)}),
            Push("tickets", 4.0, start_ms, end_ms + HOUR_MS, {"market": markets, "category": ("TECHNICAL",)}),
        ),
        releases=(Release(client_target(device), version, start_ms, end_ms, markets, share=0.35),),
        changes=(
            ledger(
                at_ms=start_ms,
                name="app-release",
                kind="DEPLOYMENT",
                phase="PERCENT",
                from_version=CLIENT_VERSION,
                to_version=version,
                percent=35,
            ),
            ledger(
                at_ms=end_ms,
                name="app-release",
                kind="ROLLBACK",
                phase="ROLLED_BACK",
                from_version=version,
                to_version=CLIENT_VERSION,
            ),
        ),
    )


def traffic_collapse(market: str, start_ms: int, minutes: int, factor: float) -> Incident:
    """The audience of one market leaves within three minutes and comes back after a rollback."""
    end_ms = start_ms + minutes * MINUTE_MS
    ledger = partial(Change, target="sim-service-feed-ranking", owner_team="sim-team-feed", markets=(market,))
    return Incident(
        id="sim-incident-traffic-collapse",
        kind="TRAFFIC_COLLAPSE",
        description=f"viewers in {market} vanish after a ranking deployment",
        event_type="traffic.sample",
        measure="ccu",
        dimensions={"market": market},
        markets=(market,),
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms + HOUR_MS,
        direction="DOWN",
        alert_kinds=("TRAFFIC_ANOMALY",),
        factor=factor,
        pushes=(
            Push("audience", factor, start_ms, end_ms, {"market": (market,)}, ramp_ms=3 * MINUTE_MS),
            Push("tickets", 12.0, start_ms, end_ms + HOUR_MS, {"market": (market,), "category": ("TRAFFIC_DROP",)}),
        ),
        changes=(
            ledger(
                at_ms=start_ms - MINUTE_MS,
                name="feed-ranking",
                kind="DEPLOYMENT",
                phase="COMPLETED",
                from_version="1187",
                to_version="1188",
            ),
            ledger(
                at_ms=end_ms,
                name="feed-ranking",
                kind="ROLLBACK",
                phase="ROLLED_BACK",
                from_version="1188",
                to_version="1187",
            ),
        ),
    )


def reporting_gap(topic: str, event_type: str, markets: tuple[str, ...], start_ms: int, minutes: int) -> Incident:
    """The source of a topic falls silent, heartbeats included. Nothing in it is a drop,
    and nothing after it a spike.
    """
    end_ms = start_ms + minutes * MINUTE_MS
    return Incident(
        id="sim-incident-reporting-gap",
        kind="REPORTING_GAP",
        description=f"the source of {topic} sends nothing, not even heartbeats",
        event_type=event_type,
        measure="count",
        dimensions={},
        markets=markets,
        start_ms=start_ms,
        end_ms=end_ms,
        aftermath_end_ms=end_ms,
        direction="MISSING",
        alert_kinds=("REPORTING_GAP", "SOURCE_SILENT"),
        factor=0.0,
        silences=(Silence(topic, start_ms, end_ms),),
    )
