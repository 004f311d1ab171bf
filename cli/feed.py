"""`livewarden feed`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.common import AsJson, load_settings, naming, print_json, tracked
from livewarden.settings import Settings
from sources.merge import read_all


def feed(
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE", help="Recordings: .jsonl, .jsonl.gz or .parquet.")],
    as_json: AsJson = False,
) -> None:
    """Send recordings to Kafka, each event to the partition its key decides, no faster than the workers read.

    Several are merged by event time; their order changes nothing.

    Topics that are missing are created. It waits while the workers' group is far behind, so start one first.

    Example: LIVEWARDEN_KAFKA=broker:9092 livewarden feed evening.jsonl.gz
    """
    sent = asyncio.run(_feed(load_settings(), source))
    if as_json:
        print_json({"sent": sent})
    else:
        print(f"{sent:,} events sent")


async def _feed(settings: Settings, sources: list[Path]) -> int:
    from streams.feed import feeder
    from streams.kafka_access import access_of
    from streams.topics import ensure_topics

    access = access_of(settings)
    await ensure_topics(access, settings.topics(), settings.replication, settings.topic_configs())
    async with feeder(access, settings.group, settings.topic_prefix) as connected:
        events = read_all(sources, ahead_ms=settings.ahead_ms())
        named = tracked(events, naming([str(path) for path in sources]))
        async for _ in connected.send(named, settings.partitions_by_topic()):
            pass
        return connected.sent
