"""Two workers under one name: the one that came first ends, with one line, and the other goes on."""

from __future__ import annotations

import asyncio

import pytest

from livewarden.errors import SetupError
from sinks.store.memory import MemoryStore
from tests.kafka_fixtures import Broker
from tests.live import deployed, evening, feed_only, plan, settled, until, working

pytestmark = [pytest.mark.kafka, pytest.mark.real_kafka, pytest.mark.timeout(240)]


async def test_of_two_workers_under_one_name_the_first_ends_with_one_line(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), member="the-only-one")
    store = MemoryStore()
    async with working(settings, plan(), store) as first:
        await until(lambda: first.generation > 0, first)
        await feed_only(settings, evening()[:500])
        async with working(settings, plan(), store) as second:
            with pytest.raises(SetupError, match=r"another worker has taken the name 'the-only-one' in the group '.*'"):
                async with asyncio.timeout(40):
                    await first.task
            await feed_only(settings, evening()[500:1000])
            await until(lambda: settled(settings), second, within_s=120)
            await second.vanish()  # the first has taken the handlers of signals along
    assert {row["event_id"] for row in store.rows("events")} >= {event.id for event in evening()[:1000]}


async def test_a_worker_that_comes_again_under_its_name_within_the_session_goes_on(apache_kafka: str) -> None:
    settings = await deployed(Broker(apache_kafka), member="the-only-one")
    store = MemoryStore()
    async with working(settings, plan(), store) as first:
        await feed_only(settings, evening()[:500])
        await until(lambda: settled(settings), first)
        await first.vanish()
    async with working(settings, plan(), store) as second:
        await feed_only(settings, evening()[500:1000])
        await until(lambda: settled(settings), second, within_s=120)
    assert {row["event_id"] for row in store.rows("events")} >= {event.id for event in evening()[:1000]}
