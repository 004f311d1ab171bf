"""What a case rests on, as queries whose values stand in them: each can be kept, read and run again as it is."""

from __future__ import annotations

from collections.abc import Sequence

from sinks.queries.events import Selection, inlined
from sinks.store.tables import table

_EVENTS = (
    "{alert:String} AS alert_id, topic, partition, offset, event_time, event_id, type, source, precision,"
    " weight, key, data"
)
_ORDER = "\nORDER BY event_time, topic, partition, offset"
_BETWEEN = (
    "%(column)s >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
    " AND %(column)s < fromUnixTimestamp64Milli({to:Int64}, 'UTC')"
)
_CHANGE = ("change_id", "kind", "phase", "target", "from_version", "to_version", "owner_team")


def candidate(case_id: str, run: str) -> str:
    """The candidate, as detection found it."""
    sql = (
        f"SELECT {_columns('case_candidates')}\nFROM case_candidates FINAL\nWHERE run = {{run:String}} AND case_id"
        f" = {{id:String}}"
    )
    return inlined(sql, {"run": run, "id": case_id})


def case(case_id: str) -> str:
    """The case, as people work on it."""
    return inlined(f"SELECT {_columns('cases')}\nFROM cases FINAL\nWHERE case_id = {{id:String}}", {"id": case_id})


def history(case_id: str) -> str:
    """Everything that happened to the case, in order."""
    sql = f"SELECT {_columns('case_history')}\nFROM case_history FINAL\nWHERE case_id = {{id:String}}\nORDER BY number"
    return inlined(sql, {"id": case_id})


def alerts(case_id: str, run: str, limit: int) -> str:
    """The alerts of the case in their newest versions, oldest first."""
    sql = (
        f"SELECT {_columns('alerts')}\nFROM alerts FINAL\nWHERE run = {{run:String}} AND alert_id IN ({_ALERTS})"
        "\nORDER BY window_start, monitor, alert_id\nLIMIT {limit:UInt32}"
    )
    return inlined(sql, {"run": run, "id": case_id, "limit": limit})


def of_alerts(name: str, case_id: str, run: str, limit: int) -> str:
    """What a table with a row for each alert, `dispositions` or `feedback`, has on the alerts of the case."""
    sql = (
        f"SELECT {_columns(name)}\nFROM {name} FINAL\nWHERE alert_id IN ({_ALERTS})"
        "\nORDER BY at, alert_id\nLIMIT {limit:UInt32}"
    )
    return inlined(sql, {"run": run, "id": case_id, "limit": limit})


def incidents(case_id: str, limit: int) -> str:
    """The incidents that the case came from."""
    sql = (
        f"SELECT {_columns('incidents')}\nFROM incidents FINAL\nWHERE has(case_ids,"
        f" {{id:String}})\nORDER BY opened_at, incident_id\nLIMIT {{limit:UInt32}}"
    )
    return inlined(sql, {"id": case_id, "limit": limit})


def notifications(case_id: str, limit: int) -> str:
    """Who was notified of those incidents."""
    sql = (
        f"SELECT {_columns('notifications')}\nFROM notifications FINAL\nWHERE incident_id IN ({_INCIDENTS})"
        "\nORDER BY created_at, notification_id\nLIMIT {limit:UInt32}"
    )
    return inlined(sql, {"id": case_id, "limit": limit})


def actions(case_id: str, run: str, limit: int) -> str:
    """What anybody asked for on the case, its incidents and its alerts, refused requests too."""
    sql = (
        f"SELECT {_columns('actions')}\nFROM actions FINAL\nWHERE target = {{id:String}} OR target IN ({_INCIDENTS})"
        f" OR target IN ({_ALERTS})\nORDER BY at, action_id\nLIMIT {{limit:UInt32}}"
    )
    return inlined(sql, {"run": run, "id": case_id, "limit": limit})


def counted(wanted: Sequence[tuple[str, Selection]]) -> str:
    """For each alert, how many events it counted (`events`), and the sum of their weights (`happenings`)."""
    columns = "{alert:String} AS alert_id, count() AS events, sum(weight) AS happenings"
    return "\nUNION ALL\n".join(_for(alert_id, each, columns) for alert_id, each in wanted)


