"""Geometry of a chart. A template or a file draws it as SVG, the labels beside it are text,
so it is readable at any width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from livewarden.times import DAY_MS, HOUR_MS
from sinks.present.wording import exactly, number, when

_Scale = Callable[[float], float]

WIDTH, HEIGHT = 1000, 240
"""Of the drawing, in its own units; it is stretched to the room there is."""


class Point(NamedTuple):
    """One bucket: its start in ms, and what is known of it."""

    start: int
    observed: float | None
    expected: float | None
    score: float | None = None


class Mark(NamedTuple):
    """Something that happened at an instant."""

    at: int
    text: str


@dataclass(frozen=True)
class Box:
    """A rectangle, with what it says when pointed at, and whether it is inside the window."""

    x: float
    y: float
    width: float
    height: float
    text: str = ""
    inside: bool = False


@dataclass(frozen=True)
class Chart:
    """All that is drawn. `observed` and `expected` are SVG paths; `bars` replace the first where counts are shown."""

    observed: str
    expected: str
    bars: Sequence[Box]
    hovers: Sequence[Box]
    shade: Box | None
    marks: Sequence[Box]
    y_labels: Sequence[str]
    x_labels: Sequence[str]
    points: Sequence[Point]
    words: str


def step_ms(starts: Sequence[int]) -> int:
    """The length of a bucket of a series, by the starts of its buckets, in order; an hour where they do not say.

    >>> step_ms([0, 120_000, 180_000]), step_ms([5])
    (60000, 3600000)
    """
    return min((b - a for a, b in pairwise(starts) if b > a), default=HOUR_MS)


def draw(
    points: Sequence[Point],
    bucket_ms: int,
    *,
    from_ms: int,
    to_ms: int,
    window: tuple[int, int] | None = None,
    marks: Iterable[Mark] = (),
    bars: bool = False,
) -> Chart | None:
    """Observed against expected over [from, to); None without a point. Buckets that are missing leave a gap in the
    lines.

    `window` is shaded; `marks` are vertical lines; `bars` draws the observed values as bars, as counts are best read.
    """
    values = [value for point in points for value in (point.observed, point.expected) if value is not None]
    if not values or to_ms <= from_ms:
        return None
    top, bottom = nice(max(values)), min([0.0, *values])
    scale = WIDTH / (to_ms - from_ms)

    def x(ms: float) -> float:
        return round((ms - from_ms) * scale, 1)

    def y(value: float) -> float:
        return round(HEIGHT - (value - bottom) / (top - bottom) * HEIGHT, 1)

    def inside(start: int) -> bool:
        return window is not None and window[0] <= start < window[1]

    width = max(bucket_ms * scale, 0.1)
    base = y(max(bottom, 0.0))
    boxes = [
        Box(
            x(p.start) + width * 0.08,
            min(y(p.observed), base),
            round(width * 0.84, 2),
            round(abs(base - y(p.observed)), 1),
            inside=inside(p.start),
        )
        for p in points
        if bars and p.observed is not None
    ]
    middle = bucket_ms / 2
    return Chart(
        observed="" if bars else _path([(p.start, x(p.start + middle), p.observed) for p in points], bucket_ms, y),
        expected=_path([(p.start, x(p.start + middle), p.expected) for p in points], bucket_ms, y),
        bars=boxes,
        hovers=[Box(x(p.start), 0, round(width, 2), HEIGHT, _said(p)) for p in points],
        shade=None if window is None else _shade(window, x),
        marks=[Box(x(m.at), 0, 0, HEIGHT, m.text) for m in marks if from_ms <= m.at < to_ms],
        y_labels=[number(top), number((top + bottom) / 2), number(bottom)],
        x_labels=_times(from_ms, to_ms),
        points=points,
        words=(
            f"observed and expected from {when(from_ms)} to {when(to_ms)} UTC, "
            f"between {number(bottom)} and {number(top)}"
        ),
    )


def strip(counts: Sequence[int], from_ms: int, to_ms: int, marks: Iterable[Mark], what: str) -> Chart:
    """Counts over equal parts of [from, to) as bars, under marks."""
    part = (to_ms - from_ms) / max(1, len(counts))
    points = [Point(round(from_ms + number * part), float(n), None) for number, n in enumerate(counts)]
    found = draw(points, round(part), from_ms=from_ms, to_ms=to_ms, marks=marks, bars=True)
    assert found is not None, "there is at least one part"
    said = [f"{when(point.start)}: {n} {what}" if n else "" for point, n in zip(points, counts, strict=True)]
    hovers = [replace(box, text=text) for box, text in zip(found.hovers, said, strict=True) if text]
    return replace(found, hovers=hovers, points=(), words=f"{what}, and changes, over time")


def nice(value: float) -> float:
    """The next round number above: the top of an axis."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _path(points: Sequence[tuple[int, float, float | None]], bucket_ms: int, y: _Scale) -> str:
    parts, last = [], None
    for start, at, value in points:
        if value is not None:
            parts.append(f"{'L' if last is not None and start - last <= 1.5 * bucket_ms else 'M'}{at:g} {y(value):g}")
            last = start
    return "".join(parts)


def _shade(window: tuple[int, int], x: _Scale) -> Box:
    left, right = max(0.0, x(window[0])), min(float(WIDTH), x(window[1]))
    return Box(left, 0, round(max(right - left, 1.0), 1), HEIGHT)


def _said(point: Point) -> str:
    score = "" if point.score is None else f", score {number(point.score)}"
    return f"{exactly(point.start)}: {number(point.observed)}, expected {number(point.expected)}{score}"


def _times(from_ms: int, to_ms: int) -> list[str]:
    moments = [from_ms + (to_ms - from_ms) * part // 4 for part in range(5)]
    texts = [when(ms) for ms in moments]
    return [text[:10] if to_ms - from_ms > 5 * DAY_MS else text[5:] for text in texts]
