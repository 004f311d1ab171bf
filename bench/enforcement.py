"""placeholder"""

from __future__ import annotations

import numpy as np

from bench.enforcement_world import World

REARM, SILENT, AFTERMATH = 15, 720, 60
FROM = 1440


def alerts_of(column, threshold):
    """Minutes at which an alert starts."""
    over = np.flatnonzero(column >= threshold)
    if not len(over):
        return []
    half = column >= threshold / 2
    starts, at = [], 0
    while at < len(over):
        start = int(over[at])
        starts.append(start)
        # re-arm: 15 in a row below half, and 12 h
        run, t = 0, start + 1
        hot = np.flatnonzero(half[start:]) + start
        gaps = np.diff(np.append(hot, len(column) + REARM + 1))
        first = int(np.argmax(gaps > REARM))
        free = max(int(hot[first]) + REARM + 1, start + SILENT)
        at = int(np.searchsorted(over, free))
    return starts


def measure(world: World, scores, threshold, first=FROM):
    mask = ~np.isnan(scores[-1])
    peak = np.nanmax(scores, axis=0)
    by = {}
    for s in world.spikes:
        by.setdefault(s.series, []).append(s)
    found = found10 = n = n10 = false = drift_false = 0
    delays = []
    for j in np.flatnonzero(mask):
        al = alerts_of(scores[:, j], threshold) if peak[j] >= threshold else []
        sp = by.get(j, [])
        for s in sp:
            n += 1
            big = world.excess(s) >= 10
            n10 += big
            hit = [a for a in al if s.start <= a < s.end]
            if hit:
                found += 1
                found10 += big
                delays.append(hit[0] - s.start + 1)
        for a in al:
            if a >= first and not any(s.start <= a < s.end + AFTERMATH for s in sp):
                false += 1
                drift_false += bool(world.drifting[j])
    days = (len(scores) - first) / 1440
    per = 1000 / days / mask.sum()
    return dict(
        recall=found / max(n, 1),
        recall_10=found10 / max(n10, 1),
        median=float(np.median(delays)) if delays else np.nan,
        false=false * per,
        drift=drift_false * 1000 / days / max(1, world.drifting[mask].sum()),
        n=n,
        n10=n10,
    )
