"""What is saved is the truth: where Kafka has committed more than the state knows, it is read again,
and counts once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy

import pytest

from livewarden.settings import Settings
from sinks.store.memory import MemoryStore
from tests.kafka_fixtures import Broker
from tests.live import assert_equal, delivered, deployed, evening, feed, memory_rows, outcome, plan, replayed, working

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

Harm = Callable[[MemoryStore, MemoryStore], MemoryStore]
"""Of the backup of a third and what stands after two thirds: what is found after the harm."""


def restored(backup: MemoryStore, now: MemoryStore) -> MemoryStore:
    return backup


def empty(backup: MemoryStore, now: MemoryStore) -> MemoryStore:
    return MemoryStore()


def without(stage: str) -> Harm:
    """Rows stay, the positions of one stage are gone."""

    def harm(backup: MemoryStore, now: MemoryStore) -> MemoryStore:
        now._checkpoints = {place: each for place, each in now._checkpoints.items() if place[0] != stage}
        return now

    return harm


def set_back(stage: str) -> Harm:
    """Rows stay, the positions of one stage are those of the backup."""

    def harm(backup: MemoryStore, now: MemoryStore) -> MemoryStore:
        now._checkpoints |= {place: each for place, each in backup._checkpoints.items() if place[0] == stage}
        return now

    return harm


async def harmed(settings: Settings, harm: Harm) -> MemoryStore:
    """What a stream in three parts leaves where the harm came between the second and the third."""
    events = evening(1)
    third = len(events) // 3
    store = MemoryStore()
    async with working(settings, plan(), store) as worker:
        await feed(settings, events[:third], worker)
    backup = deepcopy(store)
    async with working(settings, plan(), store) as worker:
        await feed(settings, events[third : 2 * third], worker)
    store = harm(backup, store)
    async with working(settings, plan(), store) as worker:
        await feed(settings, events[2 * third :], worker)
    sent = [
        *delivered(settings, events[:third]),
        *delivered(settings, events[third : 2 * third]),
        *delivered(settings, events[2 * third :]),
    ]
    assert_equal(outcome(memory_rows(store)), replayed(plan(), settings, sent))
    return store


@pytest.mark.parametrize("harm", [restored, empty], ids=["restored", "empty"])
async def test_a_store_that_knows_less_than_kafka_has_committed_reads_it_again(
    broker: Broker, harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await harmed(await deployed(broker), harm)
    assert "what lies between is read again" in caplog.text


@pytest.mark.parametrize("stage", ["ingest", "detect", "respond"])
async def test_a_stage_without_its_positions_says_the_same_again(embedded_broker: Broker, stage: str) -> None:
    await harmed(await deployed(embedded_broker), without(stage))


@pytest.mark.parametrize("stage", ["ingest", "detect", "respond"])
async def test_a_stage_that_was_set_back_says_the_same_again(embedded_broker: Broker, stage: str) -> None:
    await harmed(await deployed(embedded_broker), set_back(stage))
