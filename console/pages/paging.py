"""A long list, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.render import link

ROWS = 50
"""Rows on a page."""


@dataclass(frozen=True)
class Paging:
    """Which part of `total` rows is shown, and the addresses of the parts before and after it."""

    path: str
    given: Mapping[str, Any]
    page: int
    total: int

    @property
    def first(self) -> int:
        """Number of the first row shown, from 1."""
        return (self.page - 1) * ROWS + 1

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.page * ROWS, self.total)

    @property
    def before(self) -> str | None:
        """Address of the page before; None on the first."""
        return link(self.path, self.given, page=self.page - 1) if self.page > 1 else None

    @property
    def after(self) -> str | None:
        """Address of the next page; None on the last."""
        return link(self.path, self.given, page=self.page + 1) if self.last < self.total else None
