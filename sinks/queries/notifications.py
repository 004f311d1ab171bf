"""The outbox as people look it up: what was sent on which channel, and which channels take nothing."""

from __future__ import annotations

from sinks.store.reader import Reader
from sinks.store.records import ChannelRecord, NotificationRecord

_SELECT = f"SELECT {NotificationRecord.columns()} FROM notifications FINAL"
_WAITING = "state IN ('pending', 'claimed')"


class ChannelLoad(ChannelRecord):
    """A channel, and how many notifications wait for it."""

    waiting: int


async def of_incident(reader: Reader, incident_id: str, *, limit: int = 100) -> list[NotificationRecord]:
    """The notifications of an incident, the newest first."""
    return await reader.find(
        NotificationRecord,
        f"{_SELECT} WHERE incident_id = {{id:String}}"
        " ORDER BY created_at DESC, number DESC, channel LIMIT {limit:UInt32}",
        {"id": incident_id, "limit": limit},
    )


async def find(
    reader: Reader, *, state: str = "", channel: str = "", incident_id: str = "", limit: int = 50
) -> list[NotificationRecord]:
    """What is not sent yet or was given up first, then the newest; an empty text leaves nothing out."""
    return await reader.find(
        NotificationRecord,
        f"{_SELECT} WHERE {{state:String}} IN ('', state) AND {{channel:String}} IN ('', channel)"
        " AND {incident:String} IN ('', incident_id)"
        " ORDER BY state != 'sent' DESC, created_at DESC, notification_id LIMIT {limit:UInt32}",
        {"state": state, "channel": channel, "incident": incident_id, "limit": limit},
    )


async def channels(reader: Reader, *, down: bool = False) -> list[ChannelLoad]:
    """Channels by name, those that are down first (or alone)."""
    condition = "WHERE state = 'down'" if down else ""
    return await reader.find(
        ChannelLoad,
        f"SELECT c.* EXCEPT (stored_at), n.waiting AS waiting FROM (SELECT * FROM channels FINAL {condition}) AS c"
        " LEFT JOIN (SELECT channel, count() AS waiting"
        f" FROM notifications FINAL WHERE {_WAITING} GROUP BY channel) AS n ON c.channel = n.channel"
        " ORDER BY state = 'down' DESC, channel",
    )


async def waiting(reader: Reader, *, limit: int = 50) -> list[NotificationRecord]:
    """Notifications that no channel has taken yet or that were given up, the oldest first."""
    return await reader.find(
        NotificationRecord,
        f"{_SELECT} WHERE {_WAITING} OR state = 'given_up' ORDER BY created_at, notification_id LIMIT {{limit:UInt32}}",
        {"limit": limit},
    )
