"""`make bench-governance`: the misjudgement radar on simulated cells, beside what else one could do.

Seeds of this file were used for nothing else. Appeals cluster by shop and campaign; `--independent` makes them
independent. A quarter of an hour on one core; `--short` takes fewer runs.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import median

import numpy as np

from models.misjudgement.delay import delay_of
from models.misjudgement.reading import Appeals, Reading, read_cell
from models.misjudgement.triangle import Counts, Floats, Triangle
from models.sampling.draw import draw
from models.sampling.plan import SamplePlan
from models.sampling.precision import precision
from sources.simulate.misjudged import MisjudgedWorld, misjudged_days, triangle_counts

DAYS = 300
FIRST = 240
AGES = (1, 3, 7, 14, 30)


class Cell:
    """One simulated cell: what is known of it on any day, and how it ends."""

    def __init__(self, seed: int, per_day: float, *, clustered: bool, **changes: int) -> None:
        world = MisjudgedWorld(
            seed=seed, days=DAYS, per_day=per_day, appealed=0.06, granted=0.3, clustered=clustered, **changes
        )
        drawn = misjudged_days(world)
        self.measures, self.granted = triangle_counts(drawn, DAYS)
        self.upheld = triangle_counts(drawn, DAYS, granted=False)[1]
        self.final = self.granted.sum(axis=1)

    def at(self, days: int) -> Triangle:
        return self._until(self.granted, days)

    def read(self, days: int, since: tuple[int, ...] = ()) -> Reading | None:
        granted = self.at(days)
        return read_cell(granted, Appeals(granted, self._until(self.granted + self.upheld, days)), since)

    def _until(self, counts: Counts, days: int) -> Triangle:
        known = counts[:days, : min(days, counts.shape[1])].copy()
        known[np.arange(known.shape[1])[None, :] > np.arange(days - 1, -1, -1)[:, None]] = 0
        return Triangle(0, self.measures[:days], known)


def nowcasts(seeds: range, per_day: float, clustered: bool) -> None:
    """Ratio of sums to the truth, root mean square error of one day's ratio, coverage of the 90 % interval."""
    estimates: dict[tuple[str, int], list[float]] = defaultdict(list)
    truth: dict[int, list[float]] = defaultdict(list)
    inside: dict[int, list[bool]] = defaultdict(list)
    for seed in seeds:
        cell = Cell(seed, per_day, clustered=clustered)
        for days in range(FIRST, DAYS, 5):
            triangle, reading = cell.at(days), cell.read(days)
            delay = delay_of(triangle)
            if reading is None or delay is None:
                continue
            share, cast = delay.share(triangle.ages), reading.nowcast
            mature = triangle.seen[:-60].sum() / triangle.measures[:-60].sum()
            for age in range(31):
                day = days - 1 - age
                truth[age].append(float(cell.final[day]))
                inside[age].append(bool(cast.low[day] <= cell.final[day] <= cast.high[day]))
                if age in AGES:
                    estimates["naive", age].append(float(triangle.seen[day]))
                    estimates["mature only", age].append(float(mature * triangle.measures[day]))
                    estimates["chain ladder", age].append(float(triangle.seen[day] / share[day]))
                    estimates["Gamma-Poisson", age].append(float(cast.estimate[day]))
    print(f"\n{per_day:,.0f} measures a day, {len(seeds)} cells: ratio to the truth ± error of one day, by age")
    for name in ("naive", "mature only", "chain ladder", "Gamma-Poisson"):
        print(f"  {name:<14}" + "".join(f"  {_ratio(estimates[name, age], truth[age]):>12}" for age in AGES))
    covers = [float(np.mean(inside[age])) for age in range(31)]
    print("  90 % interval covers " + "".join(f"  {age} d {covers[age]:.3f}" for age in AGES))
    print(f"  ages 3 to 30: mean {np.mean(covers[3:]):.3f}, least {min(covers[3:]):.3f}, most {max(covers[3:]):.3f}")


def _ratio(found: list[float], truth: list[float]) -> str:
    each: Floats = np.array(found) / np.maximum(np.array(truth), 1)
    return f"{sum(found) / sum(truth):.2f} ±{100 * float(np.sqrt(np.mean((each - 1) ** 2))):.0f} %"


def jumps(seeds: range, per_day: float, clustered: bool, named: bool) -> None:
    """Days until a jump of the granted share from .3 to .6 is seen."""
    days, mature = [], []
    for seed in seeds:
        cell = Cell(seed, per_day, clustered=clustered, release_day=FIRST)
        found = (n for n in range(1, 60) if (read := cell.read(FIRST + n, (n,) if named else ())) and read.jump)
        days.append(next(found, 60))
        mature.append(next((n for n in range(1, 60) if _mature_sees(cell, FIRST + n)), 60))
    days.sort()
    how = "a change names the day" if named else "no change names it"
    print(
        f"  {per_day:>5,.0f} a day, {how}: median {median(days):.0f} d,"
        f" p90 {days[int(0.9 * len(days))]} d; mature-only {median(mature):.0f} d"
    )


