"""A watermark that stands in the future, taken back by hand: from then on events count and are judged again."""

from __future__ import annotations

import pytest

from livewarden.settings import Settings
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from models.monitors.plan import Plan
from sinks.store.memory import MemoryStore
from sinks.store.store import Store
from streams.mend import mend_watermarks
from streams.stages import Detect, Ingest
from tests.core_fixtures import T0, TOPIC, action, monitor, silent
from tests.streams.test_stages import wire

PLAN = Plan([monitor(), silent(), monitor(name="daily", bucket="1d", precision="second")])
SETTINGS = Settings(partitions=1, partials_partitions=1, lateness_s=0)
FAR_MS = T0 + 40 * 365 * DAY_MS
NOW_MS = T0 + 2 * HOUR_MS
MINUTES = 100


def stages() -> tuple[Ingest, Detect]:
    return Ingest(PLAN, TOPIC, 0, 1, 0, 2**60), Detect(PLAN, "livewarden.partials", 0)


def minutes(first: int, count: int, offset: int) -> list[object]:
    return [wire(offset + n, action(f"e{first + n}", T0 + (first + n) * MINUTE_MS)) for n in range(count)]


def run(ingest: Ingest, detect: Detect, records: list[object]) -> list[dict[str, object]]:
    """The judgements that follow from the records."""
    ingest.process(records)  # type: ignore[arg-type]
    messages, ingest.output.messages = ingest.output.messages, []
    detect.apply(messages)  # type: ignore[arg-type]
    return detect.output.rows.pop("judgements", [])  # type: ignore[return-value]


async def thrown_ahead(store: Store) -> None:
    """A hundred minutes, then one event decades ahead, of which nobody had asked how that can be."""
    ingest, detect = stages()
    run(ingest, detect, minutes(0, MINUTES, 0))
    run(ingest, detect, [wire(MINUTES, action("far", FAR_MS)), wire(MINUTES + 1, action("farther", FAR_MS + DAY_MS))])
    await store.save(ingest.checkpoint())
    await store.save(detect.checkpoint())


async def restored(store: Store) -> tuple[Ingest, Detect]:
    ingest, detect = stages()
    for stage in (ingest, detect):
        saved = await store.load(stage.name, stage.topic, stage.partition)
        assert saved is not None
        stage.restore(saved)
    ingest.resume()
    return ingest, detect


async def test_without_mending_every_event_is_late_and_nothing_is_judged() -> None:
    store = MemoryStore()
    await thrown_ahead(store)
    ingest, detect = await restored(store)
    assert run(ingest, detect, minutes(120, 30, MINUTES + 2)) == []
    assert ingest.outcomes["late"] == 30


async def test_a_mended_watermark_lets_events_count_and_be_judged_again() -> None:
    store = MemoryStore()
    await thrown_ahead(store)
    mended = await mend_watermarks(SETTINGS, PLAN, store, NOW_MS)
    assert [(each.stage, each.topic, each.is_ms) for each in mended] == [
        ("ingest", TOPIC, NOW_MS),
        ("detect", "livewarden.partials", NOW_MS),
    ]
    assert await mend_watermarks(SETTINGS, PLAN, store, NOW_MS) == []
    ingest, detect = await restored(store)
    judged = run(ingest, detect, minutes(121, 30, MINUTES + 2))
    assert ingest.outcomes.get("late", 0) == 0
    starts = {row["window_start"] for row in judged if row["monitor"] == "measures"}
    assert starts == {T0 + n * MINUTE_MS for n in range(121, 150)}
    assert {row["observed"] for row in judged if row["monitor"] == "measures"} == {1.0}
    again, detect_again = stages()
    again.restore(ingest.checkpoint())
    detect_again.restore(detect.checkpoint())
    assert (again.watermark_ms, detect_again.watermark_ms) == (T0 + 150 * MINUTE_MS, T0 + 150 * MINUTE_MS)


async def test_what_was_learned_stays() -> None:
    store = MemoryStore()
    await thrown_ahead(store)
    before = await store.load("detect", "livewarden.partials", 0)
    await mend_watermarks(SETTINGS, PLAN, store, NOW_MS)
    after = await store.load("detect", "livewarden.partials", 0)
    assert before is not None
    assert after is not None
    assert before.entries.keys() == after.entries.keys()
    assert before.next_offset == after.next_offset


@pytest.mark.parametrize("ahead_ms", [0, 4 * MINUTE_MS])
async def test_a_watermark_within_the_bound_is_left_alone(ahead_ms: int) -> None:
    store = MemoryStore()
    ingest, detect = stages()
    run(ingest, detect, minutes(0, MINUTES, 0))
    await store.save(ingest.checkpoint())
    await store.save(detect.checkpoint())
    assert await mend_watermarks(SETTINGS, PLAN, store, ingest.watermark_ms - ahead_ms) == []