def events(wanted: Sequence[tuple[str, Selection]], limits: Sequence[int]) -> str:
    """The earliest events that each alert counted, at most its limit;
    an event that two alerts counted is there twice.
    """
    parts = [
        f"({_for(alert_id, each, _EVENTS, f'{_ORDER}{chr(10)}LIMIT {int(limit)}')})"
        for (alert_id, each), limit in zip(wanted, limits, strict=True)
    ]
    return (
        "SELECT *\nFROM (\n"
        + "\nUNION ALL\n".join(parts)
        + "\n)\nORDER BY alert_id, event_time, topic, partition, offset"
    )


def sources(sql: str) -> str:
    """From where to where in Kafka the events of a query stand, the end exclusive."""
    return (
        "SELECT topic, partition, min(offset) AS from_offset, max(offset) + 1 AS to_offset, uniqExact(offset) AS events"
        f"\nFROM (\n{sql}\n)\nGROUP BY topic, partition\nORDER BY topic, partition"
    )


def identifiers(sql: str, fields: Sequence[str], lists: Sequence[str], limit: int) -> str:
    """The different ids that stand in those fields of the events of a query."""
    one = ", ".join(f"JSONExtractString(data, '{name}')" for name in fields)
    many = ", ".join(f"JSONExtract(data, '{name}', 'Array(String)')" for name in lists)
    return (
        f"SELECT DISTINCT arrayJoin(arrayConcat([{one}], {many})) AS id\nFROM (\n{sql}\n)\nWHERE id != ''\nLIMIT"
        f" {int(limit)}"
    )


def series(run: str, monitor: str, config_hash: str, of: dict[str, str], from_ms: int, to_ms: int) -> str:
    """The judged buckets of one series under one configuration in [from, to), oldest first."""
    sql = (
        "SELECT monitor, config_hash, series, window_start, window_end, observed, expected, score,"
        " state\nFROM judgements FINAL"
        "\nPREWHERE run = {run:String} AND monitor = {monitor:String} AND config_hash = {config:String}"
        f"\n  AND {_BETWEEN % {'column': 'window_start'}}"
        "\nWHERE length(series) = length({names:Array(String)})"
        "\n  AND arrayAll((n, v) -> series[n] = v, {names:Array(String)}, {values:Array(String)})\nORDER BY "
        "window_start"
    )
    values = {"run": run, "monitor": monitor, "config": config_hash, "names": list(of), "values": list(of.values())}
    return inlined(sql, values | {"from": from_ms, "to": to_ms})


def together(parts: Sequence[str]) -> str:
    """Some queries with the same columns as one; of the series above, in the order of series and time."""
    inside = "\nUNION ALL\n".join(f"({part})" for part in parts)
    return f"SELECT *\nFROM (\n{inside}\n)\nORDER BY monitor, config_hash, toString(mapSort(series)), window_start"


def changes(from_ms: int, to_ms: int, topics: Sequence[str], limit: int) -> str:
    """The changes of the platform in [from, to), oldest first; the newest `limit` of them."""
    texts = ", ".join(f"JSONExtractString(data, '{name}') AS {name}" for name in _CHANGE)
    inside = "topic IN {topics:Array(String)} AND " if topics else ""
    sql = (
        f"SELECT *\nFROM (\nSELECT event_time AS at, {texts}, JSONExtractRaw(data, 'scope') AS scope, event_id, topic,"
        " partition, offset"
        f"\nFROM events FINAL\nPREWHERE {inside}type = 'platform.change' AND {_BETWEEN % {'column': 'event_time'}}"
        "\nWHERE duplicate = 0\nORDER BY at DESC, topic, partition, offset DESC\nLIMIT {limit:UInt32}\n)"
        "\nORDER BY at, topic, partition, offset"
    )
    return inlined(sql, {"from": from_ms, "to": to_ms, "topics": list(topics), "limit": limit})


def _for(alert_id: str, wanted: Selection, columns: str, tail: str = "") -> str:
    sql, values = wanted.statement(columns, tail)
    return inlined(sql, values | {"alert": alert_id})


def _columns(name: str) -> str:
    return ", ".join(f"`{column}`" for column in table(name).columns)


_ALERTS = (
    "SELECT arrayJoin(alert_ids) FROM case_candidates FINAL WHERE run = {run:String} AND case_id = {id:String}"
    " UNION ALL SELECT arrayJoin(alert_ids) FROM cases FINAL WHERE case_id = {id:String}"
)
_INCIDENTS = "SELECT incident_id FROM incidents FINAL WHERE has(case_ids, {id:String})"
