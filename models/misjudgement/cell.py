"""A cell: the measures that one policy, market, queue, model and way of deciding have in common; and its parents."""

from __future__ import annotations

from typing import NamedTuple


class Cell(NamedTuple):
    """One cell. "" is a value that is not known; None stands for all values, in a parent.

    >>> str(Cell("counterfeit", "DE", "q1", "7.2.0", "AUTOMATED").parent)
    'policy counterfeit · market DE · queue q1 · model 7.2.0'
    """

    policy: str | None
    market: str | None = None
    queue: str | None = None
    model: str | None = None
    automation: str | None = None

    @property
    def parent(self) -> Cell | None:
        """The cell without its last known part; None of the whole."""
        depth = self.depth
        return Cell(*self[: depth - 1], *(None,) * (len(self) - depth + 1)) if depth else None

    @property
    def depth(self) -> int:
        """How many of its parts are named, 0 to 5."""
        return sum(part is not None for part in self)

    @property
    def named(self) -> dict[str, str]:
        """Its parts by name, those that stand for all left out."""
        return {name: part for name, part in zip(self._fields, self, strict=True) if part is not None}

    def lineage(self) -> list[Cell]:
        """The cell and its parents, the whole last."""
        return [Cell(*self[:depth], *(None,) * (len(self) - depth)) for depth in range(self.depth, -1, -1)]

    def __str__(self) -> str:
        return " · ".join(f"{name} {part or '?'}" for name, part in self.named.items()) or "everything"


WHOLE = Cell(None)
"""All measures."""
