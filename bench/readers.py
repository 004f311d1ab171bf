"""Those who read the events of the throughput benchmark, one process each: `python -m bench.readers NAME …`.

Each reads the whole topic, comes to the same sums, and says in one line of JSON how much processor time an event took
it (all threads of the process) and how long. What a tenth of the events took is left out: imports, joining the group,
caches that fill.

The peers are written as a team would write them that knows its client: the contract of the event is validated by
pydantic, its time is read, four monitors' values are summed by series and bucket. None of them archives an event,
remembers ids, knows what is late, or keeps a state for a restart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from livewarden.contracts import BY_CE_TYPE, TrafficSample
from livewarden.times import MINUTE_MS, parse_ms

Headers = Iterable[tuple[str, bytes]]
WARM = 0.1
SAMPLE = TrafficSample.ce_type().encode()


class Meter:
    """Processor time between the end of the warm-up and the last event."""

    def __init__(self, count: int) -> None:
        self.count, self.seen = count, 0
        self._warm = int(count * WARM)
        self._from = self._until = (0, 0.0, 0.0)

    def add(self, events: int) -> bool:
        """Count events; whether that was all."""
        self.seen += events
        if not self._from[0] and self.seen >= self._warm:
            self._from = self._now()
        return self.seen >= self.count

    def stop(self) -> None:
        """All is done; what comes after it, good-byes, does not count."""
        self._until = self._now()

    def _now(self) -> tuple[int, float, float]:
        return self.seen, time.process_time(), time.perf_counter()

    @property
    def events(self) -> int:
        """Those that are measured."""
        return self._until[0] - self._from[0]

    def report(self, totals: dict[str, int]) -> str:
        """The line."""
        _, cpu_s, wall_s = (until - since for since, until in zip(self._from, self._until, strict=True))
        return json.dumps({"cpu_us": 1e6 * cpu_s / self.events, "per_s": self.events / wall_s, "totals": totals})


class Sums:
    """What four of the monitors that ship add up, event by event."""

    def __init__(self) -> None:
        self._by: Counter[tuple[Any, ...]] = Counter()

    def add(self, body: Any, at_ms: int) -> None:
        """One validated event."""
        by, minute, five = self._by, at_ms - at_ms % MINUTE_MS, at_ms - at_ms % (5 * MINUTE_MS)
        if isinstance(body, TrafficSample):
            by["live-viewers", minute, body.market] += body.ccu or 0
            by["live-orders", five, body.market] += body.orders or 0
        else:
            by["playback-stalls", minute, body.market, body.cdn] += body.stalled
            by["playback-stalls/of", minute, body.market, body.cdn] += body.samples
            by["playback-errors", five, body.device_class] += body.error_count
            by["playback-errors/of", five, body.device_class] += body.samples

    def validated(self, headers: Headers, value: bytes) -> None:
        """One event as it came."""
        named = dict(headers)
        body = BY_CE_TYPE[named["ce_type"].decode()].model_validate_json(value)
        self.add(body, parse_ms(named["ce_time"].decode()))

    def lean(self, headers: Headers, value: bytes) -> None:
        """The least that comes to the same sums: nothing is validated."""
        named, body, by = dict(headers), orjson.loads(value), self._by
        at_ms = parse_ms(named["ce_time"].decode())
        minute, five = at_ms - at_ms % MINUTE_MS, at_ms - at_ms % (5 * MINUTE_MS)
        if named["ce_type"] == SAMPLE:
            by["live-viewers", minute, body["market"]] += body["ccu"]
            by["live-orders", five, body["market"]] += body["orders"]
        else:
            by["playback-stalls", minute, body["market"], body["cdn"]] += body["stalled"]
            by["playback-stalls/of", minute, body["market"], body["cdn"]] += body["samples"]
            by["playback-errors", five, body["device_class"]] += body["error_count"]
            by["playback-errors/of", five, body["device_class"]] += body["samples"]

    def totals(self) -> dict[str, int]:
        """All of a monitor's buckets together."""
        totals: Counter[str] = Counter()
        for (name, *_), value in self._by.items():
            if "/" not in name:
                totals[name] += value
        return dict(totals)


