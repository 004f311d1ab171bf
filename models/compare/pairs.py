"""Which alert of one run is which of another: by monitor, series and time, since ids derive from the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from livewarden.alert import Alert

NEAR_BUCKETS: Final = 2
"""With another threshold an anomaly is said a few buckets earlier or later, and may have ended between."""
Subject = tuple[str, tuple[tuple[str, str], ...], str, str]
"""Monitor, series, kind and direction."""


class Pair(NamedTuple):
    """An alert of each run that are the same one; None where a run has none."""

    a: Alert | None
    b: Alert | None


def pairs(a: Iterable[Alert], b: Iterable[Alert]) -> list[Pair]:
    """Every alert of both runs, in pairs where they are about the same, in the order of their beginning.

    Two are the same where monitor, series, kind and direction are, and one begins while the other lasts or at most
    `NEAR_BUCKETS` buckets after it; of several the nearest by its beginning. Each has at most one partner, and the runs
    may change places. One that fires still lasts to the end of its last bucket that was said.

    >>> from livewarden.alert import example
    >>> [(p.a and p.a.window_start_ms, p.b and p.b.window_start_ms)
    ...  for p in pairs([example(0), example(9_000_000)], [example(60_000)])]
    [(0, 60000), (9000000, None)]
    """
    found: list[Pair] = []
    by_subject: dict[Subject, tuple[list[Alert], list[Alert]]] = {}
    for place, alerts in enumerate((a, b)):
        for alert in alerts:
            by_subject.setdefault(subject(alert), ([], []))[place].append(alert)
    for ours, theirs in by_subject.values():
        found += _matched(sorted(ours, key=_start), sorted(theirs, key=_start))
    return sorted(found, key=_order)


def subject(alert: Alert) -> Subject:
    """What an alert is about, whatever its numbers and its time."""
    return alert.monitor, tuple(sorted(alert.series.items())), alert.kind, alert.direction


def _matched(ours: Sequence[Alert], theirs: Sequence[Alert]) -> Iterator[Pair]:
    near = sorted(
        (abs(x.window_start_ms - y.window_start_ms), min(_start(x), _start(y)), i, j)
        for i, x in enumerate(ours)
        for j, y in enumerate(theirs)
        if x.window_start_ms <= _end(y) and y.window_start_ms <= _end(x)
    )
    left, right = set(range(len(ours))), set(range(len(theirs)))
    for _, _, i, j in near:
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            yield Pair(ours[i], theirs[j])
    yield from (Pair(ours[i], None) for i in sorted(left))
    yield from (Pair(None, theirs[j]) for j in sorted(right))


def _start(alert: Alert) -> tuple[int, str]:
    return alert.window_start_ms, alert.alert_id


def _end(alert: Alert) -> int:
    bucket_ms = alert.window_end_ms - alert.window_start_ms
    return max(alert.window_end_ms, alert.ends_at_ms or 0) + NEAR_BUCKETS * bucket_ms


def _order(pair: Pair) -> tuple[int, Subject]:
    alert = pair.b or pair.a
    assert alert is not None
    starts = [each.window_start_ms for each in pair if each is not None]
    return min(starts), subject(alert)
