"""The outbox as people look it up: what was notified on which channel, and which channels take nothing."""

from __future__ import annotations

from typing import Any

from sinks.store.reader import Reader

_LISTED = (
    "notification_id, version, incident_id, number, cause, route, channel, state, attempts, error, title, "
    "created_at, due_at, sent_at"
)
_WAITING = "state IN ('pending', 'claimed')"


async def of_incident(reader: Reader, incident_id: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """The notifications of an incident, the newest first."""
    return await reader.select(
        f"SELECT {_LISTED} FROM notifications FINAL WHERE incident_id = {{id:String}}"
        " ORDER BY created_at DESC, number DESC, channel LIMIT {limit:UInt32}",
        {"id": incident_id, "limit": limit},
    )


async def channels(reader: Reader, *, down: bool = False) -> list[dict[str, Any]]:
    """Channels by name, those that are down first (or alone), each with how many notifications wait for it
    (`waiting`).
    """
    condition = "WHERE state = 'down'" if down else ""
    return await reader.select(
        "SELECT c.channel AS channel, c.state AS state, c.since AS since, c.failures AS failures, c.error AS error,"
        f" n.waiting AS waiting FROM (SELECT * FROM channels FINAL {condition}) AS c LEFT JOIN (SELECT channel,"
        " count() AS waiting"
        f" FROM notifications FINAL WHERE {_WAITING} GROUP BY channel) AS n ON c.channel = n.channel"
        " ORDER BY state = 'down' DESC, channel"
    )


async def waiting(reader: Reader, *, limit: int = 50) -> list[dict[str, Any]]:
    """Notifications that no channel has taken yet or that were given up, the oldest first."""
    return await reader.select(
        f"SELECT {_LISTED} FROM notifications FINAL WHERE {_WAITING} OR state = 'given_up'"
        " ORDER BY created_at, notification_id LIMIT {limit:UInt32}",
        {"limit": limit},
    )