def run_confluent(asked: argparse.Namespace, meter: Meter) -> dict[str, int]:
    """The client of librdkafka, several records a call, nothing validated."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {"bootstrap.servers": asked.kafka, "group.id": asked.group, "auto.offset.reset": "earliest"}
        | {"enable.auto.commit": True}
    )
    consumer.subscribe([asked.topic])
    sums, done = Sums(), False
    while not done:
        records = consumer.consume(2_000, 1.0)
        for record in records:
            sums.lean(record.headers(), record.value())
        done = meter.add(len(records))
    meter.stop()
    consumer.close()
    return sums.totals()


def run_aiokafka(asked: argparse.Namespace, meter: Meter) -> dict[str, int]:
    """The client below Faust, whole fetches, and pydantic in a loop."""

    async def read() -> dict[str, int]:
        from aiokafka import AIOKafkaConsumer

        consumer = AIOKafkaConsumer(
            asked.topic, bootstrap_servers=asked.kafka, group_id=asked.group, auto_offset_reset="earliest"
        )
        await consumer.start()
        sums, done = Sums(), False
        while not done:
            for run in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in run:
                    sums.validated(record.headers, record.value)
                done = meter.add(len(run))
        meter.stop()
        await consumer.stop()
        return sums.totals()

    return asyncio.run(read())


def run_faust(asked: argparse.Namespace, meter: Meter) -> dict[str, int]:
    """A Faust agent as its documents show one."""
    import faust

    app = faust.App(
        asked.group,
        broker=f"kafka://{asked.kafka}",
        store="memory://",
        value_serializer="raw",
        key_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )
    sums, over = Sums(), asyncio.Event()

    @app.agent(app.topic(asked.topic))
    async def add(stream: Any) -> None:
        async for event in stream.events():
            sums.validated(event.headers.items(), event.value)
            if meter.add(1):
                over.set()

    async def read() -> None:
        await app.start()
        await over.wait()
        meter.stop()
        await app.stop()

    asyncio.run(read())
    return sums.totals()


def run_quix(asked: argparse.Namespace, meter: Meter) -> dict[str, int]:
    """A Quix Streams application over one topic."""
    if path := os.environ.get("BENCH_PATH"):
        sys.path.append(path)  # behind our own packages, of which it may have other versions
    from quixstreams import Application

    app = Application(
        broker_address=asked.kafka,
        consumer_group=asked.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
    )
    sums = Sums()

    def add(value: bytes, key: Any, timestamp: int, headers: Headers) -> None:
        sums.validated(headers, value)
        if meter.add(1):
            meter.stop()
            app.stop()

    topic = app.topic(asked.topic, key_deserializer="bytes", value_deserializer="bytes")
    app.dataframe(topic).update(add, metadata=True)
    app.run()
    return sums.totals()


def run_livewarden(asked: argparse.Namespace, meter: Meter) -> dict[str, int]:
    """Our ingest as it ships: the Faust agent over runs, the stage, partials and seals to Kafka, every event to
    ClickHouse, checkpoints, commits.
    """
    from bench.own_reader import read

    return asyncio.run(read(asked, meter))


READERS: dict[str, Callable[[argparse.Namespace, Meter], dict[str, int]]] = {
    "livewarden": run_livewarden,
    "faust": run_faust,
    "quix": run_quix,
    "aiokafka": run_aiokafka,
    "confluent": run_confluent,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """One reader, to its end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=READERS)
    for name in ("kafka", "topic", "group"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--clickhouse", default="", help="address; without one nothing is archived")
    parser.add_argument("--password", default="")
    parser.add_argument("--database", default="")
    asked = parser.parse_args(arguments)
    meter = Meter(asked.count)
    print(meter.report(READERS[asked.name](asked, meter)), flush=True)


if __name__ == "__main__":
    main()
