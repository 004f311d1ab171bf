"""The siblings of a wrong measure: what was taken in the same slice and window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from livewarden.blast_radius import Sibling, Slice
from livewarden.errors import SetupError
from sinks.store.reader import Reader

_COLUMN = {
    "policy_id": "policy",
    "market": "market",
    "queue_id": "queue",
    "reviewer_type": "automation",
    "automation": "automation",
    "model": "model",
    "action_type": "action_type",
    "shop_id": "shop_id",
    "subject_id": "subject_id",
    "rule_id": "rule_id",
}
"""Dimensions of a series that say which measures are meant, and their columns."""
_MODEL = ("model_id", "model_version")
DIMENSIONS = (*_COLUMN, *_MODEL)
"""Names by which a slice may be narrowed."""
_ALERTS = (
    "SELECT arrayJoin(arrayConcat(alert_ids, arrayMap(each -> JSONExtractString(each, 'ref'), arrayFilter(each ->"
    " JSONExtractString(each, 'kind') = 'alert', JSONExtractArrayRaw(links)))))"
    " FROM cases FINAL WHERE case_id = {case:String}"
)


async def slices_of(reader: Reader, case_id: str, *, named: bool = False) -> list[Slice]:
    """The slices of a case: the series of its alerts, from its start to its end (or its last alert's), each once.

    Its alerts are those that made it, those it took over, and those it is tied to by a link.

    SetupError where no alert says of which measures it speaks, unless the slice is `named` otherwise: all would be
    meant.
    """
    rows = await reader.select(
        "SELECT series, toUnixTimestamp64Milli(min(window_start)) AS from_ms,"
        " toUnixTimestamp64Milli(max(window_end)) AS to_ms"
        f" FROM alerts FINAL WHERE run = 'live' AND (case_id = {{case:String}} OR alert_id IN ({_ALERTS}))"
        " GROUP BY series",
        {"case": case_id},
    )
    found = [
        Slice(
            {name: value for name, value in sorted(row["series"].items()) if name in DIMENSIONS and value}, *_span(row)
        )
        for row in rows
    ]
    if named:
        return found
    if not any(each.series for each in found):
        raise SetupError("no alert of this case names a policy, market, queue, model, rule or shop: give --where")
    return sorted((each for each in found if each.series), key=lambda each: (each.from_ms, sorted(each.series.items())))


def _span(row: Mapping[str, Any]) -> tuple[int, int]:
    return int(row["from_ms"]), int(row["to_ms"])


async def siblings(reader: Reader, slices: Sequence[Slice]) -> list[Sibling]:
    """Every measure of any of the slices, once, by id."""
    found: dict[str, Sibling] = {}
    for each in slices:
        parts, values = [], {"from": each.from_ms, "to": each.to_ms}
        bound: dict[str, Any] = dict(values)
        for number, (name, value) in enumerate(each.series.items()):
            bound[f"v{number}"] = value
            if name in _COLUMN:
                parts.append(f"{_COLUMN[name]} = {{v{number}:String}}")
            else:
                parts.append(f"has(splitByChar(' ', model), {{v{number}:String}})")
        rows = await reader.select(
            "SELECT action_id, shop_id, subject_id, informed_at, reversal, weight FROM measure_outcomes WHERE "
            + " AND ".join(
                [
                    "informed_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')",
                    "informed_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')",
                    *parts,
                ]
            ),
            bound,
        )
        found |= {row["action_id"]: Sibling(**row) for row in rows}
    return [found[each] for each in sorted(found)]


async def verdicts(reader: Reader, case_id: str) -> list[tuple[str, str, str]]:
    """What people said of measures of a case, in the order of the log: measure, who, verdict."""
    rows = await reader.select(
        "SELECT JSONExtractString(data, 'measure_id') AS measure_id, who, JSONExtractString(data, 'verdict') AS verdict"
        " FROM actions FINAL WHERE do = 'review_measure' AND target = {case:String} AND outcome = 'accepted'"
        " ORDER BY at, action_id",
        {"case": case_id},
    )
    return [(row["measure_id"], row["who"], row["verdict"]) for row in rows]
