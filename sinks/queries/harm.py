"""LIVEs that were cut, and the course of their rooms around the cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from livewarden.blast_radius import BlastRadius
from livewarden.harm import BEFORE_MS, MOST_MS, Cut, CutHarm, RoomMinute, harm_of, lost_live
from sinks.store.reader import Reader

MOST_CUTS = 2_000
"""Cuts that are looked at, the newest first."""
MOST_HARM = 5_000
"""Siblings whose harm is added up."""
_CUTS = (
    "SELECT action_id, subject_id AS room_id, toUnixTimestamp64Milli(informed_at) AS at,"
    " ifNull(toUnixTimestamp64Milli(reversed_at), 0) AS back, reversal FROM measure_outcomes"
    " WHERE action_type IN ('LIVE_INTERRUPTED', 'LIVE_ACCESS_SUSPENDED') AND subject_id != ''"
)
_RIGHT = ("", "expired_early", "policy_change")
"""Ends of a measure that do not say that it was wrong."""


async def of_entity(reader: Reader, id_: str) -> CutHarm:
    """What the cuts of a room, or of a shop's rooms, cost, or what one cut did."""
    return await _harm(reader, "(action_id = {id:String} OR subject_id = {id:String} OR shop_id = {id:String})", id=id_)


async def of_measures(reader: Reader, action_ids: Sequence[str]) -> CutHarm:
    """What these cost, as far as they are cuts."""
    return await _harm(reader, "action_id IN ({ids:Array(String)})", ids=list(action_ids))


async def of_radius(reader: Reader, found: BlastRadius) -> CutHarm:
    """What the cuts among the siblings of a case cost, of the first `MOST_HARM` by their ids."""
    return await of_measures(reader, sorted(found.siblings)[:MOST_HARM])


async def _harm(reader: Reader, condition: str, **values: str | list[str]) -> CutHarm:
    rows = await reader.select(f"{_CUTS} AND {condition} ORDER BY at DESC, action_id LIMIT {MOST_CUTS}", values)
    cuts = [
        Cut(
            row["action_id"],
            row["room_id"],
            row["at"],
            max(row["at"], min(row["back"] or row["at"] + MOST_MS, row["at"] + MOST_MS)),
            row["reversal"] not in _RIGHT,
        )
        for row in rows
    ]
    if not cuts:
        return harm_of([], [])
    course = await _course(reader, cuts)
    found = (lost_live(cut, course[cut.room_id]) for cut in cuts)
    return harm_of(cuts, [each for each in found if each is not None])


async def _course(reader: Reader, cuts: Sequence[Cut]) -> dict[str, list[RoomMinute]]:
    rows = await reader.select(
        "SELECT key AS room_id, toUnixTimestamp64Milli(event_time) AS at,"
        " JSONExtractFloat(data, 'ccu') * JSONExtractFloat(data, 'window_s') / 60 * weight AS viewer_minutes,"
        " JSONExtractInt(data, 'gmv_minor') * weight AS gmv_minor, JSONExtractString(data, 'currency') AS currency"
        " FROM events FINAL PREWHERE type = 'traffic.sample' AND key IN ({rooms:Array(String)})"
        " AND event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') WHERE duplicate = 0",
        {
            "rooms": sorted({cut.room_id for cut in cuts}),
            "from": min(cut.at for cut in cuts) - BEFORE_MS,
            "to": max(cut.until for cut in cuts),
        },
    )
    found: dict[str, list[RoomMinute]] = defaultdict(list)
    for row in rows:
        found[row["room_id"]].append(RoomMinute(row["at"], row["viewer_minutes"], row["gmv_minor"], row["currency"]))
    return found
