"""The live path for tests: events that arrive badly, workers in this process and beside it, and what came of them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from livewarden.alert import Alert
from livewarden.checkpoint import Checkpoint
from livewarden.clock import Clock, SystemClock
from livewarden.contracts import SourceHeartbeat
from livewarden.event import Event
from livewarden.settings import PARTIALS, RESPONSE, Settings
from livewarden.times import DAY_MS, MINUTE_MS, SECOND_MS
from models.decide.judged import Judged
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sinks.store.connection import Address
from sinks.store.memory import MemoryStore
from sinks.store.store import AlertKey, Store
from sinks.store.tables import TABLES, Row
from sources.delivery import deliver
from sources.recording import read
from sources.recordings import shipped
from sources.simulate import Scenario, simulate
from sources.simulate.moderation_incidents import bad_model_release
from sources.simulate.policy import POLICIES
from sources.simulate.scenario import EVENING_START_MS
from sources.simulate.traffic_incidents import cdn_failure, traffic_collapse
from streams.feed import Feeder, feeder
from streams.kafka_access import access_of
from streams.replay import Replay
from streams.stages import alert_row, case_row
from streams.worker import Worker
from tests.clickhouse_fixtures import environment_of
from tests.kafka_fixtures import Broker
from tests.ports import free_ports

WITHIN_S: Final = 60.0
POLL_S: Final = 0.05

COUNTS_ALL: Final = """
[[monitor]]
name = "every-measure"
event = "enforcement.action"
bucket = "1m"
detector = "enforcement"

[[monitor]]
name = "every-shop"
event = "enforcement.action"
measure = "distinct(shop_id)"
group_by = ["market"]
bucket = "1m"
detector = "enforcement"
"""


def monitors_text() -> str:
    """The monitors that ship, one that counts every measure, and one that counts shops by sketch."""
    return files("livewarden").joinpath("monitors.toml").read_text(encoding="utf-8") + COUNTS_ALL


@cache
def plan() -> Plan:
    return Plan(parse_monitors(monitors_text()))


async def deployed(broker: Broker, *, stamped: bool = False, **fields: Any) -> Settings:
    """Settings of a deployment of its own on the broker, its topics there (`stamped`: by the broker's clock, as
    `livewarden topics` makes them), quick to flush, sealing nothing by the clock.
    """
    usual: dict[str, Any] = {
        "kafka": broker.bootstrap,
        "group": broker.unique("group"),
        "topic_prefix": broker.unique("t") + ".",
        "partitions": 2,
        "partials_partitions": 2,
        "embedded_kafka": broker.embedded is not None,
        "session_timeout_s": 6.0 if broker.embedded is None else 2.0,
        "idle_after_s": 0.0,
        "canary_s": 0.0,
        "flush_s": 0.1,
        "ingest_checkpoint_s": 1.0,
        "detect_checkpoint_s": 1.0,
    }
    settings = Settings(**(usual | fields))
    await broker.create_topics(settings.topics(), settings.topic_configs() if stamped else None)
    return settings


# --- events ----------------------------------------------------------------------------------------------------------


@cache
def recorded() -> tuple[Event, ...]:
    """The recording that ships."""
    return tuple(read(shipped()))


@cache
def evening(hours: int = 3) -> tuple[Event, ...]:
    """A short simulation with incidents that alert."""
    markets = ("DE", "ES")
    incidents = (
        cdn_failure("ES", "sim-cdn-2", EVENING_START_MS + 90 * MINUTE_MS, 25, 12.0),
        bad_model_release(POLICIES[0], markets, EVENING_START_MS + 100 * MINUTE_MS, 60, 9.0),
        traffic_collapse("DE", EVENING_START_MS + 120 * MINUTE_MS, 30, 0.25),
    )
    return tuple(simulate(Scenario(hours=hours, incidents=incidents)))


def disturbed(events: Iterable[Event], step_ms: int = SECOND_MS, seed: int = 11) -> list[Event]:
    """The events as a bad network brings them, the same each time: out of order, some long after the fact, some twice.

    An event is delayed by up to 20 steps, one in fifty by hundreds; one in thirty comes again with its id, soon or
    late. Heartbeats keep their word as far as the short delays go.
    """
    rng = random.Random(seed)
    arrivals: list[tuple[int, int, Event]] = []

    def arrive(event: Event, delay: int) -> None:
        arrivals.append((event.time_ms + delay * step_ms, len(arrivals), event))

    for event in events:
        if isinstance(event.data, SourceHeartbeat):
            arrive(event, 21)
            continue
        long = rng.random() < 0.02
        arrive(event, rng.randrange(200, 900) if long else rng.choice((0, 0, rng.randrange(21))))
        if rng.random() < 0.03:
            arrive(event, rng.choice((rng.randrange(21), rng.randrange(200, 900))))
    return [event for _, _, event in sorted(arrivals, key=lambda arrival: arrival[:2])]


@cache
def stream() -> tuple[Event, ...]:
    """The recording and the evening, both disturbed: about 22,000 events, with alerts and cases in them."""
    return (*disturbed(recorded(), DAY_MS // 20), *disturbed(evening()))


def delivered(settings: Settings, events: Iterable[Event]) -> list[Event]:
    """What a feeder sends, with partition and offset."""
    ends: Counter[tuple[str, int]] = Counter()
    sent = []
    for event in deliver(events, settings.partitions_by_topic()):
        place = event.topic, event.partition
        sent.append(replace(event, offset=ends[place]))
        ends[place] += 1
    return sent


# --- what came of it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Newest alerts and candidates by id, judgements by identity,
    and how many events of each disposition there were.
    """

    alerts: dict[tuple[Any, ...], Row]
    cases: dict[tuple[Any, ...], Row]
    judgements: dict[tuple[Any, ...], Row]
    dispositions: Mapping[str, int]


