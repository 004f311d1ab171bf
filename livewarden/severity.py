"""How urgent something is: three words, the same for alerts, incidents and cases."""

from __future__ import annotations

from typing import Literal, get_args

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the least to the worst."""
WORST_FIRST: tuple[Severity, ...] = SEVERITIES[::-1]
"""As people choose from them."""
