"""Whether the topics are still those that the workers were set up for: as many partitions, and none made again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from livewarden.errors import SetupError
from streams import telemetry
from streams.conditions import Condition
from streams.topic_ids import topic_ids

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
ANSWER_WITHIN_S = 5.0


class TopicWatch:
    """Looks at the topics (name on the cluster: expected partitions) every few seconds, over a client that is there
    already.

    `count` answers how many partitions a topic has by the newest metadata, 0 where that is not known.
    """

    def __init__(
        self,
        topics: Mapping[str, int],
        client: Callable[[], AIOKafkaClient],
        count: Callable[[str], Awaitable[int]],
    ) -> None:
        self._topics = topics
        self._client = client
        self._count = count
        self._ids: dict[str, str] = {}
        self._grown: dict[str, int] = {}

    async def run(self) -> None:
        """Look until cancelled; SetupError where a topic was made again."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for topic, expected in self._topics.items():
                self._compare(topic, expected, await self._count(topic))
            await self.ids()

    async def ids(self) -> Mapping[str, str]:
        """The id of each topic, as far as the broker has ids and answers; else as last known.

        SetupError where a topic has another id than before.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                found = await topic_ids(self._client(), self._topics)
        except (KafkaError, TimeoutError) as error:
            _log.info("no broker says which topics these are: %r", error)
            return self._ids
        for topic, now in found.items():
            if self._ids.setdefault(topic, now) != now:
                raise made_again(topic)
        return self._ids

    def holding(self) -> list[Condition]:
        """The topics that have grown."""
        return [
            Condition(
                "topic_grown",
                topic,
                "A topic has grown",
                f"{topic} has {count} partitions, the workers were set up for {self._topics[topic]}: run"
                " `livewarden topics --adopt`, set what it says, and start the workers anew",
                over="A topic has the partitions that were expected",
            )
            for topic, count in self._grown.items()
        ]

    def _compare(self, topic: str, expected: int, count: int) -> None:
        telemetry.gauge("livewarden_partitions_unexpected", topic, value=count - expected if count else 0)
        if count and count != expected:
            self._grown[topic] = count
        elif count:
            self._grown.pop(topic, None)


def made_again(topic: str) -> SetupError:
    """The error of a topic that is not the one whose offsets were saved."""
    return SetupError(
        f"{topic} was made again: Kafka gives it another id than the one that the saved offsets belong to. Give it"
        " another name with LIVEWARDEN_TOPIC_PREFIX, or start a new group and database; rows of the old one have the"
        " same offsets"
    )
