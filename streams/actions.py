"""Requests on their way: sent to the log of responses, answered by the row that the response stage writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from livewarden.action import Action, Answer, Submit
from livewarden.errors import RetryLater
from livewarden.settings import RESPONSE, Settings
from models.response.response_event import ActionRequest
from sinks.queries import actions
from sinks.store.reader import Reader
from streams.kafka_access import access_of
from streams.producer import producing
from streams.stages import encode_message

ANSWER_WITHIN_S = 15.0
"""How long an answer may take, in seconds: a worker that has just started reads its state first."""
LOOK_EVERY_S = 0.1


@asynccontextmanager
async def sending(settings: Settings, reader: Reader) -> AsyncIterator[Submit]:
    """What sends a request to Kafka and waits until its answer is in ClickHouse; Unreachable where Kafka does not
    answer.

    The same action may be sent again: it is granted once, and the answer is the first one.
    """
    async with producing(access_of(settings)) as producer:

        async def submit(action: Action) -> Answer:
            key, value = encode_message(ActionRequest(action))
            try:
                await producer.send_and_wait(settings.topic_prefix + RESPONSE, value, key)
            except KafkaError as error:
                raise RetryLater(f"Kafka does not take it: {error!r}") from error
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    while True:
                        answer = await answered(reader, action.action_id)
                        if answer is not None:
                            return answer
                        await asyncio.sleep(LOOK_EVERY_S)
            except TimeoutError:
                raise RetryLater(
                    f"no worker has answered within {ANSWER_WITHIN_S:.0f} s: the request is in the log and will be read"
                ) from None

        yield submit


async def answered(reader: Reader, action_id: str) -> Answer | None:
    """The answer to a request; None where there is none yet."""
    found = await actions.get(reader, action_id)
    return None if found is None else Answer(found.outcome == "accepted", found.answer)
