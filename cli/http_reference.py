"""The HTTP reference of the console, from its own routes: addresses, what each may be asked for, what forms take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from starlette.routing import Route

from cli.markdown import default_of, kind_of, row
from console.app import PAGES, routes
from console.forms import SET_BY_US
from console.pages.forms import ACTIONS
from console.parameters import MOMENT, Query


def http_reference() -> str:
    """The generated part of docs/http.md."""
    lines = ["\n## What shows something (GET, HEAD)\n", "| address | shows |\n|---|---|"]
    lines += [row([f"`{page.path}`", _first(page.show)]) for page in PAGES]
    for page in PAGES:
        if page.query is not Query:
            lines += [f"\n### GET `{page.path}`\n", "| parameter | is | default | means |\n|---|---|---|---|"]
            lines += _fields(page.query)
    lines += ["\n## What does something (POST)\n", "| address | does | then shows |\n|---|---|---|"]
    for action in ACTIONS:
        lines.append(row([f"`{action.path}`", _sentence(action.make.__doc__), f"`{action.back}`"]))
    known = {page.path for page in PAGES} | {action.path for action in ACTIONS}
    for each in routes(acts=True, builds=True):
        if isinstance(each, Route) and "POST" in (each.methods or ()) and each.path not in known:
            lines.append(row([f"`{each.path}`", _first(each.endpoint), ""]))
    for action in ACTIONS:
        lines += [f"\n### POST `{action.path}`\n", "| field | is | default | means |\n|---|---|---|---|"]
        named = {*action.named, *SET_BY_US}
        lines += _fields(action.make, lambda name, named=named: name not in named)  # type: ignore[misc]
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel], keep: Callable[[str], bool] = lambda name: True) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if keep(name):
            shown = f"`{field.alias or name}`"
            kind = "time" if MOMENT in field.metadata else kind_of(field.annotation)
            yield row([shown, kind, default_of(name, field), field.description or ""])


def _first(function: Callable[..., Any]) -> str:
    return _sentence(inspect.getdoc(function))


def _sentence(text: str | None) -> str:
    """The first paragraph, on one line.

    >>> _sentence("One\\n    thing.\\n\\nMore.")
    'One thing.'
    """
    return " ".join((text or "").split("\n\n")[0].split())


def addresses() -> Iterable[str]:
    """Every address that the console answers, for a check that none is left out of the reference."""
    return [each.path for each in routes(acts=True, builds=True)]
