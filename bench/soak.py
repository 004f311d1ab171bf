"""Soak: ever new series through both stages in one process; memory and the time of a tick must stay flat at the caps.

    python -m bench.soak --minutes 5 --new 20000

A minute of event time brings `--new` series that were never seen (shops that measures were taken against), and it is
repeated for `--minutes` of wall time. A line each minute: minutes that it runs, minutes of event time, series seen so
far, rows judged in the last tick, seconds for that tick, memory in MiB. The exit code is 1 where the memory of the last
quarter is more than a tenth above that of the quarter before it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from livewarden.contracts import EnforcementAction
from livewarden.event import Event
from livewarden.times import MINUTE_MS
from models.aggregate.aggregator import Aggregator
from models.monitors.file import parse_monitors
from models.monitors.plan import CHANGES, Plan
from streams.stages import Detect

TOPIC = "live.enforcement"
T0 = 1_772_409_600_000
MONITORS = """
[[monitor]]
name = "by-shop"
event = "enforcement.action"
group_by = ["market", "shop_id"]
bucket = "1m"
detector = "enforcement"
explain_by = ["policy_id"]
"""


def memory_mib() -> float:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="wall time")
    parser.add_argument("--new", type=int, default=20_000, help="new series in a minute of event time")
    asked = parser.parse_args()
    plan = Plan(parse_monitors(MONITORS))
    aggregator, changes = Aggregator(plan, TOPIC, 0, 1, 0), Aggregator(plan, CHANGES, 0, 1, 0)
    detect = Detect(plan, "livewarden.partials", 0)
    held: list[float] = []
    seen, minute, begun, lines = 0, 0, time.monotonic(), 0
    print("minutes  of event time  series seen  judged in a tick  tick s   MiB")
    while (ran_min := (time.monotonic() - begun) / 60) < asked.minutes:
        start = T0 + minute * MINUTE_MS
        messages = []
        for number in range(asked.new):
            body = EnforcementAction(
                action_id=f"a{seen}", market="DE", shop_id=f"shop-{seen}", policy_id=f"p{number % 5}"
            )
            seen += 1
            _, said = aggregator.add(Event(f"e{seen}", "/soak", start + number * 2, body, TOPIC, 0, seen))
            messages += said
        began = time.perf_counter()
        messages += [*aggregator.advance(start + MINUTE_MS), *changes.advance(start + MINUTE_MS)]
        detect.apply(messages)
        rows = {table: len(rows) for table, rows in detect.output.rows.items()}
        detect.output.rows.clear()
        detect.output.messages.clear()
        took = time.perf_counter() - began
        held.append(memory_mib())
        if ran_min >= lines:
            judged = rows.get("judgements", 0)
            print(f"{ran_min:7.0f} {minute:14d} {seen:12,d} {judged:17,d} {took:7.2f} {held[-1]:5.0f}", flush=True)
            lines += 1
        minute += 1
    quarter = max(1, len(held) // 4)
    before, last = (statistics.median(part) for part in (held[-2 * quarter : -quarter], held[-quarter:]))
    print(f"{seen:,} series in {minute} minutes of event time; memory {before:.0f} MiB, then {last:.0f} MiB")
    return int(last > 1.1 * before)


if __name__ == "__main__":
    sys.exit(main())
