"""What the series of alerts did around them, small enough to stand in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from livewarden.times import DAY_MS
from sinks.store.reader import Reader

BEFORE: Final = 40
AFTER: Final = 20
"""Buckets before and after the alert's."""
SPAN_MS: Final = 2 * DAY_MS
"""Alerts that are so much older than the newest one have no line: a list is looked at for what is going on."""
_KEY: Final = "concat(monitor, toString(mapSort(series)))"


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The series of an alert: market ("" without one), bucket in ms, and (start, observed, expected) by bucket."""

    market: str
    bucket_ms: int
    points: list[tuple[int, float | None, float | None]] = field(default_factory=list)


async def of_alerts(reader: Reader, alert_ids: Sequence[str]) -> dict[str, Sparkline]:
    """By alert id. An alert that is not known has none, one that is old has no points."""
    alerts = await reader.select(
        f"SELECT alert_id, {_KEY} AS key, series['market'] AS market, window_start, window_end FROM alerts FINAL"
        " WHERE run = 'live' AND alert_id IN {ids:Array(String)}",
        {"ids": list(alert_ids)},
    )
    newest = max((row["window_end"] for row in alerts), default=0)
    recent = [row for row in alerts if row["window_end"] >= newest - SPAN_MS]
    found = {row["alert_id"]: Sparkline(row["market"], row["window_end"] - row["window_start"]) for row in alerts}
    if not recent:
        return found
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in await reader.select(
        f"SELECT {_KEY} AS key, window_start, observed, expected FROM judgements FINAL WHERE run = 'live'"
        f" AND window_start >= fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')"
        f" AND window_start < fromUnixTimestamp64Milli({{to:Int64}}, 'UTC') AND {_KEY} IN {{keys:Array(String)}}"
        " ORDER BY window_start LIMIT 100000",
        {
            "from": min(row["window_start"] - BEFORE * found[row["alert_id"]].bucket_ms for row in recent),
            "to": max(row["window_end"] + AFTER * found[row["alert_id"]].bucket_ms for row in recent),
            "keys": sorted({row["key"] for row in recent}),
        },
    ):
        by_key.setdefault(row["key"], []).append(row)
    for row in recent:
        line = found[row["alert_id"]]
        first, last = row["window_start"] - BEFORE * line.bucket_ms, row["window_end"] + AFTER * line.bucket_ms
        line.points[:] = [
            (each["window_start"], each["observed"], each["expected"])
            for each in by_key.get(row["key"], ())
            if first <= each["window_start"] < last
        ]
    return found
