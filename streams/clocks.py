"""Clocks that are wrong, as conditions: this machine's, and one that has moved a watermark into the future."""

from __future__ import annotations

from livewarden.times import format_ms
from streams import telemetry
from streams.conditions import Condition
from streams.log_clock import WRONG_MS
from streams.stages import Ingest


def clock_skew(worker: str, skew_ms: int | None) -> Condition | None:
    """The condition of a machine whose clock is far from Kafka's; None where it is not, or Kafka has not said."""
    if skew_ms is None or abs(skew_ms) <= WRONG_MS:
        return None
    way = "ahead of" if skew_ms > 0 else "behind"
    return Condition(
        "clock_skew",
        worker,
        "A worker's clock is wrong",
        f"the clock of {worker} is {abs(skew_ms) // 1000} s {way} Kafka's: set it by NTP; until then Kafka's holds",
        "warning",
        "A worker's clock agrees with Kafka's again",
    )


def watermark_ahead(stage: Ingest, now_ms: int, bound_ms: int) -> Condition | None:
    """The condition of a source partition whose watermark stands in the future, so that all of its events are late."""
    ahead_ms = stage.watermark_ms - now_ms
    stands = ahead_ms > bound_ms
    seconds = ahead_ms / 1000 if stands else 0.0
    telemetry.gauge("livewarden_watermark_ahead_seconds", stage.topic, str(stage.partition), value=seconds)
    if not stands:
        return None
    place = f"{stage.topic}/{stage.partition}"
    return Condition(
        "watermark_ahead",
        place,
        "A watermark stands in the future",
        f"{place} is taken to be complete up to {format_ms(stage.watermark_ms)}: every event before that is late."
        " Stop the workers, run `livewarden positions --mend-watermarks`, and start them again",
        over="A watermark no longer stands in the future",
    )
