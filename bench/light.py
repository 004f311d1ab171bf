"""What judging costs: per update, per series, and for 100,000 series in one bucket. `python -m bench.light [--json]`.

`light.us`: judge and learn, per series, in a bank of 10,000 (process time). `light.bytes`: the state of one series in
its bank. `light.tick_100k_s`: one bucket of a monitor with 100,000 series, 50 markets by 2,000 policies, each with
something in it, from the seal that completes it to its judgements, alerts and learning (wall clock, median of the
buckets behind the warm-up). Counts are Poisson with means from .01 to 50, drawn once. Scores are computed for every
series from the first bucket on, ready or not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from livewarden.times import MINUTE_MS
from models.aggregate.partial import ROWS_PER_RECORD, Partial, Seal
from models.decide.engine import Engine, Findings
from models.detect.bank import Bank
from models.detect.registry import new_bank
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan

START_MS = 1_772_409_600_000
COUNTS = Monitor.model_validate(
    {"name": "counts", "event": "enforcement.action", "detector": "enforcement", "group_by": ["market", "policy_id"]}
)
SUMS = Monitor.model_validate(
    {
        "name": "sums",
        "event": "traffic.sample",
        "measure": "sum(views)",
        "detector": "traffic",
        "group_by": ["market", "shop_id"],
    }
)
MONITORS = {"enforcement": COUNTS, "traffic": SUMS}


def values(series: int, seed: int = 1) -> Callable[[], np.ndarray]:
    """Draws one bucket of all series after the other."""
    rng = np.random.default_rng(seed)
    means = 10.0 ** rng.uniform(-2.0, 1.7, series)
    return lambda: rng.poisson(means).astype(np.float64)


def update(monitor: Monitor, series: int = 10_000, buckets: int = 60) -> float:
    """Microseconds of processor time to judge and learn one bucket of one series."""
    bank, draw = new_bank(monitor), values(series)
    rows = _family(bank, series)
    spent = []
    for bucket in range(buckets):
        now, at = draw(), START_MS + bucket * MINUTE_MS
        begun = time.process_time()
        bank.judge(rows, now, at)
        bank.learn(rows, now, at)
        spent.append(time.process_time() - begun)
    return statistics.median(spent[buckets // 2 :]) / series * 1e6


def bytes_per_series(monitor: Monitor) -> int:
    """Bytes of the state of one series."""
    return new_bank(monitor).bytes_per_row


def tick(monitor: Monitor, series: int = 100_000, buckets: int = 7) -> list[float]:
    """Seconds for each bucket, from the seal to everything judged and learned."""
    engine, draw = Engine(Plan([monitor]), monitor.group_name), values(series)
    keys = [(f"m{number % 50:02}", f"p{number // 50:04}") for number in range(series)]
    place = monitor.group_name, monitor.topic, 0
    spent = []
    for bucket in range(buckets):
        start = START_MS + bucket * monitor.bucket
        rows = [(key, int(value) + 1, 0, "") for key, value in zip(keys, draw().tolist(), strict=True)]
        for chunk, at in enumerate(range(0, series, ROWS_PER_RECORD)):
            cut = tuple(rows[at : at + ROWS_PER_RECORD])
            engine.apply(Partial(*place, monitor.name, monitor.sums_hash, start, chunk, cut), Findings())
        findings = Findings()
        begun = time.perf_counter()
        engine.apply(Seal(*place, 1, start + monitor.bucket), findings)
        spent.append(time.perf_counter() - begun)
        assert len(findings.judged) == series
    return spent


def run() -> dict[str, Any]:
    """All figures; those of the slower detector are the headline."""
    detectors = {
        name: {
            "us": update(monitor),
            "bytes": bytes_per_series(monitor),
            "tick_100k_s": statistics.median((ticks := tick(monitor))[2:]),
            "ticks_s": ticks,
        }
        for name, monitor in MONITORS.items()
    }
    worst = {f"light.{name}": max(each[name] for each in detectors.values()) for name in ("us", "bytes", "tick_100k_s")}
    return worst | {"light": detectors}


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{'detector':14}{'µs/update':>10}{'bytes/series':>14}{'tick of 100,000, s':>20}{'slowest':>9}{'first':>8}"
    ]
    for name, notified in figures["light"].items():
        ticks = notified["ticks_s"]
        lines.append(
            f"{name:14}{notified['us']:10.2f}{notified['bytes']:14}{notified['tick_100k_s']:20.2f}{max(ticks[2:]):9.2f}{ticks[0]:8.2f}"
        )
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.light", description="What judging costs.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    figures = run()
    print(json.dumps(figures, indent=2) if parser.parse_args(args).json else table(figures))
    return 0


def _family(bank: Bank, series: int) -> np.ndarray:
    """A parent for every hundred series, which have been quiet for a day."""
    parents = bank.add(np.full(max(1, series // 100), -1, dtype=np.intp))
    rows = bank.add(parents[np.arange(series) % len(parents)])
    bank.learn_quiet(np.concatenate([parents, rows]), 1500)
    return rows


if __name__ == "__main__":
    sys.exit(main())
