"""What was written since a look before: incidents, cases, silences, and all that belongs to them."""

from __future__ import annotations

from typing import NamedTuple

from sinks.store.reader import Reader

_TABLES = {
    "incidents": (
        "[incident_id]",
        "version",
        "if(status = 'firing' AND version = 1, concat(severity, ': ', title), '')",
    ),
    "cases": ("[case_id]", "version", "if(version = 1, concat('new case: ', title), '')"),
    "silences": ("[silence_id]", "version", "''"),
    "dispositions": ("[alert_id, incident_id]", "version", "''"),
    "feedback": ("[alert_id]", "version", "''"),
    "notifications": ("[incident_id, notification_id]", "version", "''"),
    "channels": ("[channel]", "version", "if(state = 'down', concat(channel, ' takes no notifications'), '')"),
    "case_history": ("[case_id]", "number", "''"),
    "actions": ("[target, action_id]", "toUInt32(0)", "''"),
}
"""By table: the ids of what a row is about, its version, and what a person should hear of it."""


class ResponseEvent(NamedTuple):
    """One row that was written: where, about what, in which version."""

    table: str
    ids: tuple[str, ...]
    version: int


async def until(reader: Reader) -> int:
    """When the newest row was written, in whole seconds by ClickHouse's clock; 0 where there is none."""
    parts = (f"SELECT max(stored_at) AS at FROM {name}" for name in _TABLES)
    rows = await reader.select(f"SELECT toUnixTimestamp(max(at)) AS at FROM ({' UNION ALL '.join(parts)})")
    return int(rows[0]["at"])


async def since(reader: Reader, since_s: int, *, limit: int = 50_000) -> dict[ResponseEvent, tuple[int, str]]:
    """What was written at or after that second, with the second and what a person should hear;
    at most `limit` rows, newest first.
    """
    parts = (
        f"SELECT '{name}' AS table, {ids} AS ids, {version} AS version, {text} AS text,"
        " toUnixTimestamp(stored_at) AS at"
        f" FROM {name} WHERE stored_at >= toDateTime({{since:UInt32}}, 'UTC')"
        for name, (ids, version, text) in _TABLES.items()
    )
    rows = await reader.select(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY at DESC, table, ids, version LIMIT {{limit:UInt32}}",
        {"since": since_s, "limit": limit},
    )
    return {ResponseEvent(row["table"], tuple(row["ids"]), row["version"]): (row["at"], row["text"]) for row in rows}
