"""How right a run was, where it is known what was to be found: precision, recall and delay."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts of a run against what is known.

    `right` and `wrong` are alerts that somebody was notified of; `beside` are those of which it is not known.
    `found` of `known` incidents have a right one, each after a delay (ms of event time, from the beginning).

    >>> Quality(right=3, wrong=1, beside=4, found=2, known=4, delays_ms=(60_000, 120_000)).precision
    0.75
    """

    right: int
    wrong: int
    beside: int
    found: int
    known: int
    delays_ms: tuple[int, ...] = ()

    @property
    def precision(self) -> float | None:
        """The part of the alerts that were right, of those of which it is known; 0 to 1, None without any."""
        judged = self.right + self.wrong
        return self.right / judged if judged else None

    @property
    def recall(self) -> float | None:
        """The part of what is known that was found; 0 to 1, None where nothing is known."""
        return self.found / self.known if self.known else None

    @property
    def delay_ms(self) -> float | None:
        """The median delay of what was found; None where nothing was."""
        return median(self.delays_ms) if self.delays_ms else None
