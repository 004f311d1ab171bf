"""Quiet hours: when a route keeps what can wait until the morning."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from livewarden.severity import SEVERITIES, Severity
from livewarden.times import to_ms
from models.clocks.timezone import Timezone


def _time_of_day(value: object) -> time:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('a time of day is hours and minutes: "22:00"')
    return time(int(found[1]), int(found[2]))


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), PlainSerializer(lambda value: value.strftime("%H:%M"))]


class QuietHours(BaseModel):
    """Every night from `from` to `to`, by the clocks of `timezone`, what is less severe than `below` waits.

    Over midnight where `from` is later than `to`. Where clocks are put forward over one of the two times, it counts as
    if they had not been yet; of a time that comes twice the first one counts. So a night is one stretch, and never
    begins twice.

    >>> night = QuietHours(**{"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"})
    >>> start = to_ms(datetime(2026, 3, 6, 22, 30, tzinfo=UTC))
    >>> (night.until_ms(start, "warning") - start) / 3_600_000, night.until_ms(start, "critical")
    (7.5, None)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    from_: TimeOfDay = Field(alias="from", description="first minute, HH:MM")
    to: TimeOfDay = Field(description="first minute that is no longer quiet, HH:MM")
    timezone: Timezone = Field(description="IANA name, such as Europe/Berlin")
    below: Severity = Field(default="critical", description="this severity and worse are notified all the same")

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("to: the same as from; leave quiet_hours out where a route is never quiet")
        return self

    def until_ms(self, now_ms: int, severity: str) -> int | None:
        """When the quiet ends that holds at `now_ms` for that severity, milliseconds since the epoch;
        None where none holds.
        """
        if SEVERITIES.index(severity) >= SEVERITIES.index(self.below):
            return None
        zone = zoneinfo.ZoneInfo(self.timezone)
        today = datetime.fromtimestamp(now_ms / 1000, zone).date()
        nights = 1 if self.from_ > self.to else 0
        for day in (today - timedelta(days=1), today):
            end_ms = _instant_ms(day + timedelta(days=nights), self.to, zone)
            if _instant_ms(day, self.from_, zone) <= now_ms < end_ms:
                return end_ms
        return None


def _instant_ms(day: date, at: time, zone: zoneinfo.ZoneInfo) -> int:
    return to_ms(datetime.combine(day, at, zone).astimezone(UTC))
