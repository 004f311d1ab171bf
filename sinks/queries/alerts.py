"""Alerts as people look them up: filtered, in the order of what needs a decision, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sinks.sql import SEVERITY_RANK
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord, ExplainedAlert, Moment, Number, TableRow

SUPPRESSED = Literal["no", "yes", "only"]

_URGENCY = f"status = 'firing' DESC, {SEVERITY_RANK} DESC, window_start DESC, monitor, alert_id"
_STORED = "toUnixTimestamp(stored_at) * 1000 AS stored_at"
SLICE = (
    "arrayExists((n, v) -> positionCaseInsensitiveUTF8(concat(n, '=', v), {slice:String}) > 0, mapKeys(%s), "
    "mapValues(%s))"
)
"""Whether a map has a `name=value` in which the text `slice` occurs, in whatever case."""


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts: an empty text, or None, leaves nothing out.

    `slice` is a text that occurs in a `name=value` of the series. `incident` is the id of one that it belongs to.
    `from_ms` and `to_ms` bound `window_start`, the end excluded.
    """

    run: str = "live"
    monitor: str = ""
    slice: str = ""
    severity: str = ""
    status: str = ""
    suppressed: SUPPRESSED = "no"
    from_ms: int | None = None
    to_ms: int | None = None
    incident: str = ""

    def where(self, *, any_suppressed: bool = False) -> str:
        """The condition; its values are `asdict(self)`."""
        parts = ["run = {run:String}"]
        if self.monitor:
            parts.append("monitor = {monitor:String}")
        if self.slice:
            parts.append(SLICE % ("series", "series"))
        if self.incident:
            parts.append("alert_id IN (SELECT alert_id FROM dispositions FINAL WHERE incident_id = {incident:String})")
        if self.severity:
            parts.append("severity = {severity:String}")
        if self.status:
            parts.append("status = {status:String}")
        if self.suppressed != "yes" and not any_suppressed:
            parts.append("suppressed_by IS NULL" if self.suppressed == "no" else "suppressed_by IS NOT NULL")
        if self.from_ms is not None:
            parts.append("window_start >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("window_start < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return " AND ".join(parts)


@dataclass(frozen=True)
class AlertCounts:
    """How many alerts, how many of them fire, by severity too; `suppressed`: those that would be found besides."""

    all: int
    firing: int
    critical: int
    warning: int
    info: int
    suppressed: int


class AlertVersion(TableRow):
    """One version of an alert; `stored_at`: when it was written, in whole seconds."""

    TABLE = "alerts"
    version: int
    severity: str
    status: str
    ends_at: Moment | None
    suppressed_by: str | None
    explained: int
    case_id: str | None
    stored_at: Moment


class JudgedBucket(TableRow):
    """A judged bucket of a series."""

    TABLE = "judgements"
    window_start: Moment
    window_end: Moment
    observed: Number
    expected: Number
    score: Number
    state: str


async def find(reader: Reader, wanted: AlertFilter, *, limit: int = 50, offset: int = 0) -> list[AlertRecord]:
    """A page of alerts, without their explanations: firing before resolved, by severity, then newest first."""
    return await reader.find(
        AlertRecord,
        f"SELECT {AlertRecord.columns()} FROM alerts FINAL WHERE {wanted.where()} ORDER BY {_URGENCY}"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def count(reader: Reader, wanted: AlertFilter) -> AlertCounts:
    """How many `find` finds."""
    counted = {"no": "suppressed_by IS NULL", "yes": "1", "only": "suppressed_by IS NOT NULL"}[wanted.suppressed]
    found = await reader.find(
        AlertCounts,
        f"SELECT countIf(c) AS all, countIf(c AND status = 'firing') AS firing,"
        " countIf(c AND status = 'firing' AND severity = 'critical') AS critical,"
        " countIf(c AND status = 'firing' AND severity = 'warning') AS warning,"
        " countIf(c AND status = 'firing' AND severity = 'info') AS info,"
        f" countIf(suppressed_by IS NOT NULL) AS suppressed FROM (SELECT ({counted}) AS c, status, severity,"
        " suppressed_by"
        f" FROM alerts FINAL WHERE {wanted.where(any_suppressed=True)})",
        asdict(wanted),
    )
    return found[0]


async def monitors(reader: Reader, run: str = "live") -> list[str]:
    """Names of the monitors that ever raised an alert, sorted."""
    rows = await reader.select(
        "SELECT DISTINCT monitor FROM alerts WHERE run = {run:String} ORDER BY monitor", {"run": run}
    )
    return [row["monitor"] for row in rows]


async def get(reader: Reader, alert_id: str, run: str = "live") -> ExplainedAlert | None:
    """One alert in its newest version, with its explanation as text; None where there is none of that id."""
    rows = await reader.find(
        ExplainedAlert,
        f"SELECT {AlertRecord.columns()}, explanation, {_STORED} FROM alerts FINAL"
        " WHERE run = {run:String} AND alert_id = {id:String}",
        {"run": run, "id": alert_id},
    )
    return rows[0] if rows else None


async def firing_of(reader: Reader, monitor: str, run: str = "live") -> list[ExplainedAlert]:
    """The alerts of a monitor that still fire, with their explanations, oldest first."""
    return await reader.find(
        ExplainedAlert,
        f"SELECT {AlertRecord.columns()}, explanation, {_STORED} FROM alerts FINAL"
        " WHERE run = {run:String} AND monitor = {monitor:String} AND status = 'firing'"
        " ORDER BY window_start, alert_id",
        {"run": run, "monitor": monitor},
    )


async def by_ids(reader: Reader, ids: Sequence[str], run: str = "live", *, limit: int = 200) -> list[AlertRecord]:
    """Those alerts, oldest first, at most `limit`."""
    return await reader.find(
        AlertRecord,
        f"SELECT {AlertRecord.columns()} FROM alerts FINAL"
        " WHERE run = {run:String} AND alert_id IN {ids:Array(String)}"
        " ORDER BY window_start, monitor, alert_id LIMIT {limit:UInt32}",
        {"run": run, "ids": list(ids), "limit": limit},
    )


async def versions(reader: Reader, alert_id: str, run: str = "live") -> list[AlertVersion]:
    """The versions of an alert that are still stored, oldest first.

    ClickHouse merges older ones away in its own time.
    """
    return await reader.find(
        AlertVersion,
        "SELECT version, severity, status, ends_at, suppressed_by, explanation IS NOT NULL AS explained, case_id,"
        f" {_STORED}"
        " FROM alerts WHERE run = {run:String} AND alert_id = {id:String} ORDER BY version LIMIT 1 BY version",
        {"run": run, "id": alert_id},
    )


async def of_series(reader: Reader, alert: AlertRecord, run: str = "live", *, limit: int = 12) -> list[AlertRecord]:
    """The newest other alerts of the same monitor and series, newest first."""
    return await reader.find(
        AlertRecord,
        f"SELECT {AlertRecord.columns()} FROM alerts FINAL PREWHERE run = {{run:String}} AND alert_id != {{id:String}}"
        " AND monitor = {monitor:String} AND length(series) = length({names:Array(String)})"
        " AND arrayAll((n, v) -> series[n] = v, {names:Array(String)}, {values:Array(String)})"
        " ORDER BY window_start DESC, alert_id LIMIT {limit:UInt32}",
        {
            "run": run,
            "id": alert.alert_id,
            "monitor": alert.monitor,
            "names": list(alert.series),
            "values": list(alert.series.values()),
            "limit": limit,
        },
    )


async def onsets(reader: Reader, from_ms: int, to_ms: int, run: str = "live", *, bins: int = 60) -> list[int]:
    """How many alerts, suppressed ones left out, began in each of `bins` equal parts of [from, to)."""
    rows = await reader.select(
        "SELECT intDiv((toUnixTimestamp64Milli(window_start) - {from:Int64}) * {bins:UInt32},"
        " {to:Int64} - {from:Int64})"
        " AS bin, count() AS n FROM alerts FINAL WHERE run = {run:String} AND suppressed_by IS NULL"
        " AND window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND window_start < fromUnixTimestamp64Milli({to:Int64}, 'UTC') GROUP BY bin",
        {"run": run, "from": from_ms, "to": to_ms, "bins": bins},
    )
    found = {int(row["bin"]): int(row["n"]) for row in rows}
    return [found.get(each, 0) for each in range(bins)]


async def judgements(
    reader: Reader, alert_id: str, from_ms: int, to_ms: int, run: str = "live", *, limit: int = 400
) -> list[JudgedBucket]:
    """The judged buckets of an alert's series under its configuration, in [from, to), oldest first."""
    return await reader.find(
        JudgedBucket,
        "SELECT window_start, window_end, observed, expected, score, state FROM judgements FINAL"
        " WHERE (run, monitor, config_hash, series_id) IN (SELECT run, monitor, config_hash,"
        " sipHash128(toString(mapSort(series))) FROM alerts WHERE run = {run:String} AND alert_id = {id:String})"
        " AND window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
        " AND window_start < fromUnixTimestamp64Milli({to:Int64}, 'UTC') ORDER BY window_start LIMIT {limit:UInt32}",
        {"run": run, "id": alert_id, "from": from_ms, "to": to_ms, "limit": limit},
    )


async def stored_until(reader: Reader, run: str = "live") -> int:
    """When the newest row was written, in whole seconds by ClickHouse's clock; 0 where there is none."""
    rows = await reader.select(
        "SELECT toUnixTimestamp(max(stored_at)) AS at FROM alerts WHERE run = {run:String}", {"run": run}
    )
    return int(rows[0]["at"])


async def stored_since(
    reader: Reader, since_s: int, run: str = "live", *, limit: int = 50_000
) -> dict[tuple[str, int], int]:
    """Alert id and version of what was written at or after that second, with the second, at most `limit` of them."""
    rows = await reader.select(
        "SELECT alert_id, version, toUnixTimestamp(stored_at) AS at FROM alerts WHERE run = {run:String}"
        " AND stored_at >= toDateTime({since:UInt32}, 'UTC') ORDER BY at DESC, alert_id, version LIMIT {limit:UInt32}",
        {"run": run, "since": since_s, "limit": limit},
    )
    return {(row["alert_id"], row["version"]): row["at"] for row in rows}


async def inside(
    reader: Reader, kind: Literal["incident", "case"], full_id: str, *, limit: int = 200
) -> list[AlertRecord]:
    """Live alerts of an incident or a case, by severity, then the newest; the first `limit`."""
    found = {
        "incident": "SELECT alert_id FROM dispositions FINAL WHERE incident_id = {id:String}",
        "case": "SELECT arrayJoin(alert_ids) FROM cases FINAL WHERE case_id = {id:String}",
    }
    return await reader.find(
        AlertRecord,
        f"SELECT {AlertRecord.columns()} FROM alerts FINAL WHERE run = 'live' AND alert_id IN ({found[kind]})"
        f" ORDER BY {SEVERITY_RANK} DESC, window_start DESC, alert_id LIMIT {{limit:UInt32}}",
        {"id": full_id, "limit": limit},
    )
