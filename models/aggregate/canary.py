"""The canary between the stages: a synthetic event that adds nothing to any sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Canary:
    """Sent at `sent_ms`, by the clock of who sent it."""

    sent_ms: int

    @property
    def group(self) -> str:
        """The key of its record, as a partial's is its group: no monitor is judged under that name."""
        return "livewarden.canary"


def canary_dict(canary: Canary) -> dict[str, Any]:
    """The record's JSON object."""
    return {"v": 2, "canary": canary.sent_ms}


def canary_from(record: Any) -> Canary:
    """The inverse of `canary_dict`; what is none raises KeyError, TypeError or ValueError.

    >>> canary_from(canary_dict(Canary(1000)))
    Canary(sent_ms=1000)
    """
    if not isinstance(record, dict):
        raise TypeError("not a JSON object")
    sent_ms = record["canary"]
    if not isinstance(sent_ms, int) or not 0 <= sent_ms < 2**53:
        raise ValueError(f"no instant: {sent_ms!r}")
    return Canary(sent_ms)
