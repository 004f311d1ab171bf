"""Cohorts: measures by the day on which people were informed, and what came back of them, by age and kind. Whole
numbers only.

A cohort never moves: a reversal that comes months later belongs to the day of its measure, not to the day it came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from models.misjudgement.cell import Cell
from models.misjudgement.reversal import ReversalKind

Outcome = ReversalKind | str
UPHELD = "upheld"
"""Of an appeal that left its measure standing: counted by the age at which it was first decided."""
APPEALED = "appealed"
"""Of a measure that was appealed against: counted once, by the age of its first appeal; a second attempt adds
nothing."""


class CohortRow(NamedTuple):
    """`number` measures of `cell` informed on `day` (days since the epoch, UTC) that had `outcome` at `age` days.

    Of measures themselves outcome is "measures" and age 0.
    """

    cell: Cell
    day: int
    age: int
    outcome: str
    number: int


MEASURES = "measures"


@dataclass
class Cohorts:
    """Exact counts, added in any order.

    >>> cohorts = Cohorts()
    >>> cell = Cell("counterfeit", "DE", "q1", "7.2.0", "AUTOMATED")
    >>> cohorts.add(CohortRow(cell, 20_000, 0, MEASURES, 100))
    >>> cohorts.add(CohortRow(cell, 20_000, 3, ReversalKind.APPEAL, 2))
    >>> [(row.age, row.outcome, row.number) for row in cohorts.rows()]
    [(0, 'measures', 100), (3, 'appeal_granted', 2)]
    """

    counts: Counter[tuple[Cell, int, int, str]] = field(default_factory=Counter)

    def add(self, row: CohortRow) -> None:
        """Count a row in."""
        self.counts[row.cell, row.day, row.age, str(row.outcome)] += row.number

    def extend(self, rows: Iterable[CohortRow]) -> None:
        """Count rows in."""
        for row in rows:
            self.add(row)

    def rows(self) -> Iterator[CohortRow]:
        """What was counted, in one order, whatever the order it came in; nothing that is 0."""
        for (cell, day, age, outcome), count in sorted(self.counts.items(), key=lambda item: _order(item[0])):
            if count:
                yield CohortRow(cell, day, age, outcome, count)

    def by_cell(self) -> dict[Cell, list[CohortRow]]:
        """The rows of every cell and of every parent, in no order: a parent's are the sums of its children's."""
        lineages = {cell: cell.lineage() for cell in {key[0] for key in self.counts}}
        sums: dict[Cell, Counter[tuple[int, int, str]]] = defaultdict(Counter)
        for (cell, day, age, outcome), count in self.counts.items():
            for each in lineages[cell]:
                sums[each][day, age, outcome] += count
        return {
            cell: [CohortRow(cell, *key, count) for key, count in each.items() if count] for cell, each in sums.items()
        }


def _order(key: tuple[Cell, int, int, str]) -> tuple[tuple[tuple[bool, str], ...], int, bool, str, int]:
    cell, day, age, outcome = key
    parts = tuple((part is not None, part or "") for part in cell)
    return parts, day, outcome != MEASURES, outcome, age
