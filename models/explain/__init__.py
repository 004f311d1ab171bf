"""Which slice explains a change: a search over combinations of dimension values, as pure code."""

from __future__ import annotations

from models.explain.explanation import Cause, Explanation, Row, explain

__all__ = ["Cause", "Explanation", "Row", "explain"]
