"""The work on a case as it is stored (JSON) in parts that a page can show, and which state may follow which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from livewarden.times import parse_ms
from sinks.queries.cases import listed


@dataclass(frozen=True)
class ShownTask:
    """A task of a case, as far as it is stored; instants in ms."""

    id: str | None
    text: str | None
    owner: str | None
    due_at: int | None
    done_by: str | None
    done_at: int | None
    kind: str | None = None
    mandatory: str | None = None
    answer: str | None = None
    unnecessary: str | None = None

    @property
    def optional(self) -> bool:
        """Whether the case closes without it."""
        return self.mandatory == "false"


@dataclass(frozen=True)
class ShownLink:
    """A link of a case, who made it and when; `address`: where it leads."""

    kind: str | None
    ref: str | None
    by: str | None
    at: int | None
    outcome: str | None = None

    @property
    def address(self) -> str | None:
        """Where it leads; None where it is a name only."""
        return address(self.kind, self.ref)


@dataclass(frozen=True)
class ShownPackage:
    """An evidence package of a case; `here`: whether its file can be had."""

    name: str | None
    digest: str | None
    size: int | None
    by: str | None
    at: int | None
    here: bool


VERBS: Mapping[str, str] = {
    "triage": "Triage",
    "open": "Open",
    "waiting": "Wait",
    "escalated": "Escalate",
    "resolved": "Resolve",
    "closed": "Close",
    "dismissed": "Dismiss",
}
ACTIVE = ("candidate", "triage", "open", "waiting", "escalated", "resolved")
"""The columns of the board."""
MOST_ITEMS = 200


def items(stored: str, *names: str) -> list[dict[str, Any]]:
    """A list of things as it is stored: of each the `names` as text, those that end in `_at` or are `at` in ms, else
    None.

    >>> items('[{"id": "t1", "due_at": "1970-01-01T00:00:01Z"}, 3]', "id", "due_at", "done_by")
    [{'id': 't1', 'due_at': 1000, 'done_by': None}]
    >>> items("rubbish", "id")
    []
    """
    return [{name: _read(name, row.get(name)) for name in names} for row in listed(stored)[:MOST_ITEMS]]


def address(kind: str | None, ref: str | None) -> str | None:
    """Where a link of a case leads; None where it is a name only.

    >>> address("case", "c 1"), address("ticket", "OPS-7"), address("url", "javascript:alert(1)")
    ('/cases/c%201', None, None)
    """
    if not ref:
        return None
    if kind in ("alert", "incident", "case"):
        return f"/{kind}s/{quote(ref, safe='')}"
    if kind == "change":
        return f"/changes?{urlencode({'text': ref, 'last': '30d'})}" if len(ref) <= 200 else None
    return ref if ref.startswith(("https://", "http://")) else None


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "at" or name.endswith("_at"):
        return _instant(value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)


def _instant(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 7_258_118_400_000:
        return value
    try:
        return parse_ms(value) if isinstance(value, str) else None
    except ValueError:
        return None