def outcome(rows: Mapping[str, Sequence[Row]]) -> Outcome:
    """The outcome that stands in a store's tables."""
    dispositions = Counter(
        "late" if row["late"] else "conflict" if row["conflict"] else "duplicate" if row["duplicate"] else "counted"
        for row in rows["events"]
    )
    alerts, cases, judgements = (_by_id(name, rows[name]) for name in ("alerts", "case_candidates", "judgements"))
    return Outcome(alerts, cases, judgements, dispositions)


def replayed(plan: Plan, settings: Settings, events: Iterable[Event]) -> Outcome:
    """The outcome of a replay of delivered events."""
    replay = _Replay(plan, settings.partitions_by_topic(), settings.lateness_ms(), "live")
    alerts = {alert.alert_id: alert for alert in replay.take(events)}
    result = replay.result()
    assert {alert["alert_id"] for alert in result.alerts} == alerts.keys()
    return Outcome(
        _by_id("alerts", [alert_row(alert, "live") for alert in alerts.values()]),
        _by_id("case_candidates", [case_row(case) for case in result.cases]),
        _by_id("judgements", map(_judged_row, replay.judged)),
        Counter(
            {
                disposition: result.outcomes[disposition]
                for disposition in ("counted", "late", "duplicate", "conflict")
                if result.outcomes[disposition]
            }
        ),
    )


