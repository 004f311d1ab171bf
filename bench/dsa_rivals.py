"""What simple rules tell of the daily recording, for comparison with `bench.dsa`.

*Trailing median*: five times the median of the 28 days before, or more, and 200 or more: the usual rule of a
spreadsheet; once upwards only, once either way. *EW z-score*: distance to an exponentially weighted mean in
exponentially weighted deviations, of the counts and of their logarithms, its threshold set so that it tells at most as
many alerts as ours, which is more than it could know. All get the volume floors and directions of the shipped monitors,
and speak once for an episode, which three normal days end, as ours do; a known incident within it counts as found. Days
without a label count as not real for all, and the labels were made from other lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from bench.baselines import ew_z
from livewarden.times import DAY_MS, format_ms
from models.monitors.monitor import Monitor

NORMAL: Final = 3
TIMES: Final = 5.0
"""From how many times the trailing median on the rule speaks."""
LEAST: Final = 200.0
FADING: Final = 0.05

Scored = dict[str, list[tuple[str, float, bool]]]
"""Action type to day, score, and whether it is upwards; only days that pass direction and volume are above 0."""


def run(
    counts: Mapping[str, Mapping[int, float]],
    monitors: Sequence[Monitor],
    most: int,
    real: set[tuple[str, str]],
    incidents: Sequence[tuple[str, str, str]],
) -> dict[str, dict[str, float]]:
    """By rule: alerts notified, those that are not real, known incidents and days labelled real that are found."""
    floors = {
        action: monitor
        for monitor in monitors
        if monitor.bucket == DAY_MS
        for action in monitor.where.get("action_type", ())
    }
    notified = {
        "trailing median, upwards": list(_episodes(_scored(counts, floors, lambda: _median_rule(down=False)), 1.0)),
        "trailing median, either way": list(_episodes(_scored(counts, floors, lambda: _median_rule(down=True)), 1.0)),
    }
    for name, view in (("EW z-score", float), ("EW z-score of logarithms", np.log1p)):
        scored = _scored(counts, floors, lambda view=view: _z_score(view))  # type: ignore[misc]
        scores = sorted({score for days in scored.values() for _, score, _ in days if score > 0})
        notified[name] = []
        for threshold in reversed(scores):
            tried = list(_episodes(scored, threshold))
            if len(tried) > most:
                break
            notified[name] = tried
    return {
        name: {
            "alerts": len(alerts),
            "not_real": sum((days[0], action) not in real for action, _, days in alerts),
            "incidents": sum(
                any((action, way) == (of, up) and day in days for of, up, days in alerts)
                for day, action, way in incidents
            ),
            "real_found": sum(any(action == of and day in days for of, _, days in alerts) for day, action in real),
        }
        for name, alerts in notified.items()
    }


def table(figures: Mapping[str, Mapping[str, float]], incidents: int, real: int) -> str:
    """For people."""
    lines = [f"{'rule':30}{'alerts':>8}{'not real':>10}{'incidents':>12}{'days labelled real':>20}"]
    for name, row in figures.items():
        found = f"{row['incidents']} of {incidents}"
        lines.append(f"{name:30}{row['alerts']:8}{row['not_real']:10}{found:>12}{row['real_found']:14} of {real}")
    return "\n".join(lines)


Rule = Callable[[], Callable[[float, int], tuple[float, float]]]
"""Makes what takes a day's count and start, and returns the score before it is learned and what was expected."""


def _scored(counts: Mapping[str, Mapping[int, float]], floors: Mapping[str, Monitor], rule: Rule) -> Scored:
    found: Scored = {}
    for action, days in counts.items():
        monitor, step = floors[action], rule()
        rows = found.setdefault(action, [])
        for day, count in days.items():
            score, expected = step(count, day)
            up = count >= expected
            counts_at_all = (up or monitor.direction != "up") and max(count, expected) >= monitor.min_volume
            rows.append((format_ms(day)[:10], score if counts_at_all else 0.0, up))
    return found


def _episodes(scored: Scored, threshold: float) -> Iterator[tuple[str, str, list[str]]]:
    """Action type, direction and days of every episode at that threshold."""
    for action, rows in scored.items():
        days: list[str] = []
        up, normal = True, 0
        for day, score, upwards in rows:
            if score >= threshold and (not days or upwards == up):
                if not days:
                    up = upwards
                days.append(day)
                normal = 0
            elif days:
                normal += 1
                if normal >= NORMAL:
                    yield action, "UP" if up else "DOWN", days
                    days = []
        if days:
            yield action, "UP" if up else "DOWN", days


def _median_rule(*, down: bool) -> Callable[[float, int], tuple[float, float]]:
    past: list[float] = []

    def step(count: float, _: int) -> tuple[float, float]:
        usual = float(np.median(past[-28:])) if len(past) >= 14 else np.inf
        past.append(count)
        rises = count >= LEAST and count >= TIMES * usual
        falls = down and np.isfinite(usual) and usual >= LEAST and usual >= TIMES * count
        return float(rises or falls), usual

    return step


def _z_score(view: Callable[[float], float]) -> Callable[[float, int], tuple[float, float]]:
    score, mean = ew_z(FADING), 0.0

    def step(count: float, day: int) -> tuple[float, float]:
        nonlocal mean
        expected, seen = mean, float(view(count))
        mean += FADING * (seen - mean)
        return score(seen, day), expected if view is float else float(np.expm1(expected))

    return step
