"""The radar: every cell and its parents, each with how many of its measures turn out wrong, or why that is not
known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.misjudgement.cell import Cell
from models.misjudgement.cohorts import APPEALED, MEASURES, UPHELD, CohortRow, Cohorts
from models.misjudgement.jump import Jump
from models.misjudgement.reading import Appeals, Reading, read_cell
from models.misjudgement.reversal import NOWCAST, ReversalKind
from models.misjudgement.triangle import Triangle

RECENT_DAYS = 28
"""Cohorts that a line of the radar sums up."""


@dataclass(frozen=True, slots=True)
class Change:
    """A platform change: the first full day it held for, what it changed, where (no market: everywhere)."""

    change_id: str
    day: int
    target: str
    markets: tuple[str, ...] = ()

    def names(self, cell: Cell, models: Iterable[str]) -> bool:
        """Whether it changed something of the cell, of which `models` judge."""
        if self.markets and cell.market and cell.market not in self.markets:
            return False
        return self.target in (cell.policy, cell.queue, *models)


@dataclass(frozen=True)
class RadarLine:
    """What is known of one cell at the end of a day, over its last 28 cohorts.

    `counted`: measures, appeals and reversals by kind, exact. `reading`: None where the cell is too small or too
    young; then `see` is the nearest parent that has one (None: there is none).
    """

    cell: Cell
    counted: Mapping[str, int]
    reading: Reading | None
    see: Cell | None
    changes: tuple[str, ...] = ()

    @property
    def wrong(self) -> tuple[float, float, float] | None:
        """Of the recent measures those that turn out wrong: estimate, low, high. The days' intervals are put together
        as if they were independent of each other.
        """
        if self.reading is None:
            return None
        cast = self.reading.nowcast
        estimate, low, high = (float(each[-RECENT_DAYS:].sum()) for each in (cast.estimate, cast.low, cast.high))
        spread = float((((cast.high - cast.low)[-RECENT_DAYS:] / 2) ** 2).sum()) ** 0.5
        return estimate, max(low, estimate - spread), min(high, estimate + spread)

    @property
    def maturity(self) -> float | None:
        """Of the recent cohorts the share of their reversals that is seen, weighted by measures."""
        if self.reading is None:
            return None
        cast = self.reading.nowcast
        return float(cast.maturity[-RECENT_DAYS:].mean())

    @property
    def per_decided_appeal(self) -> float | None:
        """Of the appeals decided so far the share that was granted, exact; low while young. None where none was
        decided.
        """
        granted = self.counted[ReversalKind.APPEAL]
        decided = granted + self.counted[UPHELD]
        return round(granted / decided, 6) if decided else None

    @property
    def jump(self) -> Jump | None:
        """The jump, where there is one."""
        return self.reading.jump if self.reading else None


def radar(cohorts: Cohorts, last_day: int, changes: Sequence[Change] = ()) -> Iterator[RadarLine]:
    """Every cell at the end of `last_day` (days since the epoch, UTC), parents before their children.

    Exact in counts, and the same for the same counts. A cell of its own model version is young after every release:
    its parent, which has the history, is where a jump shows.
    """
    models = _models(cohorts)
    readings: dict[Cell, Reading | None] = {}
    for cell, rows in sorted(cohorts.by_cell().items(), key=lambda item: (item[0].depth, str(item[0]))):
        known = [row for row in rows if row.day <= last_day]
        if not known:
            continue
        named = [change for change in changes if change.day <= last_day and change.names(cell, models[cell])]
        readings[cell] = _read(known, last_day, [last_day - change.day + 1 for change in named])
        see = None if readings[cell] else next((each for each in cell.lineage() if readings.get(each)), None)
        counted = _counted(known, last_day)
        yield RadarLine(cell, counted, readings[cell], see, tuple(change.change_id for change in named))


def _read(rows: Sequence[CohortRow], last_day: int, since: Sequence[int]) -> Reading | None:
    if sum(row.number for row in rows if row.outcome in NOWCAST) < 1:
        return None
    granted = Triangle.of(rows, last_day, (ReversalKind.APPEAL,))
    decided = Triangle.of(rows, last_day, (ReversalKind.APPEAL, UPHELD))
    return read_cell(Triangle.of(rows, last_day), Appeals(granted, decided), [days for days in since if days <= 60])


def _counted(rows: Iterable[CohortRow], last_day: int) -> dict[str, int]:
    counts: Counter[str] = Counter(dict.fromkeys((MEASURES, APPEALED, UPHELD, *map(str, ReversalKind)), 0))
    for row in rows:
        if row.day > last_day - RECENT_DAYS and row.day + row.age <= last_day:
            counts[str(row.outcome)] += row.number
    return dict(counts)


def _models(cohorts: Cohorts) -> dict[Cell, set[str]]:
    """The ids of the models that judge in each cell, without their versions."""
    found: dict[Cell, set[str]] = defaultdict(set)
    for cell in {key[0] for key in cohorts.counts}:
        if cell.model:
            for each in cell.lineage():
                found[each].add(cell.model.split(" ")[0])
    return found
