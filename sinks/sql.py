"""Pieces of SQL that more than one query is made of."""

from __future__ import annotations

from livewarden.case_state import CLOSED
from livewarden.severity import SEVERITIES

SEVERITY_RANK = f"indexOf({list(SEVERITIES)}, severity)"
"""How severe, as a number: larger is worse."""
CASE_CLOSED = f"state IN {CLOSED}"
"""Whether nothing is left to do on a case."""


def quoted(text: str) -> str:
    r"""A text as a literal of ClickHouse.

    >>> print(quoted("it's"))
    'it\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
