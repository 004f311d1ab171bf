"""Topics: created by us where they are missing, checked where they exist."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from livewarden.errors import SetupError, Unreachable
from streams.kafka_access import Access, denied, start

ANSWER_WITHIN_S = 10.0
CREATE_WITHIN_S = 30.0


async def ensure_topics(
    kafka: Access | str,
    topics: Mapping[str, int],
    replication: int = 1,
    configs: Mapping[str, Mapping[str, str]] | None = None,
) -> list[str]:
    """Create those of `topics` (name: partitions) that are missing; return their names.

    `configs` holds Kafka topic settings by topic name, for topics created here (`{"live.traffic": {"retention.ms":
    …}}`). Topics that exist are never changed. Raises SetupError for one that has another partition count or cannot be
    created, or where Kafka does not let us in, and Unreachable when no broker answers within `ANSWER_WITHIN_S` seconds.

    On the embedded broker create them with `EmbeddedKafka.create_topic` first; this call then checks them.
    """
    access = Access(kafka) if isinstance(kafka, str) else kafka
    bootstrap = access.bootstrap
    admin = await _connect(access)
    try:
        async with asyncio.timeout(CREATE_WITHIN_S):
            missing = _missing(topics, await _partition_counts(admin))
            if missing:
                new = [
                    NewTopic(name, topics[name], replication, topic_configs=dict((configs or {}).get(name, {})))
                    for name in missing
                ]
                _check_created(await admin.create_topics(new))
                while _missing(topics, await _partition_counts(admin)):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)  # the controller knows a topic before the brokers' metadata does
            return missing
    except TimeoutError:
        raise Unreachable(f"Kafka at {bootstrap} took more than {CREATE_WITHIN_S:.0f} s to create topics") from None
    except KafkaError as error:
        raise SetupError(f"topics are not created on Kafka at {bootstrap}: {error}") from error
    finally:
        await admin.close()


async def _connect(access: Access) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**access.client())
    try:
        await start(admin, access, ANSWER_WITHIN_S)
    except SetupError:
        await admin.close()
        raise
    return admin


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


def _missing(topics: Mapping[str, int], present: Mapping[str, int]) -> list[str]:
    wrong = [
        f"{name} has {present[name]} partitions, expected {partitions}"
        for name, partitions in sorted(topics.items())
        if present.get(name, partitions) != partitions
    ]
    if wrong:
        raise SetupError(f"{'; '.join(wrong)}: set the partition counts to what is there, or use other topics")
    return sorted(set(topics) - set(present))


def _check_created(response: object) -> None:
    refused = {name for name, code, *_ in response.topic_errors if for_code(code) is TopicAuthorizationFailedError}  # type: ignore[attr-defined]
    if refused:
        raise denied(TopicAuthorizationFailedError(refused))
    for name, code, *_ in response.topic_errors:  # type: ignore[attr-defined]
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:  # another worker may create it at the same moment
            raise SetupError(f"topic {name} is not created: {error.__name__}: {error.description}")
