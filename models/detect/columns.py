"""State of many series, side by side: one numpy column a quantity, one row a series."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.detect.bank import Rows


class Field(NamedTuple):
    """One quantity: its type, how many numbers a series has of it (0:
    a plain number), and with what a series begins.
    """

    dtype: str
    width: int = 0
    initial: float = 0.0


class Columns:
    """Arrays that grow and shrink together. A row that was dropped is used again.

    `columns["mean"][rows]` reads and `columns["mean"][rows] = …` writes; do not keep an array over an `add`, which may
    move it. The bytes of a row are little-endian, in the order of the fields.

    >>> columns = Columns({"mean": Field("f8"), "factors": Field("f4", 24, 1.0)})
    >>> rows = columns.add(2)
    >>> columns["mean"][rows] = [3.0, 4.0]
    >>> other = Columns({"mean": Field("f8"), "factors": Field("f4", 24, 1.0)})
    >>> other.load(int(other.add(1)[0]), columns.dump(1))
    >>> float(other["mean"][0]), columns.bytes_per_row
    (4.0, 104)
    """

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = dict(fields)
        self._arrays = {name: self._fresh(field, 0) for name, field in self._fields.items()}
        self._free: list[int] = []
        self._used = 0

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._arrays[name]

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        return sum(np.dtype(field.dtype).itemsize * max(1, field.width) for field in self._fields.values())

    def add(self, count: int) -> Rows:
        """Rows for `count` fresh series."""
        again = [self._free.pop() for _ in range(min(count, len(self._free)))]
        first, self._used = self._used, self._used + count - len(again)
        if self._used > self.capacity:
            more = max(self._used, 2 * self.capacity, 8) - self.capacity
            for name, field in self._fields.items():
                self._arrays[name] = np.concatenate([self._arrays[name], self._fresh(field, more)])
        rows = np.array([*again, *range(first, self._used)], dtype=np.intp)
        self.reset(rows)
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        self._free += [int(row) for row in rows]

    def reset(self, rows: Rows, names: Sequence[str] = ()) -> None:
        """Set fields (all without `names`) back to what a series begins with."""
        for name in names or self._fields:
            self._arrays[name][rows] = self._fields[name].initial

    @property
    def capacity(self) -> int:
        """For how many series there is room now."""
        return len(next(iter(self._arrays.values())))

    def dump(self, row: int) -> str:
        """The state of one series as text: base64 of its bytes."""
        return base64.b64encode(b"".join(array[row].tobytes() for array in self._arrays.values())).decode()

    def load(self, row: int, text: str) -> None:
        """Take a state back. One of another layout raises ValueError."""
        blob = base64.b64decode(text)
        if len(blob) != self.bytes_per_row:
            raise ValueError(f"a state of {len(blob)} bytes, this program keeps {self.bytes_per_row}")
        at = 0
        for name, field in self._fields.items():
            array = self._arrays[name]
            width = max(1, field.width)
            values = np.frombuffer(blob, array.dtype, width, at)
            array[row] = values if field.width else values[0]
            at += values.nbytes

    @staticmethod
    def _fresh(field: Field, count: int) -> NDArray[np.float64]:
        shape = (count, field.width) if field.width else (count,)
        dtype = np.dtype(field.dtype).newbyteorder("<")
        return np.full(shape, field.initial, dtype=dtype)
