"""Which slice explains a change: a search over combinations of dimension values, as pure code."""

from __future__ import annotations

from models.explain.explanation import Cause, Explanation, explain
from models.explain.leaves import Direction, Row

__all__ = ["Cause", "Direction", "Explanation", "Row", "explain"]
