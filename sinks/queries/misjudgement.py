"""Cohorts of measures, and the changes that may have made them worse, as ClickHouse has them."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.store.reader import Reader


@dataclass(frozen=True, slots=True)
class CohortCount:
    """`measures` of a cell informed on `day` (days since the epoch, UTC) that had `outcome` at `age` days."""

    policy: str
    market: str
    queue: str
    model: str
    automation: str
    day: int
    age: int
    outcome: str
    measures: int


@dataclass(frozen=True, slots=True)
class ChangeInForce:
    """A platform change: since when it was in force, in ms UTC, what it changed, and where (empty: everywhere)."""

    change_id: str
    since_ms: int
    target: str
    markets: tuple[str, ...]


async def cohorts(reader: Reader) -> list[CohortCount]:
    """Every cohort of every cell, in no order."""
    rows = await reader.select(
        "SELECT policy, market, queue, model, automation, informed_day AS day, age, outcome, measures"
        " FROM misjudgement_cohorts"
    )
    return [CohortCount(**row) for row in rows]


async def changes(reader: Reader) -> list[ChangeInForce]:
    """Changes in the order in which they came into force; what was only announced is none."""
    rows = await reader.select(
        "SELECT JSONExtractString(data, 'change_id') AS change_id, JSONExtractString(data, 'target') AS target,"
        " toUnixTimestamp64Milli(min(event_time)) AS since_ms,"
        " any(JSONExtract(data, 'scope', 'markets', 'Array(String)')) AS markets"
        " FROM events FINAL WHERE type = 'platform.change' AND duplicate = 0"
        " AND JSONExtractString(data, 'phase') != 'ANNOUNCED' AND target != ''"
        " GROUP BY change_id, target ORDER BY since_ms, change_id, target"
    )
    return [
        ChangeInForce(row["change_id"], row["since_ms"], row["target"], tuple(sorted(row["markets"]))) for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Framed:
    """A measure that may be drawn into a sample, and what its stratum is made of."""

    action_id: str
    policy: str
    queue: str
    automation: str


async def frame(reader: Reader) -> list[Framed]:
    """Every measure, by id."""
    rows = await reader.select("SELECT action_id, policy, queue, automation FROM measure_outcomes ORDER BY action_id")
    return [Framed(**row) for row in rows]
