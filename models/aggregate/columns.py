"""The fields of a run's events as columns, read once for all monitors that ask for them, and added up by series.

What monitors share is computed once a run: a field's column, a predicate, a group key. A monitor of its own costs the
sums of what is left: some operations on arrays, and one look-up for each of its series that the run touches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from models.aggregate.event_run import Whole
from models.monitors.plan import CompiledMonitor, getter, text

T = TypeVar("T")
Key = tuple[int, tuple[str, ...], tuple[str, ...]]
"""Start of a bucket, series, and the leaf below it: () where it is not asked for."""
RowMask = npt.NDArray[np.bool_]

_EXACT = 2**53
"""Up to here a float holds every whole number."""
_WIDE = 2**40
"""Combined codes beyond this are numbered anew, so that no product leaves 64 bits."""


class RowGroup:
    """Rows by bucket and series: `codes` has one number a row; `keys` what a number stands for."""

    __slots__ = ("codes", "keys")

    def __init__(self, codes: Whole, keys: Sequence[Key]) -> None:
        self.codes = codes
        self.keys = keys


class FieldColumns:
    """Events of one type and precision in one run."""

    def __init__(self, bodies: Sequence[Any], time_ms: Whole) -> None:
        self._bodies = bodies
        self._time_ms = time_ms
        self._known: dict[Hashable, Any] = {}

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        found: T | None = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
        return found

    def labels(self, path: str) -> tuple[Whole, list[str]]:
        """A field as labels: a number a row, and what the numbers stand for.

        >>> from types import SimpleNamespace as Body
        >>> codes, values = FieldColumns([Body(market="DE"), Body(market=None)], np.array([0, 1])).labels("market")
        >>> [values[code] for code in codes]
        ['DE', '']
        """

        def make() -> tuple[Whole, list[str]]:
            found = list(map(getter(path), self._bodies))
            texts = {value: text(value) for value in dict.fromkeys(found)}
            numbers = {label: number for number, label in enumerate(dict.fromkeys(texts.values()))}
            number_of = {value: numbers[label] for value, label in texts.items()}
            return np.array(list(map(number_of.__getitem__, found)), dtype=np.int64), list(numbers)

        return self._once(("labels", path), make)

    def numbers(self, path: str) -> tuple[Whole, RowMask | None, int]:
        """A field of whole numbers: the numbers, which of them are there (None: all), and the largest size of one."""

        def make() -> tuple[Whole, RowMask | None, int]:
            found = list(map(getter(path), self._bodies))
            there = None
            if None in found:
                there = np.array([value is not None for value in found])
                found = [value or 0 for value in found]
            values = np.array(found, dtype=np.int64)
            return values, there, int(np.abs(values).max(initial=0))

        return self._once(("numbers", path), make)

    def accepted(self, where: Mapping[str, frozenset[str]]) -> RowMask | None:
        """Which rows a predicate accepts; None is all."""
        if not where:
            return None

        def make() -> RowMask:
            masks = []
            for path, values in where.items():
                codes, labels = self.labels(path)
                masks.append(np.array([label in values for label in labels])[codes])
            accepted: RowMask = np.logical_and.reduce(masks)
            return accepted

        return self._once(("where", tuple(where.items())), make)

    def grouped(self, bucket_ms: int, series: tuple[str, ...], leaf: tuple[str, ...] = ()) -> RowGroup:
        """All rows by bucket and the values of some fields."""

        def make() -> RowGroup:
            starts = self._time_ms - self._time_ms % bucket_ms
            codes = (starts - starts.min()) // bucket_ms if len(starts) else starts
            wide, columns = int(codes.max(initial=0)) + 1, []
            for path in (*series, *leaf):
                part, labels = self.labels(path)
                if wide * len(labels) > _WIDE:
                    some, codes = _numbered(codes)
                    wide = len(some)
                codes = codes * len(labels) + part
                wide *= len(labels)
                columns.append((part, labels))
            some, codes = _numbered(codes)
            values = [list(map(labels.__getitem__, part[some].tolist())) for part, labels in columns]
            width = len(series)
            names, below = _tuples(values[:width], some), _tuples(values[width:], some)
            return RowGroup(codes, list(zip(starts[some].tolist(), names, below, strict=True)))

        return self._once(("group", bucket_ms, series, leaf), make)


def _tuples(columns: Sequence[Sequence[str]], rows: Whole) -> Iterable[tuple[str, ...]]:
    return zip(*columns, strict=True) if columns else [()] * len(rows)


def _numbered(codes: Whole) -> tuple[Whole, Whole]:
    """For each code that there is, in ascending order, some row that has it; and of each row its code's number.

    >>> some, numbers = _numbered(np.array([70, 7, 70]))
    >>> some[0], numbers.tolist()
    (np.int64(1), [1, 0, 1])
    """
    order = np.argsort(codes)  # of equal ones any will do, so the sort need not be a stable one
    ascending = codes[order]
    begins = np.ones(len(codes), dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
    numbers = np.empty(len(codes), dtype=np.int64)
    numbers[order] = np.cumsum(begins) - 1
    return order[begins], numbers


class Picked:
    """The rows that a predicate leaves, by bucket and series: whoever asks the same shares the sums, too."""

    def __init__(self, columns: FieldColumns, rows: Whole, group: RowGroup) -> None:
        self.rows = rows
        self.group = group
        self.codes = group.codes[rows]
        self._columns = columns
        self._touched = np.flatnonzero(np.bincount(self.codes, minlength=len(group.keys)))
        self.keys = [group.keys[place] for place in self._touched.tolist()]
        self.starts = Counter(start for start, _, _ in self.keys)
        self.nothing = [0] * len(self.keys)
        self._sums: dict[str, list[int]] = {}

    def sums(self, path: str) -> list[int]:
        """A field's exact sum for each of `keys`: through floats where they hold every whole number that can come."""
        found = self._sums.get(path)
        if found is None:
            values, _, size = self._columns.numbers(path)
            if size * len(self.rows) < _EXACT:
                sums = np.bincount(self.codes, weights=values[self.rows]).astype(np.int64)
            else:
                sums = np.zeros(len(self.group.keys), dtype=np.int64)
                np.add.at(sums, self.codes, values[self.rows])
            found = self._sums[path] = sums[self._touched].tolist()
        return found


