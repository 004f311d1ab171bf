"""Where a fault is tried: a broker, ClickHouse behind a proxy, two supervised workers,
and events to go through them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from livewarden.clock import SystemClock
from livewarden.contracts import SourceHeartbeat
from livewarden.event import Event
from livewarden.settings import RESPONSE, Settings
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sources.codec import encode
from tests.apache_kafka import ApacheKafka
from tests.clickhouse_fixtures import fresh_database, server_address
from tests.drill.proxy import Proxy
from tests.kafka_fixtures import Broker
from tests.live import Outcome, Process, committed, delivered, deployed, ends, evening, outcome, plan, replayed

AGAIN_AFTER_S = 1.0
POLL_S = 0.25
GIVE_UP_S = 240.0


class Supervised:
    """A worker process that is started again whenever it ends, as a supervisor would."""

    def __init__(self, settings: Settings, clickhouse: Address, folder: Path) -> None:
        folder.mkdir()
        self.process = Process(settings, clickhouse, folder)
        self.exits: list[int] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.process.start()
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.process.kill()

    async def _watch(self) -> None:
        while True:
            if self.process.code is not None:
                self.exits.append(self.process.code)
                await asyncio.sleep(AGAIN_AFTER_S)
                await self.process.start()
            await asyncio.sleep(POLL_S)


@dataclass
class Field:
    """One deployment of its own; `rng` draws the moments, the same in each drill."""

    settings: Settings
    kafka: ApacheKafka
    proxy: Proxy
    workers: list[Supervised]
    slices: Iterator[Sequence[Event]]
    sent: list[Event]
    rng: random.Random

    async def feed(self, codec: str | None = None, *, now: bool = False) -> None:
        """Send the next slice of events, in batches compressed by `codec`; as if all of them happened `now`."""
        happened: Sequence[Event] = next(self.slices)
        if now:
            now_ms = SystemClock().now_ms()
            happened = [
                replace(event, time_ms=now_ms) for event in happened if not isinstance(event.data, SourceHeartbeat)
            ]
        events = delivered(self.settings, happened)
        await _send(self.settings, events, codec)
        self.sent += events

    async def caught_up(self) -> float:
        """Seconds until the group has committed all there is; raises TimeoutError when that takes `GIVE_UP_S`."""
        loop = asyncio.get_running_loop()
        started, goal = loop.time(), None
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    there, done = await ends(self.settings), await committed(self.settings)
                except (KafkaError, OSError):
                    await asyncio.sleep(POLL_S)
                    continue
                rest = {place for place, end in there.items() if done.get(place, -1) < end}
                # A broker that has just started may know neither all topics nor all offsets.
                whole = len(there) == sum(self.settings.topics().values())
                if whole and all(topic == RESPONSE for topic, _ in rest):
                    goal = there[RESPONSE, 0] if goal is None else goal  # the clock goes on writing there
                    if done.get((RESPONSE, 0), -1) >= goal:
                        return loop.time() - started
                await asyncio.sleep(POLL_S)


@asynccontextmanager
async def field(
    kafka: ApacheKafka, folder: Path, slices: int, idle_after_s: float = 0.0
) -> AsyncIterator[tuple[Field, Address]]:
    """A field with as many slices of events, its workers at work; the clock seals what was quiet for so long."""
    events = evening(1)
    size = -(-len(events) // slices)
    settings = await deployed(Broker(kafka.bootstrap), stamped=True, idle_after_s=idle_after_s)
    server = server_address("embedded")
    async with fresh_database(server) as address, Proxy(server.url) as proxy:
        behind = replace(address, url=proxy.url)
        workers = [Supervised(settings, behind, folder / f"worker-{number}") for number in (1, 2)]
        here = Field(settings, kafka, proxy, workers, _batched(events, size), [], random.Random(7))
        try:
            for worker in workers:
                await worker.start()
            await here.feed()
            await here.caught_up()
            yield here, address
        finally:
            for worker in workers:
                await worker.close()


@dataclass(frozen=True)
class Judgement:
    """What became of what was sent."""

    lost: int
    doubled: int
    identical: bool


async def judged(here: Field, address: Address) -> Judgement:
    """Compare what is stored with what was sent, and with its replay."""
    async with await Reader.connect(address.url, address.user, address.password, address.database) as reader:
        rows = {name: await reader.rows(name) for name in ("events", "alerts", "case_candidates", "judgements")}
    places = [(row["topic"], row["partition"], row["offset"]) for row in rows["events"]]
    wanted = len(here.sent)
    doubled = len(places) - len(set(places))
    try:
        identical = _same(outcome(rows), replayed(plan(), here.settings, here.sent), bool(here.settings.idle_after_s))
    except AssertionError:
        identical = False
    return Judgement(wanted - len(set(places)), doubled, identical)


def _same(live: Outcome, replay: Outcome, sealed_by_clock: bool) -> bool:
    # The clock seals what a replay, which has none, leaves open at its end: live may have judged more of it.
    if not sealed_by_clock:
        return live == replay
    more = all(
        ours.items() >= theirs.items()
        for ours, theirs in (
            (live.alerts, replay.alerts),
            (live.cases, replay.cases),
            (live.judgements, replay.judgements),
        )
    )
    return more and live.dispositions == replay.dispositions


async def _send(settings: Settings, events: Sequence[Event], codec: str | None) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka, enable_idempotence=True, acks="all", compression_type=codec
    ) as producer:
        under_way = []
        for event in events:
            key, value, headers = encode(event)
            topic = settings.topic_prefix + event.topic
            under_way.append(await producer.send(topic, value, key, event.partition, headers=headers))
        await asyncio.gather(*under_way)


def _batched(events: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    rest = iter(events)
    while part := tuple(islice(rest, size)):
        yield part
