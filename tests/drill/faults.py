"""The faults, one row each: what is done to a field that is at work, and how often."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.drill.field import Field

Try = Callable[[Field], Awaitable[float]]
"""Does it once, on a field that has caught up; returns the seconds that a worker took which must not take long,
or 0.
"""

SESSION_S = 6.0


@dataclass(frozen=True)
class Fault:
    """One row of the table. `tries` in a whole drill, `short` in a short one."""

    name: str
    do: Try
    tries: int
    short: int
    most_s: float = 0.0
    """What `do` may take of a worker, seconds; 0: anything."""

    idle_after_s: float = 0.0
    """After how long the clock seals a partition that is quiet; 0: it never does."""


async def _kill(here: Field) -> float:
    await here.feed()
    await asyncio.sleep(here.rng.uniform(0.0, 1.5))
    await here.rng.choice(here.workers).process.kill()
    return 0.0


async def _terminate(here: Field) -> float:
    await here.feed()
    await asyncio.sleep(here.rng.uniform(0.0, 1.0))
    return await _stopped(here)


async def _stopped(here: Field) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    await here.rng.choice(here.workers).process.terminate()
    return loop.time() - started


async def _zombie(here: Field) -> float:
    worker = here.rng.choice(here.workers).process
    await here.feed()
    worker.signal(signal.SIGSTOP)
    await asyncio.sleep(SESSION_S + here.rng.uniform(3.0, 10.0))
    worker.signal(signal.SIGCONT)
    return 0.0


async def _broker_in_a_rebalance(here: Field) -> float:
    await here.feed()
    worker = here.rng.choice(here.workers).process
    if here.rng.random() < 0.5:
        await worker.kill()
    else:
        await worker.terminate()
    await asyncio.sleep(here.rng.uniform(0.0, 6.0))
    await asyncio.to_thread(here.kafka.end, signal.SIGKILL if here.rng.random() < 0.5 else signal.SIGTERM)
    await asyncio.sleep(here.rng.choice((0.0, 1.0, 3.0)))
    await asyncio.to_thread(here.kafka.begin)
    return 0.0


async def _broker_away(here: Field) -> float:
    await here.feed()
    await asyncio.to_thread(here.kafka.end, signal.SIGKILL)
    await asyncio.sleep(here.rng.choice((15.0, 45.0)))
    await asyncio.to_thread(here.kafka.begin)
    return 0.0


async def _clickhouse_away(here: Field) -> float:
    here.proxy.turn("away")
    await here.feed()
    await asyncio.sleep(here.rng.uniform(2.0, 12.0))
    here.proxy.turn("open")
    return 0.0


async def _told_to_stop_while_clickhouse_is_blocked(here: Field) -> float:
    here.proxy.turn("blocked")
    await here.feed()
    await asyncio.sleep(here.rng.uniform(1.0, 4.0))
    took = await _stopped(here)
    here.proxy.turn("open")
    return took


async def _codecs(here: Field) -> float:
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        await here.feed(codec)
    return 0.0


async def _clock_ahead(here: Field) -> float:
    worker = here.rng.choice(here.workers).process
    worker.clock_ahead_s = 3600.0
    await worker.kill()
    await asyncio.sleep(here.rng.uniform(12.0, 15.0))  # started again, and idle for longer than its patience
    await here.feed(now=True)
    return 0.0


FAULTS = (
    Fault("kill -9", _kill, 10, 2),
    Fault("SIGTERM", _terminate, 10, 1, most_s=5.0),
    Fault("zombie (stopped longer than its session)", _zombie, 5, 1),
    Fault("broker restarted in a rebalance", _broker_in_a_rebalance, 100, 2),
    Fault("broker away for 15 or 45 s", _broker_away, 4, 0),
    Fault("batches in each codec", _codecs, 2, 1),
    Fault("ClickHouse away", _clickhouse_away, 6, 1),
    Fault("clock of a worker 1 h ahead", _clock_ahead, 4, 1, idle_after_s=0.5),
    Fault("SIGTERM while ClickHouse is blocked", _told_to_stop_while_clickhouse_is_blocked, 6, 1, most_s=5.0),
)
