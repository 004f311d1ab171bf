"""A report: facts in sections, and the two ways to write it down, Markdown and HTML.

What people wrote comes out as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

UNKNOWN: Final = "unknown"
MOST_CHARACTERS: Final = 600
"""Of one text; a longer one is cut, with a mark."""


@dataclass(frozen=True)
class Table:
    """Rows under heads; every cell is text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Chart:
    """A drawing as an SVG element, which HTML shows, and the same in a sentence, which Markdown has."""

    title: str
    words: str
    svg: str


@dataclass(frozen=True)
class Section:
    """One part: names with their values, sentences, a table, drawings. `nothing` is said where all of that is empty."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    table: Table | None = None
    charts: Sequence[Chart] = ()
    nothing: str = "None."

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.facts or self.lines or self.charts or (self.table and self.table.rows))


@dataclass(frozen=True)
class Report:
    """A report: what it is (`kind`), of what (`title`), the facts on top, and its sections.

    `stand` says as of when, from what.
    """

    kind: str
    title: str
    stand: str
    sections: Sequence[Section]

    def as_json(self) -> dict[str, Any]:
        """The facts alone, without drawings."""
        found = asdict(self)
        for section in found["sections"]:
            section["charts"] = [{"title": each["title"], "words": each["words"]} for each in section["charts"]]
        return found


def known(value: object) -> str:
    """A value as text on one line; `unknown` where there is none.

    >>> known(None), known("two\\nlines"), known(3)
    ('unknown', 'two lines', '3')
    """
    given = "" if value is None else str(value)
    text = " ".join("".join(each for each in given if each.isprintable() or each.isspace()).split())
    return UNKNOWN if not text else text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def markdown(report: Report) -> str:
    """The report as Markdown (CommonMark with tables)."""
    return _environment(False).get_template("report.md").render(report=report)


def html(report: Report) -> str:
    """The report as one HTML file that needs no other: styles and drawings are in it, scripts are not."""
    return _environment(True).get_template("report.html").render(report=report)


def as_text(value: str) -> str:
    r"""A text as Markdown that shows it and nothing else, on one line.

    >>> as_text("<b> a*b [x](y) | snake_case & _so_")
    '\\<b\\> a\\*b \\[x\\](y) \\| snake_case \\& \\_so\\_'
    """
    line = known(value) if value else ""
    return _NUMBERED.sub(r"\1\\\2", _WORDLESS.sub(r"\\_", _MARKS.sub(r"\\\g<0>", line)))


_MARKS: Final = re.compile(r"[\\`*\[\]<>|~&$]|^#|^[+-](?=\s|$)|^-(?=[-\s]+$)")
_NUMBERED: Final = re.compile(r"^(\d+)([.)])(?=\s|$)")
_WORDLESS: Final = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


@cache
def _environment(escaped: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("sinks.report"),
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {"text": as_text, "drawing": Markup}
    return environment
