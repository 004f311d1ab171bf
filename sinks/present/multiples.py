"""Small multiples: many short series on one time axis, each on a scale of its own, as one SVG element."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from sinks.present.chart import nice
from sinks.present.wording import when

COLUMNS: Final = 3
WIDTH: Final = 300
HEIGHT: Final = 96
HEAD: Final = 42
GAP: Final = 26
_BOLD: Final = "font:600 13px system-ui,sans-serif;fill:#1a2129"
_FAINT: Final = "font:11px system-ui,sans-serif;fill:#4f5b67"


class Panel(NamedTuple):
    """A series: its name, what is said of it, its values by the start of their bucket, and what is usual of a bucket;
    `marked` where it stands out.
    """

    name: str
    note: str
    points: Sequence[tuple[int, float | None]]
    usual: float
    marked: bool = False


def multiples(panels: Sequence[Panel], title: str, bucket_ms: int, window: tuple[int, int]) -> str:
    """The panels in three columns, in their order; the window is shaded, a dashed line is what is usual.

    Text in it is text, whatever it holds. Equal panels give equal bytes.

    >>> multiples([Panel("a & b", "5", [(0, 5.0)], 1.0)], "by shop", 60_000, (0, 60_000)).count("a &amp; b")
    1
    """
    rows = (len(panels) + COLUMNS - 1) // COLUMNS
    across, down = COLUMNS * (WIDTH + GAP), 40 + rows * (HEAD + HEIGHT + GAP)
    start = min((panel.points[0][0] for panel in panels if panel.points), default=0)
    end = max((panel.points[-1][0] + bucket_ms for panel in panels if panel.points), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" role="img">'
        f"<title>{escape(title)}</title>",
        f'<rect width="{across}" height="{down}" fill="#fff"/>',
        f'<text x="0" y="18" style="{_BOLD}">{escape(title)}</text>',
        f'<text x="{across - GAP}" y="18" text-anchor="end" style="{_FAINT}">{when(start)} to {when(end)} UTC</text>',
    ]
    for number, panel in enumerate(panels):
        x, y = (number % COLUMNS) * (WIDTH + GAP), 40 + (number // COLUMNS) * (HEAD + HEIGHT + GAP)
        parts.append(f'<g transform="translate({x},{y})">{_panel(panel, bucket_ms, (start, end), window)}</g>')
    return "".join([*parts, "</svg>"])


def _panel(panel: Panel, bucket_ms: int, span: tuple[int, int], window: tuple[int, int]) -> str:
    values = [value for _, value in panel.points if value is not None]
    top = nice(max([*values, panel.usual, 0.0]))
    scale = WIDTH / max(1, span[1] - span[0])

    def x(ms: int) -> float:
        return round((min(max(ms, span[0]), span[1]) - span[0]) * scale, 1)

    def y(value: float) -> float:
        return round(HEAD + HEIGHT * (1 - value / top), 1)

    colour = "#b3231a" if panel.marked else "#1f5fa8"
    width = max(round(bucket_ms * scale * 0.86, 2), 0.4)
    bars = "".join(
        f'<rect x="{x(start)}" y="{y(value)}" width="{width}" height="{round(HEAD + HEIGHT - y(value), 1)}"/>'
        for start, value in panel.points
        if value
    )
    name = panel.name if len(panel.name) <= 42 else panel.name[:41] + "…"
    floor, usual = HEAD + HEIGHT, y(panel.usual)
    return (
        f'<text y="14" style="{_BOLD}">{escape(name)}</text>'
        f'<text y="31" style="{_FAINT}">{escape(panel.note)}</text>'
        f'<rect x="{x(window[0])}" y="{HEAD}" width="{max(round(x(window[1]) - x(window[0]), 1), 1)}"'
        f' height="{HEIGHT}" fill="#0b1f33" fill-opacity=".09"/>'
        f'<path d="M0 {floor}H{WIDTH}" stroke="#98a3ad"/><g fill="{colour}">{bars}</g>'
        f'<path d="M0 {usual}H{WIDTH}" stroke="#4f5b67" stroke-dasharray="4 3"/>'
        f'<text x="{WIDTH}" y="{HEAD + 4}" text-anchor="end" style="{_FAINT}">{top:,g}</text>'
    )
