"""What a pattern is expected to cost: wrong measures a week, times the harm of one, shrunk to what all patterns say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from livewarden.library import Risk
from livewarden.library_entry import LibraryEntry
from models.library.recurrence import WEEK_MS

WEIGHT: Final = 2.0
"""Cases that the mean of all patterns counts for, in that of one."""
FEW: Final = 2


class Risks:
    """Risk of patterns, all over the same weeks: from the first case of any to now, a quarter at least.

    Bad at: costs that only few cases name; a pattern takes the mean of all for the others.
    """

    def __init__(self, patterns: Sequence[Sequence[LibraryEntry]], weeks: float) -> None:
        everything = [each for pattern in patterns for each in pattern]
        self._weeks = max(weeks, 1.0)
        self._cases = len(everything) / len(patterns) if patterns else 0.0
        wrong = [each.wrong_measures for each in everything if each.wrong_measures is not None]
        self._wrong = sum(wrong) / len(wrong) if wrong else 0.0
        self._gmv, self._minutes = _harm(everything, "gmv_minor"), _harm(everything, "viewer_minutes")

    def of(self, entries: Sequence[LibraryEntry]) -> Risk:
        """The risk of one pattern."""
        wrong = [each.wrong_measures for each in entries if each.wrong_measures is not None]
        per_case = (sum(wrong) + WEIGHT * self._wrong) / (len(wrong) + WEIGHT)
        rate = (len(entries) + WEIGHT * self._cases / (self._cases + 1)) / (self._weeks + WEIGHT)
        return Risk(
            cases_week=rate,
            wrong_per_case=per_case,
            wrong_week=rate * per_case,
            gmv_minor_per_measure=_shrunk(_harm(entries, "gmv_minor"), self._gmv),
            viewer_minutes_per_measure=_shrunk(_harm(entries, "viewer_minutes"), self._minutes),
            few=len(entries) < FEW,
        )


def weeks_of(entries: Sequence[LibraryEntry], now_ms: int) -> float:
    """Weeks from the first case to now; a quarter at least."""
    begun = [int(each.started_at.timestamp() * 1_000) for each in entries if each.started_at is not None]
    return max(13.0, (now_ms - min(begun)) / WEEK_MS) if begun else 13.0


Totals = tuple[float, int]
"""Harm, and the wrong measures that it came from."""


def _harm(entries: Sequence[LibraryEntry], name: str) -> Totals:
    known = [
        (getattr(each.harm, name), each.wrong_measures)
        for each in entries
        if getattr(each.harm, name) is not None and each.wrong_measures
    ]
    return float(sum(cost for cost, _ in known)), sum(wrong for _, wrong in known)


def _shrunk(own: Totals, of_all: Totals) -> float | None:
    if not of_all[1]:
        return None
    mean = of_all[0] / of_all[1]
    return (own[0] + WEIGHT * mean) / (own[1] + WEIGHT)
