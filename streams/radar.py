"""The radar at work: it looks for cells that turn out wrong more often than they used to, and says so as an alert."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

from livewarden.alert import RADAR, Alert, from_json
from livewarden.errors import LivewardenError
from livewarden.times import DAY_MS
from models.misjudgement.alarm import alarms
from models.misjudgement.cell import Cell
from models.misjudgement.cohorts import CohortRow, Cohorts
from models.misjudgement.radar import Change, radar
from models.response.response_event import alert_updated
from sinks.queries import alerts, misjudgement
from sinks.store.reader import Reader
from sinks.store.records import ExplainedAlert
from streams.notifier import Say
from streams.radar_rows import reading_row
from streams.self_watch import Write
from streams.stages.rows import alert_row
from streams.telemetry import count

_log = logging.getLogger(__name__)

Connect = Callable[[], AbstractAsyncContextManager[Reader]]
"""Reaches ClickHouse, to read from."""


class Radar:
    """Reads all cohorts every `every_s` seconds, stores what it finds of each cell, and says the alerts that follow.

    `mine`: whether this worker is the one that sends notifications; it alone looks. What it says of a day depends on
    what is stored alone, so another worker says the same; an alert counts once by its id and version.
    """

    def __init__(self, every_s: float, connect: Connect, mine: Callable[[], bool], say: Say, write: Write) -> None:
        self._every_s = every_s
        self._connect = connect
        self._mine = mine
        self._say = say
        self._write = write

    async def run(self) -> None:
        """Look until cancelled. What fails is a line in the log: the next look says what this one would have."""
        while True:
            await asyncio.sleep(self._every_s)
            if not self._mine():
                continue
            try:
                await self.turn()
            except LivewardenError as error:
                count("livewarden_radar_failures")
                _log.warning("the misjudgement radar could not look: %s", error)

    async def turn(self) -> list[Alert]:
        """Look once at what is stored, at the end of its last day; what was said."""
        async with self._connect() as reader:
            cohorts, changes = await stored(reader)
        return await self.look(cohorts, changes, last_day(cohorts)) if cohorts.counts else []

    async def look(self, cohorts: Cohorts, changes: list[Change], last: int) -> list[Alert]:
        """Look at cohorts at the end of day `last`; what was said."""
        async with self._connect() as reader:
            firing = [alert_of(each) for each in await alerts.firing_of(reader, RADAR)]
        lines = await asyncio.to_thread(lambda: list(radar(cohorts, last, changes)))
        found = alarms(lines, last, changes, firing)
        await self._write("misjudgement_readings", [reading_row(line, last, (last + 1) * DAY_MS) for line in lines])
        if found:
            await self._write("alerts", [alert_row(alert, "live") for alert in found])
            await self._say([alert_updated(alert) for alert in found])
        return found


async def stored(reader: Reader) -> tuple[Cohorts, list[Change]]:
    """The cohorts and the changes that ClickHouse has."""
    cohorts = await asyncio.to_thread(_summed, await misjudgement.cohorts(reader))
    found = await misjudgement.changes(reader)
    return cohorts, in_order((each.change_id, each.since_ms, each.target, each.markets) for each in found)


def _summed(rows: Iterable[misjudgement.CohortCount]) -> Cohorts:
    cohorts = Cohorts()
    for row in rows:
        cell = Cell(row.policy, row.market, row.queue, row.model, row.automation)
        cohorts.add(CohortRow(cell, row.day, row.age, row.outcome, row.measures))
    return cohorts


def in_order(found: Iterable[tuple[str, int, str, tuple[str, ...]]]) -> list[Change]:
    """Changes (id, since when, target, markets) in the order in which they came into force."""
    return [
        Change(change_id, -(-since_ms // DAY_MS), target, tuple(sorted(markets)))
        for change_id, since_ms, target, markets in sorted(found, key=lambda each: (each[1], each[0], each[2]))
    ]


def last_day(cohorts: Cohorts) -> int:
    """The last day of which anything is known."""
    return max(day + age for _, day, age, _ in cohorts.counts)


def alert_of(record: ExplainedAlert) -> Alert:
    """The alert that a row of `alerts` holds."""
    return from_json({name: value for name, value in record.plain().items() if name != "stored_at"})
