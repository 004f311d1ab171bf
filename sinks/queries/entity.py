"""One shop, room, creator, product or measure on one time line, as ClickHouse has it."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.store.reader import Reader

_FIELDS = ("action_id", "shop_id", "subject_id", "room_id", "creator_id", "appeal_id", "ticket_id", "violation_id")
_MINE = " OR ".join(f"JSONExtractString(data, '{name}') = {{id:String}}" for name in _FIELDS)
_COARSE = "(key = {id:String} OR position(data, {id:String}) > 0)"
_EVENTS = (
    "SELECT event_time AS at, type, event_id AS id, weight, data FROM events FINAL"
    f" PREWHERE {_COARSE} WHERE duplicate = 0 AND ({_MINE}"
    " OR has(JSONExtract(data, 'refs', 'Array(String)'), {id:String}))"
)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to it, in ms UTC; `data` is JSON text."""

    at: int
    type: str
    id: str
    weight: int
    data: str


@dataclass(frozen=True, slots=True)
class Span:
    """Of one kind of event how many there are of it, first and last, in ms UTC."""

    type: str
    events: int
    weight: int
    first: int
    last: int


async def totals(reader: Reader, id_: str) -> list[Span]:
    """What there is of it, by type."""
    rows = await reader.select(
        f"SELECT type, count() AS events, sum(weight) AS weight, min(at) AS first, max(at) AS last FROM ({_EVENTS})"
        " GROUP BY type ORDER BY type",
        {"id": id_},
    )
    return [Span(**row) for row in rows]


async def timeline(reader: Reader, id_: str, *, limit: int = 200) -> list[Happening]:
    """Its events but for traffic, and the appeals, reversals and reviews of its measures, the newest `limit`, oldest
    first."""
    rows = await reader.select(
        "SELECT at, type, id, weight, data FROM ("
        f"{_EVENTS} AND type NOT IN ('traffic.sample', 'traffic.quality')"
        " UNION DISTINCT SELECT event_time AS at, type, event_id AS id, weight, data FROM events FINAL"
        " PREWHERE type IN ('appeal.lifecycle', 'enforcement.reversed', 'review.audit')"
        " WHERE duplicate = 0 AND JSONExtractString(data, 'action_id') IN (SELECT JSONExtractString(data, 'action_id')"
        f" FROM events FINAL PREWHERE type = 'enforcement.action' AND {_COARSE} WHERE {_MINE})"
        ") ORDER BY at DESC, type, id LIMIT {limit:UInt32}",
        {"id": id_, "limit": limit},
    )
    return [Happening(**row) for row in reversed(rows)]


async def alerts(reader: Reader, id_: str, *, limit: int = 200) -> list[Happening]:
    """Live alerts whose series names it, oldest first; `data` holds monitor, status and numbers."""
    rows = await reader.select(
        "SELECT window_start AS at, 'alert' AS type, alert_id AS id, 1 AS weight, toJSONString(map('monitor', monitor,"
        " 'status', status, 'severity', severity, 'observed', toString(observed),"
        " 'case_id', ifNull(case_id, ''))) AS data"
        " FROM alerts FINAL WHERE run = 'live' AND has(mapValues(series), {id:String})"
        " ORDER BY at DESC, id LIMIT {limit:UInt32}",
        {"id": id_, "limit": limit},
    )
    return [Happening(**row) for row in reversed(rows)]
