"""`livewarden topics`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.common import AsJson, load_settings, print_json, print_table
from streams.kafka_access import access_of
from streams.topics import adopt_partitions, ensure_topics


def topics(
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take a source topic that has grown: grow the others to as many partitions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the Kafka topics that are missing, and check the partition counts of those that exist.

    With --adopt source topics that somebody gave more partitions are taken in: the others grow to as many, and the
    workers go on from what they have saved once LIVEWARDEN_PARTITIONS is set to that count.

    Example: LIVEWARDEN_KAFKA=broker:9092 livewarden topics
    Example: LIVEWARDEN_KAFKA=broker:9092 livewarden topics --adopt
    """
    settings = load_settings()
    if adopt:
        adopted = asyncio.run(adopt_partitions(access_of(settings), settings))
        settings = settings.model_copy(update={"partitions": adopted.partitions})
    plan = settings.topics()
    created = set(asyncio.run(ensure_topics(access_of(settings), plan, settings.replication, settings.topic_configs())))
    rows = [{"topic": name, "partitions": count, "created": name in created} for name, count in sorted(plan.items())]
    if as_json:
        print_json({"partitions": adopted.partitions, "grown": adopted.grown, "topics": rows} if adopt else rows)
    else:
        print_table(
            ("topic", "partitions", ""),
            [(row["topic"], row["partitions"], "created" if row["created"] else "was there") for row in rows],
            right=("partitions",),
        )
    if adopt and not as_json:
        grown = ", ".join(adopted.grown) or "no other topic"
        print(f"\n{grown} grew; set LIVEWARDEN_PARTITIONS={adopted.partitions} and start all workers anew")
