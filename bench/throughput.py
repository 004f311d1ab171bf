"""How much processor time an event costs, ours beside others who read the same events from the same Kafka.

    python -m bench.throughput [--short] [--events N] [--rounds N]

One topic of Apache Kafka, four partitions, dense LIVE traffic of the real contracts (`bench.traffic`); every reader of
`bench.readers` reads all of it in a process of its own. The readers take turns, in another order every round, and are
compared within a round: what else the machine does meanwhile meets all of them. A figure is the median of the rounds,
with the smallest and the largest beside it. The broker and ClickHouse are processes of their own and not counted.

`bench/results.json` holds what was measured here; a key that is missing was not. Quix Streams is measured where it can
be imported (`QUIX_PATH` may name a directory that holds it).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import monitors_cost, storm, traffic
from bench.readers import READERS
from streams.topics import ensure_topics
from tests.apache_kafka import ApacheKafka, has_java_and_maven

RESULTS = Path(__file__).with_name("results.json")
TOPIC, PARTITIONS = "live.traffic", 4
SELDOM = {"faust"}
"""Ten times as slow as the others: a fifth of the events is enough of them."""
TITLES = {
    "livewarden": "livewarden, ingest as shipped, every event archived in ClickHouse",
    "livewarden-unkept": "— the same without the archive",
    "faust": "plain Faust agent, pydantic",
    "quix": "Quix Streams, pydantic",
    "aiokafka": "raw aiokafka, pydantic in a loop",
    "confluent": "raw confluent-kafka, nothing validated",
}
Figures = dict[str, list[dict[str, Any]]]


def main() -> int:
    """Measure, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="60,000 events, 3 rounds, nothing written")
    parser.add_argument("--events", type=int, default=240_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(TITLES), choices=list(TITLES), help="readers")
    asked = parser.parse_args()
    if asked.short:
        asked.events, asked.rounds = 60_000, 3
    if not has_java_and_maven():
        print("bench: Apache Kafka needs java and mvn", file=sys.stderr)
        return 2
    names = [name for name in TITLES if name in asked.only and (name != "quix" or _quix())]
    figures: Figures = {name: [] for name in names}
    with ApacheKafka() as kafka, _clickhouse() as (url, password):
        _fill(kafka.bootstrap, TOPIC, asked.events)
        _fill(kafka.bootstrap, f"seldom.{TOPIC}", asked.events // 5)
        for turn in range(asked.rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                figures[name].append(_read(name, turn, kafka.bootstrap, url, password, asked.events))
    _same_sums(figures)
    results = _results(figures) | monitors_cost.measure() | storm.measure()
    _print(figures, results, asked)
    if not asked.short:
        kept = {name: value for name, value in json.loads(RESULTS.read_text()).items() if name.startswith("short.")}
        RESULTS.write_text(json.dumps(dict(sorted((kept | results).items())), indent=1) + "\n")
    return 0


def _quix() -> bool:
    return find_spec("quixstreams") is not None or "QUIX_PATH" in os.environ


def _fill(kafka: str, topic: str, count: int) -> None:
    from confluent_kafka import Producer

    asyncio.run(ensure_topics(kafka, {topic: PARTITIONS, "livewarden.partials": PARTITIONS}))
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 20})
    for partition, key, value, headers in traffic.wire(count, PARTITIONS):
        producer.produce(topic, value, key, partition, headers=headers)
        producer.poll(0)
    producer.flush()


@contextmanager
def _clickhouse() -> Iterator[tuple[str, str]]:
    """The embedded ClickHouse in a process of its own, so that its time is its own."""
    command = [sys.executable, "-m", "bench.archive_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url, password = server.stdout.readline().split()
        try:
            yield url, password
        finally:
            server.stdin.close()
            server.wait()


def _read(name: str, turn: int, kafka: str, url: str, password: str, events: int) -> dict[str, Any]:
    reader, _, unkept = name.partition("-")
    topic, count = (f"seldom.{TOPIC}", events // 5) if name in SELDOM else (TOPIC, events)
    assert reader in READERS
    command = [sys.executable, "-m", "bench.readers", reader, "--kafka", kafka, "--topic", topic]
    command += ["--group", f"{name}-{turn}", "--count", str(count), "--partitions", str(PARTITIONS)]
    if reader == "livewarden" and not unkept:
        subprocess.run([sys.executable, "-m", "bench.archive_server", url, password, f"r{turn}"], check=True)
        command += ["--clickhouse", url, f"--password={password}", "--database", f"r{turn}"]
    path = os.environ.get("QUIX_PATH", "") if reader == "quix" else ""
    said = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=600, env=os.environ | {"BENCH_PATH": path}
    )
    figure: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    print(f"round {turn + 1}: {name:18} {figure['cpu_us']:7.2f} µs an event", file=sys.stderr, flush=True)
    return figure


def _same_sums(figures: Figures) -> None:
    for seldom in (True, False):
        said = {
            json.dumps({key: each["totals"].get(key) for key in sorted(_SUMMED)})
            for name, rounds in figures.items()
            if (name in SELDOM) == seldom
            for each in rounds
        }
        if len(said) > 1:
            raise SystemExit(f"bench: the readers do not come to the same sums: {said}")


_SUMMED = ("live-viewers", "live-orders", "playback-stalls", "playback-errors")


def _results(figures: Figures) -> dict[str, float]:
    cpu = {name: [each["cpu_us"] for each in rounds] for name, rounds in figures.items()}
    ours = cpu.get("livewarden", [])
    results = {"ingest.cpu_us": statistics.median(ours)} if ours else {}
    for name in ("faust", "quix", "aiokafka", "confluent"):
        if ours and cpu.get(name):
            pairs = zip(cpu[name], ours, strict=True)
            results[f"ingest.vs_{name}"] = statistics.median(theirs / mine for theirs, mine in pairs)
    return {name: round(value, 3) for name, value in results.items()}


def _print(figures: Figures, results: dict[str, float], asked: argparse.Namespace) -> None:
    print(f"\n{asked.events:,} events, {asked.rounds} rounds, median (smallest–largest)\n")
    print("| reader | µs of CPU an event | events/s (wall) |\n|---|---|---|")
    for name, rounds in figures.items():
        cpu, rate = ([each[key] for each in rounds] for key in ("cpu_us", "per_s"))
        cost = f"{statistics.median(cpu):.1f} ({min(cpu):.1f}–{max(cpu):.1f})"
        print(f"| {TITLES[name]} | {cost} | {statistics.median(rate):,.0f} |")
    if "quix" not in figures:
        print(f"| {TITLES['quix']} | not installed, not measured | |")
    print("\n| figure | |\n|---|---|")
    for key, value in sorted(results.items()):
        print(f"| `{key}` | {value:g} |")


if __name__ == "__main__":
    sys.exit(main())
