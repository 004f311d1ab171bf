"""On-call load and noise: how many pages, to whom, at which hours, of which monitors, and how many of them anybody
acted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sinks.store.reader import Reader

HOURS: Final = ("work", "evening", "weekend", "night")
"""Classes of hours, by the clocks of a timezone: Monday to Friday 9 to 18, other hours of the day, Saturday and Sunday
by day, and every night from 22 to 7.
"""
_PAGES: Final = "('new', 'worse', 'wider', 'escalation')"
_CLASS: Final = (
    "multiIf(toHour({time}) >= 22 OR toHour({time}) < 7, 'night', toDayOfWeek({time}) > 5, 'weekend',"
    " toHour({time}) >= 9 AND toHour({time}) < 18, 'work', 'evening')"
)
_ACTED: Final = (
    "SELECT incident_id FROM incidents FINAL WHERE acknowledged_at IS NOT NULL OR resolved_by IS NOT NULL"
    " UNION DISTINCT SELECT d.incident_id FROM dispositions AS d FINAL"
    " INNER JOIN feedback AS f FINAL ON d.alert_id = f.alert_id WHERE f.verdict = 'true'"
)
_FALSE: Final = (
    "SELECT d.incident_id FROM dispositions AS d FINAL INNER JOIN feedback AS f FINAL ON d.alert_id = f.alert_id"
    " WHERE f.verdict = 'false'"
)


@dataclass(frozen=True, slots=True)
class Load:
    """Pages of one channel, acknowledgements of one person, or pages of one monitor: by class of hours.

    `acted`: incidents that somebody acknowledged, ended by hand, or called true; `false`: those that somebody called
    false; both of `incidents`.
    """

    name: str
    work: int
    evening: int
    weekend: int
    night: int
    incidents: int
    acted: int
    false: int

    @property
    def pages(self) -> int:
        """All of them.

        >>> Load("on-call", 3, 1, 0, 2, 4, 1, 0).pages, Load("on-call", 3, 1, 0, 2, 4, 1, 0).acted_share
        (6, 0.25)
        """
        return self.work + self.evening + self.weekend + self.night

    @property
    def acted_share(self) -> float | None:
        """The part of its incidents that anybody acted on; None without one."""
        return self.acted / self.incidents if self.incidents else None


async def by_channel(reader: Reader, from_ms: int, to_ms: int, timezone: str = "UTC") -> list[Load]:
    """Pages by channel, the busiest first. A page is a notification of an incident, but not of its end."""
    return await _loads(reader, "n.channel", "", from_ms, to_ms, timezone)


async def by_monitor(reader: Reader, from_ms: int, to_ms: int, timezone: str = "UTC") -> list[Load]:
    """Pages by monitor of the incident; one of several monitors counts for each."""
    joined = " INNER JOIN incidents AS i FINAL ON n.incident_id = i.incident_id"
    return await _loads(reader, "arrayJoin(i.monitors)", joined, from_ms, to_ms, timezone)


async def by_person(reader: Reader, from_ms: int, to_ms: int, timezone: str = "UTC") -> list[Load]:
    """Incidents by who acknowledged them, at which hours that person was at it."""
    return await _rows(
        reader,
        "SELECT acknowledged_by AS name, {counted} FROM (SELECT acknowledged_by, incident_id,"
        " toTimeZone(acknowledged_at, {zone:String}) AS time FROM incidents FINAL"
        " WHERE acknowledged_by IS NOT NULL AND {span})",
        "acknowledged_at",
        from_ms,
        to_ms,
        timezone,
    )


async def _loads(reader: Reader, name: str, joined: str, from_ms: int, to_ms: int, timezone: str) -> list[Load]:
    return await _rows(
        reader,
        f"SELECT name, {{counted}} FROM (SELECT {name} AS name, n.incident_id AS incident_id,"
        f" toTimeZone(n.created_at, {{zone:String}}) AS time FROM notifications AS n FINAL{joined}"
        f" WHERE n.incident_id != '' AND n.cause IN {_PAGES} AND {{span}})",
        "n.created_at",
        from_ms,
        to_ms,
        timezone,
    )


async def _rows(reader: Reader, query: str, time: str, from_ms: int, to_ms: int, timezone: str) -> list[Load]:
    held = _CLASS.replace("{time}", "time")
    counted = ", ".join(f"countIf({held} = '{each}') AS {each}" for each in HOURS)
    counted += (
        f", uniqExact(incident_id) AS incidents, uniqExactIf(incident_id, incident_id IN ({_ACTED})) AS acted,"
        f" uniqExactIf(incident_id, incident_id IN ({_FALSE})) AS false"
    )
    span = (
        f"{time} >= fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')"
        f" AND {time} < fromUnixTimestamp64Milli({{to:Int64}}, 'UTC')"
    )
    text = query.replace("{counted}", counted).replace("{span}", span)
    rows = await reader.select(
        f"{text} GROUP BY name ORDER BY work + evening + weekend + night DESC, name LIMIT 100",
        {"from": from_ms, "to": to_ms, "zone": timezone},
    )
    return [Load(**row) for row in rows]
