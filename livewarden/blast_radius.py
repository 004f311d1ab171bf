"""What else a confirmed error hit, as the commands and the console show it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """Which measures: the values of dimensions, [from, to) in ms UTC by when people were informed."""

    series: Mapping[str, str]
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Sibling:
    """A measure of the slice; `reversal` is the class of its reversal, "" where it stands."""

    action_id: str
    shop_id: str
    subject_id: str
    informed_at: int
    reversal: str
    weight: int


@dataclass(frozen=True)
class BlastRadius:
    """The siblings of a wrong measure, those to be reviewed in their order, and how many are wrong by what was
    reviewed so far.

    `verdicts`: of every measure that was reviewed; None where reviewers were not clear or differ, which leaves it out
    of the count. `wrong`: estimate, low, high (95 %, true at every look). `verdict`: contained, widespread, go on.
    """

    case_id: str
    slices: tuple[Slice, ...]
    siblings: Mapping[str, Sibling]
    order: tuple[str, ...]
    verdicts: Mapping[str, str | None]
    reviewed: int
    found_wrong: int
    wrong: tuple[float, float, float]
    verdict: str

    @property
    def shops(self) -> int:
        """How many shops they are of."""
        return len({each.shop_id for each in self.siblings.values() if each.shop_id})

    @property
    def reversed(self) -> dict[str, int]:
        """Those that were taken back, by the class of the reversal."""
        return dict(sorted(Counter(each.reversal for each in self.siblings.values() if each.reversal).items()))

    @property
    def waiting(self) -> list[str]:
        """Those that nobody has reviewed, in their order."""
        return [each for each in self.order if each not in self.verdicts]

    @property
    def unclear(self) -> int:
        """Reviewed ones without a clear verdict."""
        return sum(self.verdicts.get(each, "") is None for each in self.order)


def review_list(found: BlastRadius) -> str:
    """CSV of the siblings that stand, in the order of their review: for those who review all of them again.

    A text that a spreadsheet would take for a formula begins with an apostrophe.

    >>> one = Sibling("a1", "=shop", "", 0, "", 1)
    >>> print(review_list(BlastRadius("c", (), {"a1": one}, ("a1",), {"a1": "WRONG"}, 1, 1, (1, 1, 1), "contained")))
    number,action_id,shop_id,subject_id,verdict
    1,a1,'=shop,,WRONG
    <BLANKLINE>
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("number", "action_id", "shop_id", "subject_id", "verdict"))
    for number, name in enumerate(found.order, start=1):
        each = found.siblings[name]
        texts = (each.action_id, each.shop_id, each.subject_id, found.verdicts.get(name, "") or "")
        writer.writerow((number, *(f"'{text}" if text.startswith(tuple("=+-@\t\r")) else text for text in texts)))
    return file.getvalue()
