"""Topics: created by us where they are missing, checked where they exist."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from livewarden.errors import SetupError, Unreachable
from livewarden.settings import Settings
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


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many partitions every source topic has now, and which topics were grown for that."""

    partitions: int
    grown: tuple[str, ...]


async def adopt_partitions(access: Access, settings: Settings) -> Adopted:
    """Give every source topic as many partitions as the largest of them has, and no fewer than the settings say.

    What the workers have saved goes on: a partition that is new has nothing saved and is read from its beginning. The
    topics between the workers are not adopted: their keys would go to other partitions, away from what was learned
    (SetupError).
    """
    admin = await _connect(access)
    try:
        async with asyncio.timeout(CREATE_WITHIN_S):
            counts = await _partition_counts(admin)
            sources = {f"{settings.topic_prefix}{topic}" for topic in settings.partitions_by_topic()}
            wrong = {name: count for name, count in settings.topics().items() if counts.get(name, count) != count}
            kept = sorted(wrong.keys() - sources)
            if kept:
                raise SetupError(
                    f"{kept[0]} has {counts[kept[0]]} partitions, expected {wrong[kept[0]]}: it is between the workers"
                    " and cannot be adopted, its keys go elsewhere: begin with other topics (LIVEWARDEN_TOPIC_PREFIX)"
                )
            most = max([settings.partitions, *(counts[name] for name in sources & counts.keys())])
            small = sorted(name for name in sources & counts.keys() if counts[name] < most)
            if small:
                await admin.create_partitions({name: NewPartitions(most) for name in small})
            while small and min(map((await _partition_counts(admin)).__getitem__, small)) < most:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # the controller knows them before the brokers' metadata does
            return Adopted(most, tuple(small))
    except TimeoutError:
        raise Unreachable(
            f"Kafka at {access.bootstrap} took more than {CREATE_WITHIN_S:.0f} s to grow topics"
        ) from None
    except KafkaError as error:
        raise SetupError(f"topics do not grow on Kafka at {access.bootstrap}: {error}") from error
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
