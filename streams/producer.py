"""A producer for who sends a few records and waits for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from streams.kafka_access import Access, start


@asynccontextmanager
async def producing(access: Access) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose records are acknowledged by all replicas; SetupError as `kafka_access.start`."""
    producer = AIOKafkaProducer(**access.client(), enable_idempotence=True, acks="all")
    try:
        await start(producer, access)
        yield producer
    finally:
        await producer.stop()
