"""Sorting more rows than memory holds."""

from __future__ import annotations

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, NamedTuple

from sources.importers.dsa_files import Row

MEMORY_BYTES = 64 << 20
"""How much text is sorted at a time."""
_FAN_IN = 32


class _Keyed(NamedTuple):
    time_ms: int
    uuid: str
    line: bytes


def by_time(rows: Iterable[tuple[int, Row]], memory_bytes: int = MEMORY_BYTES) -> Iterator[tuple[int, Row]]:
    """The same rows by time, then UUID, then file order.

    Takes some three times `memory_bytes` of memory and, beyond that, as much temporary disk as the rows have text.
    """
    with ExitStack() as stack:
        runs: list[tuple[int, IO[bytes]]] = []
        held: list[_Keyed] = []
        size = 0
        for time_ms, row in rows:
            line = json.dumps([time_ms, *row], ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            held.append(_Keyed(time_ms, row.fields["uuid"], line))
            size += len(line)
            if size > memory_bytes:
                runs.append((0, _spill(sorted(held, key=_order), stack)))
                held, size = [], 0
                runs = _fold(runs, stack)
        held.sort(key=_order)
        for keyed in heapq.merge(*(_read(run) for _, run in runs), held, key=_order):
            _, file, number, fields = json.loads(keyed.line)
            yield keyed.time_ms, Row(file, number, fields)


def _order(keyed: _Keyed) -> tuple[int, str]:
    return keyed.time_ms, keyed.uuid


def _fold(runs: list[tuple[int, IO[bytes]]], stack: ExitStack) -> list[tuple[int, IO[bytes]]]:
    """Merge equal-sized runs, so that few files are open and each row is rewritten a few times only."""
    while len(runs) >= _FAN_IN and len({level for level, _ in runs[-_FAN_IN:]}) == 1:
        last, runs = runs[-_FAN_IN:], runs[:-_FAN_IN]
        runs.append((last[0][0] + 1, _spill(heapq.merge(*(_read(run) for _, run in last), key=_order), stack)))
        for _, run in last:
            run.close()
    return runs


def _spill(ordered: Iterable[_Keyed], stack: ExitStack) -> IO[bytes]:
    run = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    run.writelines(keyed.line for keyed in ordered)
    return run


def _read(run: IO[bytes]) -> Iterator[_Keyed]:
    run.seek(0)
    for line in run:
        time_ms, _, _, fields = json.loads(line)
        yield _Keyed(time_ms, fields["uuid"], line)
