"""Enforcement spikes on a simulated fortnight of 2,000 series: `python -m bench.enforcement [--json] [--seeds 11,12]`.

The simulation (bench/enforcement_world.py) was calibrated once, on seeds 1 and 2, so that the earlier detector and the
oracle, the same scan with the true rates, reach about what they reached on the simulation that the targets were written
for (recall .72 to .76 and .82 at one false alert per 1,000 series and day), and then left alone. The detector was
developed on seeds 1 and 2; the figures are of seeds 21 to 25, which nobody had seen; 11 to 20 had been, by the two
designs before.

How it is counted. An alert begins where the score reaches the threshold; a series may alert again after 15 minutes in a
row below half of it and 12 hours. A spike is found when an alert begins within it; minutes to detect count the first as
1. An alert that begins outside of every spike of its series and the hour behind it, from the second day on, is false.
Excess events are those beyond the true mean. `drift`: the same for the series that only drift, by ×2 to ×4 within days.
The threshold of ours follows from the budget alone, .5 false alerts per 1,000 series and day, by the formula that
monitors use. Rivals get the threshold that gives them just as many false alerts on the judged seed itself, which
flatters them. Stock detectors are slow and get every tenth or fiftieth series of one seed.

Intervals are 95 % of 1,000 bootstrap draws of the series, all seeds together.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.command import parser_of, show
from bench.enforcement_rivals import RIVALS, Scores
from bench.enforcement_world import DAY, Shapes, Spike, World, simulate, start_of
from models.detect.enforcement import EnforcementBank

SEEDS = (21, 22, 23, 24, 25)
SERIES, DAYS = 2000, 14
REARM, SILENT, AFTERMATH = 15, 720, 60
FALSE = 0.5
"""False alerts per 1,000 series and day that are asked for."""
THRESHOLD = math.log10(1000 * DAY / FALSE)
MANY = 10
"""Excess events of a spike that ought to be found."""
OURS = "enforcement-bank"
SLOW = ("StandardAbsoluteDeviation", "GaussianScorer")


class Tally(NamedTuple):
    """What a detector did on each series it was given: columns of equal length."""

    spikes: NDArray[np.int64]
    found: NDArray[np.int64]
    many: NDArray[np.int64]
    many_found: NDArray[np.int64]
    false: NDArray[np.int64]
    drifting: NDArray[np.bool_]
    delays: list[int]
    days: float

    def figures(self, drawn: NDArray[np.intp] | None = None) -> dict[str, float]:
        """All figures, of the series drawn (each as often as it is drawn) or of all."""
        take = np.arange(len(self.spikes)) if drawn is None else drawn
        drift = take[self.drifting[take]]
        return {
            "recall": self.found[take].sum() / max(1, self.spikes[take].sum()),
            "recall_10": self.many_found[take].sum() / max(1, self.many[take].sum()),
            "false_per_1000_day": 1000 * self.false[take].sum() / len(take) / self.days,
            "drift": 1000 * self.false[drift].sum() / max(1, len(drift)) / self.days,
        }


def ours(world: World) -> tuple[Scores, float]:
    """The scores of the bank, with the markets as parents; and microseconds per update, judging and learning."""
    bank = EnforcementBank()
    minutes, series = world.counts.shape
    parents = bank.add(np.full(world.market.max() + 1, -1, dtype=np.intp))
    rows = bank.add(parents[world.market])
    scores = np.zeros(world.counts.shape, np.float32)
    begun = time.process_time()
    for minute in range(minutes):
        counts, at = world.counts[minute].astype(np.float64), start_of(minute)
        scores[minute] = bank.judge(rows, counts, at).score
        bank.learn(rows, counts, at)
        bank.learn(parents, np.bincount(world.market, weights=counts), at)
    return scores, (time.process_time() - begun) * 1e6 / (minutes * series)


def alerts(scores: NDArray[np.float32], threshold: float) -> list[int]:
    """The minutes at which one series alerts.

    >>> quiet = np.zeros(3000, np.float32)
    >>> quiet[[100, 105, 130, 1000]] = 9.0
    >>> alerts(quiet, 7.0)
    [100, 1000]
    """
    over = np.flatnonzero(scores >= threshold)
    hot = np.flatnonzero(scores >= threshold / 2)
    starts: list[int] = []
    free = -1
    for minute in over.tolist():
        if minute < free:
            continue
        starts.append(minute)
        behind = hot[np.searchsorted(hot, minute) :]
        normal = np.flatnonzero(np.diff(np.append(behind, len(scores) + REARM + 1)) > REARM)
        free = max(int(behind[normal[0]]) + REARM + 1, minute + SILENT)
    return starts


def tally(world: World, scores: Scores, threshold: float, first: int = DAY) -> Tally:
    """Count what was found and what was false; series whose scores are NaN were not given."""
    given = np.flatnonzero(~np.isnan(scores[-1]))
    peaks = scores[:, given].max(axis=0)
    spikes: dict[int, list[Spike]] = {}
    for spike in world.spikes:
        spikes.setdefault(spike.series, []).append(spike)
    counts = np.zeros((5, len(given)), np.int64)
    delays: list[int] = []
    for place, series in enumerate(given.tolist()):
        notified = alerts(scores[:, series], threshold) if peaks[place] >= threshold else []
        own = spikes.get(series, [])
        for spike in own:
            hits = [minute for minute in notified if spike.start <= minute < spike.end]
            many = world.excess(spike) >= MANY
            counts[:4, place] += (1, bool(hits), many, many and bool(hits))
            delays += [hits[0] - spike.start + 1] if hits else []
        counts[4, place] = sum(
            minute >= first and not any(spike.start <= minute < spike.end + AFTERMATH for spike in own)
            for minute in notified
        )
    return Tally(*counts, world.drifting[given], delays, (len(scores) - first) / DAY)


def equally_false(world: World, scores: Scores, rate: float) -> float:
    """The lowest threshold at which there are at most so many false alerts per 1,000 series and day."""
    low, high = 0.0, float(np.nanmax(scores)) + 1.0
    for _ in range(14):
        middle = (low + high) / 2
        if tally(world, scores, middle).figures()["false_per_1000_day"] > rate:
            low = middle
        else:
            high = middle
    return high


def together(parts: Sequence[Tally]) -> Tally:
    """Several seeds as one."""
    columns = [np.concatenate([part[at] for part in parts]) for at in range(6)]
    return Tally(*columns, [delay for part in parts for delay in part.delays], parts[0].days)


def notified(parts: Sequence[Tally]) -> dict[str, Any]:
    """Figures of all seeds with intervals, and how far the seeds are apart."""
    whole = together(parts)
    rng = np.random.default_rng(2026)
    size = len(whole.spikes)
    draws = [whole.figures(rng.integers(0, size, size)) for _ in range(1000)]
    figures: dict[str, Any] = {name: float(value) for name, value in whole.figures().items()}
    figures["median_min"] = float(np.median(whole.delays)) if whole.delays else None
    for name in ("recall", "recall_10", "false_per_1000_day"):
        low, high = np.percentile([draw[name] for draw in draws], [2.5, 97.5])
        figures[f"{name}_95"] = [float(low), float(high)]
        figures[f"{name}_seeds"] = [float(part.figures()[name]) for part in parts]
    return figures | {"spikes": int(whole.spikes.sum()), "spikes_10": int(whole.many.sum()), "series": size}


def run(seeds: Sequence[int] = SEEDS, series: int = SERIES, days: int = DAYS, slow: bool = True) -> dict[str, Any]:
    """All figures: over all seeds; with unrelated shapes, and the slow rivals, over the first."""
    detectors: dict[str, Any] = {}
    cost: list[float] = []
    shapes: Shapes
    for shapes in ("market", "own"):
        parts: dict[str, list[Tally]] = {}
        for seed in seeds if shapes == "market" else seeds[:1]:
            world = simulate(seed, series, days, shapes)
            scores, us = ours(world)
            cost.append(us)
            mine = tally(world, scores, THRESHOLD)
            parts.setdefault(OURS, []).append(mine)
            rate = max(FALSE, mine.figures()["false_per_1000_day"])
            for name, rival in RIVALS.items():
                if name in SLOW and (not slow or seed != seeds[0] or shapes == "own"):
                    continue
                scores = rival(world)
                parts.setdefault(name, []).append(tally(world, scores, equally_false(world, scores, rate)))
        suffix = "" if shapes == "market" else ", unrelated shapes"
        detectors |= {name + suffix: notified(each) for name, each in parts.items()}
    headline = detectors[OURS]
    names = ("recall", "recall_10", "median_min", "false_per_1000_day", "drift")
    return {f"spikes.{name}": headline[name] for name in names} | {
        "spikes.us": float(np.median(cost)),
        "spikes.threshold": THRESHOLD,
        "spikes.detectors": detectors,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{'detector':44}{'recall':>18}{'≥ 10 excess':>18}{'minutes':>9}{'false/1000/day':>22}{'drift':>7}{'series':>8}"
    ]
    for name, told_of in figures["spikes.detectors"].items():
        shown = [
            f"{told_of[key]:.3f} {told_of[key + '_95'][0]:.2f}–{told_of[key + '_95'][1]:.2f}"
            for key in ("recall", "recall_10", "false_per_1000_day")
        ]
        minutes = "–" if told_of["median_min"] is None else f"{told_of['median_min']:.0f}"
        lines.append(
            f"{name:44}{shown[0]:>18}{shown[1]:>18}{minutes:>9}{shown[2]:>22}{told_of['drift']:7.2f}{told_of['series']:8}"
        )
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = parser_of("enforcement", "Simulated enforcement spikes.", SEEDS, "which fortnights")
    parser.add_argument("--series", type=int, default=SERIES, help="how many series")
    parser.add_argument("--no-slow", action="store_true", help="leave River's stock detectors out")
    options = parser.parse_args(args)
    return show(run(options.seeds, options.series, slow=not options.no_slow), table, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
