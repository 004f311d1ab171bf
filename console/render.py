"""Pages from templates. Every value is escaped; scripts and styles are files of ours, named by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console.under import under
from livewarden.wording import visible
from sinks.present import chart, wording

PLACES = (
    ("i", "/incidents", "Incidents"),
    ("a", "/alerts", "Alerts"),
    ("c", "/cases", "Cases"),
    ("s", "/silences", "Silences"),
    ("l", "/changes", "Changes"),
    ("m", "/misjudgement", "Misjudgement"),
    ("b", "/library", "Library"),
    ("d", "/dead-letters", "Dead letters"),
    ("h", "/health", "Health"),
    ("o", "/load", "Load"),
    ("t", "/actions", "Audit"),
)
"""The pages that every page leads to: the key after `g`, the path, the name."""


class Renderer:
    """Fills templates of `console/templates`. A name that a template misses is an error, never an empty place."""

    def __init__(self, root: str = "") -> None:
        self._root = root
        self._environment = Environment(
            loader=PackageLoader("console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,
        )
        words = (
            "number",
            "duration",
            "when",
            "exactly",
            "day",
            "place",
            "size",
            "times",
            "began",
            "lasting",
            "kind",
            "outcome",
            "due",
            "ago",
            "typed",
        )
        self._environment.filters |= {name: getattr(wording, name) for name in words}
        self._environment.globals |= {
            "places": PLACES,
            "root": root,
            "files": {name: _versioned(name) for name in ("console.css", "console.js", "icon.svg")},
            "chart_width": chart.WIDTH,
            "chart_height": chart.HEIGHT,
        }

    def page(self, request: Request, template: str, status: int = 200, /, **values: Any) -> Response:
        """The page that a template makes of `values`."""
        text = self._environment.get_template(template).render(values | {"path": request.url.path})
        return HTMLResponse(under(self._root, text), status)


def link(path: str, given: Mapping[str, Any], **changed: Any) -> str:
    """The address of a state: `given` filters with some changed; empty ones, and the first page, are left out.

    >>> link("/", {"severity": "critical", "page": 3, "slice": ""}, page=1, status="firing")
    '/?severity=critical&status=firing'
    """
    kept = {
        name: value for name, value in {**given, **changed}.items() if value and not (name == "page" and value == 1)
    }
    return f"{path}?{urlencode(kept)}" if kept else path


def _shown(value: Any) -> Any:
    """What every `{{ … }}` of a template passes: nothing invisible turns a line around or ends it."""
    if isinstance(value, Markup):
        return Markup(visible(value))
    return visible(value) if isinstance(value, str) else value


def _versioned(name: str) -> str:
    content = files("console").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
