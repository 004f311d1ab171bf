"""How long cases stay in a state, those that still are in it counted for as long as they have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeInState:
    """Of one state: how many stays, how many of them still last, and the time (ms) that half and nine of ten are over
    by (Kaplan-Meier); None where so many are not over yet. `naive_ms`: the median of those that are over alone.
    """

    state: str
    stays: int
    lasting: int
    median_ms: int | None
    p90_ms: int | None
    naive_ms: int | None


def time_in_state(state: str, over: Sequence[int], lasting: Sequence[int]) -> TimeInState:
    """From the lengths of stays that are over, and of those that last, in ms.

    Kaplan and Meier (1958): a stay that lasts counts for as long as it has. The median of those that are over alone
    flatters: what takes long is not in it. It does badly where what lasts longest was forgotten rather than worked on.

    >>> time_in_state("open", [1, 2, 3], [9, 9, 9])
    TimeInState(state='open', stays=6, lasting=3, median_ms=3, p90_ms=None, naive_ms=2)
    """
    return TimeInState(
        state,
        len(over) + len(lasting),
        len(lasting),
        _over_by(0.5, over, lasting),
        _over_by(0.9, over, lasting),
        _over_by(0.5, over, ()),
    )


def _over_by(share: float, over: Sequence[int], lasting: Iterable[int]) -> int | None:
    ended, gone = Counter(over), Counter([*over, *lasting])
    left, surviving = sum(gone.values()), 1.0
    for length in sorted(gone):
        if ended[length]:
            surviving *= 1 - ended[length] / left
            if surviving <= 1 - share + 1e-12:
                return length
        left -= gone[length]
    return None
