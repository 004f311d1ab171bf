"""Tickets of merchants and their themes, as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sinks.store.reader import Reader
from sinks.store.records import Moment, TableRow

_SPAN: Final = "toUnixTimestamp64Milli(opened_at) >= {from:Int64} AND toUnixTimestamp64Milli(opened_at) < {to:Int64}"


class StoredTicket(TableRow):
    """A ticket as it was sorted."""

    TABLE = "feedback_tickets"
    ticket_id: str
    version: int
    shop_id: str
    market: str
    opened_at: Moment
    answered_at: Moment | None
    language: str
    action_id: str
    theme_id: str
    similarity: float
    text: str
    minhash: list[int]


class StoredTheme(TableRow):
    """A theme that was proposed; `name` is empty until somebody gives it one."""

    TABLE = "feedback_themes"
    theme_id: str
    version: int
    name: str
    exemplars: list[str]
    who: str
    at: Moment


@dataclass(frozen=True, slots=True)
class ThemeCount:
    """How much was written about a theme: tickets, shops, and how many were answered."""

    theme_id: str
    tickets: int
    shops: int
    answered: int
    first: int
    last: int


async def themes(reader: Reader) -> list[StoredTheme]:
    """Themes beyond the seeded ones, by id."""
    return await reader.find(
        StoredTheme, f"SELECT {StoredTheme.columns()} FROM feedback_themes FINAL ORDER BY theme_id"
    )


async def counted(reader: Reader, from_ms: int, to_ms: int) -> list[ThemeCount]:
    """Tickets of a span by theme, most shops first; the empty theme is what none fits."""
    rows = await reader.select(
        "SELECT theme_id, count() AS tickets, uniqExact(shop_id) AS shops, countIf(answered_at IS NOT NULL)"
        " AS answered,"
        " toUnixTimestamp64Milli(min(opened_at)) AS first, toUnixTimestamp64Milli(max(opened_at)) AS last"
        f" FROM feedback_tickets FINAL WHERE {_SPAN} GROUP BY theme_id ORDER BY shops DESC, theme_id",
        {"from": from_ms, "to": to_ms},
    )
    return [ThemeCount(**row) for row in rows]


async def tickets(
    reader: Reader, from_ms: int, to_ms: int, *, theme: str | None = None, limit: int = 200_000
) -> list[StoredTicket]:
    """Tickets of a span, of one theme (empty: of none) or of all, oldest first."""
    return await reader.find(
        StoredTicket,
        f"SELECT {StoredTicket.columns()} FROM feedback_tickets FINAL WHERE {_SPAN}"
        " AND ({all:Bool} OR theme_id = {theme:String}) ORDER BY opened_at, ticket_id LIMIT {limit:UInt32}",
        {"from": from_ms, "to": to_ms, "all": theme is None, "theme": theme or "", "limit": limit},
    )


async def measures(reader: Reader, from_ms: int, to_ms: int, window_ms: int) -> dict[tuple[str, int], int]:
    """How many measures were taken, by market and window."""
    rows = await reader.select(
        "SELECT market, intDiv(toUnixTimestamp64Milli(informed_at), {window:Int64}) * {window:Int64} AS start,"
        " sum(weight) AS n FROM measure_outcomes WHERE toUnixTimestamp64Milli(informed_at) >= {from:Int64}"
        " AND toUnixTimestamp64Milli(informed_at) < {to:Int64} GROUP BY market, start",
        {"from": from_ms, "to": to_ms, "window": window_ms},
    )
    return {(row["market"], int(row["start"])): int(row["n"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a queue, policy or model: tickets' measures that have it, of how many; its share of all measures."""

    value: str
    hit: int
    of: int
    usual: float


async def places(reader: Reader, theme: str, from_ms: int, to_ms: int, column: str) -> list[Place]:
    """Where measures that a theme's tickets name were taken: the commonest values of `queue`, `policy` or `model`."""
    name = {"queue": "queue", "policy": "policy", "model": "model"}[column]
    rows = await reader.select(
        f"SELECT {name} AS part, countIf(named) AS hit, sum(hit) OVER () AS of,"
        " count() / sum(count()) OVER () AS usual"
        f" FROM (SELECT {name}, action_id IN (SELECT action_id FROM feedback_tickets FINAL WHERE {_SPAN}"
        " AND theme_id = {theme:String} AND action_id != '') AS named FROM measure_outcomes)"
        " GROUP BY part ORDER BY hit DESC, part LIMIT 3",
        {"from": from_ms, "to": to_ms, "theme": theme},
    )
    return [Place(row["part"], int(row["hit"]), int(row["of"]), float(row["usual"])) for row in rows if row["hit"]]


async def appeals(reader: Reader, theme: str, from_ms: int, to_ms: int) -> tuple[int, int]:
    """Of the measures that a theme's tickets name, how many were appealed against, and taken back."""
    rows = await reader.select(
        "SELECT countIf(appealed_at IS NOT NULL) AS appealed, countIf(reversed_at IS NOT NULL) AS reversed"
        f" FROM measure_outcomes WHERE action_id IN (SELECT action_id FROM feedback_tickets FINAL WHERE {_SPAN}"
        " AND theme_id = {theme:String} AND action_id != '')",
        {"from": from_ms, "to": to_ms, "theme": theme},
    )
    return int(rows[0]["appealed"]), int(rows[0]["reversed"])


async def changes_before(reader: Reader, at_ms: int, within_ms: int) -> list[dict[str, Any]]:
    """Changes of the platform that began at most so long before an instant, the nearest first."""
    return await reader.select(
        "SELECT JSONExtractString(data, 'change_id') AS change_id, JSONExtractString(data, 'target') AS target,"
        " toUnixTimestamp64Milli(min(event_time)) AS at FROM events FINAL WHERE type = 'platform.change'"
        " AND toUnixTimestamp64Milli(event_time) > {at:Int64} - {within:Int64}"
        " AND toUnixTimestamp64Milli(event_time) <= {at:Int64} AND duplicate = 0"
        " GROUP BY change_id, target ORDER BY at DESC, change_id LIMIT 3",
        {"at": at_ms, "within": within_ms},
    )


async def cases_of(reader: Reader, theme: str, from_ms: int, to_ms: int) -> list[str]:
    """Cases that are linked to one of a theme's tickets."""
    rows = await reader.select(
        "SELECT DISTINCT case_id FROM cases FINAL ARRAY JOIN JSONExtractArrayRaw(links) AS link"
        " WHERE JSONExtractString(link, 'kind') = 'ticket' AND JSONExtractString(link, 'ref') IN"
        f" (SELECT ticket_id FROM feedback_tickets FINAL WHERE {_SPAN} AND theme_id = {{theme:String}})"
        " ORDER BY case_id LIMIT 5",
        {"from": from_ms, "to": to_ms, "theme": theme},
    )
    return [row["case_id"] for row in rows]
