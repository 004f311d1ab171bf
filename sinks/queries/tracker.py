"""What a person at a terminal looks up and acts on: incidents, alerts' dispositions, silences, cases, the outbox.

Rows come ready to be printed: instants as RFC 3339 text, what is stored as JSON as what it stands for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from livewarden.times import format_ms
from sinks.store.reader import Reader
from sinks.store.tables import table

Kind = Literal["incident", "alert", "silence", "case"]
"""What a person names by an id."""
Found = list[dict[str, Any]]

_TABLE: Final[Mapping[Kind, str]] = {
    "incident": "incidents",
    "alert": "alerts",
    "silence": "silences",
    "case": "cases",
}
_JSON: Final = frozenset({"tasks", "links", "evidence", "details", "data", "explanation"})
_RANK: Final = "indexOf(['info', 'warning', 'critical'], severity) DESC"
OVER: Final = ("closed", "dismissed", "merged")
"""States of cases that nobody works on any more."""


async def ids(reader: Reader, kind: Kind, start: str, *, most: int = 4) -> list[str]:
    """Ids that begin with `start`, the exact one alone where there is one; at most `most`, sorted."""
    name = f"{kind}_id"
    live = " AND run = 'live'" if kind == "alert" else ""
    rows = await reader.select(
        f"SELECT DISTINCT {name} AS id FROM {_TABLE[kind]} WHERE startsWith({name}, {{start:String}}){live}"
        " ORDER BY id LIMIT {most:UInt32}",
        {"start": start, "most": most},
    )
    found = [row["id"] for row in rows]
    return [start] if start in found else found


async def incidents(
    reader: Reader, *, over: bool = False, status: str = "", severity: str = "", owner: str = "", limit: int = 50
) -> Found:
    """Those not resolved, or with `over` all: firing first, by severity, then the newest."""
    wanted = {"status": status, "severity": severity, "owner": owner}
    where = [] if over or status else ["status != 'resolved'"]
    return await _find(reader, "incidents", where, wanted, f"status = 'firing' DESC, {_RANK}, started_at DESC", limit)


async def silences(reader: Reader, now_ms: int, *, over: bool = False, limit: int = 50) -> Found:
    """Those that hold or are to hold, or with `over` all: by their end, the soonest first, and those over last."""
    now = f"fromUnixTimestamp64Milli({int(now_ms)}, 'UTC')"
    where = [] if over else [f"ends_at > {now}"]
    return await _find(reader, "silences", where, {}, f"ends_at > {now} DESC, ends_at, silence_id", limit)


async def cases(
    reader: Reader, *, over: bool = False, state: str = "", owner: str = "", overdue: bool = False, limit: int = 50
) -> Found:
    """Those that are not over, or with `over` all: overdue first, by severity, then the newest."""
    where = [] if over or state else [f"state NOT IN {OVER}"]
    where += ["overdue = 1"] if overdue else []
    order = f"overdue DESC, {_RANK}, created_at DESC, case_id"
    return await _find(reader, "cases", where, {"state": state, "owner": owner}, order, limit)


async def one(reader: Reader, kind: Kind, full_id: str) -> dict[str, Any]:
    """The newest version of what `ids` found."""
    live = ["run = 'live'"] if kind == "alert" else []
    return (await _find(reader, _TABLE[kind], live, {f"{kind}_id": full_id}, f"{kind}_id", 1))[0]


async def dispositions(reader: Reader, alert_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What became of alerts, by id; those that the response has not seen yet are missing."""
    where = ["alert_id IN {ids:Array(String)}"]
    rows = await _find(reader, "dispositions", where, {}, "alert_id", 100_000, {"ids": list(alert_ids)})
    return {row["alert_id"]: row for row in rows}


