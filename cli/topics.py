"""`livewarden topics`."""

from __future__ import annotations

import asyncio

from cli.common import AsJson, load_settings, print_json, print_table
from streams.kafka_access import access_of
from streams.topics import ensure_topics


def topics(as_json: AsJson = False) -> None:
    """Create the Kafka topics that are missing, and check the partition counts of those that exist.

    Example: LIVEWARDEN_KAFKA=broker:9092 livewarden topics
    """
    settings = load_settings()
    plan = settings.topics()
    created = set(asyncio.run(ensure_topics(access_of(settings), plan, settings.replication, settings.topic_configs())))
    rows = [{"topic": name, "partitions": count, "created": name in created} for name, count in sorted(plan.items())]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("topic", "partitions", ""),
            [(row["topic"], row["partitions"], "created" if row["created"] else "was there") for row in rows],
            right=("partitions",),
        )