class _Replay(Replay):
    """Keeps the judgements, of which a replay keeps the number only."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.judged: list[Judged] = []

    def _collect(self) -> Iterator[Alert]:
        self.judged += self._findings.judged
        yield from super()._collect()


def _judged_row(judged: Judged) -> dict[str, Any]:
    names = ("monitor", "config_hash", "series", "observed", "expected", "score", "state")
    row = {name: getattr(judged, name) for name in names}
    return row | {"run": "live", "window_start": judged.window_start_ms, "window_end": judged.window_end_ms}


def _by_id(name: str, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    """Rows by identity; two of one identity are an error."""
    kind = TABLES[name]
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        whole = kind.complete(row)
        if kind.id_of(whole) in found:
            raise AssertionError(f"{name}: twice {kind.id_of(whole)}")
        found[kind.id_of(whole)] = whole
    return found


def assert_equal(live: Outcome, replay: Outcome) -> None:
    """Field by field and row by row, so that a failure names what differs."""
    assert live.dispositions == replay.dispositions
    for name in ("judgements", "alerts", "cases"):
        ours, theirs = getattr(live, name), getattr(replay, name)
        assert ours.keys() == theirs.keys(), f"{name}: {sorted(ours.keys() ^ theirs.keys())[:3]}"
        for key, row in theirs.items():
            assert ours[key] == row, f"{name}: {key}"


def memory_rows(store: MemoryStore) -> dict[str, list[Row]]:
    return {name: store.rows(name) for name in TABLES}


# --- positions -------------------------------------------------------------------------------------------------------


async def committed(settings: Settings) -> dict[tuple[str, int], int]:
    """Committed offset by topic, without its prefix, and partition; 0 where there is none."""
    places = [TopicPartition(name, n) for name, count in settings.topics().items() for n in range(count)]
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        offsets = None
        while offsets is None:
            try:
                offsets = await admin.list_consumer_group_offsets(settings.group, partitions=places)
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(POLL_S)  # a broker that has just started has no coordinator yet
    finally:
        await admin.close()
    prefix = settings.topic_prefix
    return {(place.topic.removeprefix(prefix), place.partition): max(0, at.offset) for place, at in offsets.items()}


async def settled(settings: Settings) -> bool:
    """Whether the group has committed everything, on the source topics and between the stages."""
    return await committed(settings) == await ends(settings)


async def ends(settings: Settings) -> dict[tuple[str, int], int]:
    """End offset by topic, without its prefix, and partition."""
    places = [TopicPartition(name, n) for name, count in settings.topics().items() for n in range(count)]
    async with AIOKafkaConsumer(*settings.topics(), bootstrap_servers=settings.kafka, group_id=None) as consumer:
        found = await consumer.end_offsets(places)
    prefix = settings.topic_prefix
    return {(place.topic.removeprefix(prefix), place.partition): end for place, end in found.items()}


async def saved(settings: Settings, store: Store) -> dict[tuple[str, int], Checkpoint | None]:
    """Newest checkpoint by topic and partition."""
    found = {}
    for name, count in settings.topics().items():
        topic = name.removeprefix(settings.topic_prefix)
        stage = {PARTIALS: "detect", RESPONSE: "respond"}.get(topic, "ingest")
        for partition in range(count):
            found[topic, partition] = await store.load(stage, topic, partition)
    return found


async def assert_commits_follow_saves(settings: Settings, store: Store) -> None:
    """No committed offset may be ahead of the saved one: a new owner would skip what lies between."""
    positions = await committed(settings)  # asked first: what is saved only grows
    for place, checkpoint in (await saved(settings, store)).items():
        assert positions[place] <= (checkpoint.next_offset if checkpoint else 0), place


# --- waiting, feeding ------------------------------------------------------------------------------------------------


async def until(
    true: Callable[[], bool | Awaitable[bool]], *workers: Local | Process, within_s: float = WITHIN_S
) -> None:
    """Wait for a condition, and fail at once when one of the workers it depends on has ended."""
    async with asyncio.timeout(within_s):
        while True:
            answer = true()
            if answer if isinstance(answer, bool) else await answer:
                return
            for worker in workers:
                assert worker.code is None, f"the worker ended with {worker.code}:\n{worker.said()}"
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def feeding(settings: Settings) -> AsyncIterator[Feeder]:
    async with feeder(access_of(settings), settings.group, settings.topic_prefix) as feed:
        yield feed


async def feed_only(settings: Settings, events: Iterable[Event]) -> None:
    """Feed events."""
    async with feeding(settings) as feed, asyncio.timeout(WITHIN_S):
        async for _ in feed.send(events, settings.partitions_by_topic()):
            pass


async def feed(settings: Settings, events: Iterable[Event], *workers: Local | Process) -> None:
    """Feed events and wait until the group is done with them."""
    async with feeding(settings) as feed:
        async with asyncio.timeout(WITHIN_S):
            async for _ in feed.send(events, settings.partitions_by_topic()):
                pass
        await until(feed.drained, *workers)


# --- workers ---------------------------------------------------------------------------------------------------------


class Local:
    """A worker in this process."""

    def __init__(self, settings: Settings, plan: Plan, store: Store, clock: Clock) -> None:
        self.worker = Worker(settings, plan, store, clock)
        self.task = asyncio.create_task(self.worker.run())

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs. An error that ended it is raised."""
        return self.task.result() if self.task.done() else None

    @property
    def generation(self) -> int:
        """The group's generation as this member knows it: unchanged, as long as it neither left nor joined again."""
        number: int = self.worker.app.consumer_generation_id
        return number

    @property
    def taken(self) -> int:
        """How many source records it has processed, since the beginning of the partitions that it has."""
        return sum(task.stage.next_offset for task in self.worker._tasks.values() if task.stage.name == "ingest")

    def said(self) -> str:
        return "see the captured log"

    async def stop(self, within_s: float = WITHIN_S) -> int:
        """Tell it to stop, as SIGTERM does, and return its exit code."""
        listening = (signal.SIG_DFL, signal.SIG_IGN, None)
        await until(lambda: self.task.done() or signal.getsignal(signal.SIGTERM) not in listening)
        if not self.task.done():
            signal.raise_signal(signal.SIGTERM)
        async with asyncio.timeout(within_s):
            return await self.task

    async def vanish(self) -> None:
        """End it without a chance to save."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


@asynccontextmanager
async def working(settings: Settings, plan: Plan, store: Store, clock: Clock | None = None) -> AsyncIterator[Local]:
    """A worker in this process, which is notified to stop at the end; two at a time must vanish instead."""
    local = Local(settings, plan, store, clock or SystemClock())
    try:
        yield local
    except BaseException:
        await local.vanish()
        raise
    if not local.task.done():
        await local.stop()


AHEAD: Final = """
import sys, time
ahead_s, machine = float(sys.argv.pop(1)), time.time
time.time = lambda: machine() + ahead_s
from cli import main
main()
"""


class Process:
    """`livewarden worker` in a process of its own; from its next start its clock is `clock_ahead_s` ahead."""

    clock_ahead_s = 0.0

    def __init__(self, settings: Settings, clickhouse: Address, folder: Path, monitors_toml: str = "") -> None:
        (self.metrics_port,) = free_ports(1)
        self._log = folder / f"worker-{self.metrics_port}.log"
        monitors = folder / f"monitors-{self.metrics_port}.toml"
        monitors.write_text(monitors_toml or monitors_text(), encoding="utf-8")
        chosen = settings.model_dump(mode="json", exclude_unset=True, exclude_none=True) | {
            "monitors": str(monitors),
            "metrics_port": self.metrics_port,
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
        self._environment = plain | {f"LIVEWARDEN_{name.upper()}": str(value) for name, value in chosen.items()}
        self._environment |= environment_of(clickhouse)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Process:
        program = ["-c", AHEAD, str(self.clock_ahead_s)] if self.clock_ahead_s else ["-m", "cli"]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *program, "worker"), env=self._environment, stdout=log, stderr=log
            )
        return self

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.returncode if self._process is not None else None

    def said(self) -> str:
        """Its log."""
        return self._log.read_text(errors="replace")

    async def kill(self) -> None:
        """End it with SIGKILL where it still runs."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal where it still runs."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def terminate(self, within_s: float = WITHIN_S) -> int:
        """End it with SIGTERM and return its exit code."""
        assert self._process is not None
        self.signal(signal.SIGTERM)
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def metric(self, name: str, *labels: str) -> float:
        """A metric's value summed over its series, those that carry all of `labels`; 0 while nothing answers."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        try:
            text = await asyncio.to_thread(lambda: urlopen(url, timeout=5).read().decode())
        except OSError:
            return 0.0
        lines = (line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(f'"{label}"' in line for label in labels))

    async def owns(self, stage: str = "ingest") -> int:
        """How many partitions it has of a stage."""
        return int(await self.metric("livewarden_partitions", stage))


@asynccontextmanager
async def processes(
    settings: Settings, clickhouse: Address, folder: Path, count: int = 1
) -> AsyncIterator[list[Process]]:
    """Worker processes; whatever the test does, none is left behind."""
    started = [await Process(settings, clickhouse, folder).start() for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            await process.kill()


# --- a store in trouble ----------------------------------------------------------------------------------------------


class FlakyStore(MemoryStore):
    """A store in memory that can be notified to fail: every call raises `trouble` while it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: Exception | None = None
        self.refused: Counter[str] = Counter()

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        self._check(f"write {name}")
        await super().write(name, rows)

    async def known_alerts(self, keys: Any) -> set[AlertKey]:
        self._check("known_alerts")
        return await super().known_alerts(keys)

    async def save(self, checkpoint: Checkpoint) -> None:
        self._check("save")
        await super().save(checkpoint)

    async def load(self, stage: str, topic: str, partition: int) -> Checkpoint | None:
        self._check("load")
        return await super().load(stage, topic, partition)

    def _check(self, call: str) -> None:
        if self.trouble is not None:
            self.refused[call] += 1
            raise self.trouble
