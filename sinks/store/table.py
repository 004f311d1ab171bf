"""A table that rows are written to: its columns, what makes two rows the same, and which of two wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
"""Column name to plain value: text, whole number, float, None, lists and mappings of these; instants in milliseconds
UTC.
"""

NAME = "LowCardinality(String)"
TIME = "DateTime64(3, 'UTC')"
SERIES = "Map(LowCardinality(String), String)"
NUMBER = "Nullable(Float64)"
TEXT = "Nullable(String)"


@dataclass(frozen=True)
class Table:
    """One table. Of rows with equal `identity` the one with the highest `version` stays, of equal ones the last
    written.

    `partitioned_by` is the instant whose month is the partition; None where the table has one partition. `defaults` are
    the columns that a row may leave out.
    """

    name: str
    columns: Mapping[str, str]
    identity: tuple[str, ...]
    version: str | None = None
    partitioned_by: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def id_of(self, row: Row) -> tuple[Any, ...]:
        """The identity of a row, hashable.

        >>> Table("channels", {"channel": NAME, "version": "UInt32"}, identity=("channel",)).id_of({"channel": "ops"})
        ('ops',)
        """
        return tuple(hashable(row[name]) for name in self.identity)

    def complete(self, row: Row) -> dict[str, Any]:
        """A copy of the row with every column; a missing or an unknown column is a ValueError that names it."""
        if row.keys() == self.columns.keys():
            return dict(row)
        if not row.keys() <= self.columns.keys():
            raise ValueError(f"{self.name} has no column {', '.join(sorted(row.keys() - self.columns.keys()))}")
        try:
            return {name: row[name] if name in row else self.defaults[name] for name in self.columns}
        except KeyError as error:
            raise ValueError(f"a row of {self.name} lacks {error}") from error


def hashable(value: Any) -> Any:
    """A value of a row as part of an identity."""
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value
