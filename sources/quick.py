"""A run of records decoded at once: those that the fast path can prove valid, as columns; the others are left to
`sources.codec`, which decides, and words every mistake.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, itemgetter
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from livewarden.contracts import AGGREGATES
from livewarden.errors import InvalidEvent
from livewarden.times import parse_ms
from models.aggregate.event_run import EventRun, KindName, Whole
from models.monitors.plan import Plan
from sources.codec import EARLIEST_MS, LATEST_MS, LIMIT_BYTES, NAME_LIMIT, logged_ms
from sources.structs import QUICK, Quick

FEW: Final = 24
"""Shorter runs are decoded one by one: what a run costs once is more than they would save."""
_MOST_PRODUCERS: Final = 10_000
_ONE: Final = itemgetter("ce_id", "ce_time")
_ALL: Final = itemgetter("ce_type", "ce_source", "ce_specversion")
_KIND: Final = attrgetter("type_name", "time_precision")
_COARSE: Final = ("hour", "day")


class Received(Protocol):
    """What is read of a record of Kafka."""

    topic: str
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


@dataclass(frozen=True, slots=True)
class _Producer:
    """What the same headers say of each of its events: where it comes from, and what it is."""

    source: str
    quick: Quick
    prefix: int
    """Checksum of what every digest begins with."""


class QuickReader:
    """Reads the runs of one partition.

    A type of which a monitor reads an instant is left to pydantic: a struct has its text only.
    """

    def __init__(self, plan: Plan, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms
        self._taken = {
            ce_type: quick
            for ce_type, quick in QUICK.items()
            if quick.instants.isdisjoint(plan.fields_read(quick.contract.type_name))
        }
        self._producers: dict[Any, _Producer | None] = {}

    def read(self, records: Sequence[Received]) -> tuple[EventRun, list[int]]:
        """The events that are proven valid, and the places of their records."""
        places: list[int] = []
        ids: list[bytes] = []
        times: list[bytes] = []
        logged: list[int] = []
        producers: list[_Producer] = []
        bodies: list[Any] = []
        known = self._producers
        for place, record in enumerate(records):
            named = dict(record.headers)
            try:
                id, time = _ONE(named)
                key = _ALL(named), named.get("content-type")
                producer = known[key] if key in known else self._producer(key)
                value = record.value
                if producer is None or value is None or not (id and time):
                    continue
                if len(id) > NAME_LIMIT or len(value) > LIMIT_BYTES:
                    continue
                at_ms = record.timestamp
                if at_ms < EARLIEST_MS or "ce_recordedtime" in named:
                    at_ms = logged_ms((named.get("ce_recordedtime") or b"").decode(), at_ms)
                body = producer.quick.decode(value)
            except (KeyError, TypeError, ValueError, msgspec.MsgspecError, InvalidEvent):
                continue
            places.append(place)
            ids.append(id)
            times.append(time)
            logged.append(at_ms)
            producers.append(producer)
            bodies.append(body)
        at, logs = times_ms(times), np.array(logged, dtype=np.int64)
        right = (at >= EARLIEST_MS) & (at < LATEST_MS) & ((logs < 0) | (at - self._ahead_ms <= logs))
        right &= _proven(records[0].topic if records else "", producers, bodies)
        texts = _texts(ids, right)
        if not right.all():
            places, producers = list(compress(places, right)), list(compress(producers, right))
            bodies, texts = list(compress(bodies, right)), list(compress(texts, right))
            at, logs = at[right], logs[right]
        return _run(texts, at, logs, producers, bodies), places

    def _producer(self, key: tuple[tuple[bytes | None, ...], bytes | None]) -> _Producer | None:
        (ce_type, source, spec), content_type = (each or b"" for each in key[0]), key[1]
        quick = self._taken.get(ce_type.decode())
        text = source.decode()
        structured = (content_type or b"").lower().startswith(b"application/cloudevents")
        found = None
        if quick is not None and spec == b"1.0" and text and len(text) <= NAME_LIMIT and not structured:
            (content_type or b"").decode()
            found = _Producer(text, quick, zlib.crc32(ce_type + b" "))
        if len(self._producers) >= _MOST_PRODUCERS:
            self._producers.clear()
        self._producers[key] = found
        return found


def stretches(places: Sequence[int]) -> list[tuple[int, int]]:
    """Where places follow each other without a gap: [from, until) of each stretch.

    >>> stretches([0, 1, 2, 5, 6, 9])
    [(0, 3), (3, 5), (5, 6)]
    """
    if not places:
        return []
    ends = [*(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _proven(topic: str, producers: Sequence[_Producer], bodies: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """Which bodies are valid, and on their topic."""
    right = np.ones(len(bodies), dtype=np.bool_)
    by_quick: dict[Quick, list[int]] = {}
    for row, producer in enumerate(producers):
        by_quick.setdefault(producer.quick, []).append(row)
    for quick, rows in by_quick.items():
        fine, coarse = topic.endswith(quick.contract.topic), topic.endswith(AGGREGATES)
        if not quick.proven([bodies[row] for row in rows]):
            right[[row for row in rows if not quick.proven([bodies[row]])]] = False
        if not (fine and coarse):
            misplaced = [row for row in rows if not (coarse if bodies[row].time_precision in _COARSE else fine)]
            right[misplaced] = False
    return right


def _run(ids: Sequence[str], at: Whole, logs: Whole, producers: Sequence[_Producer], bodies: Sequence[Any]) -> EventRun:
    pairs: list[KindName] = list(map(_KIND, bodies))
    names = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
    kinds = np.fromiter(map(names.__getitem__, pairs), dtype=np.int64, count=len(pairs))
    crc = zlib.crc32
    digests = [
        crc(producer.quick.encode(body), crc(b"%d " % at_ms, producer.prefix))
        for producer, body, at_ms in zip(producers, bodies, at.tolist(), strict=True)
    ]
    sources = [producer.source for producer in producers]
    return EventRun(ids, sources, at, logs, bodies, digests, kinds, list(names))


def _texts(ids: Sequence[bytes], right: npt.NDArray[np.bool_]) -> list[str]:
    """Ids as text; where one is none, it is not right."""
    if b"".join(ids).isascii():
        return [id.decode() for id in ids]
    found = [id.decode(errors="replace") for id in ids]
    for row, (id, text) in enumerate(zip(ids, found, strict=True)):
        right[row] &= text.encode() == id
    return found


_DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_MARKS: Final = ((4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":"))


def times_ms(texts: Sequence[bytes]) -> Whole:
    """Milliseconds of times as `format_ms` writes them; -1 for any other text, be it a time or not.

    >>> times_ms([b"2025-04-08T00:00:00Z", b"1970-01-01T00:00:01.250Z", b"1970-01-01T00:00:60Z", b"now"]).tolist()
    [1744070400000, 1250, -1, -1]
    """
    found = np.full(len(texts), -1, dtype=np.int64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    for length in (20, 24):
        rows = np.flatnonzero(lengths == length)
        if len(rows):
            table = np.frombuffer(b"".join([texts[row] for row in rows.tolist()]), dtype=np.uint8)
            found[rows] = _parsed(table.reshape(len(rows), length), length)
    return found


def _parsed(letters: npt.NDArray[np.uint8], length: int) -> Whole:
    places = (*_DIGITS, 20, 21, 22) if length == 24 else _DIGITS
    marks = (*_MARKS, (19, b".")) if length == 24 else _MARKS
    digits = letters[:, places].astype(np.int64) - ord("0")
    right = ((digits >= 0) & (digits <= 9)).all(axis=1) & (letters[:, length - 1] == ord("Z"))
    for place, mark in marks:
        right &= letters[:, place] == mark[0]
    date = digits[:, :8] @ (10 ** np.arange(7, -1, -1))
    hours, minutes, seconds = (digits[:, place] * 10 + digits[:, place + 1] for place in (8, 10, 12))
    right &= (hours < 24) & (minutes < 60) & (seconds < 60)
    fraction = digits[:, 14:] @ np.array([100, 10, 1]) if length == 24 else 0
    days, there = np.unique(date, return_inverse=True)
    begins = np.array([_day_ms(day) for day in days.tolist()], dtype=np.int64)[there]
    right &= begins >= 0
    return np.where(right, begins + ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction, -1)


def _day_ms(day: int) -> int:
    """When a date, as the number 20250408, begins; -1 for what is no date from 1970 on."""
    try:
        return parse_ms(f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}T00:00:00Z")
    except ValueError:
        return -1
