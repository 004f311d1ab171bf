"""Every figure of detection in one run: `make bench-detection`, or `python -m bench.detection [--out FILE] [--only
PART]`.

Each part is a benchmark of its own, with its own docstring on what is counted and what was tuned on; here they run one
after the other, print their tables, and leave their figures in one JSON file. A part whose data is absent is skipped,
and said to be.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import aiops, calibration, dsa, enforcement, evening, light, quiet, rooms, rootcause, series

OUT = Path(__file__).with_name("detection.json")


class Part(NamedTuple):
    """A benchmark: what it measures, how it runs, how it is shown, and the data it needs."""

    title: str
    run: Callable[[], dict[str, Any]]
    table: Callable[[dict[str, Any]], str]
    data: Path | None = None


class Goal(NamedTuple):
    """A figure and what it is to reach."""

    name: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        """Whether the figure is reached."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


PARTS = {
    "enforcement": Part("Enforcement spikes, simulated", enforcement.run, enforcement.table),
    "aiops": Part("Traffic: 29 labelled KPIs", aiops.run, aiops.table, aiops.DATA),
    "rooms": Part("LIVE rooms in their first hour, simulated", rooms.run, rooms.table),
    "evening": Part("Whole simulated evenings", evening.run, evening.table),
    "quiet": Part("A quiet platform, simulated", quiet.run, quiet.table),
    "calibration": Part("Whether a budget costs what it says, six worlds", calibration.run, calibration.table),
    "dsa": Part("Daily reports: 645 days by 21 families", dsa.run, dsa.table, dsa.DATA),
    "rootcause": Part("Which slice explains it: 90 labelled incidents", rootcause.run, rootcause.show, rootcause.DATA),
    "series": Part("Series of any kind: NAB and cloud monitoring", series.run, series.table, series.DATA),
    "light": Part("What judging costs", light.run, light.table),
}
GOALS = (
    Goal("spikes.recall", at_least=0.80),
    Goal("spikes.recall_10", at_least=0.95),
    Goal("spikes.median_min", at_most=4.0),
    Goal("spikes.false_per_1000_day", at_most=0.5),
    Goal("aiops.f1", at_least=0.85),
    Goal("dsa.incidents_found", at_least=1.0),
    Goal("dsa.alerts_per_fortnight", at_most=1.0),
    Goal("quiet.incidents_per_day", at_most=0.5),
    *(Goal(f"calibration.{name}", at_most=2.0) for name in calibration.WORLDS),
    Goal("evening.notified_per_incident", at_most=1.5),
    Goal("evening.noise_per_day", at_most=0.5),
    Goal("rootcause.top1", at_least=0.78),
    Goal("rootcause.top3", at_least=0.95),
    Goal("rootcause.top5", at_least=0.98),
    Goal("rootcause.seconds", at_most=0.1),
    Goal("nab.standard", at_least=65.0),
    Goal("cloud.f1", at_least=0.5),
    Goal("cloud.recall_1", at_least=0.6),
    Goal("light.us", at_most=5.0),
    Goal("light.bytes", at_most=1024.0),
    Goal("light.tick_100k_s", at_most=1.0),
)


def summary(figures: dict[str, Any]) -> str:
    """The headline figures against what they are to reach."""
    lines = [f"{'figure':28}{'value':>10}  {'to reach':10}"]
    for goal in GOALS:
        value = figures.get(goal.name)
        told = "not run" if value is None else f"{value:.3g}"
        reached = "" if value is None else "reached" if goal.met(value) else "NOT reached"
        lines.append(f"{goal.name:28}{told:>10}  {goal!s:10}{reached}")
    for name in ("spikes.drift", "aiops.recall_at_1_per_1000", "rooms.recall", "evening.found", "evening.false"):
        lines.append(f"{name:28}{figures[name]:10.3g}" if name in figures else f"{name:28}{'not run':>10}")
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Run the parts; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description="Every figure of detection.")
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON goes")
    parser.add_argument(
        "--only", action="append", default=[], choices=PARTS, help="one part; others keep their figures"
    )
    options = parser.parse_args(args)
    figures: dict[str, Any] = {}
    if options.only and options.out.exists():
        figures = json.loads(options.out.read_text(encoding="utf-8"))
    for name, part in PARTS.items():
        if options.only and name not in options.only:
            continue
        if part.data is not None and not part.data.exists():
            print(f"== {part.title}: skipped, {part.data.name} is absent\n", flush=True)
            continue
        begun = time.monotonic()
        found = part.run()
        figures |= found
        print(f"== {part.title} ({time.monotonic() - begun:.0f} s)\n{part.table(found)}\n", flush=True)
    print(summary(figures))
    options.out.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