class Stretch:
    """Rows of a run between which no bucket becomes complete, so that their order changes nothing."""

    def __init__(self, columns: FieldColumns, rows: Whole) -> None:
        self._columns = columns
        self._rows = rows
        self._picked: dict[Hashable, Picked] = {}

    def picked(self, asked: CompiledMonitor, leaf: tuple[str, ...]) -> Picked:
        """Those that a monitor counts."""
        columns = self._columns
        needed = tuple(path for path in asked.measured if columns.numbers(path)[1] is not None)
        key = (tuple(asked.where.items()), needed, asked.bucket_ms, asked.dimensions, leaf)
        found = self._picked.get(key)
        if found is None:
            rows = self._rows
            for mask in (columns.accepted(asked.where), *(columns.numbers(path)[1] for path in needed)):
                rows = rows if mask is None else rows[mask[rows]]
            group = columns.grouped(asked.bucket_ms, asked.dimensions, leaf)
            found = self._picked[key] = Picked(columns, rows, group)
        return found


class Share:
    """What one monitor counts of a stretch."""

    def __init__(self, columns: FieldColumns, stretch: Stretch, asked: CompiledMonitor) -> None:
        self._columns = columns
        self._stretch = stretch
        self._asked = asked
        self.starts: Mapping[int, int] = stretch.picked(asked, ()).starts

    def sums(self, leaf: tuple[str, ...] = ()) -> Iterable[tuple[Key, int, int, int]]:
        """By bucket, series and the fields `leaf`: value, exposure, weight."""
        asked = self._asked
        picked = self._stretch.picked(asked, leaf)
        added = [picked.sums(path) for path in asked.measured]
        weight = picked.sums("weight") if asked.kind in ("count", "distinct") else picked.nothing
        value = weight if asked.kind == "count" else added[0] if added else picked.nothing
        exposure = added[1] if asked.kind == "ratio" else picked.nothing
        return zip(picked.keys, value, exposure, weight, strict=True)

    def subjects(self, path: str) -> list[tuple[Key, str]]:
        """Each pair of a bucket's series and a subject once, as they came: the bytes of a sketch depend on that."""
        picked = self._stretch.picked(self._asked, ())
        codes, labels = self._columns.labels(path)
        pairs = picked.codes * len(labels) + codes[picked.rows]
        _, first = np.unique(pairs, return_index=True)
        keys = picked.group.keys
        return [(keys[pair // len(labels)], labels[pair % len(labels)]) for pair in pairs[np.sort(first)].tolist()]
