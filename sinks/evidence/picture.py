"""A chart as an SVG file of its own: observed against expected, readable on paper and without a style sheet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from sinks.present.chart import HEIGHT, WIDTH, Chart

_LEFT, _TOP, _BOTTOM, _RIGHT = 90, 56, 74, 24
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1a2129}.small{font-size:11.5px;fill:#4f5b67}"
    ".title{font-size:15px;font-weight:600}"
    ".grid{stroke:#d5dce3}.shade{fill:#0b1f33;fill-opacity:.07}.bar{fill:#1f5fa8}.inside{fill:#b3231a}"
    ".observed{fill:none;stroke:#1f5fa8;stroke-width:2;stroke-linejoin:round}"
    ".expected{fill:none;stroke:#4f5b67;stroke-width:1.5;stroke-dasharray:5 4}.change{stroke:#7437b8;stroke-width:1.5}"
)
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def picture(chart: Chart, title: str, notes: Sequence[str] = ()) -> bytes:
    """The chart with its title, its axes, a legend and, below, a line for each of `notes`.

    Text in it is text, whatever it holds.
    """
    height = _TOP + HEIGHT + _BOTTOM + 17 * len(notes)
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_LEFT + WIDTH + _RIGHT} {height}", role="img"
    )
    _add(root, "title", _text=title)
    _add(root, "desc", _text=chart.words)
    _add(root, "style", _text=_STYLE)
    _add(root, "rect", width="100%", height="100%", fill="#fff")
    _add(root, "text", _text=title if len(title) <= 130 else title[:129] + "…", x=_LEFT, y=24, class_="title")
    inner = _add(root, "g", transform=f"translate({_LEFT},{_TOP})")
    if chart.shade is not None:
        _add(inner, "rect", x=chart.shade.x, y=0, width=chart.shade.width, height=HEIGHT, class_="shade")
    for row in (0, HEIGHT // 2, HEIGHT):
        _add(inner, "path", d=f"M0 {row}H{WIDTH}", class_="grid")
    for bar in chart.bars:
        shape = "inside" if bar.inside else "bar"
        _add(inner, "rect", class_=shape, x=round(bar.x, 1), y=bar.y, width=bar.width, height=bar.height)
    if chart.observed:
        _add(inner, "path", d=chart.observed, class_="observed")
    if chart.expected:
        _add(inner, "path", d=chart.expected, class_="expected")
    for mark in chart.marks:
        line = _add(inner, "path", d=f"M{mark.x:g} 0V{HEIGHT}", class_="change")
        _add(line, "title", _text=mark.text)
    _labels(root, chart)
    _legend(root, chart)
    for number, note in enumerate(notes):
        y = _TOP + HEIGHT + _BOTTOM + 17 * number
        _add(root, "text", _text=note if len(note) <= 170 else note[:169] + "…", x=_LEFT, y=y, class_="small")
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _labels(root: ElementTree.Element, chart: Chart) -> None:
    for number, label in enumerate(chart.y_labels):
        y = _TOP + 4 + number * HEIGHT / max(1, len(chart.y_labels) - 1)
        _add(root, "text", _text=label, x=_LEFT - 8, y=y, text_anchor="end", class_="small")
    for number, label in enumerate(chart.x_labels):
        last = number == len(chart.x_labels) - 1
        anchor = "start" if number == 0 else "end" if last else "middle"
        x = _LEFT + number * WIDTH / max(1, len(chart.x_labels) - 1)
        _add(root, "text", _text=label, x=x, y=_TOP + HEIGHT + 18, text_anchor=anchor, class_="small")


def _legend(root: ElementTree.Element, chart: Chart) -> None:
    y, x = _TOP + HEIGHT + 44, float(_LEFT)
    known = [("observed", "observed"), ("expected", "expected")]
    known += [("shade", "window of the alerts")] if chart.shade is not None else []
    known += [("change", "platform change")] if chart.marks else []
    for style, words in known:
        if style == "shade" or (style == "observed" and chart.bars):
            _add(root, "rect", x=x, y=y - 9, width=22, height=10, class_="bar" if style == "observed" else style)
        else:
            _add(root, "path", d=f"M{x:g} {y - 4}h22", class_=style)
        _add(root, "text", _text=words, x=x + 28, y=y, class_="small")
        x += 60 + 7 * len(words)


def _add(parent: ElementTree.Element, name: str, _text: str = "", **attributes: str | float) -> ElementTree.Element:
    given = {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    found = ElementTree.SubElement(parent, name, given)
    found.text = _NO_XML.sub("�", _text) or None
    return found
