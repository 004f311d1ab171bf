"""From the leaves of buckets to the two periods that a search compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from models.explain.leaves import Direction, Row, normal_spans

BLOCKS: Final = 30
"""Spans before, each as long as the one that is explained; more know the usual better and take longer."""
FEWEST: Final = 5
"""Buckets before; with fewer there is no usual."""
RATE: Final = 0.05
"""The overall rate that counts are brought to: the search's imaginary counts (20 and 5) then are worth one event and
a quarter, in whatever units values come."""
NEW: Final = 0.05
"""Part of everything that was expected which is expected of values never seen, all together; at least half an event."""

Bucket = Sequence[tuple[tuple[str, ...], int, int]]
"""Leaves of one bucket: dimension values, value, exposure."""


def periods(
    buckets: Mapping[int, Bucket],
    relative: Mapping[int, float],
    from_ms: int,
    until_ms: int,
    bucket_ms: int,
    direction: Direction,
    *,
    ratio: bool,
) -> tuple[list[Row], list[Row]] | None:
    """Rows before and rows of [from, until); None where too little is known of before.

    `buckets` by start; those at or after `from_ms` are now. The past is cut into spans as long as now. A ratio brings
    its counts along. Other values are counted against their own usual: a leaf's count is what it usually holds in such
    a span (times `relative`, the exposure, where there is one), so that a rate is "times the usual" and the same for
    slices of every size; counting buckets instead would call whatever is large a high rate.
    """
    now = [start for start in buckets if from_ms <= start < until_ms]
    spans = _spans(buckets, from_ms, max(1, (until_ms - from_ms) // bucket_ms), bucket_ms)
    if not now or sum(map(len, spans.values())) < FEWEST:
        return None
    if ratio:
        before = [Row(s, *row) for s, starts in spans.items() for start in starts for row in buckets[start]]
        return before, [Row(-1, *row) for start in now for row in buckets[start]]
    sums = {span: _summed(buckets, starts) for span, starts in spans.items()}
    units = {span: sum(relative.get(start, 1.0) for start in starts) for span, starts in spans.items()}
    sums_now, units_now = _summed(buckets, now), sum(relative.get(start, 1.0) for start in now)
    totals: dict[object, list[float]] = {
        span: [sum(sums[span].values()), units[span]] for span in spans if units[span] > 0
    }
    if not totals or units_now <= 0:
        return None
    usual_spans = normal_spans(totals, sum(sums_now.values()) / units_now, direction)
    known = sum(total[1] for total in usual_spans.values())
    names = sorted({*sums_now, *(values for each in sums.values() for values in each)})
    if not names:
        return None
    usual = dict.fromkeys(names, 0.0)
    for span in spans:
        if span in usual_spans:
            for values, value in sums[span].items():
                usual[values] += value / known
    new = max(0.5 / units_now, NEW * sum(usual.values())) / len(names)
    weight = {values: (usual[values] + new) / RATE for values in names}

    def rows(moment: int, found: Mapping[tuple[str, ...], float], unit: float) -> list[Row]:
        return [Row(moment, values, found.get(values, 0.0), weight[values] * unit) for values in names]

    before = [row for span in sorted(spans) for row in rows(span, sums[span], units[span])]
    return before, rows(-1, sums_now, units_now)


def _spans(buckets: Mapping[int, Bucket], from_ms: int, length: int, bucket_ms: int) -> dict[int, list[int]]:
    """Starts of the buckets of the past, by the span of `length` buckets that they are in; thin spans left out."""
    spans: dict[int, list[int]] = {}
    for start in sorted((start for start in buckets if start < from_ms), reverse=True):
        span = (from_ms - start - 1) // (length * bucket_ms)
        if span < BLOCKS:
            spans.setdefault(span, []).append(start)
    return {span: starts for span, starts in spans.items() if 2 * len(starts) >= length}


def _summed(buckets: Mapping[int, Bucket], starts: Sequence[int]) -> dict[tuple[str, ...], float]:
    sums: dict[tuple[str, ...], float] = {}
    for start in starts:
        for values, value, _ in buckets[start]:
            sums[values] = sums.get(values, 0.0) + max(value, 0)
    return sums
