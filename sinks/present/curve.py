"""A curve of what is given up against what is gained, as an SVG file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from sinks.present.chart import nice

WIDTH: Final = 760
HEIGHT: Final = 420
LEFT: Final = 70
BOTTOM: Final = 60
TOP: Final = 48
RIGHT: Final = 24
NAMED: Final = 4
"""Configurations at one place that are named."""


class CurvePoint(NamedTuple):
    """One configuration: what it costs (x, from 0), what it gains (y, 0 to 1), what it is called."""

    x: float
    y: float
    label: str
    marked: bool = False


def curve_svg(points: Sequence[CurvePoint], title: str, x_title: str, y_title: str) -> str:
    """The points, joined in the order of their costs, each with its name; a marked one is filled in another colour.

    Configurations at the same place share a point; names stand above and below in turn. Equal points give equal bytes.

    >>> curve_svg([CurvePoint(0.5, 1.0, "0.1")], "t", "x", "y").count("<circle")
    1
    """
    top = nice(max((point.x for point in points), default=1.0))
    ordered = _merged(points)

    def at(point: CurvePoint) -> tuple[float, float]:
        across = LEFT + point.x / top * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(TOP + (1 - point.y) * (HEIGHT - TOP - BOTTOM), 1)

    line = " ".join(f"{x},{y}" for x, y in map(at, ordered))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' font-family="sans-serif" font-size="12" fill="#1b1f24" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *_axes(top, x_title, y_title),
        f'<polyline points="{line}" fill="none" stroke="#0b5cad" stroke-width="1.5"/>',
    ]
    for number, point in enumerate(ordered):
        x, y = at(point)
        colour = "#c2410c" if point.marked else "#0b5cad"
        beside = -9 if number % 2 == 0 and y > TOP + 12 else 18
        anchor = "end" if x > WIDTH - 140 else "start"
        parts.append(f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>')
        parts.append(f'<text x="{x}" y="{y + beside}" text-anchor="{anchor}">{escape(point.label)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _merged(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """A point a place, in the order of x."""
    places: dict[tuple[float, float], list[CurvePoint]] = {}
    for point in points:
        places.setdefault((point.x, point.y), []).append(point)
    found = []
    for (x, y), here in sorted(places.items()):
        names = [point.label for point in here[:NAMED]] + ([f"{len(here) - NAMED} more"] if len(here) > NAMED else [])
        found.append(CurvePoint(x, y, " · ".join(names), any(point.marked for point in here)))
    return found


def _axes(top: float, x_title: str, y_title: str) -> list[str]:
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for step in range(5):
        y = round(floor - step / 4 * (floor - TOP), 1)
        x = round(LEFT + step / 4 * (right - LEFT), 1)
        parts.append(f'<path d="M{LEFT} {y}H{right}" stroke="#d8dee4"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{25 * step} %</text>')
        parts.append(f'<text x="{x}" y="{floor + 18}" text-anchor="middle">{top * step / 4:g}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle:g}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_title)}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 8}">{escape(y_title)}</text>')
    return parts
