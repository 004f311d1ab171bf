"""The order in which a lane makes things durable, and what a failure or a crash between any two of them costs:
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from livewarden.checkpoint import Checkpoint
from livewarden.errors import RetryLater, SetupError
from livewarden.event import Event
from livewarden.times import DAY_MS, MINUTE_MS
from models.aggregate.partial import Message, Partial, Seal
from models.monitors.plan import Plan
from sinks.store.memory import MemoryStore
from sinks.store.tables import TABLES, Row
from sources.codec import encode
from streams.partition_task import FLUSH_ROWS, PartitionTask
from streams.stages import Detect, Ingest, encode_message
from tests.core_fixtures import T0, TOPIC, action, monitor

PLAN = Plan([monitor(name="counts", series=1, min_volume=5, budget_per_day=100), monitor(name="slow", bucket="5m")])
EVENTS = [action(f"e{n}", T0 + n * 20_000, "DE" if n % 3 else "FR", weight=n + 1) for n in range(30)]
WITHIN_S = 20.0
SAVE_S = 60.0


@dataclass
class Wire:
    """A record as the consumer hands it over."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    topic: str = TOPIC
    partition: int = 0
    timestamp: int = T0 + DAY_MS


def wire(offset: int, event: Event) -> Wire:
    return Wire(offset, *encode(event))


RECORDS = [*(wire(n, event) for n, event in enumerate(EVENTS)), Wire(30, None, b"{"), wire(31, EVENTS[0])]

Fault = Callable[[str], Awaitable[None]]


