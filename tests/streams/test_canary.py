"""The canary: from its topic through every stage to its channel, seen by nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from livewarden.clock import ManualClock
from livewarden.errors import RetryLater
from livewarden.settings import CANARY
from models.aggregate.canary import Canary as CanaryMessage
from sinks.channels import Outgoing
from sinks.store.memory import MemoryStore
from streams import telemetry
from streams.canary import Canary
from streams.telemetry import REGISTRY
from tests.kafka_fixtures import Broker
from tests.live import FlakyStore, deployed, ends, plan, until, working

T0 = 1_800_000_000_000


@pytest.fixture(autouse=True)
def ready_again() -> Iterator[None]:
    yield
    telemetry.ready("")


class Line:
    """A canary with a path that a test opens and closes."""

    def __init__(self, mine: bool = True) -> None:
        self.clock = ManualClock(T0)
        self.mine = mine
        self.open = True
        self.store = MemoryStore()
        self.sent: list[int] = []
        self.canary = Canary(60, self.clock, self.clock.now_ms, lambda: self.mine, self.send, self.store.write)

    async def send(self, sent_ms: int) -> None:
        self.sent.append(sent_ms)
        if not self.open:
            raise RetryLater("Kafka is away")

    async def minute(self, *, arrives: bool) -> None:
        await self.canary.turn()
        if arrives:
            await self.canary.send(Outgoing("n", "", "canary", "info", "canary", str(self.sent[-1]), ""))
        self.clock.advance(minutes=1)


async def test_one_is_sent_every_minute_and_nothing_is_told_while_they_arrive() -> None:
    line = Line()
    for _ in range(10):
        await line.minute(arrives=True)
        assert line.canary.late() is None
    assert len(line.sent) == 10
    assert [row["seconds"] for row in line.store.rows("canaries")] == [0.0] * 10


async def test_three_that_are_missing_are_told_and_the_next_that_arrives_ends_it() -> None:
    line = Line()
    await line.minute(arrives=True)
    told = []
    for _ in range(4):
        await line.minute(arrives=False)
        told.append(line.canary.late() is not None)
    assert told == [False, True, True, True]
    await line.minute(arrives=True)
    assert line.canary.late() is None


async def test_a_canary_that_kafka_does_not_take_is_missing_too(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    line.open = False
    for _ in range(4):
        await line.minute(arrives=False)
    assert line.canary.late() is not None
    assert "no canary was sent" in caplog.text


async def test_one_that_comes_hours_late_says_nothing_good() -> None:
    line = Line()
    await line.minute(arrives=False)
    line.clock.advance(minutes=180)
    await line.canary.send(Outgoing("n", "", "canary", "info", "canary", str(T0), ""))
    assert line.canary.late() is not None


async def test_a_worker_that_does_not_send_notifications_neither_sends_nor_waits() -> None:
    line = Line(mine=False)
    for _ in range(10):
        await line.minute(arrives=False)
    assert (line.sent, line.canary.late()) == ([], None)
    line.mine = True  # and one that takes over has not been waiting
    await line.minute(arrives=False)
    assert (len(line.sent), line.canary.late()) == (1, None)


@pytest.mark.timeout(120)
async def test_a_canary_goes_the_whole_way_and_stands_in_no_table_of_people(broker: Broker) -> None:
    settings = await deployed(broker, canary_s=0.5)
    store = MemoryStore()
    async with working(settings, plan(), store) as worker:
        await until(lambda: len(store.rows("canaries")) >= 3, worker)
        assert (await ends(settings))[CANARY, 0] >= 3
        assert REGISTRY.get_sample_value("livewarden_canary_seconds") is not None
    seen = {name for name in store._rows if store.rows(name)}
    assert seen <= {"canaries", "workers", "log_positions"}


@pytest.mark.kafka
@pytest.mark.timeout(120)
async def test_while_clickhouse_takes_nothing_the_canary_is_missing_and_the_process_unready(
    embedded_broker: Broker,
) -> None:
    settings = await deployed(embedded_broker, canary_s=0.5)
    store = FlakyStore()
    async with working(settings, plan(), store) as worker:
        await until(lambda: bool(store.rows("canaries")), worker)
        store.trouble = RetryLater("ClickHouse is away")
        await until(lambda: "no canary has come through" in telemetry.why_not_ready(), worker)
        store.trouble = None
        await until(lambda: telemetry.why_not_ready() == "", worker)
        await until(lambda: [row["status"] for row in store.rows("health_alerts")] == ["over"], worker)
    (row,) = store.rows("health_alerts")
    assert row["kind"] == "canary_late"


def test_its_message_has_a_group_that_no_monitor_has() -> None:
    assert CanaryMessage(T0).group not in plan().groups
