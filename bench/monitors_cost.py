"""What monitors of one event type cost: one of them, ten, fifty, a hundred, no two with the same question."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from bench import traffic
from livewarden.contracts import TrafficSample
from livewarden.event import AHEAD_MS
from models.aggregate.aggregator import Aggregator
from models.aggregate.event_run import EventRun
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sources.quick import QuickReader
from streams.unpacking import Fetched

TOPIC = "live.traffic"
RUN = 2_000
COUNTS = (1, 10, 50, 100)
MEASURES = ("sum(views)", "sum(likes)", "sum(orders)", "sum(gmv_minor)", "count")
KEYS = ('"market"', '"traffic_source"', '"market", "traffic_source"', '"currency"', "")
WHERE = ("", 'traffic_source = ["FOR_YOU"]', 'traffic_source = ["SEARCH", "SHOP_TAB"]', 'market = ["DE", "FR"]')


def plan_of(count: int) -> Plan:
    """Monitors out of 5 measures, 5 keys and 4 predicates: 100 different questions."""
    asked = [(measure, key, where) for where in WHERE for key in KEYS for measure in MEASURES][:count]
    text = "".join(
        f'[[monitor]]\nname = "m{number}"\nevent = "traffic.sample"\nmeasure = "{measure}"\ngroup_by = [{key}]\n'
        f'bucket = "1m"\ndetector = "traffic"\nwhere = {{ {where} }}\n'
        for number, (measure, key, where) in enumerate(asked)
    )
    return Plan(parse_monitors(text))


def measure(events: int = 20_000, rounds: int = 5) -> dict[str, float]:
    """Processor time of the aggregation alone, µs an event, by number of monitors, and 100 as a multiple of one."""
    runs = runs_of(events)
    cost: dict[int, list[float]] = {count: [] for count in COUNTS}
    for _ in range(rounds):
        for count in COUNTS:
            cost[count].append(cost_us(plan_of(count), runs))
    results = {f"monitors_{count}.cpu_us": statistics.median(each) for count, each in cost.items()}
    ratios = [most / one for most, one in zip(cost[COUNTS[-1]], cost[1], strict=True)]
    return {name: round(value, 3) for name, value in results.items()} | {
        "monitors_100.vs_one": round(statistics.median(ratios), 3)
    }


def runs_of(events: int) -> list[EventRun]:
    """The samples of that many events, in runs as they are fetched, decoded as the ingest stage does."""
    records = [
        Fetched(TOPIC, 0, offset, -1, 0, key, value, None, len(key), len(value), headers)
        for offset, (_, key, value, headers) in enumerate(traffic.wire(events, 1))
        if headers[3][1] == TrafficSample.ce_type().encode()
    ]
    reader = QuickReader(plan_of(1), AHEAD_MS)
    return [reader.read(records[start : start + RUN])[0] for start in range(0, len(records), RUN)]


def cost_us(plan: Plan, runs: Sequence[EventRun]) -> float:
    """Processor time of counting the runs, µs an event."""
    aggregator = Aggregator(plan, TOPIC, 0, 1, 30_000)
    began = time.process_time()
    for run in runs:
        aggregator.take(run)
    return 1e6 * (time.process_time() - began) / sum(map(len, runs))


if __name__ == "__main__":
    print(measure())
