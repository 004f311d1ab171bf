"""Whether a hot path has become slower than when the figures were written: `python -m bench.regress [--write]`.

It needs neither Kafka nor ClickHouse and takes half a minute. Only ratios of processor time within this run are
compared with those in `bench/results.json`, never seconds, so that another machine, or a busy one, says the same; the
two sides of a ratio take turns, and a figure is the median of the rounds. One that is worse by more than `ROOM` ends
the command with 1.

| figure | smaller is better |
|---|---|
| `short.ingest_vs_pydantic` | the ingest stage, an event, by what pydantic alone takes to validate it |
| `short.monitors_100_vs_one` | counting for a hundred monitors by counting for one |
| `short.storm_growth` | an alert of a storm of 2,400 series by one of a storm of 600: 1 is linear |
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from bench import monitors_cost, storm, traffic
from bench.readers import Sums
from bench.throughput import RESULTS
from cli.common import load_plan
from livewarden.settings import Settings
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from streams.stages import Ingest
from streams.unpacking import Fetched

ROOM = 1.5
"""A ratio may be this much worse before it counts: a busy machine moves one by a fifth."""
TOPIC, RUN, EVENTS, ROUNDS = "live.traffic", 2_000, 10_000, 5
SMALL, LARGE = 600, 2_400


def measure() -> dict[str, float]:
    """The ratios."""
    wire = [
        Fetched(TOPIC, 0, offset, -1, 0, key, value, None, len(key), len(value), headers)
        for offset, (_, key, value, headers) in enumerate(traffic.wire(EVENTS, 1))
    ]
    runs = monitors_cost.runs_of(EVENTS)
    one, hundred = monitors_cost.plan_of(1), monitors_cost.plan_of(100)
    return {
        "short.ingest_vs_pydantic": _ratio(lambda: _ingest(wire), lambda: _validate(wire), ROUNDS),
        "short.monitors_100_vs_one": _ratio(
            lambda: monitors_cost.cost_us(hundred, runs), lambda: monitors_cost.cost_us(one, runs), ROUNDS
        ),
        "short.storm_growth": _ratio(lambda: _alert_s(LARGE), lambda: _alert_s(SMALL), 3),
    }


def worse(found: dict[str, float], kept: dict[str, float]) -> list[str]:
    """Sentences about the figures that are worse than those that were kept, beyond `ROOM`, or were never kept.

    >>> worse({"short.a": 1.4, "short.b": 1.6, "short.c": 1}, {"short.a": 1.0, "short.b": 1.0})
    ['short.b is 1.6, it was 1', 'short.c is not in bench/results.json: python -m bench.regress --write']
    """
    missing = "is not in bench/results.json: python -m bench.regress --write"
    slower = (name for name in found if found[name] > ROOM * kept.get(name, 0.0))
    return [
        f"{name} is {found[name]:g}, it was {kept[name]:g}" if name in kept else f"{name} {missing}" for name in slower
    ]


def _ratio(most: Callable[[], float], least: Callable[[], float], rounds: int) -> float:
    return round(statistics.median(most() / least() for _ in range(rounds)), 3)


def _ingest(records: Sequence[Fetched]) -> float:
    plan, lateness_ms = load_plan(None), Settings().lateness_ms()[TOPIC]
    stage = Ingest(plan, TOPIC, 0, 1, lateness_ms)
    began = time.process_time()
    for start in range(0, len(records), RUN):
        stage.process(records[start : start + RUN])
    return time.process_time() - began


def _validate(records: Sequence[Fetched]) -> float:
    sums = Sums()
    began = time.process_time()
    for record in records:
        sums.validated(record.headers, record.value or b"")
    return time.process_time() - began


def _alert_s(series: int) -> float:
    return storm.judged_s(Plan(parse_monitors(storm.ASKED)), series)[0] / series


def main() -> int:
    """Measure and compare; with `--write` keep the figures."""
    found = measure()
    kept: dict[str, float] = json.loads(RESULTS.read_text())
    print(json.dumps(found))
    if "--write" in sys.argv[1:]:
        RESULTS.write_text(json.dumps(dict(sorted((kept | found).items())), indent=1) + "\n")
        return 0
    slower = worse(found, kept)
    print(*slower, sep="\n", end="\n" if slower else "", file=sys.stderr)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
