"""Kafka's codecs with a bound: a batch of a few bytes that unpacks to gigabytes would take the worker's memory.

Replaces four names inside aiokafka 0.14.0, which is pinned exactly; what they raise makes the batch a dead letter.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import cramjam
from aiokafka import codec
from aiokafka.record._crecords import default_records as client

MOST_UNPACKED = 64 << 20
"""Bytes of one batch. A broker takes 1 MB of a batch unless it is set otherwise, and JSON shrinks to a tenth or so."""
_FIRST_GUESS = 8
_XERIAL_HEAD = 16


def gunzipped(payload: Any) -> bytes:
    """What a gzip batch holds; ValueError where that is more than `MOST_UNPACKED`, or broken.

    >>> import gzip
    >>> gunzipped(gzip.compress(b"live"))
    b'live'
    """
    unpacked, rest = bytearray(), bytes(payload)
    while rest:
        one = zlib.decompressobj(wbits=31)
        try:
            unpacked += one.decompress(rest, MOST_UNPACKED + 1 - len(unpacked))
        except zlib.error as error:
            raise ValueError(f"broken gzip: {error}") from error
        if len(unpacked) > MOST_UNPACKED:
            raise _too_large()
        if not one.eof:
            raise ValueError("broken gzip: it ends too early")
        rest = one.unused_data.lstrip(b"\0")
    return bytes(unpacked)


def unsnapped(payload: Any) -> bytes:
    """What a snappy batch holds, by the lengths that stand before its blocks; ValueError as above."""
    data = memoryview(payload)
    if codec._detect_xerial_stream(data):
        blocks, at = [], _XERIAL_HEAD
        while at < len(data):
            start = at + 4
            at = start + int.from_bytes(data[at:start], "big")
            blocks.append(data[start:at])
    else:
        blocks = [data]
    if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > MOST_UNPACKED:
        raise _too_large()
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _bounded(kind: Any) -> Callable[[Any], bytes]:
    def decode(payload: Any) -> bytes:
        size = max(1 << 16, _FIRST_GUESS * len(payload))
        while True:
            buffer = bytearray(min(size, MOST_UNPACKED))
            try:
                return bytes(memoryview(buffer)[: kind.decompress_into(payload, buffer)])
            except cramjam.DecompressionError as error:
                if len(buffer) == MOST_UNPACKED:
                    raise ValueError(f"broken, or more than {MOST_UNPACKED} bytes when unpacked: {error}") from error
            size *= _FIRST_GUESS

    return decode


def _too_large() -> ValueError:
    return ValueError(f"more than {MOST_UNPACKED} bytes when unpacked")


def bound() -> None:
    """Let every consumer of this process unpack no more than that. Idempotent."""
    client.gzip_decode, client.snappy_decode = gunzipped, unsnapped
    client.lz4_decode, client.zstd_decode = _bounded(cramjam.lz4), _bounded(cramjam.zstd)
