"""The fields of a run's events as columns, read once for all monitors that ask for them, and added up by series.

What monitors share is computed once a run: a field's column, a predicate, a group key. A monitor of its own costs the
sums of what is left: some operations on arrays, and one look-up for each of its series that the run touches.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from models.aggregate.event_run import Whole
from models.monitors.plan import CompiledMonitor, getter, text

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]

_EXACT = 2**53
"""Up to here a float holds every whole number."""
_WIDE = 2**40
"""Combined codes beyond this are numbered anew, so that no product leaves 64 bits."""


class Group:
    """Rows by series and bucket: `codes` has one number a row; `keys` what a number stands for (start, series)."""

    __slots__ = ("codes", "keys")

    def __init__(self, codes: Whole, keys: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        self.codes = codes
        self.keys = keys


class Columns:
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
        >>> codes, values = Columns([Body(market="DE"), Body(market=None)], np.array([0, 1])).labels("market")
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

    def numbers(self, path: str) -> tuple[Whole, Mask | None, int]:
        """A field of whole numbers: the numbers, which of them are there (None: all), and the largest size of one."""

        def make() -> tuple[Whole, Mask | None, int]:
            found = list(map(getter(path), self._bodies))
            there = None
            if None in found:
                there = np.array([value is not None for value in found])
                found = [value or 0 for value in found]
            values = np.array(found, dtype=np.int64)
            return values, there, int(np.abs(values).max(initial=0))

        return self._once(("numbers", path), make)

    def accepted(self, where: Mapping[str, frozenset[str]]) -> Mask | None:
        """Which rows a predicate accepts; None is all."""
        if not where:
            return None

        def make() -> Mask:
            masks = []
            for path, values in where.items():
                codes, labels = self.labels(path)
                masks.append(np.array([label in values for label in labels])[codes])
            accepted: Mask = np.logical_and.reduce(masks)
            return accepted

        return self._once(("where", tuple(where.items())), make)

    def grouped(self, bucket_ms: int, paths: tuple[str, ...]) -> Group:
        """All rows by bucket and the values of some fields."""

        def make() -> Group:
            starts, codes = np.unique(self._time_ms - self._time_ms % bucket_ms, return_inverse=True)
            wide, columns = len(starts), [(codes, starts.tolist())]
            for path in paths:
                part, labels = self.labels(path)
                if wide * len(labels) > _WIDE:
                    codes, wide = _renumbered(codes)
                codes = codes * len(labels) + part
                wide *= len(labels)
                columns.append((part, labels))
            _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
            values = [[labels[code] for code in part[first].tolist()] for part, labels in columns]
            keys = list(zip(values[0], zip(*values[1:], strict=True) if paths else [()] * len(first), strict=True))
            return Group(codes, keys)

        return self._once(("group", bucket_ms, paths), make)


def _renumbered(codes: Whole) -> tuple[Whole, int]:
    found, numbered = np.unique(codes, return_inverse=True)
    return numbered, len(found)


class Share:
    """The rows of a run that one monitor counts in one go, and their sums."""

    def __init__(self, columns: Columns, asked: CompiledMonitor, rows: Whole) -> None:
        self._columns = columns
        self._asked = asked
        masks = [columns.accepted(asked.where)]
        self._measured = [columns.numbers(path) for path in asked.measured]
        masks += [there for _, there, _ in self._measured]
        for mask in masks:
            rows = rows if mask is None else rows[mask[rows]]
        self.rows = rows

    def sums(self, *more: str) -> list[tuple[tuple[int, tuple[str, ...]], int, int, int]]:
        """By bucket and series (and the fields `more`): the key, value, exposure, weight."""
        asked, rows = self._asked, self.rows
        group = self._columns.grouped(asked.bucket_ms, (*asked.dimensions, *more))
        codes = group.codes[rows]
        touched = np.flatnonzero(np.bincount(codes, minlength=len(group.keys)))
        nothing = [0] * len(touched)
        added = [self._added(codes, values[rows], size, touched) for values, _, size in self._measured]
        weight = nothing
        if asked.kind in ("count", "distinct"):
            weights, _, size = self._columns.numbers("weight")
            weight = self._added(codes, weights[rows], size, touched)
        value = weight if asked.kind == "count" else added[0] if added else nothing
        exposure = added[1] if asked.kind == "ratio" else nothing
        keys = [group.keys[place] for place in touched.tolist()]
        return list(zip(keys, value, exposure, weight, strict=True))

    def subjects(self, path: str) -> list[tuple[tuple[int, tuple[str, ...]], str]]:
        """Each pair of a bucket's series and a subject once, as they came: the bytes of a sketch depend on that."""
        asked = self._asked
        group = self._columns.grouped(asked.bucket_ms, asked.dimensions)
        codes, labels = self._columns.labels(path)
        pairs = group.codes[self.rows] * len(labels) + codes[self.rows]
        _, first = np.unique(pairs, return_index=True)
        found = pairs[np.sort(first)].tolist()
        return [(group.keys[pair // len(labels)], labels[pair % len(labels)]) for pair in found]

    def _added(self, codes: Whole, values: Whole, size: int, touched: Whole) -> list[int]:
        """Exact sums by code: through floats where they hold every whole number that can come."""
        if size * len(values) < _EXACT:
            sums = np.bincount(codes, weights=values).astype(np.int64)
        else:
            sums = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
            np.add.at(sums, codes, values)
        found: list[int] = sums[touched].tolist()
        return found