def _mature_sees(cell: Cell, days: int) -> bool:
    """A rival that waits: cohorts 21 to 28 days old, of which nearly all is seen, against the usual, at three sigma."""
    triangle = cell.at(days)
    delay = delay_of(triangle)
    if delay is None:
        return False
    usual = triangle.seen[:-60].sum() / triangle.measures[:-60].sum()
    young = slice(days - 28, days - 21)
    expected = float((triangle.measures * delay.share(triangle.ages))[young].sum()) * float(usual)
    return float(triangle.seen[young].sum()) > 1.25 * expected + 2.58 * expected**0.5


def alarms(seeds: range, per_day: float, clustered: bool, button: bool) -> None:
    """Alerts where the rate never moved; with a new appeal button the day its shift is flagged, and what holds
    after."""
    false, cell_days, flagged, inside = 0, 0, [], []
    for seed in seeds:
        cell = Cell(seed, per_day, clustered=clustered, **({"button_day": FIRST} if button else {}))
        first = 60
        for n in range(1, 41):
            reading = cell.read(FIRST + n)
            cell_days += 1
            if reading is None:
                continue
            false += reading.jump is not None
            if reading.shift is not None:
                first = min(first, n)
            if button and n > first:
                young = np.arange(FIRST + n - 4, max(FIRST, FIRST + n - 31) - 1, -1)
                cast = reading.nowcast
                inside += ((cast.low <= cell.final[: FIRST + n]) & (cell.final[: FIRST + n] <= cast.high))[
                    young
                ].tolist()
        flagged.append(first)
    what = "new appeal button" if button else "quiet"
    text = f"  {per_day:>5,.0f} a day, {what}: {false} false alerts in {cell_days:,} cell-days"
    if button:
        text += f"; shift flagged after {median(flagged):.0f} d (median), interval then covers {np.mean(inside):.3f}"
    else:
        text += f"; a shift flagged in {sum(each < 60 for each in flagged)} of {len(flagged)} cells"
    print(text)


def audits(runs: int, rates: dict[str, tuple[int, float]], name: str, **how: object) -> None:
    """Simulated quality samples: how often the 95 % interval held the truth, and the mean error of the share."""
    rng = np.random.default_rng(89_000)
    frame = {f"{stratum}{number}": stratum for stratum, (size, _) in rates.items() for number in range(size)}
    chance = np.array([rates[stratum][1] for stratum in frame.values()])
    held, exact, errors, raw = 0, 0, [], []
    for run in range(runs):
        right = dict(zip(frame, (rng.random(len(frame)) >= chance).tolist(), strict=True))
        truth = sum(right.values()) / len(right)
        plan = SamplePlan(sample_id="s", seed=f"{name} {run}", frame="all", **how)  # type: ignore[arg-type]
        found = precision(draw(plan, frame), right)
        if found is not None:
            held += found.wilson[0] <= truth <= found.wilson[1]
            exact += found.clopper_pearson[0] <= truth <= found.clopper_pearson[1]
            errors.append(found.share - truth)
            raw.append(found.raw - truth)
    print(
        f"  {name}: Wilson covers {held / runs:.3f}, exact {exact / runs:.3f} of {runs:,};"
        f" mean error {100 * float(np.mean(errors)):+.2f} points, without weights {100 * float(np.mean(raw)):+.2f}"
    )


def samples(runs: int) -> None:
    """Quality samples of three strata, and of two of which one is drawn four times as often."""
    print("\nquality samples, 95 % intervals")
    audits(runs, {"a": (1500, 0.03), "b": (800, 0.08), "c": (300, 0.20)}, "three strata", size=300)
    skewed = {"a": (1800, 0.03), "b": (450, 0.25)}
    audits(runs, skewed, "4 x oversampled", size=300, simple=0.0, floor=0, expected={"a": 0.0225, "b": 0.5})


def main() -> None:
    """Print every figure."""
    samples(200 if "--short" in sys.argv else 1_000)
    runs = 12 if "--short" in sys.argv else 30
    clustered = "--independent" not in sys.argv
    for number, per_day in enumerate((2_000, 200)):
        nowcasts(range(80_000 + 1_000 * number, 80_000 + 1_000 * number + runs), per_day, clustered)
    print("\na jump of the share granted, .3 to .6")
    for number, per_day in enumerate((2_000, 200)):
        for named in (True, False):
            jumps(range(82_000 + 1_000 * number, 82_000 + 1_000 * number + runs), per_day, clustered, named)
    print("\nwhere the rate never moved, 40 days each")
    for number, (per_day, button) in enumerate(((2_000, False), (200, False), (2_000, True), (200, True))):
        alarms(range(95_000 + 1_000 * number, 95_000 + 1_000 * number + runs), per_day, clustered, button)


if __name__ == "__main__":
    main()
