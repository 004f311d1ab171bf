"""Silences, maintenance windows and campaigns as people look them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from livewarden.matcher import Matcher, matches
from livewarden.times import DAY_MS
from sinks.store.reader import Reader
from sinks.store.records import SilenceRecord

MOST_MATCHED = 50_000
"""Alerts that a preview looks at."""
Phase = Literal["active", "coming", "past"]
_NOW = "fromUnixTimestamp64Milli({now:Int64}, 'UTC')"
_PHASE = f"multiIf(ends_at <= {_NOW}, 'past', starts_at > {_NOW}, 'coming', 'active')"


class PhasedSilence(SilenceRecord):
    """A silence, and whether it is in force now."""

    phase: Phase


@dataclass(frozen=True)
class SilenceCounts:
    """How many silences there are, by phase."""

    active: int
    coming: int
    past: int
    all: int


async def find(
    reader: Reader, now_ms: int, phase: Phase | Literal[""] = "", *, limit: int = 50, offset: int = 0
) -> list[PhasedSilence]:
    """A page of silences with their `phase` at `now_ms`: active ones first, then coming ones, then past ones,
    newest first.
    """
    return await reader.find(
        PhasedSilence,
        f"SELECT {SilenceRecord.columns()}, {_PHASE} AS phase FROM silences FINAL"
        " WHERE {phase:String} IN ('', phase)"
        " ORDER BY indexOf(['past', 'coming', 'active'], phase) DESC, starts_at DESC, silence_id"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        {"now": now_ms, "phase": phase, "limit": limit, "offset": offset},
    )


async def by_end(reader: Reader, now_ms: int, *, past: bool = False, limit: int = 50) -> list[SilenceRecord]:
    """Those that hold or are to hold, the one that ends soonest first, and behind them with `past` the others."""
    return await reader.find(
        SilenceRecord,
        f"SELECT {SilenceRecord.columns()} FROM silences FINAL WHERE {{past:Bool}} OR ends_at > {_NOW}"
        f" ORDER BY ends_at > {_NOW} DESC, ends_at, silence_id LIMIT {{limit:UInt32}}",
        {"now": now_ms, "past": past, "limit": limit},
    )


async def count(reader: Reader, now_ms: int) -> SilenceCounts:
    """How many there are."""
    rows = await reader.find(
        SilenceCounts,
        "SELECT countIf(phase = 'active') AS active, countIf(phase = 'coming') AS coming,"
        f" countIf(phase = 'past') AS past, count() AS all FROM (SELECT {_PHASE} AS phase FROM silences FINAL)",
        {"now": now_ms},
    )
    return rows[0]


async def get(reader: Reader, silence_id: str) -> SilenceRecord | None:
    """One silence in its newest version; None where there is none of that id."""
    rows = await reader.find(
        SilenceRecord,
        f"SELECT {SilenceRecord.columns()} FROM silences FINAL WHERE silence_id = {{id:String}}",
        {"id": silence_id},
    )
    return rows[0] if rows else None


@dataclass(frozen=True, slots=True)
class Matched:
    """Alerts of one monitor that conditions match: how many fire `now`, and how many came in the last day."""

    monitor: str
    now: int
    day: int


async def preview(
    reader: Reader, matchers: Sequence[Matcher], owners: Mapping[str, str], now_ms: int
) -> tuple[Matched, ...]:
    """What a silence with these conditions would mute now, and would have muted in the last day, by monitor, the most
    first.

    `owners`: the team by monitor. Alerts that detection itself kept back are left out: a silence has no part in them.
    Of more than `MOST_MATCHED` alerts the newest so many are looked at.
    """
    rows = await reader.select(
        "SELECT a.monitor AS monitor, a.kind AS kind, a.severity AS severity, a.direction AS direction,"
        " a.series AS series, a.status = 'firing' AS firing, d.at AS at FROM alerts AS a FINAL"
        " INNER JOIN dispositions AS d FINAL ON a.alert_id = d.alert_id"
        " WHERE a.run = 'live' AND a.suppressed_by IS NULL"
        f" AND (a.status = 'firing' OR d.at >= {_NOW} - INTERVAL 1 DAY) ORDER BY d.at DESC LIMIT {{most:UInt32}}",
        {"now": now_ms, "most": MOST_MATCHED},
    )
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        facts = {name: row[name] for name in ("monitor", "kind", "severity", "direction")}
        if matches(matchers, {**row["series"], **facts, "owner": owners.get(row["monitor"], "")}):
            now, day = found.get(row["monitor"], (0, 0))
            found[row["monitor"]] = now + bool(row["firing"]), day + (row["at"] >= now_ms - DAY_MS)
    listed = [Matched(name, now, day) for name, (now, day) in found.items()]
    return tuple(sorted(listed, key=lambda each: (-each.now, -each.day, each.monitor)))


def preview_in_words(found: Sequence[Matched]) -> str:
    """What `preview` found, in a sentence.

    >>> preview_in_words([Matched("live-orders", 2, 5), Matched("live-viewers", 0, 1)])
    'matches 2 alerts that fire now and 6 of the last day: live-orders 2 and 5, live-viewers 0 and 1'
    >>> preview_in_words([])
    'matches no alert that fires now, and none of the last day'
    """
    if not found:
        return "matches no alert that fires now, and none of the last day"
    now, day = sum(each.now for each in found), sum(each.day for each in found)
    fire = f"{now:,} alert{' that fires' if now == 1 else 's that fire'} now"
    named = ", ".join(f"{each.monitor} {each.now:,} and {each.day:,}" for each in found[:8])
    more = f", and {len(found) - 8} monitors more" if len(found) > 8 else ""
    return f"matches {fire} and {day:,} of the last day: {named}{more}"
