"""Watermarks that stand in the future, taken back: by hand, while no worker runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from livewarden.settings import PARTIALS, Settings
from models.monitors.plan import Plan
from sinks.store.store import Store
from streams.stages import Detect, Ingest


@dataclass(frozen=True, slots=True)
class Mended:
    """A saved position whose watermark was taken back; milliseconds."""

    stage: str
    topic: str
    partition: int
    was_ms: int
    is_ms: int


async def mend_watermarks(settings: Settings, plan: Plan, store: Store, now_ms: int) -> list[Mended]:
    """Take back every saved watermark, and every seal that was heard of it, that is further ahead than an event may be.

    They stand where they would if an event had just come. What came late meanwhile stays late; from here on events
    count. `plan`: that of the workers, since a state is read by its monitors.
    """
    lateness_ms = settings.lateness_ms()
    until_ms = {topic: now_ms - late_ms for topic, late_ms in lateness_ms.items()}
    mended = []
    for (topic, partition), (_, watermark_ms) in sorted((await store.positions("ingest")).items()):
        if watermark_ms > now_ms + settings.ahead_ms() and topic in until_ms:
            ingest = Ingest(plan, topic, partition, settings.partitions, lateness_ms[topic], settings.ahead_ms())
            mended.append(await _ingest(store, ingest, until_ms[topic]))
    if not mended:
        return []
    for _, partition in sorted(await store.positions("detect")):
        found = await _detect(store, Detect(plan, PARTIALS, partition), until_ms)
        if found is not None:
            mended.append(found)
    return mended


async def _ingest(store: Store, stage: Ingest, until_ms: int) -> Mended:
    saved = await store.load(stage.name, stage.topic, stage.partition)
    assert saved is not None
    stage.restore(saved)
    stage.mend(until_ms)
    await store.set_back(replace(stage.checkpoint(), topic_id=saved.topic_id))
    return Mended(stage.name, stage.topic, stage.partition, saved.watermark_ms, stage.watermark_ms)


async def _detect(store: Store, stage: Detect, until_ms: Mapping[str, int]) -> Mended | None:
    saved = await store.load(stage.name, stage.topic, stage.partition)
    assert saved is not None
    stage.restore(saved)
    if not stage.mend(until_ms):
        return None
    await store.set_back(replace(stage.checkpoint(), topic_id=saved.topic_id))
    return Mended(stage.name, stage.topic, stage.partition, saved.watermark_ms, stage.watermark_ms)
