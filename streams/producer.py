"""A producer for who sends a few records and waits for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.topics import no_answer


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose records are acknowledged by all replicas; Unreachable where Kafka does not answer."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
    try:
        try:
            await producer.start()
        except KafkaError as error:
            raise no_answer(bootstrap) from error
        yield producer
    finally:
        await producer.stop()
