"""What a cut LIVE costs: viewer minutes and sales, against the room's own course before the cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from livewarden.times import MINUTE_MS

BEFORE_MS = 15 * MINUTE_MS
"""How long before the cut the room's own level is taken from."""
MOST_MS = 60 * MINUTE_MS
"""Nothing is counted later than this after a cut: nobody knows how long the room would have gone on."""


class Cut(NamedTuple):
    """A LIVE that was cut at `at` (ms UTC), until `until` at the latest; `overturned`: whether it was taken back."""

    action_id: str
    room_id: str
    at: int
    until: int
    overturned: bool


class RoomMinute(NamedTuple):
    """What a room had in a window that began at `at`, of one source of viewers; `gmv_minor` in minor units."""

    at: int
    viewer_minutes: float
    gmv_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class LostLive:
    """What one cut cost."""

    action_id: str
    viewer_minutes: float
    gmv_minor: int
    currency: str
    overturned: bool


@dataclass(frozen=True)
class CutHarm:
    """What cuts cost together, and how much of that is credited back because they were overturned.

    `cuts` LIVEs were cut, of `known` of them the course before is known. Money by currency, in minor units.
    """

    cuts: int
    known: int
    viewer_minutes: float
    gmv_minor: Mapping[str, int]
    overturned: int
    credited_minutes: float
    credited_minor: Mapping[str, int]


def lost_live(cut: Cut, course: Iterable[RoomMinute]) -> LostLive | None:
    """What a cut cost: the room's level of the 15 minutes before, for as long as the cut lasted (an hour at most), less
    what the room still had. None where nothing is known of the time before.

    It does badly in a room that was about to end, or that grew or fell steeply.

    >>> course = [RoomMinute(minute * MINUTE_MS, 100.0, 500, "EUR") for minute in range(10)]
    >>> lost_live(Cut("a1", "r1", 10 * MINUTE_MS, 30 * MINUTE_MS, True), course)
    LostLive(action_id='a1', viewer_minutes=2000.0, gmv_minor=10000, currency='EUR', overturned=True)
    """
    rows = sorted(each for each in course if cut.at - BEFORE_MS <= each.at < cut.until)
    before = [each for each in rows if each.at < cut.at]
    if not before:
        return None
    times = (min(cut.until, cut.at + MOST_MS) - cut.at) / max(MINUTE_MS, cut.at - before[0].at)
    after = [each for each in rows if cut.at <= each.at < cut.at + MOST_MS]
    viewers = _sum(each.viewer_minutes for each in before) * times - _sum(each.viewer_minutes for each in after)
    gmv = _sum(each.gmv_minor for each in before) * times - _sum(each.gmv_minor for each in after)
    currency = next((each.currency for each in before if each.currency), "")
    return LostLive(cut.action_id, round(max(0.0, viewers), 1), round(max(0.0, gmv)), currency, cut.overturned)


def harm_of(cuts: Sequence[Cut], lost: Iterable[LostLive]) -> CutHarm:
    """All of it together."""
    known = list(lost)
    back = [each for each in known if each.overturned]
    return CutHarm(
        cuts=len(cuts),
        known=len(known),
        viewer_minutes=round(_sum(each.viewer_minutes for each in known), 1),
        gmv_minor=_money(known),
        overturned=sum(each.overturned for each in cuts),
        credited_minutes=round(_sum(each.viewer_minutes for each in back), 1),
        credited_minor=_money(back),
    )


def money(minor: Mapping[str, int]) -> str:
    """Sums of money behind a number of viewer minutes.

    >>> money({"EUR": 123456}), money({})
    (', 1,234.56 EUR', '')
    """
    return "".join(f", {amount / 100:,.2f} {currency}".rstrip() for currency, amount in minor.items())


def _sum(values: Iterable[float]) -> float:
    return float(sum(values))


def _money(lost: Iterable[LostLive]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in lost:
        if each.gmv_minor:
            found[each.currency] += each.gmv_minor
    return dict(sorted(found.items()))
