"""Recommendations as they are stored, and the rates that their effect is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livewarden.times import DAY_MS
from sinks.store.reader import Reader
from sinks.store.records import Moment, Number, TableRow


class RecommendationRecord(TableRow):
    """A recommendation in its newest version."""

    TABLE = "recommendations"
    recommendation_id: str
    version: int
    pattern_id: str
    advice: str
    team: str
    text: str
    status: str
    done_at: Moment | None
    factor: Number
    low: Number
    high: Number
    measured_on: str
    by: str
    why: str
    at: Moment


@dataclass(frozen=True, slots=True)
class WrongRate:
    """Measures of one side, and those of them that were taken back as wrong."""

    wrong: int
    measures: int


async def find(reader: Reader, patterns: Sequence[str] = ()) -> list[RecommendationRecord]:
    """Those for these patterns, of all without any: what waits for somebody first, the newest first."""
    return await reader.find(
        RecommendationRecord,
        f"SELECT {RecommendationRecord.columns()} FROM recommendations FINAL"
        " WHERE empty({patterns:Array(String)}) OR pattern_id IN {patterns:Array(String)}"
        " ORDER BY indexOf(['proposed', 'accepted', 'done', 'measured', 'rejected'], status), at DESC",
        {"patterns": list(patterns)},
    )


async def get(reader: Reader, recommendation_id: str) -> RecommendationRecord | None:
    """One of them; None where there is none of that id."""
    rows = await reader.find(
        RecommendationRecord,
        f"SELECT {RecommendationRecord.columns()} FROM recommendations FINAL WHERE recommendation_id = {{id:String}}",
        {"id": recommendation_id},
    )
    return rows[0] if rows else None


async def rates(
    reader: Reader, policy: str, markets: Sequence[str], done_ms: int, days: int
) -> tuple[WrongRate, WrongRate, WrongRate, WrongRate]:
    """Before and after, of the policy in these markets and of all else: `days` each, what was taken back within as
    many days of each measure, so that both sides are as old.
    """
    done_day = done_ms // DAY_MS
    rows = await reader.select(
        "SELECT policy = {policy:String} AND (empty({markets:Array(String)}) OR market IN {markets:Array(String)})"
        " AS own, informed_day >= {day:Int64} AS later,"
        " sumIf(measures, outcome = 'measures') AS taken,"
        " sumIf(measures, age <= {days:Int64} AND outcome IN ('appeal_granted', 'proactive_correction',"
        " 'bulk_rollback')) AS back FROM misjudgement_cohorts"
        " WHERE informed_day >= {day:Int64} - {days:Int64} AND informed_day < {day:Int64} + {days:Int64}"
        " GROUP BY own, later",
        {"policy": policy, "markets": list(markets), "day": done_day, "days": days},
    )
    known = {(bool(row["own"]), bool(row["later"])): WrongRate(int(row["back"]), int(row["taken"])) for row in rows}
    none = WrongRate(0, 0)
    sides = ((True, False), (True, True), (False, False), (False, True))
    before, after, control_before, control_after = (known.get(each, none) for each in sides)
    return before, after, control_before, control_after
