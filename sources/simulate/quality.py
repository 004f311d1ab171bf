"""Playback quality: a row a minute for each market, delivery network, device class and app version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from livewarden.contracts import TrafficQuality
from livewarden.times import MINUTE_MS, instant
from sources.simulate.draft import Draft
from sources.simulate.market import Floats
from sources.simulate.noise import log_drift
from sources.simulate.rooms import Crowd
from sources.simulate.scenario import Scenario
from sources.simulate.versions import CLIENT_VERSION, client_target

_CDNS = {3: (0.5, 0.3, 0.2), 2: (0.65, 0.35)}
"""Share of each delivery network, by their number."""
_DEVICES = {"ANDROID": (0.6, 0.014, 1100), "IOS": (0.4, 0.010, 800)}
"""Device class: share, share of stalled viewers, milliseconds to first frame (95th percentile)."""
_ERRORS = 0.004
"""Errors a minute for each viewer."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """The rows of one combination; `rows[i]` is samples, stalled, first frame, errors in minute `i`."""

    labels: dict[str, object]
    rows: list[list[int]]


def qualities(scenario: Scenario, crowds: Sequence[Crowd]) -> Iterator[Draft]:
    """One `traffic.quality` for each combination and minute with viewers in it, in time order."""
    slices = [piece for crowd in crowds for piece in _slices(scenario, crowd)]
    for minute, at_ms in enumerate(scenario.minutes().tolist()):
        window_start = instant(at_ms)
        for piece in slices:
            measured, stalled, first_frame, errors = piece.rows[minute]
            if measured:
                yield (
                    at_ms,
                    TrafficQuality.model_validate(
                        {
                            **piece.labels,
                            "window_start": window_start,
                            "samples": measured,
                            "stalled": stalled,
                            "first_frame_ms_p95": first_frame,
                            "error_count": errors,
                        }
                    ),
                )


def _slices(scenario: Scenario, crowd: Crowd) -> Iterator[_Slice]:
    market = crowd.market
    for index, cdn_share in enumerate(_CDNS[market.cdns], 1):
        cdn = f"sim-cdn-{index}"
        wander = log_drift(scenario.generator("cdn", market.code, cdn), crowd.minutes.size, 120, 0.15)
        for device, (device_share, stalling, first_frame) in _DEVICES.items():
            for version, share in _versions(scenario, crowd, device).items():
                labels = {"market": market.code, "cdn": cdn, "device_class": device, "client_version": version}
                viewers = crowd.viewers * cdn_share * device_share * share
                yield _slice(scenario, crowd, labels, viewers, stalling * wander, first_frame)


def _slice(
    scenario: Scenario, crowd: Crowd, labels: dict[str, str], viewers: Floats, stalling: Floats, first_frame: int
) -> _Slice:
    rng = scenario.generator("quality", *labels.values())
    steps = crowd.minutes.size
    worse = scenario.factors("stalled", labels, crowd.minutes)
    measured = rng.poisson(viewers)
    stalled = rng.binomial(measured, np.clip(stalling * worse * log_drift(rng, steps, 3, 0.15), 0.0, 0.95))
    slow = np.rint(first_frame * worse**0.5 * rng.lognormal(0.0, 0.06, steps)).astype(np.int64)
    failing = _ERRORS * scenario.factors("errors", labels, crowd.minutes) * log_drift(rng, steps, 5, 0.15)
    rows = np.stack((measured, stalled, slow, rng.poisson(measured * failing)), axis=1).tolist()
    return _Slice({**labels, "window_s": 60}, rows)


def _versions(scenario: Scenario, crowd: Crowd, device: str) -> dict[str, Floats]:
    """The share of each app version in every minute; a release spreads over an hour,
    and is gone as fast as withdrawn.
    """
    shares: dict[str, Floats] = {CLIENT_VERSION: np.ones(crowd.minutes.size)}
    for release in scenario.releases(client_target(device), crowd.market.code):
        inside = (crowd.minutes >= release.start_ms) & (crowd.minutes < release.end_ms)
        spread_ms = 60 * MINUTE_MS if release.share == 1.0 else 5 * MINUTE_MS
        part = release.share * inside * np.clip((crowd.minutes - release.start_ms) / spread_ms, 0.05, 1.0)
        shares = {version: share * (1 - part) for version, share in shares.items()}
        shares[release.version] = shares.get(release.version, 0.0 * part) + part
    return shares
