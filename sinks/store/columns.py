"""Rows of one table kept as columns: what is archived by the run is never taken apart into rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from sinks.store.tables import Row, Table


class RowColumns(Sequence[Row]):
    """A growing sequence of the rows of a table, column by column. Text may be kept as its bytes; a row has text.

    >>> from sinks.store.tables import TABLES
    >>> events = RowColumns(TABLES["partials"])
    >>> events.append(dict.fromkeys(TABLES["partials"].columns, 0))
    >>> len(events), events[0]["value"]
    (1, 0)
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.columns: dict[str, list[Any]] = {name: [] for name in table.columns}
        self._length = 0

    def append(self, row: Row) -> None:
        """Add one row, with a value or a default for every column; else ValueError."""
        complete = self.table.complete(row)
        for name, column in self.columns.items():
            column.append(complete[name])
        self._length += 1

    def extend(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add rows by column; every column is there and all are as long. Else ValueError, and nothing is added."""
        lengths = {len(column) for column in columns.values()}
        if columns.keys() != self.columns.keys() or len(lengths) != 1:
            raise ValueError(f"not the columns of {self.table.name}, or not as long as each other")
        for name, column in columns.items():
            self.columns[name] += column
        self._length += lengths.pop()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        names = list(self.columns)
        for values in zip(*self.columns.values(), strict=True):
            yield {name: _plain(value) for name, value in zip(names, values, strict=True)}

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, RowColumns | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it grows

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return list(self)[place]
        return {name: _plain(column[place]) for name, column in self.columns.items()}


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
