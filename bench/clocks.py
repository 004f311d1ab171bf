"""Business time of 27 calendars over ten years against every minute of them: `python -m bench.clocks`.

The minutes are counted another way than the calendar counts them: the local time of each by its offset, an array of all
minutes, a running sum. Prints what was compared, and ends with 1 where anything differs.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from livewarden.times import MINUTE_MS, to_ms
from models.clocks.calendar import BusinessCalendar
from tests.models.clocks.minute_walk import HOURS, ZONES, calendar_of, off

FIRST, LAST = date(2020, 1, 1), date(2030, 1, 1)
START = to_ms(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)) // MINUTE_MS
MINUTES = (LAST - FIRST).days * 1_440
DEADLINES = 2_000


def counted(calendar: BusinessCalendar) -> np.ndarray:
    """For each minute how many before it were business time."""
    zone = ZoneInfo(calendar.timezone)
    quarters = [datetime.fromtimestamp((START + n) * 60, zone) for n in range(0, MINUTES, 15)]
    offsets = np.repeat([int(each.utcoffset().total_seconds()) // 60 for each in quarters], 15)  # type: ignore[union-attr]
    local = START + np.arange(MINUTES) + offsets
    day, minute = local // 1_440, local % 1_440
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    is_open = np.zeros(MINUTES, bool)
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    for each in calendar.hours:
        days, times = each.split(" ")
        ends = [names.index(name) for name in days.split("-")]
        begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in times.split("-"))
        is_open |= (weekday >= ends[0]) & (weekday <= ends[-1]) & (minute >= begin) & (minute < end)
    epoch = date(1970, 1, 1)
    is_open &= ~np.isin(day, [(each - epoch).days for each in off(calendar, range(2019, 2032))])
    return np.concatenate(([0], np.cumsum(is_open)))


def main() -> int:
    """Compare; 1 where anything differs."""
    compared = differing = 0
    for country in sorted(ZONES):
        for hours in HOURS:
            calendar = calendar_of(country, hours)
            truth, dice = counted(calendar), random.Random(f"{country} {hours}")
            edges = range(0, MINUTES, 1_440)
            for one, other in pairwise(edges):
                found = calendar.between((START + one) * MINUTE_MS, (START + other) * MINUTE_MS)
                differing += found != int(truth[other] - truth[one]) * MINUTE_MS
                compared += 1
            for _ in range(DEADLINES):
                at, minutes = dice.randrange(MINUTES - 200_000), dice.randrange(1, 3_000)
                end = int(np.searchsorted(truth, truth[at] + minutes))
                found = calendar.after((START + at) * MINUTE_MS, minutes * MINUTE_MS)
                differing += found != (START + end) * MINUTE_MS
                compared += 1
    years = (LAST - FIRST) / timedelta(days=365.25)
    print(
        f"{len(ZONES)} calendars × {len(HOURS)} hours over {years:.0f} years: {compared:,} compared, {differing} differ"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