@dataclass
class World:
    """Everything outside a lane, and a journal of what was done there, in order. `before` and `after` may interfere."""

    store: MemoryStore = field(default_factory=MemoryStore)
    sent: list[Message] = field(default_factory=list)
    committed: int = 0
    journal: list[str] = field(default_factory=list)
    before: Fault | None = None
    after: Fault | None = None

    async def do(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        if self.before is not None:
            await self.before(what)
        await act()
        self.journal.append(what)
        if self.after is not None:
            await self.after(what)

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        await self.do(f"write {name}", lambda: self.store.write(name, rows))

    async def save(self, checkpoint: Checkpoint) -> None:
        await self.do(f"save {checkpoint.next_offset}", lambda: self.store.save(checkpoint))

    async def send(self, messages: Sequence[Message]) -> None:
        async def act() -> None:
            self.sent += messages

        await self.do("send", act)

    async def commit(self, topic: str, partition: int, offset: int) -> None:
        async def act() -> None:
            saved = await self.store.load("ingest", topic, partition)
            assert saved is not None
            assert self.committed <= offset <= saved.next_offset, "a commit runs ahead of what is saved"
            self.committed = offset

        await self.do(f"commit {offset}", act)

    async def task(self) -> PartitionTask:
        """A lane as a new owner of the partition makes it."""
        stage = Ingest(PLAN, TOPIC, 0, 1, 0)
        saved = await self.store.load("ingest", TOPIC, 0)
        if saved is not None:
            stage.restore(saved)
            stage.resume()
        return PartitionTask(stage, _Edge(self), self.send, self.commit, SAVE_S)

    def judged(self) -> dict[str, list[Row]]:
        """What the detect stage makes of all that was sent."""
        detect = Detect(PLAN, "livewarden.partials", 0)
        for offset, message in enumerate(self.sent):
            detect.process([Wire(offset, *encode_message(message), topic="livewarden.partials")])
        return {name: [*rows] for name, rows in detect.output.rows.items()}

    def rows(self) -> dict[str, list[Row]]:
        return {name: self.store.rows(name) for name in TABLES}


class _Edge(MemoryStore):
    """The world's store as the lane sees it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def write(self, name: str, rows: Sequence[Row]) -> None:
        await self._world.write(name, rows)

    async def save(self, checkpoint: Checkpoint) -> None:
        await self._world.save(checkpoint)


async def drive(world: World, records: Iterable[Wire], clock_ms: int | None = None) -> None:
    """A worker's life: take, flush, take more, save, and in a quiet moment seal by the clock."""
    task = await world.task()
    assert isinstance(task.stage, Ingest)
    stage = task.stage
    todo = [record for record in records if record.offset >= world.committed]
    for start in range(0, len(todo), 8):
        await task.take(todo[start : start + 8])
        await task.tick(0.0)
        if start % 16:
            await task.save()
    await task.save()
    if clock_ms is not None:
        await task.seal(lambda: stage.advance(clock_ms))
        await task.save()


async def whole() -> World:
    """What a life without trouble comes to."""
    world = World()
    await drive(world, RECORDS, T0 + 20 * MINUTE_MS)
    return world


async def test_rows_then_messages_then_state_then_commit() -> None:
    world = World()
    task = await world.task()
    await task.take(RECORDS)
    assert world.journal == []
    await task.save()
    assert world.journal == [
        "write events",
        "write partials",
        "write dead_letters",
        "send",
        "save 32",
        "commit 32",
    ]
    await task.save()
    await task.tick(0.0)
    assert len(world.journal) == 6  # nothing new, nothing to do


async def test_a_tick_flushes_and_only_a_due_one_saves() -> None:
    world = World()
    task = await world.task()
    await task.take(RECORDS[:3])
    await task.tick(3600.0)
    assert world.journal == []
    await task.tick(0.0)
    assert world.journal == ["write events", "send"]
    due = PartitionTask(Ingest(PLAN, TOPIC, 0, 1, 0), _Edge(world), world.send, world.commit, checkpoint_s=0.0)
    await due.take(RECORDS[:3])
    await due.tick(3600.0)
    assert world.journal[2:] == ["write events", "send", "save 3", "commit 3"]


async def test_many_rows_do_not_wait_for_a_tick() -> None:
    world = World()
    task = await world.task()
    await task.take([wire(n, EVENTS[0]) for n in range(FLUSH_ROWS)])
    assert world.journal == ["write events", "send"]
    assert len(world.store.rows("events")) == FLUSH_ROWS


async def test_clock_decision_is_saved_before_it_is_sent() -> None:
    world = World()
    task = await world.task()
    assert isinstance(task.stage, Ingest)
    stage = task.stage
    await task.take(RECORDS[:4])
    await task.save()
    world.journal.clear()
    await task.seal(lambda: stage.advance(T0 + 20 * MINUTE_MS))
    assert world.journal == ["write partials", "save 4", "commit 4", "send"]
    assert world.sent[-1] == Seal(TOPIC, TOPIC, 0, 1, T0 + 20 * MINUTE_MS)
    await task.seal(lambda: stage.advance(T0 + 20 * MINUTE_MS + 59_000))
    assert len(world.journal) == 4  # no bucket is complete by it, so nothing happened
    assert stage.watermark_ms == T0 + 20 * MINUTE_MS


async def test_late_on_a_word_that_was_not_saved_is_never_said() -> None:
    """An event behind an idle seal is late for every later owner too."""
    world = World()
    task = await world.task()
    assert isinstance(task.stage, Ingest)
    stage = task.stage
    await task.take(RECORDS[:1])
    await task.save()
    await task.seal(lambda: stage.advance(T0 + 10 * MINUTE_MS + 30_000))
    await task.take([wire(1, action("behind", T0 + 9 * MINUTE_MS)), wire(2, action("before", T0 + 10 * MINUTE_MS))])
    await task.tick(0.0)
    assert [row["late"] for row in world.store.rows("events")] == [0, 1, 0]
    again = await world.task()  # the first owner died before it saved again
    await again.take([wire(1, action("behind", T0 + 9 * MINUTE_MS)), wire(2, action("before", T0 + 10 * MINUTE_MS))])
    await again.save()
    assert [row["late"] for row in world.store.rows("events")] == [0, 1, 0]


STEPS = range(21)


async def test_a_life_has_as_many_steps_as_the_faults_below_try() -> None:
    assert len((await whole()).journal) == len(STEPS)


@pytest.mark.parametrize("lost_answer", [False, True], ids=["refused", "answer lost"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_busy_neighbour_is_asked_again(step: int, lost_answer: bool) -> None:
    """Refused at one step, before or after it took effect: the same comes of it in the end."""
    world, expected = World(), await whole()
    refuse = _once(step, lambda what: RetryLater(what))
    world.before, world.after = (None, refuse) if lost_answer else (refuse, None)
    async with asyncio.timeout(WITHIN_S):
        if expected.journal[step].startswith("commit"):
            with pytest.raises(RetryLater):  # waiting for Kafka is the commit's own business
                await drive(world, RECORDS, T0 + 20 * MINUTE_MS)
            await drive(world, RECORDS, T0 + 20 * MINUTE_MS)
        else:
            await drive(world, RECORDS, T0 + 20 * MINUTE_MS)
    assert world.rows() == expected.rows()
    assert world.judged() == expected.judged()
    assert world.committed == expected.committed


@pytest.mark.parametrize("too_late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_anywhere_costs_nothing(step: int, too_late: bool) -> None:
    """The worker dies before or after one step; a new owner starts at what is committed, from what is saved."""
    world, expected = World(), await whole()
    die = _once(step, lambda what: _Killed(what))
    world.before, world.after = (None, die) if too_late else (die, None)
    with pytest.raises(_Killed):
        await drive(world, RECORDS, T0 + 20 * MINUTE_MS)
    await drive(world, RECORDS, T0 + 20 * MINUTE_MS)
    assert world.rows() == expected.rows()
    assert world.judged() == expected.judged()
    assert world.committed == expected.committed


class _Killed(Exception):
    pass


def _once(step: int, error: Callable[[str], Exception]) -> Fault:
    steps = iter(range(step + 1))

    async def fault(what: str) -> None:
        if next(steps, None) == step:
            raise error(what)

    return fault


async def test_broken_set_up_ends_the_lane_and_nothing_is_committed() -> None:
    world = World()
    task = await world.task()
    world.before = _once(0, lambda what: SetupError("run `livewarden migrate`"))
    await task.take(RECORDS)
    with pytest.raises(SetupError, match="migrate"):
        await task.save()
    assert task.closed
    await task.save()
    await task.tick(0.0)
    assert (world.journal, world.committed) == ([], 0)


@pytest.mark.parametrize("cut", ["write events", "write partials", "send", "save 32"])
async def test_a_cancelled_save_is_not_taken_for_a_save(cut: str) -> None:
    """Time runs out half-way; what was under way is not whole, so nothing later may build on it."""
    world, expected = World(), World()
    task = await world.task()
    blocked = asyncio.Event()

    async def block(what: str) -> None:
        if what == cut:
            blocked.set()
            await asyncio.Event().wait()

    world.before = block
    await task.take(RECORDS)
    saving = asyncio.create_task(task.save())
    async with asyncio.timeout(WITHIN_S):
        await blocked.wait()
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    world.before = None
    await task.save()
    await task.take(RECORDS)
    await task.tick(0.0)
    assert world.committed == 0
    assert await world.store.load("ingest", TOPIC, 0) is None
    again = await world.task()
    await again.take(RECORDS)
    await again.save()
    expected_lane = await expected.task()
    await expected_lane.take(RECORDS)
    await expected_lane.save()
    assert world.rows() == expected.rows()
    assert world.judged() == expected.judged()
    assert world.committed == 32


async def test_a_closed_lane_says_nothing() -> None:
    world = World()
    task = await world.task()
    assert isinstance(task.stage, Ingest)
    stage = task.stage
    await task.take(RECORDS[:5])
    task.close()
    await task.take(RECORDS[5:])
    await task.tick(0.0)
    await task.save()
    await task.seal(lambda: stage.advance(T0 + 20 * MINUTE_MS))
    assert (world.journal, world.sent, world.committed, stage.next_offset) == ([], [], 0, 5)


@pytest.mark.parametrize("step", ["write events", "send", "save 32"])
async def test_closed_while_it_waits_it_gives_up_and_commits_nothing(step: str) -> None:
    """The partition went to another worker during an outage: a commit would make that one skip what was not saved."""
    world = World()
    task = await world.task()
    waiting = asyncio.Event()

    async def refuse(what: str) -> None:
        if what == step:
            waiting.set()
            raise RetryLater("busy")

    world.before = refuse
    await task.take(RECORDS)
    saving = asyncio.create_task(task.save())
    async with asyncio.timeout(WITHIN_S):
        await waiting.wait()
        task.close()
        world.before = None
        await saving
    assert step not in world.journal
    assert not any(what.startswith(("save", "commit")) for what in world.journal)


async def test_new_owner_commits_what_the_last_one_only_saved() -> None:
    """Else a quiet partition would look unread for ever."""
    world = World()
    world.after = _once(4, lambda what: _Killed(what))
    task = await world.task()
    await task.take(RECORDS)
    with pytest.raises(_Killed):
        await task.save()
    assert (world.journal[-1], world.committed) == ("save 32", 0)
    again = await world.task()
    await again.take(RECORDS)  # handed out again from offset 0, and skipped
    await again.tick(0.0)  # says the seals again
    await again.tick(0.0)
    assert world.committed == 32
    assert [row["offset"] for row in world.store.rows("events")] == [*range(30), 31]


async def test_runs_that_come_again_change_nothing() -> None:
    world, expected = World(), await whole()
    task = await world.task()
    for start in range(0, len(RECORDS), 4):
        await task.take(RECORDS[: start + 4])
        await task.take(RECORDS[max(0, start - 2) : start + 4])
    await task.save()
    assert world.rows()["events"] == expected.rows()["events"]
    assert world.rows()["dead_letters"] == expected.rows()["dead_letters"]


async def test_sealed_buckets_of_a_monitor_that_is_gone_are_left_out() -> None:
    """Between saving and sending the worker stopped, and came back with another monitors file."""
    world = World()
    task = await world.task()
    assert isinstance(task.stage, Ingest)
    stage = task.stage
    await task.take(RECORDS[:4])
    world.before = _once(3, lambda what: _Killed(what))
    with pytest.raises(_Killed):
        await task.seal(lambda: stage.advance(T0 + 20 * MINUTE_MS))
    saved = await world.store.load("ingest", TOPIC, 0)
    assert saved is not None
    for plan, left in ((PLAN, {"counts", "slow"}), (Plan(PLAN.monitors[1:]), {"slow"}), (Plan([]), set())):
        other = Ingest(plan, TOPIC, 0, 1, 0)
        other.restore(saved)
        other.resume()
        assert {message.monitor for message in other.output.messages if isinstance(message, Partial)} == left


def test_the_world_is_no_easier_than_it_says() -> None:
    """The fake itself refuses a commit ahead of what is saved."""
    world = World()
    with pytest.raises(AssertionError):
        asyncio.run(world.commit(TOPIC, 0, 1))