async def unpaged(
    reader: Reader, *, monitor: str = "", outcome: str = "", since_ms: int | None = None, limit: int = 50
) -> Found:
    """Alerts that nobody was notified of, with what kept them back, the newest first."""
    where = ["outcome != 'notified'"]
    where += [] if since_ms is None else [f"at >= fromUnixTimestamp64Milli({int(since_ms)}, 'UTC')"]
    wanted = {"monitor": monitor, "outcome": outcome}
    rows = await reader.select(
        "SELECT at, alert_id, incident_id, monitor, severity, outcome, by, reason, series, window_start, observed,"
        " expected"
        f" FROM why_not_paged WHERE {' AND '.join([*where, *_equal('dispositions', wanted)])}"
        " ORDER BY at DESC, alert_id LIMIT {limit:UInt32}",
        wanted | {"limit": limit},
    )
    return [_plain("alerts", _plain("dispositions", row)) for row in rows]


async def alerts_of(reader: Reader, kind: Literal["incident", "case"], full_id: str, *, limit: int = 200) -> Found:
    """Live alerts of an incident or a case without their explanations, by severity, then the newest;
    the first `limit`.
    """
    inside = {
        "incident": "SELECT alert_id FROM dispositions FINAL WHERE incident_id = {id:String}",
        "case": "SELECT arrayJoin(alert_ids) FROM cases FINAL WHERE case_id = {id:String}",
    }
    where, order = ["run = 'live'", f"alert_id IN ({inside[kind]})"], f"{_RANK}, window_start DESC, alert_id"
    return _bare(await _find(reader, "alerts", where, {}, order, limit, {"id": full_id}))


async def alerts(reader: Reader, alert_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Those live alerts without their explanations, by id."""
    where = ["run = 'live'", "alert_id IN {ids:Array(String)}"]
    found = await _find(reader, "alerts", where, {}, "alert_id", len(alert_ids), {"ids": list(alert_ids)})
    return {row["alert_id"]: row for row in _bare(found)}


def _bare(alerts: Found) -> Found:
    return [{name: value for name, value in row.items() if name != "explanation"} for row in alerts]


async def judged(reader: Reader, alert_id: str) -> dict[str, Any] | None:
    """What people said that an alert was worth; None where nobody did."""
    rows = await _find(reader, "feedback", [], {"alert_id": alert_id}, "alert_id", 1)
    return rows[0] if rows else None


async def history(reader: Reader, case_id: str) -> Found:
    """Everything that happened to a case, in order."""
    return await _find(reader, "case_history", [], {"case_id": case_id}, "number", 10_000)


async def asked(reader: Reader, target: str) -> Found:
    """Every request about one thing and its answer, in order."""
    return await _find(reader, "actions", [], {"target": target}, "at, action_id", 1_000)


async def notifications(
    reader: Reader, *, state: str = "", channel: str = "", incident_id: str = "", limit: int = 50
) -> Found:
    """The outbox: what is not sent yet or was given up first, then the newest."""
    wanted = {"state": state, "channel": channel, "incident_id": incident_id}
    return await _find(
        reader, "notifications", [], wanted, "state != 'sent' DESC, created_at DESC, notification_id", limit
    )


async def channels(reader: Reader) -> Found:
    """Every channel, those that are down first."""
    return await _find(reader, "channels", [], {}, "state = 'down' DESC, channel", 1_000)


async def _find(
    reader: Reader,
    name: str,
    where: Sequence[str],
    equal: Mapping[str, str],
    order: str,
    limit: int,
    values: Mapping[str, Any] | None = None,
) -> Found:
    conditions = [*where, *_equal(name, equal)] or ["1"]
    columns = ", ".join(f"`{column}`" for column in table(name).columns)
    rows = await reader.select(
        f"SELECT {columns} FROM {name} FINAL WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT {{limit:UInt32}}",
        {**equal, **(values or {}), "limit": limit},
    )
    return [_plain(name, row) for row in rows]


def _equal(name: str, wanted: Mapping[str, str]) -> list[str]:
    """A condition for every value that is not empty."""
    assert wanted.keys() <= table(name).columns.keys()
    return [f"{column} = {{{column}:String}}" for column, value in wanted.items() if value]


def _plain(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    types = table(name).columns
    return {column: _value(types.get(column, ""), column, value) for column, value in row.items()}


def _value(type_: str, column: str, value: Any) -> Any:
    if isinstance(value, int) and "DateTime64" in type_:
        return format_ms(value)
    if column in _JSON and isinstance(value, str):
        try:
            return json.loads(value) if value else None
        except ValueError:
            return value
    return value
