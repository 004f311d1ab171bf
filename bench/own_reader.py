"""Our ingest, as the worker runs it, over one topic and counted by a `Meter`."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import faust
import orjson
from aiokafka import AIOKafkaProducer
from faust.types import TP

from cli.common import load_plan
from livewarden.settings import PARTIALS, Settings
from models.aggregate.partial import Partial
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.memory import MemoryStore
from sinks.store.store import Store
from sinks.store.tables import Row
from streams.faust_app import build_app, raw_topic
from streams.memory import cycles_seldom_collected
from streams.partition_task import PartitionTask, Stage
from streams.stages import Ingest, Said, encode_message
from streams.transport import Run, commit, go_on_from
from streams.worker import TICK_S

TOPIC = "live.traffic"


class Meter(Protocol):
    """What counts the events; see `bench.readers`."""

    def add(self, events: int) -> bool:
        """Count events; whether that was all."""
        ...

    def stop(self) -> None:
        """All is done."""
        ...


class Unkept(MemoryStore):
    """A store that keeps checkpoints and no rows: ingest without its archive."""

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        """Nothing is kept."""


class OwnReader:
    """The parts of a worker that ingest one topic."""

    def __init__(self, asked: argparse.Namespace, meter: Meter, store: Store, producer: AIOKafkaProducer) -> None:
        self._asked, self._meter, self._store, self._producer = asked, meter, store, producer
        self._settings, self._plan = Settings(), load_plan(None)
        self._tasks: dict[TP, PartitionTask] = {}
        self._totals: Counter[str] = Counter()
        self._over = asyncio.Event()
        self._app = build_app(name=asked.group, kafka=asked.kafka, on_assigned=self._assigned)
        self._app.agent(raw_topic(self._app, asked.topic), name="ingest")(self._consume)
        self._app.task(self._tick)

    async def read(self) -> dict[str, int]:
        """Read the topic to its end, save, and give the sums of every monitor."""
        await self._app.start()
        await self._over.wait()
        await asyncio.gather(*(task.save() for task in self._tasks.values()))
        self._meter.stop()
        await self._app.stop()
        for task in self._tasks.values():
            self._totals.update(_open(task.stage))
        return dict(self._totals)

    async def _assigned(self, partitions: frozenset[TP]) -> None:
        lateness_ms = self._settings.lateness_ms()[TOPIC]
        for tp in sorted(partitions):
            stage = Ingest(self._plan, TOPIC, tp.partition, self._asked.partitions, lateness_ms)
            every_s = self._settings.ingest_checkpoint_s
            self._tasks[tp] = PartitionTask(stage, self._store, self._send, self._commit, every_s)
        go_on_from(self._app, dict.fromkeys(self._tasks, 0))

    async def _consume(self, stream: faust.StreamT[Run]) -> None:
        async for run in stream.noack():
            await self._tasks[TP(run[0].topic, run[0].partition)].take(run)
            if self._meter.add(len(run)):
                self._over.set()

    async def _tick(self) -> None:
        while not self._over.is_set():
            await asyncio.sleep(TICK_S)
            await asyncio.gather(*(task.tick(self._settings.flush_s) for task in self._tasks.values()))

    async def _send(self, messages: Sequence[Said]) -> None:
        sent = []
        for message in messages:
            if isinstance(message, Partial) and message.role == "sums":
                self._totals[message.monitor] += sum(row[1] for row in message.rows)
            key, value = encode_message(message)
            sent.append(await self._producer.send(PARTIALS, value, key))
        await asyncio.gather(*sent)

    async def _commit(self, topic: str, partition: int, offset: int) -> None:
        await commit(self._app, {TP(self._asked.topic, partition): offset})


async def read(asked: argparse.Namespace, meter: Meter) -> dict[str, int]:
    """Our reader, from its start to its end."""
    store: Store = Unkept()
    if asked.clickhouse:
        store = await ClickHouseStore.connect(asked.clickhouse, "livewarden", asked.password, asked.database)
    producer = AIOKafkaProducer(bootstrap_servers=asked.kafka, enable_idempotence=True, acks="all", linger_ms=2)
    await producer.start()
    try:
        with cycles_seldom_collected():
            return await OwnReader(asked, meter, store, producer).read()
    finally:
        await producer.stop()
        await store.close()


def _open(stage: Stage) -> dict[str, int]:
    """The sums of buckets that are open still."""
    sums: Counter[str] = Counter()
    for name, _, rows in orjson.loads(stage.checkpoint().header)["state"]["aggregator"]["open"]:
        sums[name] += sum(row[1] for row in rows)
    return dict(sums)
