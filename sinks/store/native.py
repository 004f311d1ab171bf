"""A block of ClickHouse's Native format, made out of columns: https://clickhouse.com/docs/interfaces/formats/Native.

The driver makes the same, value by value; here a column is a few operations, whatever its length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from sinks.store.table import NAME, TIME

_ADDITIONAL_KEYS: Final = 1 << 9
"""A dictionary of its own is part of the block; none is shared between blocks."""
_WIDTHS: Final = ((2**8, np.uint8, 0), (2**16, np.uint16, 1), (2**32, np.uint32, 2))
"""Of a place in the dictionary: how many there may be, its type, and the type's number in the format."""


def block(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> bytes:
    """One block; KeyError where a column is of a type that is not known here."""
    length = len(next(iter(columns.values())))
    parts = [_varint(len(columns)), _varint(length)]
    for name, kind in types.items():
        parts += [_sized(name.encode()), _sized(kind.encode()), _WRITERS[kind](columns[name])]
    return b"".join(parts)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


_SHORT: Final = [_varint(number) for number in range(4096)]


def _sized(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _texts(values: Sequence[Any]) -> bytes:
    encoded = [value if isinstance(value, bytes) else value.encode() for value in values]
    parts = [b""] * (2 * len(encoded))
    parts[::2] = [_SHORT[size] if size < 4096 else _varint(size) for size in map(len, encoded)]
    parts[1::2] = encoded
    return b"".join(parts)


def _names(values: Sequence[Any]) -> bytes:
    """A dictionary, and places in it. Its first entry is the type's default, as the format wants it."""
    found = {value: place for place, value in enumerate(dict.fromkeys(("", *values)))}
    kind, number = next((kind, number) for most, kind, number in _WIDTHS if len(found) <= most)
    places = np.fromiter(map(found.__getitem__, values), dtype=kind, count=len(values))
    head = np.array([1, number | _ADDITIONAL_KEYS, len(found)], dtype="<u8").tobytes()
    return head + _texts(list(found)) + np.array([len(values)], dtype="<u8").tobytes() + places.tobytes()


def _lists(values: Sequence[Any]) -> bytes:
    ends = np.cumsum([len(value) for value in values], dtype="<u8")
    return ends.tobytes() + _texts([each for value in values for each in value])


def _numbers(kind: str) -> Callable[[Sequence[Any]], bytes]:
    return lambda values: np.array(values, dtype=kind).tobytes()


_WRITERS: Final[Mapping[str, Callable[[Sequence[Any]], bytes]]] = {
    "String": _texts,
    NAME: _names,
    TIME: _numbers("<i8"),
    "UInt8": _numbers("<u1"),
    "UInt32": _numbers("<u4"),
    "UInt64": _numbers("<u8"),
    "Array(String)": _lists,
}
