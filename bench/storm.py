"""What a storm costs: every series of a wide dimension rises at once, and all of its alerts end in one incident.

    python -m bench.storm [N …]

Weeks of days go through the detect stage, then a day on which each of N series has fifty times its usual measures, and
usual days until all is over. The figures are the processor time of judging, explaining and filing these, and of the
response to what is said of them: N alerts that begin, and N that end.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from cli.local_response import LocalResponse
from livewarden.clock import ManualClock
from livewarden.times import DAY_MS
from models.aggregate.partial import Message, Partial, Row, Seal, in_records
from models.monitors.file import parse_monitors
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from models.response.policy_file import parse_policy
from sinks.store.memory import MemoryStore
from streams.stages import Detect, Said

T0 = 1_772_755_200_000
DAYS = 30
CALM = 3
"""Usual days until an alert is over."""
SIZES = (2_000, 20_000)
ASKED = """[[monitor]]
name = "storm"
event = "enforcement.action"
precision = "day"
bucket = "1d"
group_by = ["market", "policy_id"]
max_series = 50_000
detector = "enforcement"
min_volume = 10
"""


def day_of(monitor: Monitor, number: int, series: int, *, stormy: bool) -> list[Message]:
    """One day of all series, sealed."""
    start = T0 + number * DAY_MS
    rows: list[Row] = [
        (("DE", f"p{each:05d}"), (20 + (7 * each + 3 * number) % 5) * (50 if stormy else 1), 0, "")
        for each in range(series)
    ]
    said: list[Message] = [
        Partial(monitor.group_name, monitor.topic, 0, monitor.name, monitor.sums_hash, start, chunk, cut)
        for chunk, cut in enumerate(in_records(rows))
    ]
    return [*said, Seal(monitor.group_name, monitor.topic, 0, 1, start + DAY_MS)]


def usual(plan: Plan, series: int) -> Detect:
    """A detect stage that knows weeks of usual days."""
    detect = Detect(plan, "livewarden.partials", 0)
    for number in range(DAYS):
        detect.apply(day_of(plan.monitors[0], number, series, stormy=False))
    detect.output.messages.clear()
    detect.output.rows.clear()
    return detect


async def responded(plan: Plan, messages: Sequence[Said]) -> float:
    """Processor seconds of the response to what a detect stage says."""
    clock = ManualClock(T0 + (DAYS + CALM + 2) * DAY_MS)
    local = LocalResponse(plan, parse_policy(""), MemoryStore(), clock)
    began = time.process_time()
    await local.say(messages)
    clock.advance(seconds=6)
    await local.tick()
    return time.process_time() - began


def judged_s(plan: Plan, series: int) -> tuple[float, list[Said]]:
    """Processor seconds of judging the stormy day and those behind it, until all is over; and what was said."""
    detect = usual(plan, series)
    days = [day_of(plan.monitors[0], DAYS + number, series, stormy=number == 0) for number in range(1 + CALM)]
    began = time.process_time()
    for messages in days:
        detect.apply(messages)
    seconds = time.process_time() - began
    alerts = sum(row["version"] == 1 for row in detect.output.rows.get("alerts", ()))
    if alerts < series:
        raise SystemExit(f"bench: {alerts} alerts of {series} series are no storm")
    return seconds, detect.output.messages


def measure(sizes: Sequence[int] = SIZES) -> dict[str, float]:
    """Seconds by size: judging the stormy day, and responding to it."""
    results: dict[str, float] = {}
    plan = Plan(parse_monitors(ASKED))
    for series in sizes:
        seconds, messages = judged_s(plan, series)
        results[f"storm_{series}.s"] = round(seconds, 3)
        results[f"storm_{series}.respond_s"] = round(asyncio.run(responded(plan, messages)), 3)
    return results


if __name__ == "__main__":
    print(measure([int(each) for each in sys.argv[1:]] or SIZES))
